// `uveth monitor`: the daemon's events, one line each, until Ctrl-C, until the reader goes away or the
// daemon ends. Starts no daemon.

import type { EndView } from '../contract/ops.js'
import { formatImpair } from '../faults/impair-words.js'
import { formatSchedule, stepWords } from '../faults/schedule-words.js'
import type { ImpairPlan, ScheduleView } from '../index.js'
import { legible, legibleJson } from '../legible.js'
import { type Globals, readTrailing } from './globals.js'
import { IFF, placeOf } from './link/format.js'
import { wordOf } from './link/link.js'
import { type Paint, painter, type Session, write } from './session.js'
import { UsageError } from './usage.js'

type Event = Record<string, unknown>

/** Words behind `monitor`. */
export async function monitor(session: Session, words: string[]): Promise<number> {
  const { globals, rest } = readTrailing(session.globals, words)
  if (globals.ask === 'help' || rest[0] === 'help') {
    write((await import('./help-seen.js')).MONITOR_HELP)
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
  const { timestamp, tshort } = globals
  if (globals.json) {
    const stamped = (event: Event) =>
      timestamp || tshort ? { timestamp: shortTime(new Date()), ...event } : event
    return (event) => write(`${legibleJson(stamped(event))}\n`)
  }
  const stamp = tshort
    ? () => `[${shortTime(new Date())}] `
    : timestamp
      ? () => longTime(new Date())
      : () => ''
  return (event) => write(`${stamp()}${eventText(legible(event), paint)}\n`)
}

/** Local time, as `ip -ts monitor` has it: 2026-11-28T16:18:24.123456. */
export function shortTime(now: Date): string {
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000)
  return local.toISOString().replace('Z', '000')
}

/** A line of its own, as in front of each event of `ip -t monitor`. */
export function longTime(now: Date): string {
  const [day, month, date, year, time] = now.toString().split(' ')
  const usec = String(now.getMilliseconds() * 1000).padStart(6, '0')
  return `Timestamp: ${day} ${month} ${date?.replace(/^0/, ' ')} ${time} ${year} ${usec} usec\n`
}

/** `carrier veth0: on`. */
export function eventText({ event, id, ...fields }: Event, paint: Paint): string {
  if (event === 'replaced') return `${paint('bold', 'replaced')}: the daemon, by pid ${fields.pid}`
  if (event === 'lost') return `${paint('bold', 'lost')}: ${fields.count} events, which nobody read in time`
  return `${paint('bold', String(event))} ${paint('cyan', String(id))}: ${detailOf(String(event), fields)}`
}

function detailOf(event: string, fields: Event): string {
  const { a, b, on, end, name, previous, netns, reason, count } = fields
  switch (event) {
    case 'added':
      return `${nameOf(a)} <-> ${nameOf(b)}`
    case 'changed':
      return [`${nameOf(a)} <-> ${nameOf(b)}`, ...orderedOf(fields.change)].join(', ')
    case 'state':
      return `end ${end}: ${name}: ${differenceOf(fields.before as State, fields.after as State).join(', ')}`
    case 'carrier':
      return on === true ? 'on' : 'off'
    case 'renamed':
      return `end ${end}: ${previous} is now ${name}`
    case 'moved':
      return `end ${end}: ${name} is now in netns ${placeOf(netns as string | null)}`
    case 'foreignQueues':
      return `end ${end}: ${count} queues of others: frames are lost there`
    case 'step':
      return `end ${end}: ${stepText(fields)}`
    case 'removed':
      return String(reason)
    default:
      return JSON.stringify(fields)
  }
}

/** `step 3: carrier off`. */
function stepText({ done, missed, impair, carrier }: Event): string {
  const set = stepWords({ impair, carrier } as Parameters<typeof stepWords>[0])
  return [`step ${done}: ${set.join(', ')}`, ...(Number(missed) > 0 ? [`missed ${missed}`] : [])].join(', ')
}

type State = Partial<EndView>

/** `mtu 1500 -> 1400`, in the words of ip. */
function differenceOf(before: State, after: State): string[] {
  return Object.entries(after).flatMap(([key, now]) => {
    const was = before[key as keyof State]
    if (key === 'up') return now ? 'down -> up' : 'up -> down'
    if (key === 'flags') return flagWords(Number(was), Number(now))
    return `${wordOf(key)} ${shown(was)} -> ${shown(now)}`
  })
}

function shown(value: unknown): string {
  return Array.isArray(value) ? value.join(' ') || 'none' : String(value)
}

/** Up and carrier are told as such. */
function flagWords(was: number, now: number): string[] {
  return IFF.filter(([bit]) => (was ^ now) & bit).map(
    ([bit, name]) => `${name.toLowerCase()} ${now & bit ? 'off -> on' : 'on -> off'}`,
  )
}

/** What was ordered, end by end. */
function orderedOf(change: unknown, place = ''): string[] {
  return Object.entries((change ?? {}) as Event).flatMap(([key, value]) => {
    if (key === 'a' || key === 'b') return orderedOf(value, `end ${key} `)
    if (key === 'impair') return `${place}impair ${value ? formatImpair(value as ImpairPlan) : 'none'}`
    if (key === 'schedule') return `${place}schedule ${value ? formatSchedule(value as ScheduleView) : 'off'}`
    const said = typeof value === 'object' ? JSON.stringify(value) : value
    return `${place}${wordOf(key)} ${said}`
  })
}

/** Events have an end's name or its whole view. */
function nameOf(end: unknown): string {
  return typeof end === 'object' && end !== null ? String((end as { name: unknown }).name) : String(end)
}
