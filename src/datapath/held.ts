// Frames that a hook holds until a time: copied out of their burst slots into cells (cells.ts), from which they
// are sent. One for each inspected direction. Used by holding.ts. Memory grows with what is held at once, as far as
// the pair's share allows and the system has it, and is used again; nothing is allocated for a frame otherwise. What
// finds no memory is refused, and nothing else is touched.
//
// What is due comes out in the order of its time, and of its arrival where times are equal: a binary heap.

import type { Burst } from '../frame/burst.js'
import { VNET_HDR_LEN } from '../frame/slab.js'
import type { Place, Words } from '../frame/words.js'
import { type Clock, DUE, NOW } from '../hooks/slot.js'
import { Cells, type Chunk } from './cells.js'

const FIRST_FRAMES = 64
/** Bytes of what is known of a frame, rounded up. */
const ENTRY = 64

/** Places in Held.times: when a frame is due (ms), how long it is held, and when rules alone would let it go. */
export const UNTIL = 0 as Place<'time'>
export const WAIT = 1 as Place<'time'>
export const LEAST = 2 as Place<'time'>

/** Whoever is told of frames: in columns. */
interface Tellable {
  readonly numbers: Float64Array
  readonly delays: Float64Array
}

/** A frame on its way to another thread: `wait` ms before it is due, `least` before rules alone would let it go. */
export interface HeldFrame {
  frame: Uint8Array
  wait: number
  least: number
  number: number
  queue: number
  delay: number
}

export class Held {
  /**
   * Of the frame that hold() is called for. Not arguments: V8 allocates a number with a fraction for each call
   * that it does not inline.
   */
  readonly times: Words<'time'> = new Float64Array(3)
  /** ms, while frames are released; hooks/slot.ts says what stands where. */
  readonly clock: Clock = new Float64Array(2)
  /** Frames held. */
  count = 0
  readonly #cells: Cells
  /** By entry: what is known of a frame. An entry is free when it is not in the heap. */
  #due = new Float64Array(0)
  #least = new Float64Array(0)
  #order = new Float64Array(0)
  #number = new Float64Array(0)
  #delay = new Float64Array(0)
  #chunk = new Int32Array(0)
  #start = new Int32Array(0)
  #length = new Int32Array(0)
  #queue = new Int32Array(0)
  /** Entries; the first `count` are the heap, the others are free. */
  #heap = new Int32Array(0)
  #arrivals = 0

  constructor(cells = new Cells()) {
    this.#cells = cells
    this.#resize(FIRST_FRAMES)
  }

  /** When the next frame is due, in ms; Infinity when none is held. */
  get next(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.#due[this.#heap[0]]
  }

  /** Is the next frame due at clock[NOW]? When it is, stands at clock[DUE] then. */
  isDue(): boolean {
    const { clock } = this
    clock[DUE] = this.next
    return clock[DUE] <= clock[NOW]
  }

  get nextLength(): number {
    return this.#length[this.#heap[0]]
  }

  /** Number of the queue that the next frame came from. */
  get nextQueue(): number {
    return this.#queue[this.#heap[0]]
  }

  /** The memory that the next frame stands in. */
  get nextChunk(): Chunk {
    return this.#chunkOf(this.#heap[0])
  }

  /** Where it stands there. */
  get nextStart(): number {
    return this.#start[this.#heap[0]]
  }

  /**
   * Holds a copy of a frame, which stands at a multiple of 4; `times` says until when. False when there is no
   * room for it.
   */
  hold(from: Int32Array, start: number, length: number, number: number, queue: number): boolean {
    if (this.count === this.#heap.length && !this.#enlarge(2 * this.count)) return false
    const chunk = this.#cells.find(length)
    if (chunk === undefined) return false
    const to = chunk.take()
    const { words } = chunk
    const target = to >> 2
    // The virtio-net header of a wire frame: cells of another size may have stood there.
    words.fill(0, target - VNET_HDR_LEN / 4, target)
    const last = (length + 3) >> 2
    for (let i = 0, source = start >> 2; i < last; i++) words[target + i] = from[source + i]
    const entry = this.#heap[this.count]
    this.#due[entry] = this.times[UNTIL]
    this.#least[entry] = this.times[LEAST]
    this.#order[entry] = this.#arrivals++
    this.#number[entry] = number
    this.#delay[entry] = this.times[WAIT]
    this.#chunk[entry] = chunk.index
    this.#start[entry] = to
    this.#length[entry] = length
    this.#queue[entry] = queue
    this.#rise(this.count++)
    return true
  }

  /**
   * Holds a frame of a burst for the time that the hooks have said, and of its copies as many as there is room
   * for: so many are left in the burst. False when there is none for the frame itself. `times[LEAST]` is the caller's.
   */
  holdOf(burst: Burst, frame: number, queue: number): boolean {
    const start = burst.starts[frame]
    const length = burst.lengths[frame]
    const number = burst.numbers[frame]
    const wanted = 1 + burst.copies[frame]
    this.times[UNTIL] = burst.now + burst.delays[frame]
    this.times[WAIT] = burst.delays[frame]
    let done = 0
    while (done < wanted && this.hold(burst.words, start, length, number, queue)) done++
    if (done === 0) {
      this.#cells.share.refuse()
      return false
    }
    burst.copies[frame] = done - 1
    return true
  }

  /** Writes the next frame's number, and the ms that it was to be held, at `at`. */
  tell({ numbers, delays }: Tellable, at: number): void {
    const entry = this.#heap[0]
    numbers[at] = this.#number[entry]
    delays[at] = this.#delay[entry]
  }

  /** Takes the next frame out of the order. Its bytes stay where they are until their cell is given back. */
  pop(): void {
    const heap = this.#heap
    const entry = heap[0]
    this.count--
    heap[0] = heap[this.count]
    heap[this.count] = entry
    if (this.count > 0) this.#sink()
  }

  /** Gives back the memory of a frame that was taken out, and starts at `start`. */
  free(chunk: Chunk, start: number): void {
    this.#cells.give(chunk, start)
  }

  /** Has it memory to give back when nothing is held? */
  get grown(): boolean {
    return this.#cells.bytes > 0
  }

  /** Nothing is held: gives back all memory. */
  clear(): void {
    this.#cells.clear()
    const entries = this.#heap.length
    if (entries === FIRST_FRAMES) return
    this.#resize(FIRST_FRAMES)
    this.#cells.share.drop(ENTRY * (entries - FIRST_FRAMES))
  }

  /** When the last of those that are held now is due; -Infinity when none are. */
  get last(): number {
    let last = Number.NEGATIVE_INFINITY
    for (let place = 0; place < this.count; place++) last = Math.max(last, this.#due[this.#heap[place]])
    return last
  }

  /** The number that the next arrival will have: those of before have lower ones. */
  get arrivals(): number {
    return this.#arrivals
  }

  /** Those that came before `arrival` are due at `due` at the latest, in their order, or when rules let them go. */
  hasten(arrival: number, due: number): void {
    for (let place = 0; place < this.count; place++) {
      const entry = this.#heap[place]
      if (this.#order[entry] >= arrival) continue
      this.#due[entry] = Math.max(this.#least[entry], Math.min(this.#due[entry], due))
    }
    for (let place = (this.count >> 1) - 1; place >= 0; place--) this.#sink(place)
  }

  /** What is held, for another thread, whose clock is another one. */
  export(now: number): HeldFrame[] {
    const entries = Array.from(this.#heap.subarray(0, this.count))
    entries.sort((one, other) => this.#order[one] - this.#order[other])
    return entries.map((entry): HeldFrame => {
      const start = this.#start[entry]
      return {
        frame: this.#chunkOf(entry).bytes.slice(start, start + this.#length[entry]),
        wait: this.#due[entry] - now,
        least: this.#least[entry] - now,
        number: this.#number[entry],
        queue: this.#queue[entry],
        delay: this.#delay[entry],
      }
    })
  }

  /** Takes over what another thread held. How many frames there was no room for. */
  import(frames: HeldFrame[], now: number): number {
    let refused = 0
    for (const { frame, wait, least, number, queue, delay } of frames) {
      const words = new Int32Array((frame.length + 3) >> 2)
      new Uint8Array(words.buffer).set(frame)
      this.times[UNTIL] = now + wait
      this.times[LEAST] = now + least
      this.times[WAIT] = delay
      if (this.hold(words, 0, frame.length, number, queue)) continue
      this.#cells.share.refuse()
      refused++
    }
    return refused
  }

  #chunkOf(entry: number): Chunk {
    return this.#cells.chunks[this.#chunk[entry]] as Chunk
  }

  /** False when there is no memory for so many entries. */
  #enlarge(size: number): boolean {
    const { share } = this.#cells
    const bytes = ENTRY * (size - this.#heap.length)
    if (!share.hold(bytes)) return false
    try {
      this.#resize(size)
      return true
    } catch {
      share.drop(bytes) // the arrays are as they were, or longer than they need be
      return false
    }
  }

  /** To more entries, or to a few when nothing is held. The heap comes last: its length says how many there are. */
  #resize(size: number): void {
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
    this.#due = floats(this.#due)
    this.#least = floats(this.#least)
    this.#order = floats(this.#order)
    this.#number = floats(this.#number)
    this.#delay = floats(this.#delay)
    this.#chunk = whole(this.#chunk)
    this.#start = whole(this.#start)
    this.#length = whole(this.#length)
    this.#queue = whole(this.#queue)
    const heap = whole(this.#heap)
    for (let entry = this.count === 0 ? 0 : kept; entry < size; entry++) heap[entry] = entry
    this.#heap = heap
  }

  /** Is the entry at heap place `one` to go before the one at `other`? */
  #before(one: number, other: number): boolean {
    const first = this.#heap[one]
    const second = this.#heap[other]
    const gap = this.#due[first] - this.#due[second]
    return gap < 0 || (gap === 0 && this.#order[first] < this.#order[second])
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap
    const entry = heap[one]
    heap[one] = heap[other]
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

  #sink(place = 0): void {
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
