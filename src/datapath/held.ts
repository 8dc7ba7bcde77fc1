// Frames that a hook holds until a time: copied out of their burst slots, sent from here. One for each
// inspected direction. Memory grows with what is held at once, and is used again; nothing is allocated
// for a frame otherwise. The memory is laid out as a slab is (frame/slab.ts), so that a port can send
// straight from it:
//
//   lengths, starts | cells of 2 KiB, 16 KiB or 66 KiB, each with headroom in front of the frame
//
// What is due comes out in the order of its time, and of its arrival where times are equal: a binary heap.

import { BURST, HEADROOM, LONGEST_FRAME, SLAB_BYTES, SLOTS_OFFSET, type Slab } from '../frame/slab.js'
import { DUE, NOW } from '../hooks/slot.js'

/** Bytes of a cell, its headroom included. */
const CELLS = [2048, 16 * 1024, HEADROOM + LONGEST_FRAME] as const
/** Not less than a slab, which the addon asks for. */
const FIRST_MEMORY = 512 * 1024
if (FIRST_MEMORY < SLAB_BYTES) throw new RangeError('held frames need the memory of a slab')
const FIRST_FRAMES = 64

/** A frame on its way to another thread: `wait` ms before it is due. */
export interface HeldFrame {
  frame: Uint8Array
  wait: number
  number: number
  queue: number
  delay: number
}

export class Held {
  bytes!: Uint8Array<ArrayBuffer>
  lengths!: Int32Array<ArrayBuffer>
  starts!: Int32Array<ArrayBuffer>
  words!: Int32Array
  /**
   * Of the frame that hold() is called for: when it is due (ms), and how long it is held. Not arguments: V8
   * allocates a number with a fraction for each call that it does not inline.
   */
  readonly times = new Float64Array(2)
  /** ms, while frames are released; hooks/slot.ts says what stands where. */
  readonly clock = new Float64Array(2)
  /** Frames held. */
  count = 0
  #top = SLOTS_OFFSET
  /** Free cells of each size. */
  readonly #free: number[][] = CELLS.map(() => [])
  /** By entry: what is known of a frame. An entry is free when it is not in the heap. */
  #due = new Float64Array(0)
  #order = new Float64Array(0)
  #number = new Float64Array(0)
  #delay = new Float64Array(0)
  #start = new Int32Array(0)
  #length = new Int32Array(0)
  #queue = new Int32Array(0)
  /** Entries; the first `count` are the heap, the others are free. */
  #heap = new Int32Array(0)
  #arrivals = 0

  constructor() {
    this.#allocate(FIRST_MEMORY)
    this.#enlarge(FIRST_FRAMES)
  }

  /** When the next frame is due, in ms; Infinity when none is held. */
  get next(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : (this.#due[this.#heap[0] as number] as number)
  }

  /** Is the next frame due at clock[NOW]? When it is, stands at clock[DUE] then. */
  isDue(): boolean {
    const { clock } = this
    clock[DUE] = this.next
    return clock[DUE] <= (clock[NOW] as number)
  }

  get nextLength(): number {
    return this.#length[this.#heap[0] as number] as number
  }

  /** Number of the queue that the next frame came from. */
  get nextQueue(): number {
    return this.#queue[this.#heap[0] as number] as number
  }

  get nextNumber(): number {
    return this.#number[this.#heap[0] as number] as number
  }

  /** ms that the next frame was to be held. */
  get nextDelay(): number {
    return this.#delay[this.#heap[0] as number] as number
  }

  /** Where the next frame stands in `bytes`. */
  get nextStart(): number {
    return this.#start[this.#heap[0] as number] as number
  }

  /** Holds a copy of a frame, which stands at a multiple of 4; `times` says until when. */
  hold(from: Int32Array, start: number, length: number, number: number, queue: number): void {
    const cell = this.#take(length)
    const to = cell + HEADROOM
    const { words } = this
    const last = (length + 3) >> 2
    for (let i = 0, source = start >> 2, target = to >> 2; i < last; i++)
      words[target + i] = from[source + i] as number
    if (this.count === this.#heap.length) this.#enlarge(2 * this.count)
    const entry = this.#heap[this.count] as number
    this.#due[entry] = this.times[0] as number
    this.#order[entry] = this.#arrivals++
    this.#number[entry] = number
    this.#delay[entry] = this.times[1] as number
    this.#start[entry] = to
    this.#length[entry] = length
    this.#queue[entry] = queue
    this.#rise(this.count++)
  }

  /** Writes the next frame's number, and the ms that it was to be held, at `at`. */
  tell(numbers: Float64Array, delays: Float64Array, at: number): void {
    const entry = this.#heap[0] as number
    numbers[at] = this.#number[entry] as number
    delays[at] = this.#delay[entry] as number
  }

  /** Takes the next frame out of the order. Its bytes stay where they are until `free`. */
  pop(): void {
    const heap = this.#heap
    const entry = heap[0] as number
    this.count--
    heap[0] = heap[this.count] as number
    heap[this.count] = entry
    if (this.count > 0) this.#sink()
  }

  /** Gives back the cell of a frame that was popped. */
  free(start: number, length: number): void {
    this.#free[sizeOf(length)]?.push(start - HEADROOM)
  }

  /** What is held, for another thread, whose clock is another one. */
  export(now: number): HeldFrame[] {
    const entries = Array.from(this.#heap.subarray(0, this.count))
    entries.sort((one, other) => (this.#order[one] as number) - (this.#order[other] as number))
    return entries.map((entry) => {
      const start = this.#start[entry] as number
      return {
        frame: this.bytes.slice(start, start + (this.#length[entry] as number)),
        wait: (this.#due[entry] as number) - now,
        number: this.#number[entry] as number,
        queue: this.#queue[entry] as number,
        delay: this.#delay[entry] as number,
      }
    })
  }

  import(frames: HeldFrame[], now: number): void {
    for (const { frame, wait, number, queue, delay } of frames) {
      const words = new Int32Array((frame.length + 3) >> 2)
      new Uint8Array(words.buffer).set(frame)
      this.times[0] = now + wait
      this.times[1] = delay
      this.hold(words, 0, frame.length, number, queue)
    }
  }

  #take(length: number): number {
    const size = sizeOf(length)
    const free = this.#free[size]?.pop()
    if (free !== undefined) return free
    const cell = this.#top
    this.#top += CELLS[size] as number
    if (this.#top > this.bytes.length) this.#allocate(2 * this.bytes.length)
    return cell
  }

  #allocate(size: number): void {
    const before = this.bytes
    this.bytes = new Uint8Array(size)
    if (before !== undefined) this.bytes.set(before)
    this.lengths = new Int32Array(this.bytes.buffer, 0, BURST)
    this.starts = new Int32Array(this.bytes.buffer, 4 * BURST, BURST)
    this.words = new Int32Array(this.bytes.buffer)
  }

  #enlarge(size: number): void {
    const before = this.#heap.length
    const floats = (from: Float64Array) => {
      const to = new Float64Array(size)
      to.set(from)
      return to
    }
    const whole = (from: Int32Array) => {
      const to = new Int32Array(size)
      to.set(from)
      return to
    }
    this.#due = floats(this.#due)
    this.#order = floats(this.#order)
    this.#number = floats(this.#number)
    this.#delay = floats(this.#delay)
    this.#start = whole(this.#start)
    this.#length = whole(this.#length)
    this.#queue = whole(this.#queue)
    this.#heap = whole(this.#heap)
    for (let entry = before; entry < size; entry++) this.#heap[entry] = entry
  }

  /** Is the entry at heap place `one` to go before the one at `other`? */
  #before(one: number, other: number): boolean {
    const first = this.#heap[one] as number
    const second = this.#heap[other] as number
    const gap = (this.#due[first] as number) - (this.#due[second] as number)
    return gap < 0 || (gap === 0 && (this.#order[first] as number) < (this.#order[second] as number))
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap
    const entry = heap[one] as number
    heap[one] = heap[other] as number
    heap[other] = entry
  }

  #rise(place: number): void {
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!this.#before(place, parent)) return
      this.#swap(place, parent)
      place = parent
    }
  }

  #sink(): void {
    for (let place = 0; ; ) {
      let child = 2 * place + 1
      if (child >= this.count) return
      if (child + 1 < this.count && this.#before(child + 1, child)) child++
      if (!this.#before(child, place)) return
      this.#swap(place, child)
      place = child
    }
  }
}

/** What a port sends from: a slab, or held frames. */
export type Outgoing = Pick<Slab, 'bytes' | 'lengths' | 'starts'>

function sizeOf(length: number): number {
  let size = 0
  while (size < CELLS.length - 1 && HEADROOM + length + 3 > (CELLS[size] as number)) size++
  return size
}
