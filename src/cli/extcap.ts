#!/usr/bin/env node
// `uveth-extcap`: shows the daemon's pairs to Wireshark and tshark as interfaces `uveth:ID`. They run it from
// one of their extcap folders, with the options below. What a capture is stands in recording.ts.

import { parseArgs } from 'node:util'
import type { PairView } from '../contract/ops.js'
import { legible, UNFIT } from '../legible.js'
import { version } from '../version.js'
import { conclude, joinNegative, openStream, queryOf } from './capture/capture.js'
import { leavePipe, record } from './capture/recording.js'
import { isNobody, runCommand, sentenceOf, stopSignal } from './failure.js'
import { noGlobals } from './globals.js'
import { Session, write } from './session.js'
import { EXTCAP, parseVerb, UsageError } from './usage.js'

const HELP = `uveth-extcap: pairs of uveth as interfaces of Wireshark and tshark

Wireshark runs it, where it finds it:

  folder=$(tshark -G folders | awk '/xtcap path/ { print $NF }' | tail -n 1)
  ln -s "$(command -v uveth-extcap)" "$folder"
  tshark -D | grep uveth
  tshark -i uveth:veth0

UVETH_SOCKET names the daemon's socket, where it is not the default; one has to
have the right to open it. By hand: uveth-extcap --capture --extcap-interface
uveth:veth0 --fifo FILE [--snaplen N] [--end a|b | --both]
`

const OPTIONS = {
  'extcap-interfaces': { type: 'boolean' },
  'extcap-dlts': { type: 'boolean' },
  'extcap-config': { type: 'boolean' },
  'extcap-reload-option': { type: 'string' },
  'extcap-interface': { type: 'string' },
  'extcap-capture-filter': { type: 'string' },
  'extcap-version': { type: 'string' },
  capture: { type: 'boolean' },
  fifo: { type: 'string' },
  snaplen: { type: 'string' },
  end: { type: 'string' },
  both: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

type Values = ReturnType<typeof readOptions>

const PREFIX = 'uveth:'

/** Ethernet, and what may be asked before a capture. */
const DLTS = 'dlt {number=1}{name=EN10MB}{display=Ethernet}\n'
const CONFIG = `arg {number=0}{call=--end}{display=Where}{type=selector}{tooltip=Each end is an interface of the capture}
value {arg=0}{value=sender}{display=At the sender: each frame once, with what became of it}{default=true}
value {arg=0}{value=both}{display=At both ends: as it was sent, and as it was delivered}{default=false}
value {arg=0}{value=a}{display=At end a: what it sends, and what is delivered to it}{default=false}
value {arg=0}{value=b}{display=At end b: what it sends, and what is delivered to it}{default=false}
arg {number=1}{call=--snaplen}{display=Bytes of each frame}{type=unsigned}{range=1,262144}{default=262144}
`

async function main(words: string[]): Promise<number> {
  try {
    return await answer(readOptions(words))
  } catch (error) {
    // The one who captures waits for somebody to open the pipe, whatever is wrong.
    const { fifo } = parseArgs({ args: words, options: OPTIONS, strict: false }).values
    if (typeof fifo === 'string') await leavePipe(fifo).catch(() => {})
    throw error
  }
}

function readOptions(words: string[]) {
  return parseVerb(EXTCAP, joinNegative(words), OPTIONS).values
}

async function answer(values: Values): Promise<number> {
  const filter = values['extcap-capture-filter'] ?? ''
  if (values['extcap-interfaces']) return await listInterfaces()
  if (values['extcap-dlts']) write(DLTS)
  else if (values['extcap-config']) write(CONFIG)
  else if (values.capture) return await capturePair(values, filter)
  // Asked whether a filter is good, an extcap says on standard output why it is not.
  else if (values['extcap-interface'] !== undefined) write(filter === '' ? '' : `${NO_FILTER}\n`)
  else write(HELP)
  return 0
}

const NO_FILTER =
  'uveth takes no capture filter here: use a display filter, or uveth capture NAME udp dport 53 | wireshark -k -i -'

/** No daemon, no pairs: that is no error. */
async function listInterfaces(): Promise<number> {
  const help = '{help=https://www.npmjs.com/package/uveth}'
  write(`extcap {version=${version()}}${help}{display=uveth: virtual Ethernet cables}\n`)
  const session = new Session(noGlobals())
  try {
    for (const { id, a, b } of await session.client.call<PairView[]>('pair.list')) {
      const shown = legible(`uveth ${a.name} <-> ${b.name}`).replace(/[{}]/g, (brace) =>
        brace === '{' ? '(' : ')',
      )
      write(`interface {value=${PREFIX}${escapeId(id)}}{display=${shown}}\n`)
    }
  } catch (error) {
    if (!isNobody(error)) process.stderr.write(`${sentenceOf(error)}\n`)
  }
  return 0
}

/**
 * Braces would end the value, and begin others, and control characters reach terminals: they stand as in a URL, and so
 * does the sign that says so.
 */
function escapeId(id: string): string {
  return id.replace(/[%{}]/g, encodeURIComponent).replace(UNFIT, encodeURIComponent)
}

function unescapeId(text: string): string {
  return text.replace(/(%[0-9A-F]{2})+/g, decoded)
}

/** What was written by hand may be anything. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function capturePair(values: Values, filter: string): Promise<number> {
  const { fifo, snaplen } = values
  const name = values['extcap-interface'] ?? ''
  if (!name.startsWith(PREFIX)) throw new UsageError(`--extcap-interface takes ${PREFIX}ID, not '${name}'`)
  if (fifo === undefined) throw new UsageError('--capture needs --fifo FILE')
  if (filter !== '') throw new UsageError(NO_FILTER)
  const session = new Session(noGlobals())
  const query = queryOf({ snaplen, ...whereOf(values) })
  const stop = stopSignal()
  const ref = `id:${unescapeId(name.slice(PREFIX.length))}`
  return conclude(await record(await openStream(session, ref, query), fifo, stop))
}

/** Wireshark has one list for both options. */
function whereOf({ end, both }: Values): { end?: string; both?: boolean } {
  if (end === undefined || end === 'sender') return both === undefined ? {} : { both }
  return end === 'both' ? { both: true } : { end, ...(both && { both }) }
}

await runCommand(main)
