// Which frames jump the queue: sent at once while the others are delayed. Used by impairment.ts. With
// `gap N` only every N-th frame may; one that may and does not leaves the next the same chance, as in
// sch_netem.c. Every frame counts, also a lost one, so that loss never changes which frames jump.

import type { ReorderPlan } from '../faults/impair-plan.js'
import { Chance } from './chance.js'
import type { Key } from './random.js'

export interface ReorderState {
  last: number
  counted: number
}

export class Reorder {
  readonly #chance: Chance
  readonly #gap: number
  #counted: number

  constructor(plan: ReorderPlan, key: Key, from?: ReorderState) {
    this.#chance = new Chance(key, plan.probability, plan.correlation, from?.last)
    this.#gap = plan.gap
    this.#counted = from?.counted ?? 0
  }

  /** What the next one goes on from. */
  get state(): ReorderState {
    return { last: this.#chance.state, counted: this.#counted }
  }

  /** Decides `count` frames from frame `number`: 1 in `jumps` for those that are sent at once. */
  decide(number: number, count: number, jumps: Uint8Array): void {
    for (let i = 0; i < count; i++) {
      const jump = this.#counted >= this.#gap - 1 && this.#chance.hits(number + i)
      this.#counted = jump ? 0 : Math.min(this.#counted + 1, this.#gap)
      jumps[i] = jump ? 1 : 0
    }
  }
}
