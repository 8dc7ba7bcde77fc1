// A medium that is open from time to time only (as Wi-Fi and DOCSIS are): frames wait for the next slot and
// then go together, at most `packets` of them or `bytes`. Made by impairment.ts; whoever releases held
// frames (datapath/inspect.ts) asks it. Follows get_slot_next() and netem_dequeue() of sch_netem.c.

import { toQuantiles } from './distribution.js'
import type { SlotPlan } from './impair-options.js'
import { DRAWS, draw, type Key } from './random.js'

export interface SlotState {
  /** Slots so far. */
  slots: number
  /** ms of the thread's clock; when the slot opens. */
  next: number
  packets: number
  bytes: number
}

const UNLIMITED = Number.MAX_SAFE_INTEGER

export class Slot {
  readonly #plan: SlotPlan
  readonly #key: Key
  readonly #state: SlotState
  readonly #x = new Float64Array(1)

  /** The first frame begins the first slot. */
  constructor(plan: SlotPlan, key: Key, from?: SlotState) {
    this.#plan = plan
    this.#key = key
    this.#state = from === undefined ? { slots: 0, next: 0, packets: 0, bytes: 0 } : { ...from }
    if (from === undefined) this.#fill()
  }

  /** What the next one goes on from. */
  get state(): SlotState {
    return { ...this.#state }
  }

  /** ms: when the slot opens. Ask again then if allows() said no. */
  get next(): number {
    return this.#state.next
  }

  /**
   * May a frame of `length` bytes that was due at `due` go at `now`? Asked in the order of `due`, for frames
   * with `due` <= `now` only; true takes its place in the slot.
   */
  allows(now: number, due: number, length: number): boolean {
    const state = this.#state
    // It came after the slot had opened: it belongs to the next one.
    if (due > state.next) this.#begin(now)
    if (now < state.next) return false
    state.packets--
    state.bytes -= length
    if (state.packets <= 0 || state.bytes <= 0) this.#begin(now)
    return true
  }

  #begin(now: number): void {
    this.#state.next = now + this.#wait(draw(this.#key, this.#state.slots++) / DRAWS)
    this.#fill()
  }

  #wait(u: number): number {
    const plan = this.#plan
    if ('distribution' in plan) {
      this.#x[0] = u
      toQuantiles(plan.distribution, this.#x, 1)
      return Math.max(0, plan.delay + plan.jitter * (this.#x[0] as number))
    }
    return plan.min + (plan.max - plan.min) * u
  }

  #fill(): void {
    this.#state.packets = this.#plan.packets ?? UNLIMITED
    this.#state.bytes = this.#plan.bytes ?? UNLIMITED
  }
}
