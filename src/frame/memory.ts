// How much memory frames may have that wait, in all threads of a process together: those that are held
// (datapath/held.ts, by pieces) and those that wait in rings for who reads them (pair/rings.ts). Words in shared
// memory; nothing is allocated here. Made by link/memory.ts, which knows the bound; each thread has its own view.
//
//   of the process:    used | bound | refused, low and high      KiB; frames
//   of a pair:         held | rings                              KiB, in its counters' memory (datapath/counters.ts)
//
// The rule: a pair is given more while it then has no more than what is left for all. One pair that wants everything
// gets half of the bound, n of them get 1/(n+1) each, and something is left for whoever comes next.

import { add, load, type Place, store, type Words } from './words.js'

const USED = 0 as Place<'memory'>
const BOUND = 1 as Place<'memory'>
const REFUSED = 2 as Place<'memory'>
const REFUSED_HIGH = 3 as Place<'memory'>
const MEMORY_WORDS = 4

/** Words of a pair. */
const HELD = 0 as Place<'share'>
const RINGS = 1 as Place<'share'>
export const SHARE_WORDS = 2
export type ShareWords = Words<'share'>

const UNIT = 1024
/** Bytes that can be counted: what 31 bits of KiB hold. */
export const MOST_MEMORY = 2 ** 41 - UNIT

export class FrameMemory {
  /** For another thread's view. */
  readonly shared: SharedArrayBuffer
  readonly #words: Words<'memory'>

  /** Without a bound until there is one. */
  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(4 * MEMORY_WORDS)
    this.#words = new Int32Array(this.shared)
    if (shared === undefined) this.bound = MOST_MEMORY
  }

  /** Bytes that all may have together. Those that have more keep it. */
  get bound(): number {
    return load(this.#words, BOUND) * UNIT
  }

  set bound(bytes: number) {
    store(this.#words, BOUND, Math.floor(Math.min(bytes, MOST_MEMORY) / UNIT))
  }

  /** Bytes. */
  get used(): number {
    return load(this.#words, USED) * UNIT
  }

  /** Frames that were dropped since there was no memory for them. */
  get refused(): number {
    return (load(this.#words, REFUSED_HIGH) >>> 0) * 2 ** 32 + (load(this.#words, REFUSED) >>> 0)
  }

  /** One more of them. */
  refuse(): void {
    if (add(this.#words, REFUSED, 1) === -1) add(this.#words, REFUSED_HIGH, 1)
  }

  /** For a pair whose words are `pair`. Of several threads that ask at once, all may be refused. */
  take(pair: ShareWords, place: Place<'share'>, bytes: number): boolean {
    const units = Math.ceil(bytes / UNIT)
    add(pair, place, units)
    const left = load(this.#words, BOUND) - add(this.#words, USED, units) - units
    if (load(pair, HELD) + load(pair, RINGS) <= left) return true
    this.give(pair, place, bytes)
    return false
  }

  give(pair: ShareWords, place: Place<'share'>, bytes: number): void {
    const units = Math.ceil(bytes / UNIT)
    add(pair, place, -units)
    add(this.#words, USED, -units)
  }
}

/** A pair's part of it, as one thread sees that. */
export class Share {
  readonly #memory: FrameMemory
  readonly #words: ShareWords

  constructor(memory = new FrameMemory(), words: ShareWords = new Int32Array(SHARE_WORDS)) {
    this.#memory = memory
    this.#words = words
  }

  /** Bytes of whole KiB; `drop` is to be called with the same. */
  hold(bytes: number): boolean {
    return this.#memory.take(this.#words, HELD, bytes)
  }

  drop(bytes: number): void {
    this.#memory.give(this.#words, HELD, bytes)
  }

  openRing(bytes: number): boolean {
    return this.#memory.take(this.#words, RINGS, bytes)
  }

  closeRing(bytes: number): void {
    this.#memory.give(this.#words, RINGS, bytes)
  }

  /** A frame was dropped since there was no memory for it. */
  refuse(): void {
    this.#memory.refuse()
  }

  /** The thread that held frames is gone, and what it had with it. */
  abandon(): void {
    this.drop(load(this.#words, HELD) * UNIT)
  }
}
