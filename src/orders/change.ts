// A change of one end, as an order has it: what is to be refused is, before anything is changed; what whoever ordered is to
// know is said. Called by handlers.ts.

import type { EndChange, EndWish } from '../contract/ops.js'
import { mergeImpair } from '../faults/impair-plan.js'
import type { End, Netns } from '../index.js'
import { Pair } from '../pair/pair.js'
import { asSeen, type Caller } from './caller.js'
import type { Entry } from './registry.js'
import { merged, pinned, type SentWish } from './wanted.js'

/** Who orders, and what is told of it. */
interface Ordering {
  readonly caller: Caller
  readonly warn: (sentence: string) => void
}

export async function changeEnd(
  entry: Entry<SentWish>,
  end: End,
  change: EndChange,
  { caller, warn }: Ordering,
): Promise<void> {
  const { impair, ...wish } = change
  const { netns, ...settings } = wish
  const side = end === entry.pair.a ? 'a' : 'b'
  // Refused before anything is changed.
  if (impair !== undefined) Pair.needFree(entry.pair, 'impair', [side === 'a' ? 0 : 1])
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

export function netnsOf(netns: EndWish['netns'], caller: Caller): Netns {
  if (netns === undefined) return caller.netns
  return typeof netns === 'string' ? asSeen(netns, caller.root) : netns
}
