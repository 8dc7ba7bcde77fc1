// "P percent of the frames, with correlation": the coin that loss, duplicate, corrupt and reorder throw.
// Made once per impairment; decides a whole burst at a time.

import { DRAWS, draw, type Key } from './random.js'

/** 0 to 100 as a fraction. */
const PERCENT = 0.01

/**
 * Draws in which each depends on the one before, as get_crandom() of Linux' sch_netem.c makes them:
 *   x(n) = u(n) * (1 - rho) + x(n - 1) * rho
 * u is uniform. The mean stays, but x crowds around it the more the higher rho is: with correlation, rare
 * things become rarer, as they do with netem.
 */
export class Correlated {
  readonly #key: Key
  readonly #rho: number
  /** One word: x(n - 1). In an array, so that storing it allocates nothing. */
  readonly #last = new Float64Array(1)

  /** `correlation` in percent. `last` goes on from another one's. */
  constructor(key: Key, correlation = 0, last = draw(key, 0, 1)) {
    this.#key = key
    this.#rho = correlation * PERCENT
    this.#last[0] = last
  }

  get last(): number {
    return this.#last[0] as number
  }

  /** The draw for frame `number`, from 0 to below 2^32. Frames are asked for one by one, in order. */
  next(number: number): number {
    const uniform = draw(this.#key, number)
    if (this.#rho === 0) return uniform
    const x = uniform * (1 - this.#rho) + (this.#last[0] as number) * this.#rho
    this.#last[0] = x
    return x
  }
}

/** 0 percent never hits, 100 percent always. */
export class Chance {
  readonly #draws: Correlated
  readonly #below: number

  constructor(key: Key, probability: number, correlation?: number, last?: number) {
    this.#draws = new Correlated(key, correlation, last)
    this.#below = threshold(probability)
  }

  /** What the next one goes on from. */
  get state(): number {
    return this.#draws.last
  }

  hits(number: number): boolean {
    return this.#draws.next(number) < this.#below
  }

  /** Decides `count` frames from frame `number`: 1 in `hits` for those that it hits. */
  decide(number: number, count: number, hits: Uint8Array): void {
    for (let i = 0; i < count; i++) hits[i] = this.hits(number + i) ? 1 : 0
  }
}

/** The number that as many draws as `percent` says are below. */
export function threshold(percent: number): number {
  return percent * PERCENT * DRAWS
}
