// What the pages of `uveth top` say of a pair's direction: the words and numbers of it. Pure.

import type { PairView } from '../../contract/ops.js'
import { formatImpair } from '../../faults/impair-words.js'
import { countText, placeOf } from '../link/format.js'
import type { Row } from './watch.js'

export type Side = 'a' | 'b'
export const SIDES = ['a', 'b'] as const

export function peerOf(side: Side): Side {
  return side === 'a' ? 'b' : 'a'
}

/** `eth0@left`: namespaces stand where they differ from that of the daemon. */
export function endText({ name, netns }: PairView[Side]): string {
  return netns === null ? name : `${name}@${placeOf(netns)}`
}

/** Three digits and a suffix. */
export function rateText(rate: number | undefined): string {
  if (rate === undefined) return '-'
  if (rate > 0 && rate < 9.95) return String(Number(rate.toFixed(1)))
  return countText(Math.round(rate), { human: true })
}

/** `1.25 Mbit/s` */
export function withUnit(count: number | undefined, unit: string): string {
  return `${rateText(count).replace(/[A-Z]?$/i, ' $&')}${unit}`
}

/** `loss 3 rule 1`, the most frequent first. */
export function causesText(drops: object | undefined, text = rateText): string {
  const causes = Object.entries(drops ?? {}).filter(([, count]) => count > 0)
  causes.sort(([, one], [, other]) => other - one)
  return causes.map(([cause, count]) => `${cause} ${text(count)}`).join(' ')
}

/** What is ordered for the frames that the end sends: `delay 10ms loss 1% 2 rules`; `schedule` in front while one runs. */
export function orderedText({ impair, schedule, rules }: PairView[Side]): string {
  const words = schedule === null || schedule.over ? [] : ['schedule']
  if (impair !== null) words.push(formatImpair(impair).replace(/ ?\bseed -?\d+$/, ''))
  if (rules.length > 0) words.push(rules.length === 1 ? '1 rule' : `${rules.length} rules`)
  return words.join(' ')
}

export function sumOf(rows: readonly Row[], of: 'bits' | 'packets' | 'dropped'): number {
  return rows.reduce((sum, { rates }) => sum + (rates?.a[of] ?? 0) + (rates?.b[of] ?? 0), 0)
}
