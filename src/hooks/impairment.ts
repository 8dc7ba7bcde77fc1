// What tc's netem does to a link, as a hook: duplicate, loss, corrupt, reorder, delay, rate, limit, slot, put
// together in netem's way (netem_enqueue() of Linux' sch_netem.c). One for each direction that is impaired, and one for
// each rule that impairs, made and asked by datapath/lane.ts. Which frames are hit depends on the seed, the end and the
// frame's number among those that it judges only; limit, rate and slot depend on time as well.
// A duplicate may be lost on its own and has a jitter of its own; what damages its frame, or sends it at once, does so to
// both. netem judges it once more in all.

import type { ImpairPlan, SlotPlan } from '../faults/impair-plan.js'
import type { Burst } from '../frame/burst.js'
import { BURST } from '../frame/slab.js'
import type { Place, Words } from '../frame/words.js'
import type { Seed } from '../wishes/impair.js'
import { meanRate } from '../wishes/tables.js'
import { Chance } from './chance.js'
import { Corrupt } from './corrupt.js'
import { Delay } from './delay.js'
import { mark } from './ecn.js'
import type { Hook } from './hook.js'
import { type Loss, makeLoss, modelOf } from './loss.js'
import { type Kind, keyOf } from './random.js'
import { makeRate, type RateState, shiftedRate } from './rate.js'
import { Reorder, type ReorderState } from './reorder.js'
import { Slot, type SlotState } from './slot.js'

/** The words of an impairment's counters, in their order. Frames; a duplicate counts once. */
export const IMPAIR_COUNTS = ['delayed', 'duplicated', 'corrupted', 'reordered', 'marked'] as const
export type Effects = Words<'effect'>
const DELAYED = 0 as Place<'effect'>
const DUPLICATED = 1 as Place<'effect'>
const CORRUPTED = 2 as Place<'effect'>
const REORDERED = 3 as Place<'effect'>
const MARKED = 4 as Place<'effect'>

/** What an impairment of a rule counts beside the end's counters, in this order; what is held, datapath/holding.ts says. */
export const PART_COUNTS = ['loss', 'limit', 'held', ...IMPAIR_COUNTS] as const
export type PartCount = (typeof PART_COUNTS)[number]
export type PartCounts = Words<'part'>
const LOSS = 0 as Place<'part'>
const PART_LIMIT = 1 as Place<'part'>
export const PART_HELD = 2 as Place<'part'>
const PART_EFFECTS = 3

/** Which frames are an impairment's, and where else it counts. */
export interface Part {
  /** By frame of a burst: the number of the impairment that judges it. */
  readonly taken: Uint32Array
  readonly counts: PartCounts
  /** What captures show beside a drop. */
  readonly reason: string | undefined
}

/** One that judges every frame. */
const ALL: Part = {
  taken: new Uint32Array(BURST),
  counts: new Float64Array(PART_COUNTS.length),
  reason: undefined,
}

/** ms. With a slot every frame is held; this is nothing, but not "at once". */
const A_MOMENT = 1e-6
/** netem's default: frames that may wait for a rate, or for slots of so many. */
const QUEUE = 1000
/** Bytes: no frame that travels is shorter, or hardly one. */
const SHORTEST = 64
/** Draws of a jitter that is not uniform: no more than so many times what it says. */
const FARTHEST = 4
/** What a burst's word for them holds. */
const MAX_COPIES = 255

/** Where an impairment stands, as plain data: another one, in another thread maybe, goes on from there. */
export interface ImpairState {
  seed: Seed
  number: number
  loss?: { model: string; state: number }
  duplicate?: number
  corrupt?: number
  reorder?: ReorderState
  delay?: number
  rate?: RateState
  slot?: SlotState
}

/** The same for a thread whose clock began `offset` ms earlier. */
export function shifted(state: ImpairState, offset: number): ImpairState {
  const { rate, slot } = state
  return {
    ...state,
    ...(rate !== undefined && { rate: shiftedRate(rate, offset) }),
    ...(slot && { slot: { ...slot, next: slot.next + offset } }),
  }
}

/**
 * Frames that may be held. Where nothing but a delay holds them there is no limit but memory's: netem's 1000 counts
 * buffers of up to 64 KB, and of wire frames a TCP stream over 20 ms has more on its way. Where a rate or slots let
 * only so much go, a thousand may wait, beside those that the delay has.
 */
function limitOf({ limit, delay, rate, slot }: ImpairPlan): number {
  if (limit !== undefined) return limit
  const bits =
    rate === undefined ? Number.POSITIVE_INFINITY : 'trace' in rate ? meanRate(rate.trace) : rate.rate
  const pace = Math.min(bits / 8_000 / SHORTEST, slot === undefined ? Number.POSITIVE_INFINITY : paceOf(slot))
  if (pace === Number.POSITIVE_INFINITY) return pace
  const longest = (delay?.time ?? 0) + FARTHEST * (delay?.jitter ?? 0)
  return QUEUE + Math.ceil(pace * longest)
}

/** Frames that slots let go, in a ms. */
function paceOf(slot: SlotPlan): number {
  const { packets = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY } = slot
  const apart = 'min' in slot ? slot.min : slot.delay
  return Math.min(packets, bytes / SHORTEST) / apart
}

export class Impairment implements Hook {
  /** Frames that may be held at a time. */
  readonly limit: number
  readonly plan: ImpairPlan
  /** Asked when held frames are released; undefined where there are no slots. */
  readonly slot: Slot | undefined
  /** Frames of it that are held: set it before each call of judge(). */
  held = 0
  /** Its number in Part.taken; 0 is the end's own. */
  lane = 0

  /** ms that rules have each frame of the burst held: what it would be held without this. */
  readonly ruled = new Float64Array(BURST)

  readonly #counters: Effects
  readonly #part: Part
  readonly #loss: Loss | undefined
  readonly #duplicate: Chance | undefined
  readonly #corrupt: Corrupt | undefined
  readonly #reorder: Reorder | undefined
  readonly #delay: Delay | undefined
  readonly #rate: ReturnType<typeof makeRate> | undefined
  /** Frames judged so far. */
  #number: number

  // What is decided of each frame of a burst, zero where an impairment is absent. In columns: a fraction that
  // a function returns may be boxed, and one in an array is not.
  readonly #lost = new Uint8Array(BURST)
  readonly #doubled = new Uint8Array(BURST)
  /** Would the duplicate be lost? */
  readonly #spoilt = new Uint8Array(BURST)
  readonly #damaged = new Uint8Array(BURST)
  readonly #jumps = new Uint8Array(BURST)
  readonly #delays = new Float64Array(BURST)
  /** Of the duplicates; undefined where they go with their frames. */
  readonly #copyDelays: Float64Array | undefined
  /** Where its frames stand in the burst. */
  readonly #at = new Uint8Array(BURST)

  /**
   * @param end the end that sends: 0 is a, 1 is b
   * @param counters words to count in, as IMPAIR_COUNTS names them
   * @param from what to go on from: decisions only if it has the plan's seed, the clock of the rate always
   * @param part of several impairments, which frames it judges
   */
  constructor(plan: ImpairPlan, end: 0 | 1, counters: Effects, from?: ImpairState, part = ALL) {
    const key = (kind: Kind) => keyOf(plan.seed, end, kind)
    const { loss, duplicate, corrupt, reorder, delay, rate, slot } = plan
    const last = from?.seed === plan.seed ? from : undefined
    const model = loss && modelOf(loss) === last?.loss?.model ? last.loss.state : undefined
    this.plan = plan
    this.limit = limitOf(plan)
    this.#counters = counters
    this.#part = part
    this.#number = last?.number ?? 0
    this.#loss = loss && makeLoss(loss, key('loss'), model)
    this.#duplicate =
      duplicate && new Chance(key('duplicate'), duplicate.probability, duplicate.correlation, last?.duplicate)
    this.#corrupt = corrupt && new Corrupt(corrupt, key('corrupt'), last?.corrupt)
    this.#reorder = reorder && new Reorder(reorder, key('reorder'), last?.reorder)
    this.#delay = delay && new Delay(delay, key('delay'), last?.delay)
    if (duplicate !== undefined && delay?.jitter !== undefined) this.#copyDelays = new Float64Array(BURST)
    this.#rate = rate && makeRate(rate, from?.rate)
    this.slot = slot && new Slot(slot, key('slot'), last?.slot)
  }

  /** May it change bytes of a frame? */
  get alters(): boolean {
    return this.plan.corrupt !== undefined || this.plan.ecn === true
  }

  state(): ImpairState {
    const state: ImpairState = { seed: this.plan.seed, number: this.#number }
    if (this.#loss) state.loss = { model: modelOf(this.plan.loss!), state: this.#loss.state }
    if (this.#duplicate) state.duplicate = this.#duplicate.state
    if (this.#corrupt) state.corrupt = this.#corrupt.state
    if (this.#reorder) state.reorder = this.#reorder.state
    if (this.#delay) state.delay = this.#delay.state
    const rate = this.#rate?.state
    if (rate !== undefined) state.rate = rate
    if (this.slot) state.slot = this.slot.state
    return state
  }

  judge(burst: Burst): void {
    const number = this.#number
    const count = this.#gather(burst.count)
    this.#decide(number, count)
    if (count < burst.count) this.#spread(count)
    let held = this.held
    for (let mine = 0; mine < count; mine++) {
      const i = this.#at[mine]
      if (!burst.passes(i)) continue
      if (this.#lost[i] === 1 && this.plan.ecn === true && mark(burst, i)) {
        this.#lost[i] = 0
        this.#count(MARKED)
      }
      // One more by duplication, one less by loss: both leave one.
      if (this.#lost[i] === 1 && this.#doubled[i] === 0) {
        burst.drop(i, 'loss', this.#part.reason)
        this.#part.counts[LOSS]++
      } else held += this.#send(burst, i, held)
      if (this.#damaged[i] === 1 && burst.passes(i)) {
        this.#corrupt!.flip(burst, i, number + mine)
        this.#count(CORRUPTED)
      }
    }
    this.#number = number + count
  }

  /** Which frames of the burst are its own. How many. */
  #gather(frames: number): number {
    const { taken } = this.#part
    let count = 0
    for (let i = 0; i < frames; i++) if (taken[i] === this.lane) this.#at[count++] = i
    return count
  }

  /** What was decided of its frames, to where they stand: from the last one, so that none is written over. */
  #spread(count: number): void {
    const copyDelays = this.#copyDelays
    for (let mine = count - 1; mine >= 0; mine--) {
      const i = this.#at[mine]
      this.#doubled[i] = this.#doubled[mine]
      this.#lost[i] = this.#lost[mine]
      this.#spoilt[i] = this.#spoilt[mine]
      this.#damaged[i] = this.#damaged[mine]
      this.#jumps[i] = this.#jumps[mine]
      this.#delays[i] = this.#delays[mine]
      if (copyDelays !== undefined) copyDelays[i] = copyDelays[mine]
    }
  }

  #count(effect: Place<'effect'>): void {
    this.#counters[effect]++
    this.#part.counts[(PART_EFFECTS + effect) as Place<'part'>]++
  }

  /** Decides every frame, also those that others dropped: a decision belongs to a frame's number. */
  #decide(number: number, count: number): void {
    this.#duplicate?.decide(number, count, this.#doubled)
    this.#loss?.decide(number, count, this.#lost, this.#duplicate && this.#spoilt)
    this.#corrupt?.decide(number, count, this.#damaged)
    this.#reorder?.decide(number, count, this.#jumps)
    if (this.#delay === undefined) this.#delays.fill(0)
    else this.#delay.decide(number, count, this.#delays, this.#copyDelays)
  }

  /** Says when frame `i` and its copies go, or drops what there is no room for. Answers how many it holds. */
  #send(burst: Burst, i: number, held: number): number {
    const jumps = this.#jumps[i] === 1
    const double = this.#doubled[i] === 1 && this.#lost[i] === 0 && this.#spoilt[i] === 0 ? 1 : 0
    const before = burst.delays[i]
    this.ruled[i] = before
    let copies = Math.min(burst.copies[i] + double, MAX_COPIES)
    // The duplicate of what jumps does so, too.
    const apart = double === 1 && !jumps ? this.#copyDelays : undefined
    if (jumps) this.#delays[i] = before
    else this.#schedule(burst, i, apart === undefined ? 1 + copies : copies, this.#delays)
    const delay = this.#delays[i]
    const room = this.limit - held
    // Also what would not wait: netem takes nothing into a queue that is full.
    if (room < 1) {
      this.refuse(burst, i)
      return 0
    }
    if (delay > 0) copies = Math.min(copies, room - 1)
    if (jumps) this.#count(REORDERED)
    else this.#rate?.take()
    if (delay > before) this.#count(DELAYED)
    let alone = 0
    if (copies > burst.copies[i]) {
      this.#count(DUPLICATED)
      if (apart !== undefined) alone = this.#sendCopy(burst, i, apart)
    }
    burst.delays[i] = delay
    burst.copies[i] = copies
    return delay > 0 ? 1 + copies : alone
  }

  /** Says when the duplicate of frame `i` goes, which is not when the frame does; it is always held, and is one. */
  #sendCopy(burst: Burst, i: number, delays: Float64Array): number {
    this.#schedule(burst, i, 1, delays)
    this.#rate?.take()
    burst.copyDelays[i] = Math.max(delays[i], A_MOMENT)
    return 1
  }

  /** There is no room to hold frame `i`. */
  refuse(burst: Burst, i: number): void {
    burst.drop(i, 'limit', this.#part.reason)
    this.#part.counts[PART_LIMIT]++
  }

  /** Makes of the delay of frame `i` the ms until it and its copies go; what rules ask for comes first. */
  #schedule(burst: Burst, i: number, frames: number, delays: Float64Array): void {
    delays[i] += burst.delays[i]
    this.#rate?.pass(burst, i, frames, delays)
    if (this.slot !== undefined && delays[i] === 0) delays[i] = A_MOMENT
  }
}
