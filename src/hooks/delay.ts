// How long each frame travels: time, give or take jitter. Used by impairment.ts. Jitter makes frames
// overtake each other, as it does with netem; a rate keeps them in order.

import type { DelayPlan } from '../faults/impair-plan.js'
import type { Distribution } from '../wishes/names.js'
import { Correlated } from './chance.js'
import { toQuantiles } from './distribution.js'
import { DRAWS, type Key } from './random.js'

export class Delay {
  readonly #draws: Correlated
  readonly #time: number
  readonly #jitter: number
  readonly #distribution: Distribution

  /** `last`: the state of a delay to go on from. */
  constructor(plan: DelayPlan, key: Key, last?: number) {
    this.#draws = new Correlated(key, plan.correlation, last)
    this.#time = plan.time
    this.#jitter = plan.jitter ?? 0
    this.#distribution = plan.distribution ?? 'uniform'
  }

  /** What the next one goes on from. */
  get state(): number {
    return this.#draws.last
  }

  /** Decides `count` frames from frame `number`: ms, never negative. */
  decide(number: number, count: number, delays: Float64Array): void {
    if (this.#jitter === 0) {
      delays.fill(this.#time, 0, count)
      return
    }
    this.#draws.drawAll(number, count, delays)
    for (let i = 0; i < count; i++) delays[i] /= DRAWS
    toQuantiles(this.#distribution, delays, count)
    for (let i = 0; i < count; i++) {
      delays[i] = Math.max(0, this.#time + this.#jitter * delays[i])
    }
  }
}
