// The attributes of one interface in `ip link add` and `ip link set`: iproute2's keywords, in the order
// in which it compares them (which decides what `a` or `tx` is short for). Called by grammar.ts. Pure.

import { NUMBER, type Words, written } from '../wishes/words.js'
import { UnsupportedError, UsageError } from './usage.js'
import type { Vxlan } from './vxlan.js'
import { expand, garbage, matches, wrong } from './words.js'

export type NetnsOf = (text: string) => string | number

/** Values as they are written, numbers where they can be read: their shape judges them. */
export interface Attributes {
  /** The bare word, or what follows `dev`. */
  dev?: string
  name?: string
  netns?: string | number
  index?: number | string
  /** Two digits for each byte of it. */
  address?: string
  mtu?: number | string
  txqueuelen?: number | string
  numtxqueues?: number
  numrxqueues?: number
  up?: boolean
  carrier?: string
  /** Where the peer stands that says nothing of it: the kernel makes it there. */
  linkNetns?: string | number
  /** Of a peer that is a tunnel. */
  vxlan?: Vxlan | undefined
  /** A device below, which the kernel forgets for veth: only where that is wanted (`later`). */
  link?: string
  /**
   * Words that ip takes and the daemon does not, for `ip link set`. They are refused, and so are those that
   * the kernel takes and forgets for veth, unless this list is there (ip-line.ts).
   */
  later?: string[]
}

type Meaning = keyof Attributes | 'down' | 'type' | 'forgotten' | 'nomaster' | 'property' | 'refused'

/** A word with `…` at its end may be shortened, the others are taken in full. */
const KEYWORDS: readonly (readonly [word: string, means: Meaning])[] = [
  ['up', 'up'],
  ['down', 'down'],
  ['name', 'name'],
  ['index…', 'index'],
  ['link…', 'link'],
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
  ['altname', 'property'],
  ...all('later', 'group', 'mode', 'state'),
  ['numtxqueues…', 'numtxqueues'],
  ['numrxqueues…', 'numrxqueues'],
  ['addrgenmode…', 'later'],
  ['link-netns', 'linkNetns'],
  ...all('refused', 'link-netnsid…', 'protodown_reason'),
  ...all('forgotten', 'protodown', 'parentdev'),
  ...all('later', 'gso_max_size', 'gso_max_segs', 'gro_max_size', 'gso_ipv4_max_size', 'gro_ipv4_max_size'),
]

/** The first word for each attribute that uveth takes: for the completion. */
export const ATTRIBUTES: readonly string[] = KEYWORDS.filter(
  ([, meaning], at) =>
    !['refused', 'link', 'property', 'later', 'forgotten', 'nomaster', 'numtxqueues', 'numrxqueues'].includes(
      meaning,
    ) && KEYWORDS.findIndex(([, other]) => other === meaning) === at,
).map(([word]) => word.replace('…', ''))

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
    const refused = meaning === 'refused' || (meaning === 'link' && attributes.later === undefined)
    if (refused) throw unsupported(word, WHY[word] ?? 'uveth does not take it')
    if (meaning === 'later' || meaning === 'forgotten' || meaning === 'nomaster' || meaning === 'property') {
      if (attributes.later === undefined || meaning === 'property')
        throw ofIp(word, meaning, attributes, reader)
      const value = meaning === 'nomaster' ? '' : reader.value(word)
      if (meaning === 'later') attributes.later.push(word, value)
    } else if (meaning === 'up' || meaning === 'down') attributes.up = meaning === 'up'
    else if (meaning === undefined || meaning === 'dev') {
      const name = word === 'dev' ? reader.value(word) : word
      if (attributes.dev !== undefined)
        throw FAULTS.some((fault) => fault === name)
          ? wrong(name, 'it stands right behind the interface, and alone')
          : garbage(name)
      if (attributes.later !== undefined && matches(word, 'help')) throw new UsageError('help is asked for')
      attributes.dev = name
    } else {
      const value = reader.value(word)
      if (attributes[meaning] !== undefined)
        throw new UsageError(`duplicate "${meaning}": "${value}" is the second value`)
      Object.assign(attributes, { [meaning]: read(meaning, value, netnsOf) })
    }
  }
  return undefined
}

/** Of words that are refused, where there is more to say. */
const WHY: Record<string, string> = {
  link: 'of type veth the kernel does not look at it: leave it out',
  'link-netnsid': 'give the name: link-netns NS',
}

/** Answered with the line that does it: it is asked for beside the interface, or in a line of its own. */
function ofIp(word: string, meaning: Meaning, { dev, name = dev }: Attributes, reader: Words): UsageError {
  const value = meaning === 'nomaster' ? [] : [reader.next() ?? 'VALUE']
  const verb = meaning === 'property' ? 'property add' : 'set'
  const line = ['ip link', verb, 'dev', name ?? 'NAME', word, ...value].join(' ')
  return unsupported(word, `it is for ip: ${line}`)
}

/** Words of `link set` that are orders of their own (faults.ts). */
export const FAULTS = ['impair', 'rule', 'flap', 'schedule'] as const
export type Fault = (typeof FAULTS)[number]

/** `[dev] NAME impair|rule|flap|schedule …`: which of them it is. */
export function faultOf(words: readonly string[]): Fault | undefined {
  const [, word = ''] = words[0] === 'dev' ? words.slice(1) : words
  return word.length < 2 ? undefined : expand(word, FAULTS)
}

function unsupported(word: string, why: string): UnsupportedError {
  return new UnsupportedError(wrong(word, why).message)
}

function read(meaning: Meaning, text: string, netnsOf: NetnsOf): string | number {
  switch (meaning) {
    case 'netns':
    case 'linkNetns':
      return netnsOf(text)
    case 'address':
      return readMac(text)
    case 'numtxqueues':
    case 'numrxqueues':
      if (!NUMBER.test(text)) throw wrong(text, `${meaning} takes a number`)
      return Number(text)
    case 'index':
    case 'mtu':
    case 'txqueuelen':
      return written(text)
    default:
      return text
  }
}

/** iproute2 takes `2:0:0:0:0:1` as well. */
function readMac(text: string): string {
  if (!/^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i.test(text)) return text
  return text
    .split(':')
    .map((byte) => byte.padStart(2, '0'))
    .join(':')
}
