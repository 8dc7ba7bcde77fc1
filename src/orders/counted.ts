// The counters of all pairs at one moment, for whoever asks many times a second: read from shared memory, short, and the
// kernel's at most a second old. Called by servers/dispatch.ts. Changes nothing.

import type { Counted } from '../contract/ops.js'
import { Pair } from '../pair/pair.js'
import type { PairRegistry } from './handlers.js'

export async function countPairs(registry: PairRegistry): Promise<Counted> {
  const all = await Promise.all(registry.list().map(({ pair }) => countsOf(pair)))
  return { at: performance.now(), pairs: all.filter((one) => one !== undefined) }
}

/** One that ends meanwhile is told no more. */
async function countsOf(pair: Pair): Promise<Counted['pairs'][number] | undefined> {
  const { id, carrier } = pair
  const stats = await Pair.brief(pair).catch(() => undefined)
  return stats && { id, carrier, ...stats }
}
