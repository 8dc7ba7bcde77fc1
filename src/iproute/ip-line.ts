// What the words of an `ip` command line mean to the shim (ip.ts): iproute2's options in front, and
// `link add … type veth` as the kernel understands it, with what the daemon cannot do left for `ip link set`.
// Pure, apart from `netnsOf`.

import type { EndWish } from '../contract/ops.js'
import { type AddOrder, fillAdd, orderOf, wishOf } from './grammar.js'
import type { Attributes, NetnsOf } from './keywords.js'
import { UnsupportedError, UsageError } from './usage.js'
import { expand, matches, wrong } from './words.js'

/** In iproute2's order, which decides what a short form means. What is none of them shim/ip has passed on. */
const OPTIONS = [
  ...['loops', 'family', '4', '6', '0', 'M', 'B', 'human-readable', 'iec', 'stats', 'statistics', 'details'],
  ...['resolve', 'oneline', 'timestamp', 'tshort', 'Version', 'force', 'batch', 'brief', 'json', 'pretty'],
  ...['rcvbuf', 'color', 'help', 'netns', 'Numeric', 'all', 'echo'],
]
const VALUED = ['loops', 'family', 'batch', 'rcvbuf', 'netns']

export interface IpLine {
  /** In front of the object, without -batch. */
  options: string[]
  netns?: string
  /** A file, or `-` for stdin. */
  batch?: string
  force: boolean
  /** From the object on: `link`, `add`, … */
  words: string[]
}

/** Takes an `ip` command line apart. */
export function readIpLine(line: readonly string[]): IpLine {
  const read: IpLine = { options: [], force: false, words: [] }
  let at = 0
  for (let word = line[at]; word?.startsWith('-'); word = line[++at]) {
    if (word === '--') {
      at++
      break
    }
    const option = expand(word.replace(/^--?/, ''), OPTIONS)
    const value = VALUED.includes(option ?? '') ? line[++at] : undefined
    if (option === 'batch') read.batch = value ?? ''
    else read.options.push(word, ...(value === undefined ? [] : [value]))
    if (option === 'netns') read.netns = value ?? ''
    if (option === 'force') read.force = true
  }
  read.words = line.slice(at)
  return read
}

/** What the words after the options order: `link add`, `link replace` or `link del`; undefined: something else. */
export function verbOf([object = '', verb = '']: readonly string[]):
  | 'add'
  | 'replace'
  | 'delete'
  | undefined {
  if (!matches(object, 'link')) return undefined
  const found = expand(verb, ['add', 'set', 'change', 'replace', 'delete'])
  return found === 'set' || found === 'change' ? undefined : found
}

export interface VethOrder extends AddOrder {
  /** What `ip link set` has to do to each end of the wish afterwards. */
  later: { a: string[]; b: string[] }
}

/**
 * `link add` and `link replace`: words after the verb. The kernel makes the peer first, so it is the wish's
 * end `a`: indexes and names that are left out come out as they would there.
 */
export function parseVeth(words: readonly string[], netnsOf: NetnsOf): VethOrder {
  const first: Attributes = { later: [] }
  const peer: Attributes = { later: [] }
  const { wish, hasPeer } = fillAdd(words, netnsOf, first, peer)
  for (const { dev, name } of [first, peer])
    if (dev !== undefined && name !== undefined) throw new UsageError('both "name" and "dev" are given')
  if (!hasPeer) Object.assign(peer, inherited(first))
  for (const end of [first, peer]) {
    checkValues(end)
    checkQueues(end)
  }
  if (typeof wish.queues === 'string') throw wrong(wish.queues, 'no number')
  // The kernel looks at the peer's index only where the first end has one.
  if (first.index === undefined) delete peer.index
  // The kernel gives only the first end a master.
  peer.later = pairsOf(peer.later)
    .filter(([word]) => !isMaster(word))
    .flat()
  const b = split(first)
  const a = split(peer)
  return {
    ...orderOf({ ...wish, a: a.wish, b: b.wish }, [first, peer]),
    later: { a: a.later, b: b.later },
  }
}

/** What ip itself would refuse, which the real one then does. */
function checkValues(end: Attributes): void {
  for (const name of [end.dev, end.name])
    if (name !== undefined && (!/^[^/\s]+$/.test(name) || Buffer.byteLength(name) > 15))
      throw wrong(name, 'no name of an interface')
  const { index, mtu, txqueuelen, numtxqueues, numrxqueues, address, carrier = 'on' } = end
  for (const number of [index, mtu, txqueuelen, numtxqueues, numrxqueues])
    if (number !== undefined && (typeof number === 'string' || number > 0xffff_ffff))
      throw wrong(String(number), 'no 32-bit number')
  if (index === 0) throw wrong('0', 'no index')
  if (address !== undefined && !/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(address))
    throw wrong(address, 'no MAC address')
  if (!['on', 'off'].includes(carrier)) throw wrong(carrier, 'on or off')
}

/** Hints, but not without the kernel's limits. */
function checkQueues({ numtxqueues = 1, numrxqueues = 1 }: Attributes): void {
  for (const [queues, direction] of [
    [numtxqueues, 'transmit'],
    [numrxqueues, 'receive'],
  ] as const) {
    if (queues < 1 || queues > 4096) throw new UnsupportedError(`Invalid number of ${direction} queues`)
  }
}

/** Without `peer` the kernel reads the first end's attributes for the peer as well, apart from its flags. */
function inherited({ netns, mtu, txqueuelen, numtxqueues, numrxqueues, later }: Attributes): Attributes {
  return {
    ...(netns !== undefined && { netns }),
    ...(mtu !== undefined && { mtu }),
    ...(txqueuelen !== undefined && { txqueuelen }),
    ...(numtxqueues !== undefined && { numtxqueues }),
    ...(numrxqueues !== undefined && { numrxqueues }),
    later: pairsOf(later)
      .filter(([word]) => INHERITED.test(word) || matches(word, 'broadcast'))
      .flat(),
  }
}

const INHERITED = /^(?:brd|group|mode|state|g[sr]o_.*)$/

function isMaster(word: string): boolean {
  return word === 'vrf' || matches(word, 'master')
}

/** An end goes up last, with everything else in force. */
function split({ up, later = [], ...attributes }: Attributes): { wish: EndWish; later: string[] } {
  if (later.length === 0) return { wish: wishOf({ ...attributes, ...(up !== undefined && { up }) }), later }
  return { wish: wishOf(attributes), later: up === true ? [...later, 'up'] : later }
}

function pairsOf(words: readonly string[] = []): [word: string, value: string][] {
  return words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] ?? ''] as [string, string]] : []))
}
