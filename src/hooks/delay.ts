// How long each frame travels: time, give or take jitter. Used by impairment.ts. Jitter makes frames
// overtake each other, as it does with netem; a rate keeps them in order.
//
// A correlation is between normal draws, z(n) = rho * z(n - 1) + sqrt(1 - rho^2) * u(n), which are looked up by their
// percentile: so each delay depends on the one before, and all of them are distributed as they are without it. netem
// takes its correlated draws modulo the jitter, or the length of its table, where nothing is left of the correlation
// (docs/netem.md); the draws themselves (chance.ts) would crowd around the mean.

import type { DelayPlan } from '../faults/impair-plan.js'
import { BURST } from '../frame/slab.js'
import { type Quantiles, quantilesOf, toPercentiles, toQuantiles } from './distribution.js'
import { DRAWS, draw, drawAll, type Key } from './random.js'

/** 0 to 100 as a fraction. */
const PERCENT = 0.01

export class Delay {
  readonly #key: Key
  readonly #rho: number
  /** One word: z(n - 1). In an array, so that storing it allocates nothing. */
  readonly #last = new Float64Array(1)
  /** The normal draws that the copies of a burst's frames depend on. */
  readonly #normals = new Float64Array(BURST)
  readonly #time: number
  readonly #jitter: number
  readonly #distribution: Quantiles

  /** `last`: the state of a delay to go on from. */
  constructor(plan: DelayPlan, key: Key, last?: number) {
    this.#key = key
    this.#rho = (plan.correlation ?? 0) * PERCENT
    this.#last[0] = draw(key, 0, 1) / DRAWS
    toQuantiles('normal', this.#last, 1)
    if (last !== undefined) this.#last[0] = last
    this.#time = plan.time
    this.#jitter = plan.jitter ?? 0
    this.#distribution = quantilesOf(plan.distribution ?? 'uniform')
  }

  /** What the next one goes on from. */
  get state(): number {
    return this.#last[0]
  }

  /** Decides `count` frames from frame `number`: ms, never negative; the same in `copies` of a copy of each, if there is jitter. */
  decide(number: number, count: number, delays: Float64Array, copies?: Float64Array): void {
    if (this.#jitter === 0) {
      delays.fill(this.#time, 0, count)
      return
    }
    drawAll(this.#key, number, count, 0, delays)
    for (let i = 0; i < count; i++) delays[i] /= DRAWS
    if (this.#rho !== 0) this.#correlate(delays, count)
    this.#toTimes(delays, count)
    if (copies === undefined) return
    drawAll(this.#key, number, count, 2, copies)
    for (let i = 0; i < count; i++) copies[i] /= DRAWS
    if (this.#rho !== 0) this.#correlateCopies(copies, count)
    this.#toTimes(copies, count)
  }

  #toTimes(draws: Float64Array, count: number): void {
    toQuantiles(this.#distribution, draws, count)
    for (let i = 0; i < count; i++) draws[i] = Math.max(0, this.#time + this.#jitter * draws[i])
  }
  /** Uniform draws, each of them on its own, become uniform ones that depend on each other. */
  #correlate(draws: Float64Array, count: number): void {
    const fresh = Math.sqrt(1 - this.#rho ** 2)
    let last = this.#last[0]
    toQuantiles('normal', draws, count)
    for (let i = 0; i < count; i++) {
      last = last * this.#rho + draws[i] * fresh
      draws[i] = this.#normals[i] = last
    }
    this.#last[0] = last
    toPercentiles(draws, count)
  }

  /** The same for copies: each depends on its frame, and nothing on it. */
  #correlateCopies(draws: Float64Array, count: number): void {
    const fresh = Math.sqrt(1 - this.#rho ** 2)
    toQuantiles('normal', draws, count)
    for (let i = 0; i < count; i++) draws[i] = this.#normals[i] * this.#rho + draws[i] * fresh
    toPercentiles(draws, count)
  }
}
