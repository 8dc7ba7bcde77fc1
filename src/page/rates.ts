// What crosses a pair in a second, out of two countings of it, and the last minutes of that. Pure; main.ts counts, the
// picture, the table and the chart show.

import { type Counts, type EndCounts, SIDES, type Side } from './views.js'

/** In a second, of what one end sends. */
export interface Rate {
  bits: number
  frames: number
  /** Frames that the cable dropped. */
  drops: number
}
export type Rates = Readonly<Record<Side, Rate>>
export interface Sample {
  /** ms, of the page's clock. */
  at: number
  counts: Counts
}

export const NOTHING: Rates = {
  a: { bits: 0, frames: 0, drops: 0 },
  b: { bits: 0, frames: 0, drops: 0 },
}

export function ratesOf(before: Sample, after: Sample): Rates {
  const seconds = (after.at - before.at) / 1000
  if (!(seconds > 0)) return NOTHING
  const of = (side: Side) => rateOf(before.counts[side], after.counts[side], seconds)
  return { a: of('a'), b: of('b') }
}

/** A pair that was made anew begins at zero: less than before is no rate. */
function rateOf(before: EndCounts, after: EndCounts, seconds: number): Rate {
  const each = (count: number) => Math.max(0, count) / seconds
  return {
    bits: each(after.tx_bytes - before.tx_bytes) * 8,
    frames: each(after.tx_packets - before.tx_packets),
    drops: each(dropsOf(after) - dropsOf(before)),
  }
}

export function dropsOf({ drops }: EndCounts): number {
  return Object.values(drops).reduce((sum, count) => sum + count, 0)
}

/** How many samples the chart shows: three minutes of seconds. */
export const KEPT = 180

/** The countings of one pair, and what they say. */
export class History {
  readonly rates: Rates[] = []
  last: Sample | undefined

  add(sample: Sample): Rates {
    const now = this.last === undefined ? NOTHING : ratesOf(this.last, sample)
    this.last = sample
    this.rates.push(now)
    if (this.rates.length > KEPT) this.rates.shift()
    return now
  }

  get now(): Rates {
    return this.rates.at(-1) ?? NOTHING
  }
}

export function sumOf(rates: readonly Rates[], of: keyof Rate): number {
  return rates.reduce((sum, rate) => sum + SIDES.reduce((both, side) => both + rate[side][of], 0), 0)
}
