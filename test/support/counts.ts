// Counts that nobody has raised, and the equation that they all keep. Imports nothing but names, so that unit
// tests and integration tests share it.

import type { EndStats } from 'uveth'
import type { DirectionCounts } from '../../src/datapath/counters.js'

export const NO_DROPS = {
  ...{ carrier: 0, down: 0, mtu: 0, error: 0, loss: 0, limit: 0, rule: 0, hook: 0 },
  ...{ foreign: 0, malformed: 0, vni: 0 },
}

export const NOT_INSPECTED = {
  held: 0,
  copied: 0,
  injected: 0,
  hook_errors: 0,
  delayed: 0,
  duplicated: 0,
  corrupted: 0,
  reordered: 0,
  marked: 0,
}

export function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** Both sides of: received + copied + injected = sent + dropped + held. */
export function balance({ received, sent, drops, inspected }: DirectionCounts): [came: number, went: number] {
  return [received + inspected.copied + inspected.injected, sent + sumOf(drops) + inspected.held]
}

/**
 * Frames that an end's kernel sent, or that were made on the way, and that are neither delivered nor dropped nor
 * held: none, at rest. Super-frames that are cut count as more than the kernel's one.
 */
export function missing(end: EndStats): number {
  const { copied, injected, held } = end.inspected
  const { tx_packets = 0, tx_dropped = 0 } = end.kernel ?? {}
  return tx_packets + tx_dropped + copied + injected - (end.tx_packets + sumOf(end.drops) + held)
}
