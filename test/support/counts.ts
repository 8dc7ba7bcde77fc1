// Counts that nobody has raised, and the equation that they all keep. Imports nothing but names, so that unit
// tests and integration tests share it.

import type { EndCounters } from 'uveth'
import type { DirectionCounts } from '../../src/datapath/counters.js'

export const NO_DROPS = { carrier: 0, down: 0, mtu: 0, error: 0, loss: 0, limit: 0, rule: 0, hook: 0 }

export const NOT_INSPECTED = {
  held: 0,
  copied: 0,
  injected: 0,
  hook_errors: 0,
  delayed: 0,
  duplicated: 0,
  corrupted: 0,
  reordered: 0,
}

export function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** Both sides of: received + copied + injected = sent + dropped + held. */
export function balance({ received, sent, drops, inspected }: DirectionCounts): [came: number, went: number] {
  return [received + inspected.copied + inspected.injected, sent + sumOf(drops) + inspected.held]
}

/** Frames that an end sent and that are neither delivered to its peer nor held: none, at rest. */
export function missing(end: EndCounters, peer: EndCounters): number {
  return end.tx_packets - peer.rx_packets - end.inspected.held
}
