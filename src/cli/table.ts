// Statistics as a table for people. Pure: values in, text out.

import type { EndStats, PairStats } from '../index.js'

const COLUMNS = ['rx_packets', 'rx_bytes', 'rx_dropped', 'tx_packets', 'tx_bytes', 'tx_dropped'] as const

function dropsOf({ drops }: EndStats): string {
  const some = Object.entries(drops).filter(([, count]) => count > 0)
  return some.map(([cause, count]) => `${cause} ${count}`).join(', ') || '-'
}

/** Two rows, one for each end, from the interface's own point of view. */
export function formatStats(names: [a: string, b: string], stats: PairStats): string {
  const header = ['end', ...COLUMNS, 'drops']
  const rows = [stats.a, stats.b].map((end, index) => [
    names[index] ?? '',
    ...COLUMNS.map((column) => String(end[column])),
    dropsOf(end),
  ])
  const table = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const pad = (text: string, column: number) => {
    const numeric = column > 0 && column <= COLUMNS.length
    return numeric ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0)
  }
  return table.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}
