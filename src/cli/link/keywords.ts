// The attributes of one interface in `ip link add` and `ip link set`: iproute2's keywords, in the order
// in which it compares them (which decides what `a` or `tx` is short for). Called by grammar.ts. Pure.

import { CARRIER_MODES } from '../../contract/ops.js'
import { UnsupportedError, UsageError } from '../usage.js'
import { garbage, matches, type Words, whole, wrong } from '../words.js'

export type NetnsOf = (text: string) => string | number

export interface Attributes {
  /** The bare word, or what follows `dev`. */
  dev?: string
  name?: string
  netns?: string | number
  index?: number
  /** MAC, two digits for each byte. */
  address?: string
  mtu?: number
  txqueuelen?: number
  numtxqueues?: number
  numrxqueues?: number
  up?: boolean
  carrier?: (typeof CARRIER_MODES)[number]
  /**
   * Words that ip takes and the daemon does not, for `ip link set`. They are refused, and so are those that
   * the kernel takes and forgets for veth, unless this list is there (cli/shim/words.ts).
   */
  later?: string[]
}

type Meaning = keyof Attributes | 'down' | 'type' | 'forgotten' | 'nomaster' | 'refused'

/** A word with `…` at its end may be shortened, the others are taken in full. */
const KEYWORDS: readonly (readonly [word: string, means: Meaning])[] = [
  ['up', 'up'],
  ['down', 'down'],
  ['name', 'name'],
  ['index…', 'index'],
  ['link…', 'refused'],
  ['address…', 'address'],
  ['broadcast…', 'later'],
  ['brd', 'later'],
  ['txqueuelen…', 'txqueuelen'],
  ['qlen', 'txqueuelen'],
  ['txqlen…', 'txqueuelen'],
  ['mtu', 'mtu'],
  ...all('refused', 'xdpgeneric', 'xdpdrv', 'xdpoffload', 'xdp'),
  ['netns', 'netns'],
  ...all('later', 'multicast', 'allmulticast', 'promisc', 'trailers', 'arp'),
  ['carrier', 'carrier'],
  ['vf', 'refused'],
  ...all('later', 'master…', 'vrf'),
  ['nomaster…', 'nomaster'],
  ['dynamic…', 'later'],
  ['type…', 'type'],
  ['alias…', 'forgotten'],
  ...all('later', 'group', 'mode', 'state'),
  ['numtxqueues…', 'numtxqueues'],
  ['numrxqueues…', 'numrxqueues'],
  ['addrgenmode…', 'later'],
  ...all('refused', 'link-netns', 'link-netnsid…', 'protodown_reason'),
  ...all('forgotten', 'protodown', 'parentdev'),
  ...all('later', 'gso_max_size', 'gso_max_segs', 'gro_max_size', 'gso_ipv4_max_size', 'gro_ipv4_max_size'),
]

function all(meaning: Meaning, ...words: string[]): [string, Meaning][] {
  return words.map((word) => [word, meaning])
}

function meaningOf(word: string): Meaning | undefined {
  const entry = KEYWORDS.find(([keyword]) =>
    keyword.endsWith('…') ? matches(word, keyword.slice(0, -1)) : word === keyword,
  )
  return entry?.[1]
}

/** Reads attributes up to and with `type KIND`, and answers KIND; undefined when the words end first. */
export function fill(attributes: Attributes, reader: Words, netnsOf: NetnsOf): string | undefined {
  for (let word = reader.next(); word !== undefined; word = reader.next()) {
    const meaning = meaningOf(word)
    if (meaning === 'type') return reader.value(word)
    if (word === 'peer') throw wrong(word, 'it stands behind "type veth"')
    if (meaning === 'refused') throw unsupported(word, 'uveth does not take it')
    if (meaning === 'later' || meaning === 'forgotten' || meaning === 'nomaster') {
      if (attributes.later === undefined) throw unsupported(word, 'uveth does not take it')
      const value = meaning === 'nomaster' ? '' : reader.value(word)
      if (meaning === 'later') attributes.later.push(word, value)
    } else if (meaning === 'up' || meaning === 'down') attributes.up = meaning === 'up'
    else if (meaning === undefined || meaning === 'dev') {
      const name = word === 'dev' ? reader.value(word) : word
      if (attributes.dev !== undefined)
        throw ALONE.includes(name)
          ? wrong(name, 'it stands right behind the interface, and alone')
          : garbage(name)
      if (attributes.later !== undefined && matches(word, 'help')) throw new UsageError('help is asked for')
      attributes.dev = name
    } else {
      const value = reader.value(word)
      if (attributes[meaning] !== undefined)
        throw new UsageError(`duplicate "${meaning}": "${value}" is the second value`)
      Object.assign(attributes, { [meaning]: READERS[meaning](value, netnsOf) })
    }
  }
  return undefined
}

/** Words of `link set` that are orders of their own (faults.ts). */
const ALONE = ['impair', 'rule', 'flap']

function unsupported(word: string, why: string): UnsupportedError {
  return new UnsupportedError(wrong(word, why).message)
}

type Valued = Exclude<keyof Attributes, 'dev' | 'up' | 'later'>

const READERS: Record<Valued, (text: string, netnsOf: NetnsOf) => unknown> = {
  name: checkName,
  index: (text) => {
    const index = whole(text, 'Invalid "index" value')
    if (index === 0) throw wrong(text, 'Invalid "index" value')
    return index
  },
  netns: (text, netnsOf) => {
    if (text === '') throw wrong(text, 'invalid netns')
    return netnsOf(text)
  },
  address: readMac,
  mtu: (text) => whole(text, 'invalid MTU'),
  txqueuelen: (text) => whole(text, 'invalid txqueuelen'),
  numtxqueues: (text) => whole(text, 'invalid numtxqueues'),
  numrxqueues: (text) => whole(text, 'invalid numrxqueues'),
  carrier: (text) => {
    if (CARRIER_MODES.some((mode) => mode === text)) return text
    throw wrong(text, `carrier is ${CARRIER_MODES.join(', ')}`)
  },
}

/** iproute2's own check; `.`, `..` and what the kernel dislikes are refused by the daemon. */
export function checkName(name: string): string {
  if (/^[^/\s]+$/.test(name) && Buffer.byteLength(name) <= 15) return name
  throw wrong(name, 'not a valid interface name (1 to 15 bytes, no "/", no white space)')
}

/** iproute2 takes `2:0:0:0:0:1` as well. */
function readMac(text: string): string {
  if (!/^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i.test(text)) throw wrong(text, 'invalid MAC address')
  return text
    .split(':')
    .map((byte) => byte.padStart(2, '0'))
    .join(':')
}
