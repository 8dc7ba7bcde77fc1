// How fast it goes: two answers of stats.list, and what happened between them, each second. Pure, and loads nothing. Used
// by cli/top/; the page of a browser, which imports nothing from outside its folder, has its own (page/rates.ts).

import type { Counted } from './ops.js'

type Ends = Counted['pairs'][number]['a']

/** What an end sends, each second. */
interface Rates {
  /** Frames that its peer received. */
  packets: number
  /** Of these, Ethernet headers included. */
  bits: number
  /** Frames that were dropped, all and by cause; causes only where there was a drop. */
  dropped: number
  drops: Ends['drops']
}

export interface PairRates {
  /** From `a` to `b`. */
  a: Rates
  b: Rates
}

/**
 * By the pair's id; nothing is said of a pair that was not there before, or has begun anew: there is no rate yet. Nor
 * where the answers are another daemon's, or the same one.
 */
export function ratesOf(before: Counted | undefined, now: Counted): Map<string, PairRates> {
  const rates = new Map<string, PairRates>()
  const seconds = (now.at - (before?.at ?? now.at)) / 1000
  if (before === undefined || seconds <= 0) return rates
  const former = new Map(before.pairs.map((pair) => [pair.id, pair]))
  for (const { id, a, b } of now.pairs) {
    const was = former.get(id)
    const of = was && { a: rateOf(was.a, a, seconds), b: rateOf(was.b, b, seconds) }
    if (of?.a !== undefined && of.b !== undefined) rates.set(id, of as PairRates)
  }
  return rates
}

function rateOf(before: Ends, now: Ends, seconds: number): Rates | undefined {
  const packets = now.tx_packets - before.tx_packets
  if (packets < 0) return undefined
  const drops: Ends['drops'] = {}
  let dropped = 0
  for (const cause in now.drops) {
    const key = cause as keyof Ends['drops']
    // The kernel's are up to a second old, and may be told later than the rest, never twice.
    const more = (now.drops[key] ?? 0) - (before.drops[key] ?? 0)
    if (more <= 0) continue
    drops[key] = more / seconds
    dropped += more / seconds
  }
  return {
    packets: packets / seconds,
    bits: (8 * (now.tx_bytes - before.tx_bytes)) / seconds,
    dropped,
    drops,
  }
}
