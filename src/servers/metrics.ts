// GET /metrics: what Prometheus reads. Values are taken from the registry when they are asked for;
// nothing is counted here. Called by http.ts.

import { Counter, collectDefaultMetrics, Gauge, Registry as Metrics } from 'prom-client'
import type { End, EndCounters } from '../index.js'
import type { PairRegistry } from '../orders/handlers.js'

const END_LABELS = ['pair', 'end', 'name', 'netns'] as const

const COUNTED = {
  rx_packets: 'Frames that the interface received',
  rx_bytes: 'Bytes that the interface received, Ethernet headers included',
  tx_packets: 'Frames that the interface sent and its peer received',
  tx_bytes: 'Bytes of these, Ethernet headers included',
} as const satisfies Partial<Record<keyof EndCounters, string>>

type Labels = Record<(typeof END_LABELS)[number], string>

/** Runs `each` for every end of every pair, with its labels. */
function eachEnd(
  registry: PairRegistry,
  each: (labels: Labels, counters: EndCounters, end: End) => void,
): void {
  for (const { pair } of registry.list()) {
    const counters = pair.counters()
    for (const end of ['a', 'b'] as const) {
      const { name, netns } = pair[end]
      each({ pair: pair.id, end, name, netns: netns ?? '' }, counters[end], pair[end])
    }
  }
}

const RULE_COUNTED = {
  matched: 'Frames that a rule means, without nth, every and first',
  hits: 'Frames that a rule acted on',
} as const

/** What is done to frames of an end, beside dropping them. */
function addFaults(metrics: Metrics, registry: PairRegistry): void {
  const registers = [metrics]
  new Gauge({
    name: 'uveth_end_held',
    help: 'Frames that the interface sent and the cable holds now',
    labelNames: END_LABELS,
    registers,
    collect() {
      this.reset()
      eachEnd(registry, (labels, { inspected }) => this.set(labels, inspected.held))
    },
  })
  new Counter({
    name: 'uveth_end_inspected_total',
    help: 'Frames that the interface sent and something was done to, and hooks that failed, by what',
    labelNames: [...END_LABELS, 'what'],
    registers,
    collect() {
      this.reset()
      eachEnd(registry, (labels, { inspected: { held: _, ...counts } }) => {
        for (const [what, count] of Object.entries(counts)) this.inc({ ...labels, what }, count)
      })
    },
  })
  for (const key of Object.keys(RULE_COUNTED) as (keyof typeof RULE_COUNTED)[]) {
    new Counter({
      name: `uveth_rule_${key}_total`,
      help: RULE_COUNTED[key],
      labelNames: [...END_LABELS, 'rule', 'action'],
      registers,
      collect() {
        this.reset()
        eachEnd(registry, (labels, _, end) => {
          for (const { id, action, [key]: count } of end.rules())
            this.inc({ ...labels, rule: String(id), action: action.kind }, count)
        })
      },
    })
  }
}

/** ms */
const RARELY = 10_000

/** prom-client's own, without its watch of the event loop: at its default it wakes an idle daemon 130 times a second. */
function addProcessMetrics(metrics: Metrics): void {
  collectDefaultMetrics({ register: metrics, eventLoopMonitoringPrecision: RARELY })
  const watched = metrics
    .getMetricsAsArray()
    .filter(({ name }) => /^nodejs_eventloop_lag_(?!seconds$)/.test(name))
  for (const { name } of watched) metrics.removeSingleMetric(name)
}

export function openMetrics(registry: PairRegistry): Metrics {
  const metrics = new Metrics()
  const registers = [metrics]
  addProcessMetrics(metrics)
  addFaults(metrics, registry)
  new Gauge({
    name: 'uveth_pairs',
    help: 'Pairs that exist',
    registers,
    collect() {
      this.set(registry.list().length)
    },
  })
  new Gauge({
    name: 'uveth_pair_carrier',
    help: '1 while both ends of the pair have carrier',
    labelNames: ['pair'],
    registers,
    collect() {
      this.reset()
      for (const { pair } of registry.list()) this.set({ pair: pair.id }, pair.carrier ? 1 : 0)
    },
  })
  for (const key of Object.keys(COUNTED) as (keyof typeof COUNTED)[]) {
    new Counter({
      name: `uveth_end_${key}_total`,
      help: COUNTED[key],
      labelNames: END_LABELS,
      registers,
      collect() {
        this.reset()
        eachEnd(registry, (labels, counters) => this.inc(labels, counters[key]))
      },
    })
  }
  new Counter({
    name: 'uveth_end_dropped_total',
    help: 'Frames that the interface sent and the cable dropped, by cause',
    labelNames: [...END_LABELS, 'cause'],
    registers,
    collect() {
      this.reset()
      eachEnd(registry, (labels, { drops }) => {
        for (const [cause, count] of Object.entries(drops)) this.inc({ ...labels, cause }, count)
      })
    },
  })
  return metrics
}
