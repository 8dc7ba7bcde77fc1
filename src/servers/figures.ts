// The figures of /metrics that are about pairs and limits: THE table of their names, kinds, labels and meanings, and what
// each pair adds to them. Nothing is counted here. Used by metrics.ts; packaging/grafana.json shows them.

import { type End, type EndStats, memoryUse, type Pair, type PairStats, type RuleStats } from '../index.js'
import type { PairRegistry } from '../orders/handlers.js'
import { version } from '../version.js'
import { figures } from '../wishes/limits.js'

interface Family {
  type: 'counter' | 'gauge'
  help: string
  labels: readonly string[]
}

const END = ['pair', 'end', 'name', 'device', 'netns'] as const
const RULE = [...END, 'rule', 'action'] as const
const LIMIT = ['limit'] as const

function gauge(help: string, labels: readonly string[] = []): Family {
  return { type: 'gauge', help, labels }
}

function counter(help: string, labels: readonly string[] = []): Family {
  return { type: 'counter', help, labels }
}

/** `device` is `name` again, as node_exporter calls it. */
export const FAMILIES = {
  uveth_build_info: gauge('1; the version, and that of Node', ['version', 'node']),
  uveth_pairs: gauge('Pairs that exist'),
  uveth_limit: gauge('How much there may be of a thing', LIMIT),
  uveth_limit_used: gauge('How much there is of it, where that is counted', LIMIT),
  uveth_limit_refused_total: counter('What was refused because of it; of backlog: lost events', LIMIT),
  uveth_listeners_waiting_bytes: gauge('Bytes of events that wait for listeners'),
  uveth_log_lost_lines_total: counter(
    'Lines of the log that were lost: nobody read them, or the disk was full',
  ),
  uveth_netlink_refused_total: counter(
    'Datagrams that came over netlink from those who may not order; of a flood the most is thrown away unread',
  ),
  uveth_memory_used_bytes: gauge('Bytes of frames that wait, held by hooks or in the rings of captures'),
  uveth_memory_bound_bytes: gauge('Bytes that they may have; a pair may have as much as it leaves to all'),
  uveth_memory_refused_total: counter('Frames dropped, with cause limit, for want of memory to hold them'),
  uveth_pair_carrier: gauge('1 while both ends of the pair have carrier', ['pair']),
  uveth_pair_carrier_changes_total: counter('Times that carrier came or went', ['pair']),
  uveth_end_up: gauge('1 while the interface is up: admin state, IFF_UP', END),
  uveth_end_mtu_bytes: gauge('MTU of the interface: L3 payload', END),
  uveth_end_foreign_queues: gauge(
    'Queues that others have attached to the interface: frames are lost there',
    END,
  ),
  uveth_end_rx_packets_total: counter('Frames that the interface received', END),
  uveth_end_rx_bytes_total: counter('Bytes that the interface received, Ethernet headers included', END),
  uveth_end_tx_packets_total: counter('Frames that the interface sent and its peer received', END),
  uveth_end_tx_bytes_total: counter('Bytes of these, Ethernet headers included', END),
  uveth_end_dropped_total: counter('Frames that the interface sent and that were dropped, by cause', [
    ...END,
    'cause',
  ]),
  uveth_end_held: gauge('Frames that the interface sent and the cable holds now', END),
  uveth_end_inspected_total: counter(
    'Frames that the interface sent and something was done to, and hooks that failed, by what',
    [...END, 'what'],
  ),
  uveth_rule_matched_total: counter('Frames that a rule means, without nth, every and first', RULE),
  uveth_rule_hits_total: counter('Frames that a rule acted on', RULE),
  uveth_rule_held: gauge('Frames that a rule with an impairment of its own holds now', RULE),
  uveth_rule_dropped_total: counter('Frames that such a rule dropped, by cause', [...RULE, 'cause']),
  uveth_rule_inspected_total: counter('Frames that such a rule did something to, by what', [...RULE, 'what']),
} as const satisfies Record<string, Family>
export type FamilyName = keyof typeof FAMILIES

/** Takes one figure; `labels` as labelsOf() writes them. */
export type Say = (name: FamilyName, labels: string, value: number) => void

/** Written as Prometheus reads them: `a="x",b="y"`. */
function labelsOf(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/["\\\n]/g, escaped)}"`)
    .join(',')
}

function escaped(char: string): string {
  return char === '\n' ? '\\n' : `\\${char}`
}

/** What the daemon has beside its pairs. */
export interface Around {
  /** Bytes of events that wait for listeners. */
  waiting: number
  /** Lines of the log. */
  lost: number
  /** Datagrams over netlink. */
  refused: number
}

export function sayDaemon(say: Say, registry: PairRegistry, { waiting, lost, refused }: Around): void {
  say('uveth_build_info', labelsOf({ version: version(), node: process.versions.node }), 1)
  say('uveth_pairs', '', registry.list().length)
  say('uveth_listeners_waiting_bytes', '', waiting)
  say('uveth_log_lost_lines_total', '', lost)
  say('uveth_netlink_refused_total', '', refused)
  const memory = memoryUse()
  say('uveth_memory_used_bytes', '', memory.used)
  say('uveth_memory_bound_bytes', '', memory.bound)
  say('uveth_memory_refused_total', '', memory.refused)
  for (const { name, most, used, refused } of figures()) {
    const labels = labelsOf({ limit: name })
    say('uveth_limit', labels, most)
    if (used !== undefined) say('uveth_limit_used', labels, used)
    say('uveth_limit_refused_total', labels, refused)
  }
}

/** `stats`: of the pair, with the kernel's. */
export function sayPair(say: Say, pair: Pair, stats: PairStats, carrierChanges: number): void {
  const labels = labelsOf({ pair: pair.id })
  say('uveth_pair_carrier', labels, pair.carrier ? 1 : 0)
  say('uveth_pair_carrier_changes_total', labels, carrierChanges)
  for (const side of ['a', 'b'] as const) {
    const { name, netns } = pair[side]
    const place = { pair: pair.id, end: side, name, device: name, netns: netns ?? '' }
    sayEnd(say, pair[side], stats[side], labelsOf(place))
  }
}

function sayEnd(say: Say, end: End, counters: EndStats, labels: string): void {
  const { held, ...inspected } = counters.inspected
  say('uveth_end_up', labels, end.isUp ? 1 : 0)
  say('uveth_end_mtu_bytes', labels, end.mtu)
  say('uveth_end_foreign_queues', labels, end.foreignQueues)
  say('uveth_end_rx_packets_total', labels, counters.rx_packets)
  say('uveth_end_rx_bytes_total', labels, counters.rx_bytes)
  say('uveth_end_tx_packets_total', labels, counters.tx_packets)
  say('uveth_end_tx_bytes_total', labels, counters.tx_bytes)
  for (const [cause, count] of Object.entries(counters.drops))
    say('uveth_end_dropped_total', `${labels},cause="${cause}"`, count)
  say('uveth_end_held', labels, held)
  for (const [what, count] of Object.entries(inspected))
    say('uveth_end_inspected_total', `${labels},what="${what}"`, count)
  for (const { id, action, matched, hits, impaired } of end.rules()) {
    const rule = `${labels},rule="${id}",action="${action.kind}"`
    say('uveth_rule_matched_total', rule, matched)
    say('uveth_rule_hits_total', rule, hits)
    if (impaired !== undefined) sayImpaired(say, rule, impaired)
  }
}

function sayImpaired(say: Say, rule: string, impaired: NonNullable<RuleStats['impaired']>): void {
  const { held, loss, limit, ...rest } = impaired
  say('uveth_rule_held', rule, held)
  for (const [cause, count] of Object.entries({ loss, limit }))
    say('uveth_rule_dropped_total', `${rule},cause="${cause}"`, count)
  for (const [what, count] of Object.entries(rest))
    say('uveth_rule_inspected_total', `${rule},what="${what}"`, count)
}
