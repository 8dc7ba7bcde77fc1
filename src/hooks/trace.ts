// A rate that changes as it was measured to (Mahimahi's traces): at each time of the trace one MTU may leave, and the trace
// begins anew at its last time. Made by rate.ts, used by impairment.ts as a Rate is. A time that nobody waited for is gone;
// what is left of one serves the frames that had come by then. Opportunities have numbers, and when one comes is
// computed from its number, so that nothing drifts. Words, as in slot.ts: nothing here allocates.

import type { Burst } from '../frame/burst.js'
import type { Place, Words } from '../frame/words.js'
import { OPPORTUNITY, type RateTrace } from '../wishes/tables.js'

export interface TraceState {
  /** ms of the thread's clock: when the first frame came. */
  began: number
  /** The opportunity that is next, or half used, and the bytes that are left of it. */
  next: number
  left: number
  /** Which trace. */
  of: string
}

/** Bytes that do not count: the Ethernet header. */
const HEADER = 14

/** Places in what it knows: as in TraceState, and the same if the frame asked for last is sent. */
const BEGAN = 0 as Place<'trace'>
const NEXT = 1 as Place<'trace'>
const LEFT = 2 as Place<'trace'>
const THEN_NEXT = 3 as Place<'trace'>
const THEN_LEFT = 4 as Place<'trace'>
/** ms: when a frame comes, and when THEN_NEXT does. */
const TIME = 5 as Place<'trace'>
const AT = 6 as Place<'trace'>

export class Trace {
  readonly #times: Uint32Array
  /** ms: its length. */
  readonly #period: number
  readonly #words: Words<'trace'>
  readonly #of: string

  constructor({ times }: RateTrace, from?: TraceState) {
    this.#times = Uint32Array.from(times)
    this.#period = times.at(-1) as number
    const sum = times.reduce((before, time) => before + time, 0)
    this.#of = `${times.length}/${this.#period}/${sum}`
    const { began, next, left } =
      from?.of === this.#of ? from : { began: Number.NaN, next: 0, left: OPPORTUNITY }
    this.#words = Float64Array.of(began, next, left, next, left, 0, 0)
  }

  /** Undefined: no frame has come. */
  get state(): TraceState | undefined {
    const words = this.#words
    if (Number.isNaN(words[BEGAN])) return undefined
    return { began: words[BEGAN], next: words[NEXT], left: words[LEFT], of: this.#of }
  }

  /** As Rate.pass(). */
  pass(burst: Burst, frame: number, frames: number, delays: Float64Array): void {
    const words = this.#words
    words[TIME] = burst.now + delays[frame]
    if (Number.isNaN(words[BEGAN])) words[BEGAN] = words[TIME]
    words[THEN_NEXT] = words[NEXT]
    words[THEN_LEFT] = words[LEFT]
    this.#look()
    if (words[AT] < words[TIME]) this.#skip()
    words[THEN_LEFT] -= Math.max(1, burst.lengths[frame] - HEADER) * frames
    if (words[THEN_LEFT] < 0) {
      const more = Math.ceil(-words[THEN_LEFT] / OPPORTUNITY)
      words[THEN_NEXT] += more
      words[THEN_LEFT] += more * OPPORTUNITY
      this.#look()
    }
    if (words[AT] > words[TIME]) delays[frame] = words[AT] - burst.now
  }

  /** The frames that pass() was asked for last are sent. */
  take(): void {
    const words = this.#words
    words[NEXT] = words[THEN_NEXT]
    words[LEFT] = words[THEN_LEFT]
  }

  /** When the opportunity THEN_NEXT comes. */
  #look(): void {
    const words = this.#words
    const count = this.#times.length
    const loop = Math.floor(words[THEN_NEXT] / count)
    words[AT] = words[BEGAN] + loop * this.#period + this.#times[words[THEN_NEXT] - loop * count]!
  }

  /** To the first that comes at TIME or later. */
  #skip(): void {
    const words = this.#words
    const times = this.#times
    const since = words[TIME] - words[BEGAN]
    // A loop's last time is 0 of the one behind it, and is its own.
    const loop = Math.max(0, Math.ceil(since / this.#period) - 1)
    const rest = since - loop * this.#period
    let low = 0
    let high = times.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (times[middle]! < rest) low = middle + 1
      else high = middle
    }
    const found = loop * times.length + low
    if (found <= words[THEN_NEXT]) return
    words[THEN_NEXT] = found
    words[THEN_LEFT] = OPPORTUNITY
    this.#look()
  }
}
