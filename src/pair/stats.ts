// Statistics as users see them, from each interface's own point of view, as `ip -s link` has them:
// what the data path read from an end is that end's tx. Pure functions over the shared counters and
// what the kernel said; called by pair.ts.

import {
  blocksOf,
  type DirectionCounts,
  INSPECTED_COUNTS,
  type InspectedCount,
  readBlock,
} from '../datapath/counters.js'
import { CAUSES, type Cause } from '../frame/cause.js'
import type { LinkStats } from '../netlink/rtnl.js'
import type { RuleStats } from './chain.js'

/** Frames and bytes (Ethernet header included, no FCS) of one interface. */
export interface InterfaceCounters {
  rx_packets: number
  rx_bytes: number
  tx_packets: number
  tx_bytes: number
  rx_dropped: number
  tx_dropped: number
  /** Frames that this end sent and the cable dropped, by cause; their sum is part of tx_dropped. */
  drops: Record<Cause, number>
  /** What hooks and impairments did to frames that this end sent, beside dropping them. */
  inspected: Record<InspectedCount, number>
}

export interface EndCounters extends InterfaceCounters {
  /** The same, of each forwarding worker. */
  workers: ({ worker: number } & InterfaceCounters)[]
}

export interface EndStats extends EndCounters {
  rx_errors: number
  tx_errors: number
  /** The kernel's own counters of the interface; null when it is gone. */
  kernel: LinkStats | null
  /** The rules for what this end sends. */
  rules: RuleStats[]
}

export interface PairCounters {
  a: EndCounters
  b: EndCounters
}

export interface PairStats {
  a: EndStats
  b: EndStats
}

function sumDrops(drops: Record<Cause, number>): number {
  return CAUSES.reduce((sum, cause) => sum + drops[cause], 0)
}

/** `sending` is the direction that the interface sends into, `receiving` the other one. */
function fromInside(sending: DirectionCounts, receiving: DirectionCounts): InterfaceCounters {
  return {
    rx_packets: receiving.sent,
    rx_bytes: receiving.sent_bytes,
    // As behind netem: a frame that is held is not sent yet, one that the cable sends twice counts twice.
    tx_packets: sending.sent,
    tx_bytes: sending.sent_bytes,
    rx_dropped: receiving.drops.mtu, // veth counts a frame that is too long on both ends
    tx_dropped: sumDrops(sending.drops),
    drops: sending.drops,
    inspected: sending.inspected,
  }
}

function add(one: InterfaceCounters, other: InterfaceCounters): InterfaceCounters {
  return {
    rx_packets: one.rx_packets + other.rx_packets,
    rx_bytes: one.rx_bytes + other.rx_bytes,
    tx_packets: one.tx_packets + other.tx_packets,
    tx_bytes: one.tx_bytes + other.tx_bytes,
    rx_dropped: one.rx_dropped + other.rx_dropped,
    tx_dropped: one.tx_dropped + other.tx_dropped,
    drops: addEach(CAUSES, one.drops, other.drops),
    inspected: addEach(INSPECTED_COUNTS, one.inspected, other.inspected),
  }
}

function addEach<K extends string>(
  keys: readonly K[],
  one: Record<K, number>,
  other: Record<K, number>,
): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, one[key] + other[key]])) as Record<K, number>
}

function countersOfEnd(memory: SharedArrayBuffer, end: 0 | 1): EndCounters {
  const blocks = blocksOf(memory)
  const each = Array.from({ length: blocks }, (_, worker) => ({
    worker,
    ...fromInside(readBlock(memory, worker, end), readBlock(memory, worker, end === 0 ? 1 : 0)),
  }))
  // The last one is a thread that few pairs have: their own, or the one that made them.
  const own = each[blocks - 1]
  const used = own !== undefined && own.tx_packets + own.rx_packets + own.tx_dropped > 0
  return {
    ...each.map(({ worker: _, ...counters }) => counters).reduce(add),
    workers: used ? each : each.slice(0, -1),
  }
}

export function countersOf(memory: SharedArrayBuffer): PairCounters {
  return { a: countersOfEnd(memory, 0), b: countersOfEnd(memory, 1) }
}

/** Joins the data path's counters with the kernel's: drops add up, since each frame is dropped once. */
export function joinKernel(counters: EndCounters, kernel: LinkStats | null): Omit<EndStats, 'rules'> {
  return {
    ...counters,
    rx_dropped: counters.rx_dropped + (kernel?.rx_dropped ?? 0),
    tx_dropped: counters.tx_dropped + (kernel?.tx_dropped ?? 0),
    rx_errors: kernel?.rx_errors ?? 0,
    tx_errors: kernel?.tx_errors ?? 0,
    kernel,
  }
}
