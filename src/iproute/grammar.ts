// iproute2's grammar of `ip link add|set|del … type veth`: words in, wishes out, with iproute2's own
// complaints in one line. Used by cli/link/ for the command line and for batches, and by ip-line.ts. Pure: it looks at nothing
// but the words (`netnsOf` tells a namespace's name from a process id). Values are the daemon's to judge: a wish
// has them as they are written.

import type { EndWish, PairWish } from '../contract/ops.js'
import { MAX_QUEUES, Words, written } from '../wishes/words.js'
import { type Attributes, fill, type NetnsOf } from './keywords.js'
import { misused, UsageError } from './usage.js'
import { takeVxlan } from './vxlan.js'
import { expand, garbage, matches, wrong } from './words.js'

export interface AddOrder {
  wish: PairWish
  /** What of it cannot be had, in a sentence: it is made without. */
  without?: string
}

export interface SetOrder {
  ref: string
  wish: EndWish
  carrier?: string
}

/** `link add …`: words after the verb. */
export function parseAdd(words: readonly string[], netnsOf: NetnsOf): AddOrder {
  const a: Attributes = {}
  const b: Attributes = {}
  const { wish } = fillAdd(words, netnsOf, a, b)
  if (b.linkNetns !== undefined) throw wrong('link-netns', 'it stands in front of "type veth"')
  standBeyond(a, b)
  for (const { carrier } of [a, b])
    if (carrier !== undefined) throw wrong('carrier', 'only "link set" takes a carrier')
  return orderOf({ ...wish, a: wishOf(a), b: wishOf(b) }, [a, b])
}

/** Fills both ends' attributes; `hasPeer`: the word `peer` is there. */
export function fillAdd(
  words: readonly string[],
  netnsOf: NetnsOf,
  a: Attributes,
  b: Attributes,
): { wish: PairWish; hasPeer: boolean } {
  const reader = new Words(words, misused)
  const type = fill(a, reader, netnsOf)
  if (type === undefined) {
    throw new UsageError('not enough information: "type" argument is required: type veth', 1)
  }
  if (type !== 'veth') throw wrong(type, 'invalid type: uveth makes only type veth', 2)
  const wish: PairWish = {}
  const hasPeer = parseType(wish, b, reader, netnsOf)
  for (const { dev, name } of [a, b])
    if (dev !== undefined && name !== undefined) throw new UsageError('both "name" and "dev" are given')
  return { wish, hasPeer }
}

/** The peer stands in the first end's `link-netns` unless it says where. */
export function standBeyond({ linkNetns }: Attributes, peer: Attributes): void {
  if (linkNetns !== undefined) peer.netns ??= linkNetns
}

/** With the queues that numtxqueues and numrxqueues ask for, unless the pair's own word says how many. */
export function orderOf(wish: PairWish, ends: Attributes[]): AddOrder {
  const asked = Math.max(
    ...ends.flatMap(({ numtxqueues = 0, numrxqueues = 0 }) => [numtxqueues, numrxqueues]),
  )
  if (asked <= 1 || wish.queues !== undefined) return { wish }
  const queues = Math.min(asked, MAX_QUEUES)
  const without = `${queues} queues instead of ${asked}: the kernel gives a TAP no more`
  return { wish: { ...wish, queues }, ...(asked > queues && { without }) }
}

/** Words behind `type veth`, but for `peer`: for the completion. */
export const PAIR_WORDS = ['queues', 'quiet', 'id'] as const

/** What stands behind `type veth`: what concerns the pair, then `peer` with everything that is left. */
function parseType(wish: PairWish, peer: Attributes, reader: Words, netnsOf: NetnsOf): boolean {
  let hasPeer = false
  for (let word = reader.next(); word !== undefined; word = reader.next()) {
    if (word === 'peer') {
      hasPeer = true
      if (reader.take((next) => next === 'vxlan') !== undefined) {
        peer.vxlan = takeVxlan(reader)
        if (peer.vxlan === undefined) peer.dev = 'vxlan'
      }
      const type = fill(peer, reader, netnsOf)
      if (type !== undefined) throw new UsageError(`duplicate "type": "${type}" is the second value`)
    } else if (word === 'queues') {
      wish.queues = written(reader.value(word)) as number
    } else if (word === 'quiet') {
      wish.quiet = true
    } else if (word === 'id') {
      wish.id = reader.value(word)
    } else {
      throw wrong(word, 'after "type veth" come "queues N", "quiet", "id ID" and "peer …"', 1)
    }
  }
  return hasPeer
}

/** `uveth add A B`. */
export function parseShort(words: readonly string[]): AddOrder {
  const [a, b, ...rest] = words
  if (a === undefined || b === undefined || rest.length > 0) {
    throw new UsageError('give the names of both interfaces: uveth add A B')
  }
  return { wish: { a: { name: a }, b: { name: b } } }
}

/** `link set [dev] NAME …`. */
export function parseSet(words: readonly string[], netnsOf: NetnsOf): SetOrder {
  const attributes: Attributes = {}
  const reader = new Words(words, misused)
  const type = fill(attributes, reader, netnsOf)
  if (type !== undefined) throw wrong(type, '"link set" takes no type')
  const ref = deviceOf(attributes)
  const { carrier, index, linkNetns, dev: _, ...own } = attributes
  if (linkNetns !== undefined) throw wrong('link-netns', 'it can be said by "link add" only')
  if (index !== undefined) throw wrong('index', 'an index can be chosen by "link add" only')
  const wish = wishOf(own)
  if (carrier === undefined && Object.keys(wish).length === 0) {
    throw new UsageError(`nothing to set: give "${ref}" a state, a carrier or an attribute`)
  }
  return { ref, wish, ...(carrier && { carrier }) }
}

/** `link del [dev] NAME [type veth]`: the name. */
export function parseDel(words: readonly string[], netnsOf: NetnsOf): string {
  const attributes: Attributes = {}
  const reader = new Words(words, misused)
  const type = fill(attributes, reader, netnsOf)
  if (type !== undefined && type !== 'veth') throw wrong(type, 'invalid type: uveth has only type veth')
  const { dev: _, name: __, ...others } = attributes
  const more = reader.next() ?? Object.keys(others)[0]
  if (more !== undefined) throw wrong(more, '"link del" takes a name')
  return attributes.dev ?? attributes.name ?? deviceOf(attributes)
}

export interface ShowOrder {
  ref?: string
  /** Only what is up. */
  up: boolean
  /** Only ports of this one; null: of none. */
  master?: string | null
  /** Only what is in this one, by name or number. */
  group?: string
}

/** `link show [[dev] NAME] [up] [group GROUP] [master DEVICE | nomaster] [type veth]`. */
export function parseShow(words: readonly string[]): ShowOrder {
  const order: ShowOrder = { up: false }
  const reader = new Words(words, misused)
  for (let word = reader.next(); word !== undefined; word = reader.next()) {
    if (word === 'up') order.up = true
    else if (word === 'nomaster') order.master = null
    else if (word === 'master' || word === 'group') order[word] = reader.value(word)
    else if (word === 'vrf') throw wrong(word, `it is for ip: ip link show vrf ${reader.value(word)}`)
    else if (word === 'type') {
      const type = reader.value(word)
      if (type !== 'veth') throw wrong(type, 'invalid type: uveth has only type veth')
    } else {
      const name = word === 'dev' ? reader.value(word) : word
      if (order.ref !== undefined) throw garbage(name)
      order.ref = name
    }
  }
  return order
}

const SUBVERBS = ['add', 'set', 'change', 'delete', 'show', 'lst', 'list', 'help'] as const

const OF_IP = ['property', 'afstats', 'xstats'] as const

/** What `link WORD` is: `a`, `del`, `ls` and so on. No word shows. */
export function readSubverb(word: string | undefined): 'add' | 'set' | 'delete' | 'show' | 'help' {
  if (word === undefined) return 'show'
  if (matches(word.replace(/^--?/, ''), 'help')) return 'help'
  if (word.startsWith('-'))
    throw new UsageError(`option "${word}" stands in front of the verb, or behind "link show"`)
  const found = expand(word, SUBVERBS)
  if (found === undefined && expand(word, OF_IP) !== undefined)
    throw new UsageError(`command "${word}" is for ip: ip link ${word} …`)
  if (found === undefined) throw new UsageError(`command "${word}" is unknown: try uveth link help`)
  if (found === 'change') return 'set'
  return found === 'lst' || found === 'list' ? 'show' : found
}

/** The wish that an end's attributes are. */
export function wishOf(attributes: Attributes): EndWish {
  const { dev, name = dev, netns, index, address, mtu, txqueuelen, up, vxlan } = attributes
  const wish = { vxlan, name, netns, ifindex: index, address, mtu, txQueueLength: txqueuelen, up }
  return Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined)) as EndWish
}

function deviceOf({ dev }: Attributes): string {
  if (dev === undefined) throw new UsageError('not enough information: "dev" argument is required')
  return dev
}
