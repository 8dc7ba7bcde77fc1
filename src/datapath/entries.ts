// What is known of the runs that are held (held.ts), in columns, and their order: that of their time, and of their
// arrival where times are equal, in a binary heap. An entry is a number; it is free when it is not in the heap. Knows
// no frame's bytes. Nothing is allocated but when there are more entries than ever before.

const FIRST_ENTRIES = 64
/** Bytes of an entry, rounded up. */
export const ENTRY_BYTES = 72

export class Entries {
  /** In the heap. */
  count = 0
  /** By entry; ms, and what is told of a run. */
  due = new Float64Array(0)
  least = new Float64Array(0)
  order = new Float64Array(0)
  number = new Float64Array(0)
  delay = new Float64Array(0)
  /** Where its bytes stand. */
  chunk = new Int32Array(0)
  start = new Int32Array(0)
  length = new Int32Array(0)
  queue = new Int32Array(0)
  /** Wire frames, and their bytes. */
  frames = new Int32Array(0)
  bytes = new Int32Array(0)
  /** The first `count` are the heap, the others are free. */
  #heap = new Int32Array(0)

  constructor() {
    this.resize(FIRST_ENTRIES)
  }

  /** Entries that there are, and how many of them are more than at the beginning. */
  get size(): number {
    return this.#heap.length
  }

  get grown(): number {
    return this.#heap.length - FIRST_ENTRIES
  }

  /** The one that is due next. */
  get first(): number {
    return this.#heap[0]
  }

  /** The entry at a place of the heap. */
  at(place: number): number {
    return this.#heap[place]
  }

  /** Those in the heap. */
  all(): number[] {
    return Array.from(this.#heap.subarray(0, this.count))
  }

  /** A free one, to be filled before push(). There is one where `count` is less than `size`. */
  get free(): number {
    return this.#heap[this.count]
  }

  /** Takes that one into the order. */
  push(): void {
    let place = this.count++
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!this.#before(place, parent)) return
      this.#swap(place, parent)
      place = parent
    }
  }

  /** Takes the first one out of it. */
  pop(): void {
    const heap = this.#heap
    const entry = heap[0]
    this.count--
    heap[0] = heap[this.count]
    heap[this.count] = entry
    if (this.count > 0) this.#sink(0)
  }

  /** After times were changed. */
  sort(): void {
    for (let place = (this.count >> 1) - 1; place >= 0; place--) this.#sink(place)
  }

  /** To a few, when nothing is held. */
  shrink(): void {
    this.resize(FIRST_ENTRIES)
  }

  /** To more entries, or to a few when nothing is held. The heap comes last: its length says how many there are. */
  resize(size: number): void {
    const kept = Math.min(this.#heap.length, size)
    const floats = (from: Float64Array) => {
      const to = new Float64Array(size)
      to.set(from.subarray(0, kept))
      return to
    }
    const whole = (from: Int32Array) => {
      const to = new Int32Array(size)
      to.set(from.subarray(0, kept))
      return to
    }
    this.due = floats(this.due)
    this.least = floats(this.least)
    this.order = floats(this.order)
    this.number = floats(this.number)
    this.delay = floats(this.delay)
    this.chunk = whole(this.chunk)
    this.start = whole(this.start)
    this.length = whole(this.length)
    this.queue = whole(this.queue)
    this.frames = whole(this.frames)
    this.bytes = whole(this.bytes)
    const heap = whole(this.#heap)
    for (let entry = this.count === 0 ? 0 : kept; entry < size; entry++) heap[entry] = entry
    this.#heap = heap
  }

  /** Is the entry at heap place `one` to go before the one at `other`? */
  #before(one: number, other: number): boolean {
    const first = this.#heap[one]
    const second = this.#heap[other]
    const gap = this.due[first] - this.due[second]
    return gap < 0 || (gap === 0 && this.order[first] < this.order[second])
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap
    const entry = heap[one]
    heap[one] = heap[other]
    heap[other] = entry
  }

  #sink(from: number): void {
    let place = from
    for (;;) {
      let child = 2 * place + 1
      if (child >= this.count) return
      if (child + 1 < this.count && this.#before(child + 1, child)) child++
      if (!this.#before(child, place)) return
      this.#swap(place, child)
      place = child
    }
  }
}
