// Statistics as users see them, from each interface's own point of view, as `ip -s link` has them:
// what the data path read from an end is that end's tx. Pure functions over the shared counters and
// what the kernel said; called by pair.ts.

import {
  allocateCounters,
  blocksOf,
  type DirectionCounts,
  type InspectedCount,
  readBlock,
  readDirection,
} from '../datapath/counters.js'
import { type AnyCause, CAUSES, type Cause } from '../frame/cause.js'
import type { EndDetails, KernelCounts, KernelStats } from '../link/protocol.js'
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
  /** Also those that never reached the cable, as the kernel counts them; the sum is tx_dropped. */
  drops: Record<AnyCause, number>
  rx_errors: number
  tx_errors: number
  /** The kernel's own counters of the interface; null when it is gone. */
  kernel: LinkStats | null
  /** Over HTTP: what else the kernel says of the interface, as `ip -d link` has it; null when it is gone. */
  link?: EndDetails | null | undefined
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

/** The short form: drops and what was done only where there was any. The kernel's drops are among them. */
type EndBrief = Pick<InterfaceCounters, 'rx_packets' | 'rx_bytes' | 'tx_packets' | 'tx_bytes'> & {
  drops: Partial<Record<AnyCause, number>>
  inspected: Partial<Record<InspectedCount, number>>
}

export interface BriefStats {
  a: EndBrief
  b: EndBrief
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

/** Counts of the same kind, added up: words, and records of words. */
function sum<T extends object>(one: T, other: T): T {
  const parts = Object.entries(one).map(([key, part]) => {
    const more = other[key as keyof T]
    return [key, typeof part === 'number' ? part + Number(more) : sum(part, more as object)]
  })
  return Object.fromEntries(parts) as T
}

/** What was counted of each direction before there was this memory. */
export type BaseCounts = readonly [a: DirectionCounts, b: DirectionCounts]

/** Of a pair that nothing has crossed. */
export const NO_COUNTS: DirectionCounts = readBlock(allocateCounters(0), 0, 0)
export const NO_BASE: BaseCounts = [NO_COUNTS, NO_COUNTS]

/** Everything that was counted of what `end` sends. */
function sentBy(memory: SharedArrayBuffer, end: 0 | 1, base: DirectionCounts): DirectionCounts {
  const counts = readDirection(memory, end)
  return base === NO_COUNTS ? counts : sum(base, counts)
}

function countersOfEnd(memory: SharedArrayBuffer, end: 0 | 1, base: BaseCounts): EndCounters {
  const peer = end === 0 ? 1 : 0
  const blocks = blocksOf(memory)
  const each = Array.from({ length: blocks }, (_, worker) => ({
    worker,
    ...fromInside(readBlock(memory, worker, end), readBlock(memory, worker, peer)),
  }))
  // The last one is a thread that few pairs have: their own, or the one that made them.
  const own = each[blocks - 1]
  const used = own !== undefined && own.tx_packets + own.rx_packets + own.tx_dropped > 0
  return {
    ...fromInside(sentBy(memory, end, base[end]), sentBy(memory, peer, base[peer])),
    workers: used ? each : each.slice(0, -1),
  }
}

export function countersOf(memory: SharedArrayBuffer, base = NO_BASE): PairCounters {
  return { a: countersOfEnd(memory, 0, base), b: countersOfEnd(memory, 1, base) }
}

export function briefOf(memory: SharedArrayBuffer, base: BaseCounts, [a, b]: KernelStats): BriefStats {
  const [fromA, fromB] = [sentBy(memory, 0, base[0]), sentBy(memory, 1, base[1])]
  return { a: briefOfEnd(fromA, fromB, a), b: briefOfEnd(fromB, fromA, b) }
}

function briefOfEnd(
  sending: DirectionCounts,
  receiving: DirectionCounts,
  kernel: KernelCounts | null,
): EndBrief {
  return {
    rx_packets: receiving.sent,
    rx_bytes: receiving.sent_bytes,
    tx_packets: sending.sent,
    tx_bytes: sending.sent_bytes,
    drops: some(withKernel(sending.drops, kernel)),
    inspected: some(sending.inspected),
  }
}

function some<K extends string>(counts: Record<K, number>): Partial<Record<K, number>> {
  const met: Partial<Record<K, number>> = {}
  for (const key in counts) if (counts[key] !== 0) met[key] = counts[key]
  return met
}

/** What a pair that goes on as this one counts from; what is held is counted by who holds it. */
export function baseOf(memory: SharedArrayBuffer, before: BaseCounts): BaseCounts {
  const of = (end: 0 | 1) => {
    const counts = sentBy(memory, end, before[end])
    return { ...counts, inspected: { ...counts.inspected, held: 0 } }
  }
  return [of(0), of(1)]
}

/** What was on its way, or held, is lost: it counts as dropped, so that all that was received is accounted for. */
export function settled(counts: DirectionCounts): DirectionCounts {
  const { received, sent, drops, inspected } = counts
  const lost = received + inspected.copied + inspected.injected - sent - sumDrops(drops)
  return { ...counts, drops: { ...drops, carrier: drops.carrier + Math.max(0, lost) } }
}

/** What the kernel dropped with carrier found the end's queue full. */
function withKernel(drops: Record<Cause, number>, kernel: KernelCounts | null): Record<AnyCause, number> {
  const { stats, uncarried = 0 } = kernel ?? {}
  return { ...drops, carrier: drops.carrier + uncarried, queue: (stats?.tx_dropped ?? 0) - uncarried }
}

/** Joins the data path's counters with the kernel's: drops add up, since each frame is dropped once. */
export function joinKernel(counters: EndCounters, kernel: KernelCounts | null): Omit<EndStats, 'rules'> {
  const { stats = null } = kernel ?? {}
  return {
    ...counters,
    rx_dropped: counters.rx_dropped + (stats?.rx_dropped ?? 0),
    tx_dropped: counters.tx_dropped + (stats?.tx_dropped ?? 0),
    drops: withKernel(counters.drops, kernel),
    rx_errors: stats?.rx_errors ?? 0,
    tx_errors: stats?.tx_errors ?? 0,
    kernel: stats,
  }
}

interface Sides {
  counters(): PairCounters
  a: { rules(): RuleStats[] }
  b: { rules(): RuleStats[] }
}

export function statsOf(pair: Sides, [kernelA, kernelB]: KernelStats): PairStats {
  const { a, b } = pair.counters()
  return {
    a: { ...joinKernel(a, kernelA), rules: pair.a.rules() },
    b: { ...joinKernel(b, kernelB), rules: pair.b.rules() },
  }
}

/** With what else the kernel says of each interface. */
export function describedOf(pair: Sides, kernel: KernelStats): PairStats {
  const { a, b } = statsOf(pair, kernel)
  const [linkA, linkB] = kernel.map((counts) => counts?.details ?? null)
  return { a: { ...a, link: linkA }, b: { ...b, link: linkB } }
}
