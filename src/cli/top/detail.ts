// The page of `uveth top` that has one pair: what each end sends, how much of it was dropped and why, what is ordered, and
// its rules with what they met. Pure. Called by live.ts.

import { excessWords } from '../../faults/excess.js'
import type { EndStats, PairStats } from '../../index.js'
import { faultLines } from '../link/faults.js'
import { placeOf, vxlanText } from '../link/format.js'
import { causesText, peerOf, rateText, SIDES, type Side, withUnit } from './cells.js'
import type { Look } from './list.js'
import type { Row } from './watch.js'
import { fitted, sparkline } from './width.js'

/** All lines of it; the terminal may have room for a part. */
export function detailPage(row: Row | undefined, stats: PairStats | undefined, look: Look): string[] {
  if (row === undefined || stats === undefined) return [fitted('this pair is gone', look.columns)]
  const { pair } = row
  const queues = pair.queues === 1 ? '1 queue' : `${pair.queues} queues`
  const head = `${pair.id}: carrier ${row.carrier ? 'on' : 'off'}, ${queues}`
  return [paintHead(head, row, look), ...SIDES.flatMap((side) => sideLines(row, side, stats[side], look))]
}

function paintHead(head: string, { carrier }: Row, { columns, paint }: Look): string {
  return paint(carrier ? 'cyan' : 'red', fitted(head, columns))
}

function sideLines(row: Row, side: Side, stats: EndStats, look: Look): string[] {
  const { columns, paint, plain } = look
  const [own, peer] = [row.pair[side], row.pair[peerOf(side)]]
  const rates = row.rates?.[side]
  const cut = (text: string) => fitted(text, columns, 'left', plain ? '~' : '…')
  const place = own.vxlan
    ? vxlanText(own)
    : `netns ${placeOf(own.netns)}, ${own.up ? 'up' : 'down'}, mtu ${own.mtu}, ${own.address}`
  const now = `${withUnit(rates?.bits, 'bit/s')}, ${rateText(rates?.packets)} frames/s, ${rateText(rates?.dropped)} drops/s`
  const dropped = causesText(stats.drops)
  const done = causesText({ ...stats.inspected })
  const lines = [
    cut(`  now      ${now}`),
    cut(`  in all   ${withUnit(stats.tx_bytes, 'B')}, ${rateText(stats.tx_packets)} frames`),
    paint(dropped === '' ? 'green' : 'red', cut(`  dropped  ${dropped || 'none'}`)),
    ...(done === '' ? [] : [cut(`  done     ${done}`)]),
    ...faultLines({ ...own, rules: stats.rules }).map((line) => paint('yellow', cut(`  ${line}`))),
    ...excessWords(stats.drops).map((line) => paint('red', cut(`  ${line}`))),
    paint('green', cut(`  bit/s    ${sparkline(row.past[side], Math.max(0, columns - 11), look.levels)}`)),
  ]
  return ['', paint('bold', cut(`${own.name} sends to ${peer.name}`)), cut(`  ${place}`), ...lines]
}
