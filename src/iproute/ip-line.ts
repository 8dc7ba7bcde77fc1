// What the words of an `ip` command line mean to the shim (servers/shim/, cli/shim/): iproute2's options in front, and
// `link add … type veth` as the kernel understands it, with what the daemon cannot do left for `ip link set`.
// Pure, apart from `netnsOf`.

import type { EndWish } from '../contract/ops.js'
import { type AddOrder, fillAdd, orderOf, standBeyond, wishOf } from './grammar.js'
import type { Attributes, NetnsOf } from './keywords.js'
import { UnsupportedError } from './usage.js'
import { expand, matches, wrong } from './words.js'

/** In iproute2's order, which decides what a short form means; those that have a value. */
const OPTIONS = {
  ip: {
    all: [
      ...[
        'loops',
        'family',
        '4',
        '6',
        '0',
        'M',
        'B',
        'human-readable',
        'iec',
        'stats',
        'statistics',
        'details',
      ],
      ...[
        'resolve',
        'oneline',
        'timestamp',
        'tshort',
        'Version',
        'force',
        'batch',
        'brief',
        'json',
        'pretty',
      ],
      ...['rcvbuf', 'color', 'help', 'netns', 'Numeric', 'all', 'echo'],
    ],
    valued: ['loops', 'family', 'batch', 'rcvbuf', 'netns'],
  },
  tc: {
    all: [
      ...[
        'stats',
        'statistics',
        'details',
        'raw',
        'pretty',
        'graph',
        'Version',
        'iec',
        'help',
        'force',
        'batch',
      ],
      ...['netns', 'Numeric', 'conf', 'color', 'timestamp', 'tshort', 'json', 'oneline', 'brief'],
    ],
    valued: ['batch', 'netns', 'conf'],
  },
} as const
type Option = (typeof OPTIONS)['ip' | 'tc']['all'][number]

export interface IpLine {
  /** In front of the object, without -batch. */
  options: string[]
  netns?: string
  /** A file, or `-` for stdin. */
  batch?: string
  force: boolean
  json: boolean
  stats: boolean
  /** From the object on: `link`, `add`, … */
  words: string[]
}

/** Takes a command line of `ip` or `tc` apart. What is none of their options is the real one's to refuse. */
export function readLine(tool: 'ip' | 'tc', line: readonly string[]): IpLine {
  const all: readonly Option[] = OPTIONS[tool].all
  const valued: readonly (Option | undefined)[] = OPTIONS[tool].valued
  const read: IpLine = { options: [], force: false, json: false, stats: false, words: [] }
  let at = 0
  for (let word = line[at]; word?.startsWith('-'); word = line[++at]) {
    if (word === '--') {
      at++
      break
    }
    const option = expand(word.replace(/^--?/, ''), all)
    const value = valued.includes(option) ? line[++at] : undefined
    if (option === 'batch') read.batch = value ?? ''
    else read.options.push(word, ...(value === undefined ? [] : [value]))
    if (option === 'netns') read.netns = value ?? ''
    if (option === 'force') read.force = true
    if (option === 'json') read.json = true
    if (option === 'stats') read.stats = true
  }
  read.words = line.slice(at)
  return read
}

/** What the words after the options order of pairs; undefined: something else. */
export function ipOrder([object = '', verb = '', ...words]: readonly string[]):
  | 'add'
  | 'replace'
  | 'delete'
  | 'turn'
  | 'show'
  | undefined {
  const shows = expand(verb, SHOWS) !== undefined && words.includes('veth')
  if (!matches(object, 'link')) return matches(object, 'address') && shows ? 'show' : undefined
  const found = expand(verb, ['add', 'set', 'change', 'replace', 'delete'])
  if (found === 'set' || found === 'change') return words.some(isTurn) ? 'turn' : undefined
  return found ?? (shows ? 'show' : undefined)
}

const SHOWS = ['show', 'lst', 'list']

function isTurn(word: string): boolean {
  return word === 'up' || word === 'down'
}

/** `link set … up|down`: what it is about, which way, and whether there is more in it. */
interface Turned {
  name: string
  up: boolean
  more: boolean
}

/** Words behind `link set`; what they do to a group or elsewhere is none. */
export function readTurned(words: readonly string[]): Turned | undefined {
  let name: string | undefined
  let turns = 0
  let up = false
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === 'group' || word === 'netns') return undefined
    if (word === 'dev') name = words[++at]
    else if (word === 'name') at++
    else if (isTurn(word)) {
      turns++
      up = word === 'up'
    } else name ??= word
  }
  const few = words.length - (words.includes('dev') ? 1 : 0)
  return name === undefined ? undefined : { name, up, more: few !== 2 || turns !== 1 }
}

/** Words of `show` that have a value, and those that stand alone. */
const SHOWN_VALUES = ['dev', 'to', 'scope', 'label', 'group', 'master', 'vrf', 'proto']
const SHOWN_FLAGS = [
  ...[
    'up',
    'nomaster',
    'dynamic',
    'permanent',
    'primary',
    'secondary',
    'temporary',
    'deprecated',
    'tentative',
  ],
  ...[
    'dadfailed',
    'optimistic',
    'nodad',
    'home',
    'mngtmpaddr',
    'noprefixroute',
    'autojoin',
    'stable-privacy',
  ],
]

/** `link|addr show … type veth`: the interface that is named, and the line without `type veth`. */
export function readShown(line: readonly string[]): { name?: string; without: string[] } | undefined {
  const without = line.slice(0, 2)
  let name: string | undefined
  let kind: string | undefined
  for (let at = 2; at < line.length; at++) {
    const word = line[at] ?? ''
    if (word === 'type') kind = line[++at]
    else {
      without.push(word)
      const value = SHOWN_VALUES.includes(word) ? line[++at] : undefined
      if (value !== undefined) without.push(value)
      if (word === 'dev') name = value
      else if (value === undefined && !SHOWN_FLAGS.includes(word) && !word.startsWith('-')) name = word
    }
  }
  if (kind !== 'veth') return undefined
  return { ...(name !== undefined && { name }), without }
}

export interface VethOrder extends AddOrder {
  /** What `ip link set` has to do to each end of the wish afterwards. */
  later: { a: string[]; b: string[] }
  /** Behind `link`: devices that have to be there. */
  links: string[]
}

/**
 * `link add` and `link replace`: words after the verb. The kernel makes the peer first, so it is the wish's
 * end `a`: indexes and names that are left out come out as they would there.
 */
export function parseVeth(words: readonly string[], netnsOf: NetnsOf): VethOrder {
  const first: Attributes = { later: [] }
  const peer: Attributes = { later: [] }
  const { wish, hasPeer } = fillAdd(words, netnsOf, first, peer)
  if (!hasPeer) Object.assign(peer, inherited(first))
  standBeyond(first, peer)
  for (const end of [first, peer]) {
    checkValues(end)
    checkQueues(end)
  }
  if (typeof wish.queues === 'string') throw wrong(wish.queues, 'no number')
  // The kernel looks at the peer's index only where the first end has one.
  if (first.index === undefined) delete peer.index
  const lost = [first, peer].map(keepQueue).find((why) => why !== undefined)
  const b = split(first)
  const a = split(peer)
  const order = orderOf({ ...wish, a: a.wish, b: b.wish }, [first, peer])
  const without = [lost, order.without].filter((why) => why !== undefined).join('; ')
  return {
    ...order,
    ...(without !== '' && { without }),
    later: { a: a.later, b: b.later },
    links: [first, peer].flatMap(({ link = [] }) => link),
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

/** Kernel veth sends past its queue, so 0 means nothing there; here it is where the cable takes frames from. */
function keepQueue(end: Attributes): string | undefined {
  if (end.txqueuelen !== 0) return undefined
  delete end.txqueuelen
  return 'txqueuelen 0 is left out: a pair carries no frame without a queue'
}

/** Within the kernel's limits. */
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

/** An end goes up last, with everything else in force. */
function split({ up, later = [], ...attributes }: Attributes): { wish: EndWish; later: string[] } {
  if (later.length === 0) return { wish: wishOf({ ...attributes, ...(up !== undefined && { up }) }), later }
  return { wish: wishOf(attributes), later: up === true ? [...later, 'up'] : later }
}

function pairsOf(words: readonly string[] = []): [word: string, value: string][] {
  return words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] ?? ''] as [string, string]] : []))
}
