// Statistics as a table. Pure: values in, text out. Used by run.ts and stats.ts.

import { excessWords } from '../faults/excess.js'
import type { EndStats, PairStats } from '../index.js'

const COLUMNS = ['rx_packets', 'rx_bytes', 'rx_dropped', 'tx_packets', 'tx_bytes', 'tx_dropped'] as const

const NONE = '-'

export interface StatsRow {
  /** Of the interface. */
  name: string
  stats: EndStats
}

/** Columns that stand only where they have something to say. */
const FAULTS: Record<string, (stats: EndStats) => string> = {
  inspected: ({ inspected }) => someOf(Object.entries(inspected)),
  rules: ({ rules }) => someOf(rules.map(({ id, action, hits }) => [`${id} ${action.kind}`, hits])),
}

/** The cells: a row of names, then one row for each end, from the interface's own point of view. */
export function statsTable(rows: StatsRow[], text: (count: number) => string = String): string[][] {
  const faults = Object.keys(FAULTS).filter((name) =>
    rows.some(({ stats }) => FAULTS[name]?.(stats) !== NONE),
  )
  return [
    ['end', ...COLUMNS, 'drops', ...faults],
    ...rows.map(({ name, stats }) => [
      name,
      ...COLUMNS.map((column) => text(stats[column])),
      someOf(Object.entries(stats.drops)),
      ...faults.map((fault) => FAULTS[fault]?.(stats) ?? NONE),
    ]),
  ]
}

/** Those that are not 0: `loss 3, rule 1`. */
function someOf(counts: [name: string, count: number][]): string {
  const some = counts.filter(([, count]) => count > 0)
  return some.map(([name, count]) => `${name} ${count}`).join(', ') || NONE
}

/** What to do about drops that nobody has ordered, under the table. */
export function remarks(rows: StatsRow[]): string[] {
  return rows.flatMap(({ name, stats }) => excessWords(stats.drops).map((line) => `${name}: ${line}`))
}

/** Columns side by side, numbers flush right. */
export function alignTable(table: string[][]): string {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  )
  const pad = (text: string, column: number) => {
    const numeric = column > 0 && column <= COLUMNS.length
    return numeric ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0)
  }
  return table.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}

/** Both ends of one pair. */
export function formatStats([a, b]: [a: string, b: string], stats: PairStats): string {
  const rows = [
    { name: a, stats: stats.a },
    { name: b, stats: stats.b },
  ]
  return [alignTable(statsTable(rows)), ...remarks(rows)].join('\n')
}
