// One function for each operation of ops.ts: what http.ts and netlink.ts call once they know what is
// wanted and by whom. Answers are in force when the promise resolves; refusals are UvethErrors.

import type { EndChange, EndView, EndWish, PairChange, PairView, PairWish } from '../contract/ops.js'
import { invalid, renamed } from '../errors.js'
import { mergeImpair } from '../faults/impair-plan.js'
import type { End, EndOptions, Netns, Pair, PairOptions } from '../index.js'
import type { Dossier } from '../pair/dossier.js'
import { keepTo } from '../wishes/limits.js'
import type { Caller } from './caller.js'
import { asSeen } from './caller.js'
import type { Entry, Registry } from './registry.js'
import type { SentWish } from './wanted.js'
import { merged, pinned, withSince } from './wanted.js'

export type PairRegistry = Registry<SentWish>
/** Says what whoever ordered is to know, though it is in force. */
export type Warn = (sentence: string) => void

function viewEnd(end: End): EndView {
  return { ...end.state, impair: end.impairment, rules: end.rules() }
}

function viewPair({ pair, wish }: Entry<SentWish>): PairView {
  const { queues = 1, quiet = false } = wish.wish
  return { id: pair.id, carrier: pair.carrier, queues, quiet, a: viewEnd(pair.a), b: viewEnd(pair.b) }
}

/** Of one order. Each is a change under a lock of the kernel's that every other order waits for. */
function keepAddresses({ a, b }: Pick<PairChange | PairWish, 'a' | 'b'>): void {
  keepTo('addresses', (a?.addresses?.length ?? 0) + (b?.addresses?.length ?? 0))
}

export async function addPair(registry: PairRegistry, caller: Caller, wish: PairWish): Promise<PairView> {
  keepAddresses(wish)
  return await makePair(registry, caller, { wish, inode: caller.inode, since: {} })
}

/** Makes the pair that was wanted, with what was drawn or ordered since (state.ts: after a restart, `from` a file). */
export async function makePair(
  registry: PairRegistry,
  caller: Caller,
  sent: SentWish,
  from?: Dossier,
): Promise<PairView> {
  const entry = await registry.add(sent, pairOptions(withSince(sent), caller), from)
  const { a, b } = entry.pair
  sent.since.a = pinned(sent.since.a, a)
  sent.since.b = pinned(sent.since.b, b)
  await registry.commit()
  return viewPair(entry)
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
  // The second of two at a time finds what the first has made.
  return await registry.inTurn(id, async () => {
    const present = registry.byId(id)
    if (present === undefined) {
      return { made: true, view: await addPair(registry, caller, { ...wish, id }) }
    }
    const before = { ...present.wish.wish, id, inode: present.wish.inode }
    if (canonical(before) === canonical({ ...wish, id, inode: caller.inode })) {
      return { made: false, view: viewPair(present) }
    }
    throw invalid(`a pair with id '${id}' exists with other wishes`, 'id', 'EEXIST')
  })
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
  warn: Warn = () => {},
): Promise<PairView> {
  const { entry } = registry.find(ref, caller.inode)
  const { pair } = entry
  keepAddresses(change)
  if (change.a !== undefined) await changeEnd(entry, pair.a, change.a, caller, warn)
  if (change.b !== undefined) await changeEnd(entry, pair.b, change.b, caller, warn)
  if (change.carrier !== undefined) await pair.setCarrier(change.carrier)
  await changed(registry, entry, change)
  return viewPair(entry)
}

export async function setEnd(
  registry: PairRegistry,
  caller: Caller,
  ref: string,
  wish: EndChange,
  warn: Warn = () => {},
): Promise<EndView> {
  const { entry, end } = findEnd(registry, caller, ref)
  keepAddresses({ a: wish })
  try {
    await changeEnd(entry, end, wish, caller, warn)
  } catch (error) {
    // Whoever changes one end has said `mtu`, not `a.mtu`.
    throw renamed(error, (attribute) => attribute.replace(/^[ab]\./, ''))
  }
  await endChanged(registry, entry, end, wish)
  return viewEnd(end)
}

export async function deletePair(registry: PairRegistry, caller: Caller, ref: string): Promise<void> {
  await registry.find(ref, caller.inode).entry.pair.close()
  await registry.commit()
}

/** A pair, or all with an end in the caller's namespace, is as what others have changed of its ends asks for. */
export async function settlePairs(registry: PairRegistry, caller: Caller, id?: string): Promise<void> {
  const here = ({ pair: { a, b } }: Entry<SentWish>) => [a, b].some((end) => end.netnsInode === caller.inode)
  const entries = registry.list().filter((entry) => (id === undefined ? here(entry) : entry.pair.id === id))
  // One that ends meanwhile is settled.
  await Promise.allSettled(entries.map(({ pair }) => pair.a.set({})))
}

export function pairStats(registry: PairRegistry, caller: Caller, ref: string): ReturnType<Pair['stats']> {
  return registry.find(ref, caller.inode).entry.pair.stats()
}

/** An interface; an id means end `a` of its pair, whose name it usually is. */
export function findEnd(
  registry: PairRegistry,
  caller: Caller,
  ref: string,
): { entry: Entry<SentWish>; end: End } {
  const { entry, end } = registry.find(ref, caller.inode)
  return { entry, end: end ?? entry.pair.a }
}

function sideOf(pair: Pair, end: End): 'a' | 'b' {
  return end === pair.a ? 'a' : 'b'
}

async function changeEnd(
  entry: Entry<SentWish>,
  end: End,
  change: EndChange,
  caller: Caller,
  warn: Warn,
): Promise<void> {
  const { impair, ...wish } = change
  const { netns, ...settings } = wish
  const side = sideOf(entry.pair, end)
  // Refused before anything is changed.
  if (impair !== undefined && impair !== null) mergeImpair(end.impairment, impair, `${side}.impair`)
  const { txQueueLength: before } = end.state
  const carried = entry.pair.carrier
  if (netns === undefined) await end.set(settings)
  else await end.move(netnsOf(netns, caller), settings)
  if (impair !== undefined) await end.patchImpairment(impair)
  const { name, txQueueLength: length } = end.state
  if (carried && length < before) warn(shortened(name, before, length))
  const { since, wish: sent } = entry.wish
  since[side] = pinned(merged({ ...sent[side], ...since[side] }, wish), end)
}

/** Without carrier nothing waits; with it, the kernel does not say how many did (test/kernel/25). */
function shortened(name: string, before: number, length: number): string {
  const lost = `at most ${before - length} that waited are lost, and no counter has them`
  return `'${name}' keeps ${length} frames instead of ${before}: ${lost}; with carrier off none would be`
}

/** Afterwards the change is kept, and told to whoever listens: `change` is what was ordered, as short as the order. */
async function changed(registry: PairRegistry, { pair }: Entry<SentWish>, change: object): Promise<void> {
  registry.tell({ event: 'changed', id: pair.id, change, a: viewEnd(pair.a), b: viewEnd(pair.b) })
  await registry.commit()
}

export async function endChanged(
  registry: PairRegistry,
  entry: Entry<SentWish>,
  end: End,
  change: object,
): Promise<void> {
  await changed(registry, entry, { [sideOf(entry.pair, end)]: change })
}

function pairOptions({ a, b, ...rest }: PairWish, caller: Caller): PairOptions {
  return { ...rest, a: endOptions(a ?? {}, caller), b: endOptions(b ?? {}, caller) }
}

function endOptions({ netns, impair, ...rest }: EndWish, caller: Caller): EndOptions {
  return {
    ...rest,
    netns: netnsOf(netns, caller),
    ...(impair && { impair }),
  }
}

function netnsOf(netns: EndWish['netns'], caller: Caller): Netns {
  if (netns === undefined) return caller.netns
  return typeof netns === 'string' ? asSeen(netns, caller.root) : netns
}

/** The same text for the same wishes, whatever the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )
}
