// One function for each operation of ops.ts: what http.ts and netlink.ts call once they know what is
// wanted and by whom. Answers are in force when the promise resolves; refusals are UvethErrors.

import { invalid } from '../errors.js'
import type { End, EndOptions, Netns, Pair, PairOptions } from '../index.js'
import type { Entry, Registry } from '../registry.js'
import type { EndWish, PairChange, PairWish } from './ops.js'

/** Who gives the order, and where: ends without `netns` are made in the caller's namespace. */
export interface Caller {
  /** The caller's network namespace as createPair takes it: null when it is the daemon's own. */
  netns: Netns
  inode: number
}

/** A pair's wishes as they were sent, and where from: equal ones are the same order (PUT). */
export interface SentWish {
  wish: PairWish
  inode: number
}

export type PairRegistry = Registry<SentWish>

export interface EndView {
  name: string
  ifindex: number
  netns: string | null
  address: string
  mtu: number
  up: boolean
}

export interface PairView {
  id: string
  carrier: boolean
  queues: number
  quiet: boolean
  a: EndView
  b: EndView
}

export function viewEnd({ name, ifindex, netns, mac, mtu, isUp }: End): EndView {
  return { name, ifindex, netns, address: mac, mtu, up: isUp }
}

export function viewPair({ pair, wish }: Entry<SentWish>): PairView {
  const { queues = 1, quiet = false } = wish.wish
  return { id: pair.id, carrier: pair.carrier, queues, quiet, a: viewEnd(pair.a), b: viewEnd(pair.b) }
}

export async function addPair(registry: PairRegistry, caller: Caller, wish: PairWish): Promise<PairView> {
  return viewPair(await registry.add({ wish, inode: caller.inode }, pairOptions(wish, caller)))
}

/** `made` is false when the pair was there already, with the same wishes. */
export async function putPair(
  registry: PairRegistry,
  caller: Caller,
  id: string,
  wish: PairWish,
): Promise<{ made: boolean; view: PairView }> {
  if (wish.id !== undefined && wish.id !== id)
    throw invalid(`the body's id '${wish.id}' is not '${id}'`, 'id')
  const wanted = { ...wish, id }
  const present = registry.byId(id)
  if (present === undefined) return { made: true, view: await addPair(registry, caller, wanted) }
  if (canonical(present.wish) === canonical({ wish: wanted, inode: caller.inode })) {
    return { made: false, view: viewPair(present) }
  }
  throw invalid(`a pair with id '${id}' exists with other wishes`, 'id', 'EEXIST')
}

export function listPairs(registry: PairRegistry): PairView[] {
  return registry.list().map(viewPair)
}

export function getPair(registry: PairRegistry, caller: Caller, ref: string): PairView {
  return viewPair(registry.find(ref, caller.inode).entry)
}

export function getEnd(
  registry: PairRegistry,
  caller: Caller,
  ref: string,
): { end: 'a' | 'b'; pair: PairView } {
  const { entry, end } = findEnd(registry, caller, ref)
  return { end: sideOf(entry.pair, end), pair: viewPair(entry) }
}

export async function setPair(
  registry: PairRegistry,
  caller: Caller,
  ref: string,
  change: PairChange,
): Promise<PairView> {
  const { entry } = registry.find(ref, caller.inode)
  const { pair } = entry
  if (change.a !== undefined) await changeEnd(pair.a, change.a, caller)
  if (change.b !== undefined) await changeEnd(pair.b, change.b, caller)
  if (change.carrier !== undefined) await pair.setCarrier(change.carrier)
  return viewPair(entry)
}

export async function setEnd(
  registry: PairRegistry,
  caller: Caller,
  ref: string,
  wish: EndWish,
): Promise<EndView> {
  const { end } = findEnd(registry, caller, ref)
  await changeEnd(end, wish, caller)
  return viewEnd(end)
}

export async function deletePair(registry: PairRegistry, caller: Caller, ref: string): Promise<void> {
  await registry.find(ref, caller.inode).entry.pair.close()
}

export function pairStats(registry: PairRegistry, caller: Caller, ref: string): ReturnType<Pair['stats']> {
  return registry.find(ref, caller.inode).entry.pair.stats()
}

/** An interface; an id means end `a` of its pair, whose name it usually is. */
function findEnd(registry: PairRegistry, caller: Caller, ref: string): { entry: Entry<SentWish>; end: End } {
  const { entry, end } = registry.find(ref, caller.inode)
  return { entry, end: end ?? entry.pair.a }
}

function sideOf(pair: Pair, end: End): 'a' | 'b' {
  return end === pair.a ? 'a' : 'b'
}

async function changeEnd(end: End, { netns, address, ...rest }: EndWish, caller: Caller): Promise<void> {
  const settings = { ...rest, ...(address !== undefined && { mac: address }) }
  if (netns === undefined) await end.set(settings)
  else await end.move(netnsOf(netns, caller), settings)
}

function pairOptions({ a, b, ...rest }: PairWish, caller: Caller): PairOptions {
  return { ...rest, a: endOptions(a ?? {}, caller), b: endOptions(b ?? {}, caller) }
}

function endOptions({ netns, address, ...rest }: EndWish, caller: Caller): EndOptions {
  return { ...rest, netns: netnsOf(netns, caller), ...(address !== undefined && { mac: address }) }
}

function netnsOf(netns: EndWish['netns'], caller: Caller): Netns {
  return netns === undefined ? caller.netns : (netns as Netns)
}

/** The same text for the same wishes, whatever the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )
}
