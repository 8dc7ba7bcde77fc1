// Frames that a hook holds until a time: copied out of their burst slots into cells (cells.ts), from which they
// are sent, each with its virtio-net header. What has one time and is a run of one super-frame is copied once, and
// stands in one cell. One for each inspected direction. Used by holding.ts. Memory grows with what is held at once, as far as
// the pair's share allows and the system has it, and is used again; nothing is allocated for a frame otherwise. What
// finds no memory is refused, and nothing else is touched.
// What is due comes out in the order of its time, and of its arrival where times are equal (entries.ts).

import type { Burst } from '../frame/burst.js'
import { wireFrames } from '../frame/segment.js'
import { VNET_HDR_LEN } from '../frame/slab.js'
import type { SuperFrame } from '../frame/super-frame.js'
import type { Place, Words } from '../frame/words.js'
import { type Clock, DUE, NOW } from '../hooks/slot.js'
import { Cells, type Chunk } from './cells.js'
import { Copies } from './copies.js'
import { ENTRY_BYTES, Entries } from './entries.js'

/** Places in Held.times: when a frame is due (ms), how long it is held, and when rules alone would let it go. */
export const UNTIL = 0 as Place<'time'>
export const WAIT = 1 as Place<'time'>
export const LEAST = 2 as Place<'time'>

/** Whoever is told of frames: in columns. */
interface Tellable {
  readonly numbers: Float64Array
  readonly delays: Float64Array
  /** Wire frames, and their bytes. */
  readonly frames: Int32Array
  readonly bytes: Int32Array
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
  /** Wire frames held. */
  frames = 0
  readonly #cells: Cells
  readonly #entries = new Entries()
  /** Where the cell is that was taken last. */
  #to = 0
  #arrivals = 0
  readonly #copies = new Copies()

  constructor(cells = new Cells()) {
    this.#cells = cells
  }

  /** Runs held; what is no part of a super-frame is a run of one frame. */
  get count(): number {
    return this.#entries.count
  }

  /** When the next frame is due, in ms; Infinity when none is held. */
  get next(): number {
    const entries = this.#entries
    return entries.count === 0 ? Number.POSITIVE_INFINITY : entries.due[entries.first]
  }

  /** Is the next frame due at clock[NOW]? When it is, stands at clock[DUE] then. */
  isDue(): boolean {
    const { clock } = this
    const entries = this.#entries
    if (entries.count === 0) return false
    // Not from `next`: asked for every frame, and where that is not inlined its fraction is a number on the heap.
    clock[DUE] = entries.due[entries.first]
    return clock[DUE] <= clock[NOW]
  }

  get nextLength(): number {
    return this.#entries.length[this.#entries.first]
  }

  /** Number of the queue that the next frame came from. */
  get nextQueue(): number {
    return this.#entries.queue[this.#entries.first]
  }

  /** The memory that the next frame stands in. */
  get nextChunk(): Chunk {
    return this.#chunkOf(this.#entries.first)
  }

  /** Where it stands there. */
  get nextStart(): number {
    return this.#entries.start[this.#entries.first]
  }

  /**
   * Holds a copy of the frame of `length` bytes at `start`, with its virtio-net header; `times` says until when. It is
   * copied by flush(). False when there is no room for it.
   */
  hold(from: Uint8Array, start: number, length: number, number: number, queue: number): boolean {
    const chunk = this.#take(length)
    if (chunk === undefined) return false
    this.#copies.add(chunk, this.#to - VNET_HDR_LEN, from, start - VNET_HDR_LEN, length + VNET_HDR_LEN)
    this.#enter(chunk, length, number, queue, 1, length)
    return true
  }

  /**
   * Holds frame `frame` of a burst for the time that the hooks have said, and of its copies, but one for holdCopy(), as
   * many as there is room for: so many are left. False when there is none for the frame. `times[LEAST]` is the caller's.
   */
  holdOf(burst: Burst, frame: number, queue: number): boolean {
    const start = burst.alone(frame)
    const length = burst.lengths[frame]
    const number = burst.numbers[frame]
    const apart = Number(burst.copyDelays[frame] > 0)
    this.#timeOf(burst, frame)
    let done = 0
    while (done < 1 + burst.copies[frame] - apart && this.hold(burst.memory, start, length, number, queue))
      done++
    if (done === 0) {
      this.#cells.share.refuse()
      return false
    }
    burst.copies[frame] = done - 1 + apart
    return true
  }

  /** Holds the copy of frame `frame` of a burst that has a time of its own; without room it is one copy less. */
  holdCopy(burst: Burst, frame: number, queue: number): void {
    this.times[UNTIL] = burst.now + burst.copyDelays[frame]
    this.times[WAIT] = burst.copyDelays[frame]
    const start = burst.alone(frame) // it may put the frame elsewhere
    if (this.hold(burst.memory, start, burst.lengths[frame], burst.numbers[frame], queue)) return
    this.#cells.share.refuse()
    burst.copies[frame]--
    burst.copyDelays[frame] = 0
  }

  /** The same with `count` neighbours, from `frame`, which are parts of the burst's super-frame; they have no copies. */
  holdRun(burst: Burst, frame: number, count: number, queue: number): boolean {
    const whole = burst.whole as SuperFrame
    const index = burst.first + frame
    const payload = whole.payload(index, count)
    const length = whole.headers + payload
    this.#timeOf(burst, frame)
    const chunk = this.#take(length)
    if (chunk === undefined) {
      for (let refused = 0; refused < count; refused++) this.#cells.share.refuse()
      return false
    }
    const to = this.#to
    if (count === whole.count)
      this.#copies.add(
        chunk,
        to - VNET_HDR_LEN,
        whole.bytes,
        whole.start - VNET_HDR_LEN,
        length + VNET_HDR_LEN,
      )
    else {
      whole.write(chunk.bytes, to, index, count)
      this.#copies.add(chunk, to + whole.headers, whole.bytes, whole.payloadAt(index), payload)
    }
    this.#enter(chunk, length, burst.numbers[frame], queue, count, payload + count * whole.headers)
    return true
  }

  /** Copies what was held since the last time: before frames are taken out, or change where they came from. */
  flush(): void {
    this.#copies.flush()
  }

  /** Writes at `at` what is to be told of the next run: the number of its first frame, the ms that it was to be held. */
  tell({ numbers, delays, frames, bytes }: Tellable, at: number): void {
    const entries = this.#entries
    const entry = entries.first
    numbers[at] = entries.number[entry]
    delays[at] = entries.delay[entry]
    frames[at] = entries.frames[entry]
    bytes[at] = entries.bytes[entry]
  }

  /** Takes the next frame out of the order. Its bytes stay where they are until their cell is given back. */
  pop(): void {
    const entries = this.#entries
    this.frames -= entries.frames[entries.first]
    entries.pop()
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
    const { grown } = this.#entries
    if (grown === 0) return
    this.#entries.shrink()
    this.#cells.share.drop(ENTRY_BYTES * grown)
  }

  /** When the last of those that are held now is due; -Infinity when none are. */
  get last(): number {
    const entries = this.#entries
    let last = Number.NEGATIVE_INFINITY
    for (let place = 0; place < entries.count; place++) last = Math.max(last, entries.due[entries.at(place)])
    return last
  }

  /** The number that the next arrival will have: those of before have lower ones. */
  get arrivals(): number {
    return this.#arrivals
  }

  /** Those that came before `arrival` are due at `due` at the latest, in their order, or when rules let them go. */
  hasten(arrival: number, due: number): void {
    const entries = this.#entries
    for (let place = 0; place < entries.count; place++) {
      const entry = entries.at(place)
      if (entries.order[entry] >= arrival) continue
      entries.due[entry] = Math.max(entries.least[entry], Math.min(entries.due[entry], due))
    }
    entries.sort()
  }

  /** What is held, for another thread, whose clock is another one: wire frames with finished checksums. */
  export(now: number): HeldFrame[] {
    const { due, least, order, number, delay, start, length, queue } = this.#entries
    const all = this.#entries.all().sort((one, other) => order[one] - order[other])
    return all.flatMap((entry) => {
      const frames = wireFrames(this.#chunkOf(entry).bytes, start[entry], length[entry])
      return frames.map(
        (frame, index): HeldFrame => ({
          frame,
          wait: due[entry] - now,
          least: least[entry] - now,
          number: number[entry] + index,
          queue: queue[entry],
          delay: delay[entry],
        }),
      )
    })
  }

  /** Takes over what another thread held. How many frames there was no room for. */
  import(frames: HeldFrame[], now: number): number {
    let refused = 0
    for (const { frame, wait, least, number, queue, delay } of frames) {
      const bytes = new Uint8Array(VNET_HDR_LEN + frame.length)
      bytes.set(frame, VNET_HDR_LEN)
      this.times[UNTIL] = now + wait
      this.times[LEAST] = now + least
      this.times[WAIT] = delay
      if (this.hold(bytes, VNET_HDR_LEN, frame.length, number, queue)) {
        this.flush()
        continue
      }
      this.#cells.share.refuse()
      refused++
    }
    return refused
  }

  #timeOf(burst: Burst, frame: number): void {
    this.times[UNTIL] = burst.now + burst.delays[frame]
    this.times[WAIT] = burst.delays[frame]
  }

  /** A cell for `length` bytes, which start at #to, and an entry; undefined when there is no room. */
  #take(length: number): Chunk | undefined {
    const { count, size } = this.#entries
    if (count === size && !this.#enlarge(2 * count)) return undefined
    const chunk = this.#cells.find(length)
    if (chunk !== undefined) this.#to = chunk.take()
    return chunk
  }

  #enter(chunk: Chunk, length: number, number: number, queue: number, frames: number, bytes: number): void {
    const entries = this.#entries
    const entry = entries.free
    entries.due[entry] = this.times[UNTIL]
    entries.least[entry] = this.times[LEAST]
    entries.order[entry] = this.#arrivals++
    entries.number[entry] = number
    entries.delay[entry] = this.times[WAIT]
    entries.chunk[entry] = chunk.index
    entries.start[entry] = this.#to
    entries.length[entry] = length
    entries.queue[entry] = queue
    entries.frames[entry] = frames
    entries.bytes[entry] = bytes
    entries.push()
    this.frames += frames
  }

  #chunkOf(entry: number): Chunk {
    return this.#cells.chunks[this.#entries.chunk[entry]] as Chunk
  }

  /** False when there is no memory for so many entries. */
  #enlarge(size: number): boolean {
    const { share } = this.#cells
    const entries = this.#entries
    const bytes = ENTRY_BYTES * (size - entries.size)
    if (!share.hold(bytes)) return false
    try {
      entries.resize(size)
      return true
    } catch {
      share.drop(bytes) // the arrays are as they were, or longer than they need be
      return false
    }
  }
}
