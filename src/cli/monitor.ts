// `uveth monitor`: the daemon's events, one line each, until Ctrl-C, until the reader goes away or the
// daemon ends. Starts no daemon.

import { legible, legibleJson } from '../legible.js'
import { type Globals, readTrailing } from './globals.js'
import { MONITOR_HELP } from './help.js'
import { placeOf } from './link/format.js'
import { type Paint, painter, type Session, write } from './session.js'
import { UsageError } from './usage.js'

type Event = Record<string, unknown>

/** Words behind `monitor`. */
export async function monitor(session: Session, words: string[]): Promise<number> {
  const { globals, rest } = readTrailing(session.globals, words)
  if (globals.ask === 'help' || rest[0] === 'help') {
    write(MONITOR_HELP)
    return 0
  }
  if (rest[0] !== undefined) throw new UsageError(`monitor takes no "${rest[0]}": try uveth monitor --help`)
  const stop = new AbortController()
  const end = () => stop.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  process.stdout.once('error', end) // EPIPE
  const say = sayer(globals)
  for await (const event of session.client.events(stop.signal)) say(event)
  return 0
}

function sayer(globals: Globals): (event: Event) => void {
  const paint = painter(globals)
  if (globals.json) return (event) => write(`${legibleJson(event)}\n`)
  return (event) => write(`${eventText(legible(event), paint)}\n`)
}

/** `carrier veth0: on`. */
export function eventText({ event, id, ...fields }: Event, paint: Paint): string {
  if (event === 'lost') return `${paint('bold', 'lost')}: ${fields.count} events, which nobody read in time`
  return `${paint('bold', String(event))} ${paint('cyan', String(id))}: ${detailOf(String(event), fields)}`
}

function detailOf(event: string, fields: Event): string {
  const { a, b, on, end, name, previous, netns, reason, count } = fields
  switch (event) {
    case 'added':
    case 'changed':
      return `${nameOf(a)} <-> ${nameOf(b)}`
    case 'carrier':
      return on === true ? 'on' : 'off'
    case 'renamed':
      return `end ${end}: ${previous} is now ${name}`
    case 'moved':
      return `end ${end}: ${name} is now in netns ${placeOf(netns as string | null)}`
    case 'foreignQueues':
      return `end ${end}: ${count} queues of others: frames are lost there`
    case 'removed':
      return String(reason)
    default:
      return JSON.stringify(fields)
  }
}

/** Events have an end's name or its whole view. */
function nameOf(end: unknown): string {
  return typeof end === 'object' && end !== null ? String((end as { name: unknown }).name) : String(end)
}
