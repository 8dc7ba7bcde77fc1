// The dashboard in packaging/ and what /metrics says: each expression names figures and labels that there are, and each
// figure of ours is shown.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { PairRegistry } from '../../../src/orders/handlers.js'
import { FAMILIES } from '../../../src/servers/figures.js'
import { openMetrics } from '../../../src/servers/metrics.js'
import { promtool } from '../../support/promtool.js'
import { needs } from '../../support/skip.js'

interface Target {
  expr: string
  legendFormat: string
}
interface Dashboard {
  panels: { title: string; targets: Target[] }[]
  templating: { list: { type: string; query: { query: string } }[] }
}

const FILE = new URL('../../../packaging/grafana.json', import.meta.url)
const dashboard = JSON.parse(readFileSync(FILE, 'utf8')) as Dashboard
const targets = dashboard.panels.flatMap((panel) => panel.targets)
const queries = dashboard.templating.list.flatMap(({ type, query }) =>
  type === 'query' ? [query.query] : [],
)
/** Of PromQL and of Grafana's variables: everything else in an expression is a figure or a label. */
const WORDS = ['rate', 'increase', 'sum', 'by', 'label_values', '__rate_interval']
/** What Prometheus adds to each figure. */
const ADDED = ['instance', 'job']

/** Figures and labels of an expression: those in braces and behind `by`, and label_values' second, are labels. */
function partsOf(expr: string): { names: string[]; labels: string[] } {
  const labels: string[] = []
  const label = (_: string, text: string) => {
    for (const [, one = ''] of text.matchAll(/(?:^|,)\s*(\w+)/g)) labels.push(one)
    return ' '
  }
  const rest = expr
    .replace(/\{(.*?)\}/g, label)
    .replace(/\bby \((.*?)\)/g, label)
    .replace(/, (\w+)\)$/, label)
    .replace(/\[.*?\]/g, ' ')
  const words = [...rest.matchAll(/[a-z_]\w*/gi)].map(([word]) => word)
  return { names: words.filter((word) => !WORDS.includes(word)), labels }
}

/** Name -> labels. */
const known = new Map<string, readonly string[]>(
  Object.entries(FAMILIES).map(([name, { labels }]) => [name, labels]),
)
beforeAll(async () => {
  const metrics = openMetrics({ list: () => [] } as unknown as PairRegistry, () => ({
    waiting: 0,
    lost: 0,
    refused: 0,
  }))
  const text = (await metrics.read().toArray()).join('')
  for (const [, name = ''] of text.matchAll(/^# TYPE (\w+) /gm)) if (!known.has(name)) known.set(name, [])
})

test.each([...targets.map(({ expr }) => expr), ...queries])('%s', (expr) => {
  const { names, labels } = partsOf(expr)
  expect(names.length).toBeGreaterThan(0)
  expect(names.filter((name) => !known.has(name))).toEqual([])
  for (const name of names)
    expect(labels.filter((label) => ![...(known.get(name) ?? []), ...ADDED].includes(label))).toEqual([])
})

test.each(targets.map(({ expr, legendFormat }) => [legendFormat, expr]))(
  'legend %s of %s',
  (legend, expr) => {
    const used = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label as string)
    const { names } = partsOf(expr)
    // What is summed has those labels alone.
    const summed = / by \((.*?)\)/.exec(expr)?.[1]?.split(', ')
    const there = summed ?? [...names.flatMap((name) => known.get(name) ?? []), ...ADDED]
    expect(used.filter((label) => !there.includes(label))).toEqual([])
  },
)

test('every figure of ours is shown', () => {
  const shown = new Set(targets.flatMap(({ expr }) => partsOf(expr).names))
  expect(Object.keys(FAMILIES).filter((name) => !shown.has(name))).toEqual([])
})

test('a name or a label that there is not would be found', () => {
  expect(partsOf('sum by (pair, nowhere) (rate(uveth_none{pair=~"$pair",other="x"}[5m])) > 0')).toEqual({
    names: ['uveth_none'],
    labels: ['pair', 'other', 'pair', 'nowhere'],
  })
})

needs('promtool')('promtool reads every expression', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uvt-grafana-'))
  const rules = targets.map(({ expr }, n) => ({
    record: `r:${n}`,
    expr: expr.replace('$__rate_interval', '5m'),
  }))
  writeFileSync(join(folder, 'rules.yml'), JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
  const { status, stderr } = promtool(['check', 'rules', join(folder, 'rules.yml')])
  rmSync(folder, { recursive: true })
  expect([status, stderr]).toEqual([0, ''])
})
