// The lanes of an inspected direction (lane.ts): the end's own, for the frames that no rule takes, and one for each rule
// that impairs, in their order. Which lane a frame goes by is said by hooks/rule.ts. Used by inspector.ts. Nothing here
// allocates for a frame.

import type { ImpairPlan } from '../faults/impair-plan.js'
import type { Burst } from '../frame/burst.js'
import type { Rules } from '../hooks/rule.js'
import { Held } from './held.js'
import { Lane, type LaneState, type LaneWiring } from './lane.js'
import type { Sender } from './sender.js'

/** What the lanes of a direction are in the middle of: the end's own, and those of rules by the rule's number. */
export interface LanesState extends LaneState {
  rules?: ({ id: number } & LaneState)[]
}

export class Lanes {
  readonly own: Lane
  /** By number, as Rules.taken has it. */
  all: readonly Lane[]
  readonly #rules: Rules
  readonly #make: () => Lane
  #followed: Rules['impairing']

  /** `heldOf`: makes what keeps the frames that are held. */
  constructor(wiring: LaneWiring, sender: Sender, rules: Rules, heldOf = () => new Held()) {
    this.#rules = rules
    this.#followed = rules.impairing
    this.#make = () => new Lane(wiring, sender, heldOf(), rules.taken)
    this.own = this.#make()
    this.all = [this.own]
  }

  /** To be called after a change of the rules. What is held of one that is gone goes on by the end's own lane. */
  follow(): void {
    const { impairing } = this.#rules
    if (impairing === this.#followed) return
    this.#followed = impairing
    const before = new Map(this.all.map((lane) => [lane.rule?.plan.id, lane]))
    const lanes = impairing.map((rule) => {
      const lane = before.get(rule.plan.id) ?? this.#make()
      before.delete(rule.plan.id)
      lane.follow(rule)
      return lane
    })
    before.delete(undefined)
    this.all = [this.own, ...lanes]
    for (const { holding } of before.values()) this.own.holding.import(holding.export())
  }

  /** May they change bytes? */
  get alters(): boolean {
    return this.all.some(({ impairment }) => impairment?.alters === true)
  }

  /** ms (performance.now()) when release() has something to do; Infinity: not before another burst. */
  get due(): number {
    let due = Number.POSITIVE_INFINITY
    for (const lane of this.all) due = Math.min(due, lane.due)
    return due
  }

  /** Sends what is due. How many frames that were. */
  release(now: number): number {
    let released = 0
    for (const lane of this.all) released += lane.release(now)
    return released
  }

  /** Asks the lanes that the burst has frames of: there may be very many. */
  judge(burst: Burst): void {
    if (this.all.length === 1) return this.own.judge(burst)
    const { taken } = this.#rules
    for (let frame = 0; frame < burst.count; frame++) {
      const number = taken[frame]
      if (taken.indexOf(number) === frame) (this.all[number] as Lane).judge(burst)
    }
  }

  discard(): void {
    for (const { holding } of this.all) holding.discard()
  }

  /** Gives back the memory of what was held. */
  clear(): void {
    for (const { holding } of this.all) holding.clear()
  }

  /** Ends: what another thread needs to go on from here. */
  state(): LanesState {
    const [own, ...others] = this.all
    const rules = others.map((lane) => ({ id: lane.rule?.plan.id as number, ...lane.state() }))
    return { ...(own as Lane).state(), ...(rules.length > 0 && { rules }) }
  }

  /** Goes on where another thread stopped, whose clock began `offset` ms earlier; `plan`: of the end's own. */
  resume(plan: ImpairPlan | undefined, { rules = [], ...own }: LanesState, offset: number): void {
    this.follow()
    this.own.resume(plan, own, offset)
    for (const { id, ...state } of rules) {
      const lane = this.all.find(({ rule }) => rule?.plan.id === id)
      if (lane === undefined) this.own.holding.import(state.held)
      else lane.resume(lane.impairment?.plan, state, offset)
    }
  }
}
