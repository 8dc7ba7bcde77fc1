// Which pairs are meant, and in which order they stand. Pure. Called by top.ts and live.ts.

import type { View } from './view.js'
import type { Row } from './watch.js'

/** `rows` stand by name, as those do that are equal. Those with the text of the filter in the id, in a name or in a namespace; the busiest first. */
export function ordered(rows: readonly Row[], { filter, sort, reverse }: View): Row[] {
  const wanted = filter.toLowerCase()
  const meant = rows.filter((row) => wanted === '' || textOf(row).includes(wanted))
  if (sort === 'name') return reverse ? meant.reverse() : meant
  const sign = reverse ? -1 : 1
  const size = SIZES[sort]
  const sized = meant.map((row) => [row, size(row)] as const)
  return sized.sort(([, one], [, other]) => sign * (other - one)).map(([row]) => row)
}

function textOf({ pair: { id, a, b } }: Row): string {
  return [id, a.name, b.name, a.netns, b.netns, ...a.altnames, ...b.altnames].join('\n').toLowerCase()
}

const both = (of: 'bits' | 'packets' | 'dropped') => (row: Row) =>
  row.rates === undefined ? -1 : row.rates.a[of] + row.rates.b[of]
const SIZES = { rate: both('bits'), frames: both('packets'), drops: both('dropped') }
