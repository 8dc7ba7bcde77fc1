// "P percent of the frames, with correlation": the coin that loss, duplicate, corrupt and reorder throw.
// Made once per impairment; decides a whole burst at a time.

import { BURST } from '../frame/slab.js'
import { DRAWS, draw, drawAll, type Key } from './random.js'

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
    return this.#last[0]
  }

  /** The draws for `count` frames from frame `number`, from 0 to below 2^32. */
  drawAll(number: number, count: number, draws: Float64Array): void {
    drawAll(this.#key, number, count, 0, draws)
    if (this.#rho === 0) return
    let last = this.#last[0]
    for (let i = 0; i < count; i++) {
      last = draws[i] * (1 - this.#rho) + last * this.#rho
      draws[i] = last
    }
    this.#last[0] = last
  }

  /** As many draws again, for a copy of each frame: each depends on the frame's own in `draws`, and no later one on it. */
  drawCopies(number: number, count: number, draws: Float64Array, copies: Float64Array): void {
    drawAll(this.#key, number, count, 2, copies)
    if (this.#rho === 0) return
    for (let i = 0; i < count; i++) copies[i] = copies[i] * (1 - this.#rho) + draws[i] * this.#rho
  }
}

/** 0 percent never hits, 100 percent always. */
export class Chance {
  readonly #source: Correlated
  readonly #draws = new Float64Array(BURST)
  readonly #copies = new Float64Array(BURST)
  readonly #below: number

  constructor(key: Key, probability: number, correlation?: number, last?: number) {
    this.#source = new Correlated(key, correlation, last)
    this.#below = threshold(probability)
  }

  /** What the next one goes on from. */
  get state(): number {
    return this.#source.last
  }

  hits(number: number): boolean {
    this.#source.drawAll(number, 1, this.#draws)
    return this.#draws[0] < this.#below
  }

  /** Decides `count` frames from frame `number`: 1 in `hits` for those that it hits; the same in `copies` of a copy of each. */
  decide(number: number, count: number, hits: Uint8Array, copies?: Uint8Array): void {
    this.#source.drawAll(number, count, this.#draws)
    for (let i = 0; i < count; i++) hits[i] = this.#draws[i] < this.#below ? 1 : 0
    if (copies === undefined) return
    this.#source.drawCopies(number, count, this.#draws, this.#copies)
    for (let i = 0; i < count; i++) copies[i] = this.#copies[i] < this.#below ? 1 : 0
  }
}

/** The number that as many draws as `percent` says are below. */
export function threshold(percent: number): number {
  return percent * PERCENT * DRAWS
}
