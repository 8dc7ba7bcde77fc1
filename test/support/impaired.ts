// Feeds frames to an impairment as datapath/inspector.ts does, in simulated time, and notes what becomes of
// each. No device, no thread, no waiting.

import { planImpair } from '../../src/faults/impair-plan.js'
import { Burst } from '../../src/frame/burst.js'
import { CAUSES, type Cause } from '../../src/frame/cause.js'
import { BURST, HEADROOM, SLOTS_OFFSET, Slab } from '../../src/frame/slab.js'
import { IMPAIR_COUNTS, Impairment, type ImpairState } from '../../src/hooks/impairment.js'

export interface Fate {
  /** Why it was dropped. */
  dropped: Cause | undefined
  /** ms from its arrival. */
  delay: number
  copies: number
  /** ms that the last copy takes, if not as long as its frame. */
  copyDelay?: number
  /** Bits that are not as they were sent. */
  damage: readonly number[]
  reason: string | undefined
}

export interface Traffic {
  /** Bytes of each frame. */
  length?: number
  /** Frames in a burst. */
  burst?: number
  /** ms between two bursts, and of the first one. */
  every?: number
  start?: number
  /** Called with each burst before the impairment, as a hook in front of it. */
  before?: (burst: Burst) => void
}

const FILL = 0x5a
const NONE: readonly number[] = []

/** An impairment by its options, with its counts by name. */
export class Impaired {
  readonly impairment: Impairment
  readonly #counters = new Float64Array(IMPAIR_COUNTS.length)
  readonly #slab = new Slab()
  readonly #burst = new Burst()
  /** Times at which held frames are due. */
  #held: number[] = []
  #now = 0

  constructor(options: unknown, end: 0 | 1 = 0, from?: ImpairState) {
    this.impairment = new Impairment(planImpair(options, 'impair'), end, this.#counters, from)
  }

  get counts(): Record<string, number> {
    return Object.fromEntries(IMPAIR_COUNTS.map((name, i) => [name, this.#counters[i] as number]))
  }

  /** What becomes of `frames` frames. */
  send(frames: number, traffic: Traffic = {}): Fate[] {
    const { every = 0, start = 0, burst = BURST } = traffic
    const fates: Fate[] = []
    for (let now = start; fates.length < frames; now += every) {
      this.#judge(Math.min(burst, frames - fates.length), now, traffic, fates)
    }
    return fates
  }

  #judge(count: number, now: number, { length = 60, before }: Traffic, fates: Fate[]): void {
    const burst = this.#burst
    const size = Math.ceil((HEADROOM + length) / 64) * 64
    burst.begin(this.#slab, now)
    for (let i = 0; i < count; i++) burst.push(SLOTS_OFFSET + i * size + HEADROOM, length, i)
    this.#slab.bytes.fill(FILL, SLOTS_OFFSET, SLOTS_OFFSET + count * size)
    before?.(burst)
    if (now > this.#now) this.#held = this.#held.filter((due) => due > now)
    this.#now = now
    this.impairment.held = this.#held.length
    this.impairment.judge(burst)
    for (let i = 0; i < count; i++) fates.push(this.#fate(i, now))
  }

  #fate(i: number, now: number): Fate {
    const burst = this.#burst
    const verdict = burst.verdicts[i] as number
    const delay = burst.delays[i] as number
    const copies = burst.copies[i] as number
    const copyDelay = burst.copyDelays[i] as number
    if (verdict === 0 && delay > 0) {
      for (let copy = copyDelay > 0 ? 1 : 0; copy <= copies; copy++) this.#held.push(now + delay)
    }
    if (verdict === 0 && copyDelay > 0) this.#held.push(now + copyDelay)
    const damage =
      burst.reasons[i] === undefined
        ? NONE
        : this.#damage(burst.starts[i] as number, burst.lengths[i] as number)
    const dropped = CAUSES[verdict - 1]
    const fate = { dropped, delay, copies, damage, reason: burst.reasons[i] }
    return copyDelay > 0 ? { ...fate, copyDelay } : fate
  }

  #damage(start: number, length: number): number[] {
    const { bytes } = this.#slab
    const damage: number[] = []
    for (let at = 0; at < length; at++) {
      const difference = (bytes[start + at] as number) ^ FILL
      for (let bit = 0; difference >> bit > 0; bit++) if ((difference >> bit) & 1) damage.push(at * 8 + bit)
    }
    return damage
  }
}

/** Numbers of the frames that fit. */
export function numbers(fates: readonly Fate[], fits: (fate: Fate) => boolean): number[] {
  const found: number[] = []
  fates.forEach((fate, number) => {
    if (fits(fate)) found.push(number)
  })
  return found
}

export const lost = (fate: Fate) => fate.dropped === 'loss'
