// A medium that is open from time to time only (as Wi-Fi and DOCSIS are): frames wait for the next slot and
// then go together, at most `packets` of them or `bytes`. Made by impairment.ts; whoever releases held
// frames (datapath/inspector.ts) asks it. Follows get_slot_next() and netem_dequeue() of sch_netem.c.

import type { SlotPlan } from '../faults/impair-plan.js'
import type { Place, Words } from '../frame/words.js'
import { type Quantiles, quantilesOf, toQuantiles } from './distribution.js'
import { DRAWS, drawAll, type Key } from './random.js'

export interface SlotState {
  /** Slots so far. */
  slots: number
  /** ms of the thread's clock; when the slot opens. */
  next: number
  packets: number
  bytes: number
}

const UNLIMITED = Number.MAX_SAFE_INTEGER

/** Places in `times`, ms: now, and when a frame was due. */
export type Clock = Words<'clock'>
export const NOW = 0 as Place<'clock'>
export const DUE = 1 as Place<'clock'>

/** Places in what a slot knows, in the order of SlotState. */
const SLOTS = 0 as Place<'slot'>
const NEXT = 1 as Place<'slot'>
const PACKETS = 2 as Place<'slot'>
const BYTES = 3 as Place<'slot'>

export class Slot {
  readonly #plan: SlotPlan
  readonly #key: Key
  readonly #distribution: Quantiles
  /** In words, and times come in words: V8 allocates a number with a fraction for a call that it does not inline. */
  readonly #state: Words<'slot'>
  readonly #x = new Float64Array(1)

  /** The first frame begins the first slot. */
  constructor(plan: SlotPlan, key: Key, from?: SlotState) {
    const { slots = 0, next = 0, packets = 0, bytes = 0 } = from ?? {}
    this.#plan = plan
    this.#key = key
    this.#distribution = quantilesOf('distribution' in plan ? plan.distribution : 'uniform')
    this.#state = Float64Array.of(slots, next, packets, bytes)
    if (from === undefined) this.#fill()
  }

  /** What the next one goes on from. */
  get state(): SlotState {
    const state = this.#state
    return { slots: state[SLOTS], next: state[NEXT], packets: state[PACKETS], bytes: state[BYTES] }
  }

  /** ms: when the slot opens. Ask again then if allows() said no. */
  get next(): number {
    return this.#state[NEXT]
  }

  /**
   * May a frame of `length` bytes that was due at times[DUE] go at times[NOW]? Asked in the order of DUE, for
   * frames with DUE <= NOW only; true takes its place in the slot.
   */
  allows(times: Clock, length: number): boolean {
    const state = this.#state
    this.look(times)
    if (times[NOW] < state[NEXT]) return false
    state[PACKETS]--
    state[BYTES] -= length
    if (state[PACKETS] <= 0 || state[BYTES] <= 0) this.#begin(times)
    return true
  }

  /** The next frame is due at times[DUE], now or later: if that is after the slot has opened, it belongs to the next one. */
  look(times: Clock): void {
    if (times[DUE] > this.#state[NEXT]) this.#begin(times)
  }

  #begin(times: Clock): void {
    const plan = this.#plan
    const state = this.#state
    const x = this.#x
    drawAll(this.#key, state[SLOTS]++, 1, 0, x)
    x[0] /= DRAWS
    if ('distribution' in plan) {
      toQuantiles(this.#distribution, x, 1)
      x[0] = Math.max(0, plan.delay + plan.jitter * x[0])
    } else x[0] = plan.min + (plan.max - plan.min) * x[0]
    state[NEXT] = times[NOW] + x[0]
    this.#fill()
  }

  #fill(): void {
    this.#state[PACKETS] = this.#plan.packets ?? UNLIMITED
    this.#state[BYTES] = this.#plan.bytes ?? UNLIMITED
  }
}
