// How fast a direction is: each frame takes its length over the rate, one after the other; `burst` bytes may
// go at once after a pause. Used by impairment.ts. A clock (ms) says when the link is free again.

import type { RatePlan } from './impair-options.js'

/** Earlier than every clock, and still plain JSON. */
const LONG_AGO = -1e12

export class Rate {
  readonly #msPerByte: number
  /** ms that the clock may lie behind: what `burst` bytes take. */
  readonly #credit: number
  readonly #overhead: number
  readonly #cellSize: number
  readonly #cellBytes: number
  /** Two words: when the link is free again; and that time if the frame asked for last is sent. */
  readonly #clock = Float64Array.of(LONG_AGO, LONG_AGO)

  /** `clock`: the state of a rate to go on from. */
  constructor(plan: RatePlan, clock = LONG_AGO) {
    this.#msPerByte = 8000 / plan.rate
    this.#credit = (plan.burst ?? 0) * this.#msPerByte
    this.#overhead = plan.overhead ?? 0
    this.#cellSize = plan.cellSize ?? 0
    this.#cellBytes = this.#cellSize + (plan.cellOverhead ?? 0)
    this.#clock[0] = clock
  }

  /** What the next one goes on from; ms of this thread's clock. */
  get state(): number {
    return this.#clock[0] as number
  }

  /**
   * When `frames` frames of `length` bytes each, there at `time`, are through; before `time` if they fit into
   * the burst. They take the link only when take() follows.
   */
  due(time: number, length: number, frames: number): number {
    const start = Math.max(this.#clock[0] as number, time - this.#credit)
    const end = start + this.#bytes(length) * frames * this.#msPerByte
    this.#clock[1] = end
    return end
  }

  /** The frames that due() was asked for last are sent. */
  take(): void {
    this.#clock[0] = this.#clock[1] as number
  }

  /** What a frame counts: with `overhead`, in whole cells where there are cells (packet_time_ns of netem). */
  #bytes(length: number): number {
    const bytes = Math.max(0, length + this.#overhead)
    return this.#cellSize === 0 ? bytes : Math.ceil(bytes / this.#cellSize) * this.#cellBytes
  }
}
