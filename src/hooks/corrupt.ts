// Which frames arrive damaged: one bit of the frame, headers included, is the other way round. Used by
// impairment.ts. Checksums are left as they were, so that the receiver finds it out.

import type { ChancePlan } from '../faults/impair-plan.js'
import type { Burst } from '../frame/burst.js'
import { Chance } from './chance.js'
import { DRAWS, drawAll, type Key } from './random.js'

export class Corrupt {
  readonly #key: Key
  readonly #chance: Chance
  readonly #place = new Float64Array(1)

  /** `last`: the state of one to go on from. */
  constructor(plan: ChancePlan, key: Key, last?: number) {
    this.#key = key
    this.#chance = new Chance(key, plan.probability, plan.correlation, last)
  }

  /** What the next one goes on from. */
  get state(): number {
    return this.#chance.state
  }

  /** Decides `count` frames from frame `number`: 1 in `damaged` for those that are damaged. */
  decide(number: number, count: number, damaged: Uint8Array): void {
    this.#chance.decide(number, count, damaged)
  }

  /** Flips a bit of frame `frame` of the burst; `number` is the frame's. */
  flip(burst: Burst, frame: number, number: number): void {
    const bits = burst.lengths[frame] * 8
    drawAll(this.#key, number, 1, 2, this.#place)
    const bit = Math.floor((this.#place[0] / DRAWS) * bits)
    burst.memory[burst.changing(frame) + (bit >> 3)] ^= 1 << (bit & 7)
    burst.reasons[frame] ??= 'corrupted'
  }
}
