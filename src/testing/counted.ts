// A pair's counters for a test: from where its body begins, or from observe(), so that frames of before, such as
// a kernel's about its fresh addresses, are not taken for the test's. Begun by make-pair.ts and observation.ts,
// read by expectation.ts and report.ts.

import { CAUSES, type Cause } from '../frame/cause.js'
import type { EndCounters, Pair } from '../index.js'

export type CountedEnd = Pick<EndCounters, 'tx_packets' | 'tx_dropped' | 'rx_packets' | 'drops'>

const beginnings = new WeakMap<Pair, { a: CountedEnd; b: CountedEnd }>()

export function beginCounting(pair: Pair): void {
  beginnings.set(pair, pair.counters())
}

/** Since then; of a pair that nobody has begun to count, since it was made. */
export function counted(pair: Pair): { a: CountedEnd; b: CountedEnd } {
  const now = pair.counters()
  const before = beginnings.get(pair)
  return before === undefined ? now : { a: less(now.a, before.a), b: less(now.b, before.b) }
}

function less(now: CountedEnd, before: CountedEnd): CountedEnd {
  const drops = CAUSES.map((cause) => [cause, now.drops[cause] - before.drops[cause]])
  return {
    tx_packets: now.tx_packets - before.tx_packets,
    tx_dropped: now.tx_dropped - before.tx_dropped,
    rx_packets: now.rx_packets - before.rx_packets,
    drops: Object.fromEntries(drops) as Record<Cause, number>,
  }
}
