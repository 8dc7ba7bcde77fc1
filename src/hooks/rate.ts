// How fast a direction is: each frame takes its length over the rate, one after the other; `burst` bytes may
// go at once after a pause. Used by impairment.ts. A clock (ms) says when the link is free again.

import type { RatePlan, SteadyPlan } from '../faults/impair-plan.js'
import type { Burst } from '../frame/burst.js'
import type { Place, Words } from '../frame/words.js'
import { Trace, type TraceState } from './trace.js'

/** Earlier than every clock, and still plain JSON. */
const LONG_AGO = -1e12

/** When the link is free again; and that time if the frame asked for last is sent. */
const FREE = 0 as Place<'rate'>
const THEN = 1 as Place<'rate'>

/** What the next one goes on from: when the link is free (ms of the thread's clock), or where in its trace it is. */
export type RateState = number | TraceState

/** `from`: of a rate to go on from; one of the other kind, or of another trace, is none. */
export function makeRate(plan: RatePlan, from: RateState | undefined): Rate | Trace {
  if ('trace' in plan) return new Trace(plan.trace, typeof from === 'object' ? from : undefined)
  return new Rate(plan, typeof from === 'number' ? from : undefined)
}

/** The same for a thread whose clock began `offset` ms earlier. */
export function shiftedRate(state: RateState, offset: number): RateState {
  return typeof state === 'number' ? state + offset : { ...state, began: state.began + offset }
}

class Rate {
  readonly #msPerByte: number
  /** ms that the clock may lie behind: what `burst` bytes take. */
  readonly #credit: number
  readonly #overhead: number
  readonly #cellSize: number
  readonly #cellBytes: number
  readonly #clock: Words<'rate'> = Float64Array.of(LONG_AGO, LONG_AGO)

  /** `clock`: the state of a rate to go on from. */
  constructor(plan: SteadyPlan, clock = LONG_AGO) {
    this.#msPerByte = 8000 / plan.rate
    this.#credit = (plan.burst ?? 0) * this.#msPerByte
    this.#overhead = plan.overhead ?? 0
    this.#cellSize = plan.cellSize ?? 0
    this.#cellBytes = this.#cellSize + (plan.cellOverhead ?? 0)
    this.#clock[FREE] = clock
  }

  /** What the next one goes on from; ms of this thread's clock. */
  get state(): number {
    return this.#clock[FREE]
  }

  /**
   * Frame `frame` of the burst comes after `delays[frame]` ms, `frames` times: raises that to when they are
   * through, unless they fit into `burst`. They take the link only when take() follows.
   */
  pass(burst: Burst, frame: number, frames: number, delays: Float64Array): void {
    const time = burst.now + delays[frame]
    const start = Math.max(this.#clock[FREE], time - this.#credit)
    const bytes = Math.max(0, burst.lengths[frame] + this.#overhead)
    // Whole cells where there are cells, as packet_time_ns() of netem.
    const counted = this.#cellSize === 0 ? bytes : Math.ceil(bytes / this.#cellSize) * this.#cellBytes
    const end = start + counted * frames * this.#msPerByte
    this.#clock[THEN] = end
    if (end > time) delays[frame] = end - burst.now
  }

  /** The frames that pass() was asked for last are sent. */
  take(): void {
    this.#clock[FREE] = this.#clock[THEN]
  }
}
