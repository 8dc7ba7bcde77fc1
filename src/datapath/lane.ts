// One way of frames through an inspected direction: the impairment that judges them, and what it holds of them. The first
// lane of a direction is the end's own; each rule that impairs has one for the frames that it takes, with faults, rate,
// limit and held frames of its own. Lanes know nothing of each other: frames of two may overtake one another. Made and
// asked by inspector.ts. Nothing here allocates for a frame.

import type { ImpairPlan } from '../faults/impair-plan.js'
import type { Burst } from '../frame/burst.js'
import {
  type Effects,
  Impairment,
  type ImpairState,
  PART_COUNTS,
  type PartCounts,
  shifted,
} from '../hooks/impairment.js'
import { partOf, type Rule } from '../hooks/rule.js'
import type { Held, HeldFrame } from './held.js'
import { Holding, type HoldingWiring } from './holding.js'
import type { Sender } from './sender.js'

/** What a lane is wired to. */
export interface LaneWiring extends HoldingWiring {
  /** The sending end: 0 for a. */
  readonly end: 0 | 1
  readonly effects: Effects
}

/** What a lane is in the middle of. Plain data. */
export interface LaneState {
  impairment?: ImpairState
  held: HeldFrame[]
}

export class Lane {
  readonly holding: Holding
  impairment: Impairment | undefined
  readonly #wiring: LaneWiring
  readonly #taken: Uint32Array
  #rule: Rule | undefined
  /** What its impairment counts for itself. */
  #counts: PartCounts = new Float64Array(PART_COUNTS.length)

  /** `taken`: by frame of a burst, the number of its lane. */
  constructor(wiring: LaneWiring, sender: Sender, held: Held, taken: Uint32Array) {
    this.#wiring = wiring
    this.#taken = taken
    this.holding = new Holding(wiring, sender, held)
  }

  /** The rule whose frames these are; undefined for the end's own lane. */
  get rule(): Rule | undefined {
    return this.#rule
  }

  /** `from`: what it goes on from. What is held is not overtaken by what comes, unless the new set reorders. */
  impair(plan: ImpairPlan | null, from?: ImpairState): void {
    this.holding.replaced(plan?.reorder === undefined)
    const { end, effects } = this.#wiring
    const part = { taken: this.#taken, counts: this.#counts, reason: this.#rule?.reason }
    this.impairment = plan === null ? undefined : new Impairment(plan, end, effects, from, part)
    if (this.impairment !== undefined) this.impairment.lane = this.#rule?.lane ?? 0
    this.holding.limit = this.impairment?.limit ?? Number.POSITIVE_INFINITY
  }

  /** It is of that rule, or of the one that stands in its place now; its number may be another one. */
  follow(rule: Rule): void {
    if (rule !== this.#rule) {
      this.#rule = rule
      this.#counts = partOf(rule.counts)
      this.holding.part = this.#counts
      if (rule.plan.action.kind === 'impair') this.impair(rule.plan.action)
    }
    if (this.impairment !== undefined) this.impairment.lane = rule.lane
  }

  /** ms (performance.now()) when release() has something to do; Infinity: not before another burst. */
  get due(): number {
    const { next } = this.holding
    const slot = this.impairment?.slot
    return slot === undefined ? next : Math.max(next, slot.next)
  }

  /** Sends what is due. How many frames that were. */
  release(now: number): number {
    return this.holding.release(now, this.impairment?.slot)
  }

  judge(burst: Burst): void {
    if (this.impairment === undefined) return
    this.impairment.held = this.holding.count
    this.impairment.judge(burst)
  }

  /** There is no room to hold a frame of the burst. */
  refuse(burst: Burst, frame: number): void {
    if (this.impairment === undefined) burst.drop(frame, 'limit')
    else this.impairment.refuse(burst, frame)
  }

  /** Ends: what another thread needs to go on from here; what is held goes with it. */
  state(): LaneState {
    const { impairment } = this
    return { ...(impairment && { impairment: impairment.state() }), held: this.holding.export() }
  }

  /** Goes on where another thread stopped, whose clock began `offset` ms earlier. */
  resume(plan: ImpairPlan | undefined, { impairment, held }: LaneState, offset: number): void {
    if (plan !== undefined) this.impair(plan, impairment && shifted(impairment, offset))
    this.holding.import(held)
    if (plan === undefined) this.holding.replaced(true)
  }
}
