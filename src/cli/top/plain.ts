// `uveth top` where no terminal follows: a table, or JSON. Pure. Called by top.ts.

import { legible } from '../../legible.js'
import { alignTable } from '../table.js'
import { causesText, endText, orderedText, peerOf, rateText, SIDES, type Side } from './cells.js'
import type { Row } from './watch.js'

const TITLES = [
  'pair',
  'sent_by',
  'bit/s',
  'frames/s',
  'drops/s',
  'carrier',
  'received_by',
  'causes',
  'ordered',
]

/** A row of names, then two for each pair. `people`: numbers of three digits, in columns; otherwise whole, behind tabs. */
export function tableOf(rows: readonly Row[], people: boolean): string {
  const text = people
    ? rateText
    : (rate: number | undefined) => (rate === undefined ? '-' : String(Math.round(rate)))
  const line = ({ pair, carrier, rates }: Row, side: Side) => [
    pair.id,
    endText(pair[side]),
    ...(['bits', 'packets', 'dropped'] as const).map((of) => text(rates?.[side][of])),
    carrier ? 'on' : 'off',
    endText(pair[peerOf(side)]),
    causesText(rates?.[side].drops, text) || '-',
    orderedText(pair[side]) || '-',
  ]
  const table = [TITLES, ...rows.flatMap((row) => SIDES.map((side) => legible(line(row, side))))]
  return people ? alignTable(table) : table.map((cells) => cells.join('\t')).join('\n')
}

export function jsonOf({ pair, carrier, rates }: Row): object {
  const of = (side: Side) => {
    const { name, netns, impair, schedule, rules } = pair[side]
    const { bits = null, packets = null, dropped = null, drops = {} } = rates?.[side] ?? {}
    return {
      ifname: name,
      netns,
      bits_per_second: bits,
      packets_per_second: packets,
      drops_per_second: dropped,
      drops,
      impair,
      schedule,
      rules,
    }
  }
  return { id: pair.id, carrier, a: of('a'), b: of('b') }
}
