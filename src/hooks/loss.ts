// Which frames are lost: independently (or netem's correlated draws), or by the two Markov models of Linux'
// sch_netem.c: Gilbert-Elliott and the 4-state "general and intuitive" one (Salsano, Ludovici, Ordine,
// Giannuzzi: "Definition of a general and intuitive loss model for packet networks", NetemCLG). Used by
// impairment.ts.

import type { LossPlan } from '../faults/impair-plan.js'
import { BURST } from '../frame/slab.js'
import { Chance, threshold } from './chance.js'
import { drawAll, type Key } from './random.js'

export interface Loss {
  /**
   * Decides `count` frames from frame `number`: 1 in `lost` for those that are lost. The same in `copies` of a copy of
   * each, which comes right behind it and meets what it left; what it leaves itself no frame meets, so that duplication
   * never changes which frames are lost.
   */
  decide(number: number, count: number, lost: Uint8Array, copies?: Uint8Array): void
  /** Where the model stands; a loss of the same model goes on from it. */
  readonly state: number
}

/** The model's word in a plan: states of one model mean nothing to another. */
export function modelOf(plan: LossPlan): 'random' | 'gemodel' | 'state' {
  if ('gemodel' in plan) return 'gemodel'
  return 'state' in plan ? 'state' : 'random'
}

export function makeLoss(plan: LossPlan, key: Key, state?: number): Loss {
  if ('gemodel' in plan) return new GilbertElliott(plan.gemodel, key, state)
  if ('state' in plan) return new FourState(plan.state, key, state)
  return new Chance(key, plan.random, plan.correlation, state)
}

const GOOD = 0
const BAD = 1

/**
 * Two states: good goes bad with p, bad becomes good with r; a frame gets through a good link with
 * probability k and through a bad one with h. A frame meets the state that the one before it left behind.
 */
class GilbertElliott implements Loss {
  readonly #key: Key
  readonly #p: number
  readonly #r: number
  readonly #h: number
  readonly #k: number
  readonly #fates = new Float64Array(BURST)
  readonly #moves = new Float64Array(BURST)
  readonly #copies = new Float64Array(BURST)
  #state: number

  constructor(model: { p: number; r: number; h: number; k: number }, key: Key, state = GOOD) {
    this.#key = key
    this.#p = threshold(model.p)
    this.#r = threshold(model.r)
    this.#h = threshold(model.h)
    this.#k = threshold(model.k)
    this.#state = state
  }

  get state(): number {
    return this.#state
  }

  decide(number: number, count: number, lost: Uint8Array, copies?: Uint8Array): void {
    drawAll(this.#key, number, count, 0, this.#moves)
    drawAll(this.#key, number, count, 1, this.#fates)
    if (copies !== undefined) drawAll(this.#key, number, count, 2, this.#copies)
    for (let i = 0; i < count; i++) {
      const bad = this.#state === BAD
      lost[i] = this.#isLost(this.#fates, i)
      if (this.#moves[i] < (bad ? this.#r : this.#p)) this.#state = bad ? GOOD : BAD
      if (copies !== undefined) copies[i] = this.#isLost(this.#copies, i)
    }
  }

  /** By the i-th of the draws; 1 if it is. */
  #isLost(draws: Float64Array, i: number): number {
    return draws[i] < (this.#state === BAD ? this.#h : this.#k) ? 0 : 1
  }
}

const SENT_IN_GAP = 0
const SENT_IN_BURST = 1
const LOST_IN_BURST = 2
const LOST_IN_GAP = 3

/**
 * Gaps (good times) with single losses, and bursts (bad times) in which some frames get through:
 *
 *                  p14                p13                      p23
 *   lost in gap  <-----  sent in gap  ---->  lost in burst  <-----  sent in burst
 *                ----->               <----                 ----->
 *                 100 %                p31                     p32
 *
 * The state that a frame comes to is its fate.
 */
class FourState implements Loss {
  readonly #key: Key
  readonly #p13: number
  readonly #p31: number
  readonly #p32: number
  readonly #p23: number
  readonly #p14: number
  readonly #moves = new Float64Array(BURST)
  readonly #copies = new Float64Array(BURST)
  #state: number

  constructor(model: FourStateModel, key: Key, state = SENT_IN_GAP) {
    this.#key = key
    this.#p13 = threshold(model.p13)
    this.#p31 = threshold(model.p31)
    this.#p32 = threshold(model.p32)
    this.#p23 = threshold(model.p23)
    this.#p14 = threshold(model.p14)
    this.#state = state
  }

  get state(): number {
    return this.#state
  }

  decide(number: number, count: number, lost: Uint8Array, copies?: Uint8Array): void {
    drawAll(this.#key, number, count, 0, this.#moves)
    if (copies !== undefined) drawAll(this.#key, number, count, 1, this.#copies)
    for (let i = 0; i < count; i++) {
      this.#state = this.#after(this.#moves, i)
      lost[i] = isLost(this.#state)
      if (copies !== undefined) copies[i] = isLost(this.#after(this.#copies, i))
    }
  }

  /** The state after this one, by the i-th of the draws. */
  #after(draws: Float64Array, i: number): number {
    const state = this.#state
    const x = draws[i]
    if (state === SENT_IN_GAP) {
      if (x < this.#p14) return LOST_IN_GAP
      return x < this.#p14 + this.#p13 ? LOST_IN_BURST : SENT_IN_GAP
    }
    if (state === LOST_IN_BURST) {
      if (x < this.#p32) return SENT_IN_BURST
      return x < this.#p32 + this.#p31 ? SENT_IN_GAP : LOST_IN_BURST
    }
    if (state === SENT_IN_BURST) return x < this.#p23 ? LOST_IN_BURST : SENT_IN_BURST
    return SENT_IN_GAP
  }
}

function isLost(state: number): number {
  return state === LOST_IN_GAP || state === LOST_IN_BURST ? 1 : 0
}

interface FourStateModel {
  p13: number
  p31: number
  p32: number
  p23: number
  p14: number
}
