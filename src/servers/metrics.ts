// GET /metrics: what Prometheus reads. The figures are taken from the registry when they are asked for, in one pass over
// the pairs, which lets others have their turn of the event loop: orders do not wait for a scrape. Called by http.ts
// and scrape.ts.

import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { collectDefaultMetrics, Registry as Metrics } from 'prom-client'
import type { PairRegistry } from '../orders/handlers.js'
import { type Around, FAMILIES, type FamilyName, type Say, sayDaemon, sayPair } from './figures.js'

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** ms that a scrape takes of the event loop at a time. */
const TURN = 5
/** ms */
const RARELY = 10_000

/** What was said of pairs and limits, and what prom-client says of the process. */
interface Page {
  lines: Record<FamilyName, string[]>
  process: string
}

export interface MetricsPages {
  /** The page as it is now; who asks while one is made gets that. */
  read(): Readable
}

export function openMetrics(registry: PairRegistry, around: () => Around): MetricsPages {
  const processMetrics = openProcessMetrics()
  let making: Promise<Page> | undefined
  const make = async () => ({
    lines: await linesOf(registry, around()),
    process: await processMetrics.metrics(),
  })
  const page = () => {
    making ??= make().finally(() => {
      making = undefined
    })
    return making
  }
  return { read: () => Readable.from(pieces(page)) }
}

/** Written, and made bytes, one after the other: that takes time as well. */
async function* pieces(page: () => Promise<Page>): AsyncGenerator<string, void> {
  const { lines, process } = await page()
  for (const name of Object.keys(FAMILIES) as FamilyName[]) {
    const { help, type } = FAMILIES[name]
    yield `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines[name].join('')}\n`
    await turn()
  }
  yield process
}

async function linesOf(registry: PairRegistry, around: Around): Promise<Page['lines']> {
  const lines = Object.fromEntries(
    Object.keys(FAMILIES).map((name) => [name, [] as string[]]),
  ) as Page['lines']
  const say: Say = (name, labels, value) =>
    void lines[name].push(labels === '' ? `${name} ${value}\n` : `${name}{${labels}} ${value}\n`)
  sayDaemon(say, registry, around)
  let since = performance.now()
  for (const { pair, carrierChanges } of registry.list()) {
    const stats = await pair.stats().catch(() => undefined)
    // One that has ended meanwhile is told no more.
    if (stats !== undefined && pair.closed === undefined) sayPair(say, pair, stats, carrierChanges)
    if (performance.now() - since < TURN) continue
    await turn()
    since = performance.now()
  }
  return lines
}

/**
 * prom-client's own, without its watch of the event loop: at its default it wakes an idle daemon 130 times a second.
 * Also without gauges that are called `_total`, as counters are.
 */
function openProcessMetrics(): Metrics {
  const metrics = new Metrics()
  collectDefaultMetrics({ register: metrics, eventLoopMonitoringPrecision: RARELY })
  const unwanted = /^nodejs_(eventloop_lag_(?!seconds$)|active_\w+_total$)/
  for (const { name } of metrics.getMetricsAsArray())
    if (unwanted.test(name)) metrics.removeSingleMetric(name)
  return metrics
}
