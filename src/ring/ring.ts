// A bounded queue of records in shared memory: one thread writes, another one reads. Captures use it
// (datapath/probe.ts), and whoever reads frames in another thread. The writer never blocks: a record that finds
// no room is lost, and counted. Nothing is allocated for a record. All of the state stands in the memory,
// so another thread may take over either part once the one before it has stopped.
//
//   word     0         1           16      17        18, 20      32           48
//            +---------+-------+---+-------+---------+-------+---+-------+----+---------------------
//            | waiting | ended | … | head  | pending | lost  | … | tail  | …  | records
//            +---------+-------+---+-------+---------+-------+---+-------+----+---------------------
//   written  reader,   either      writer                        reader       writer
//   by       writer
//
//   a record:  size i32, unused i32, payload | up to a multiple of 8 bytes. Records never wrap: a negative
//              size says how many bytes before the end of the memory hold nothing.
//
// head, pending and tail count bytes since the beginning, modulo 2^32; lost are two Float64. What stands
// between head and pending is written but not published.

import { load, notify, type Place, store, type Words, wait, waitAsync } from '../frame/words.js'

const WAITING = 0 as Place<'ring'>
const ENDED = 1 as Place<'ring'>
const HEAD = 16 as Place<'ring'>
const PENDING = 17 as Place<'ring'>
const TAIL = 32 as Place<'ring'>
/** In Float64s. */
const LOST = [9 as Place<'lost'>, 10 as Place<'lost'>] as const
/** Byte at which the records begin. */
const RECORDS = 192
/** Bytes in front of a payload. */
const RECORD_HEADER = 8

const SMALLEST = 4096
export const LARGEST_RING = 2 ** 30

/** A ring for about `bytes` bytes of records: the next power of two. */
export function createRing(bytes: number): SharedArrayBuffer {
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(bytes, SMALLEST)))
  if (!(capacity <= LARGEST_RING)) throw new RangeError(`a ring holds at most ${LARGEST_RING} bytes`)
  return new SharedArrayBuffer(RECORDS + capacity)
}

/** Bytes for records; createRing() of as many makes one of the same size. */
export function capacityOf(ring: SharedArrayBuffer): number {
  return ring.byteLength - RECORDS
}

/** No more is written; what is there can still be read. Wakes the reader. Any thread may say it. */
export function endRing(ring: SharedArrayBuffer): void {
  const state: Words<'ring'> = new Int32Array(ring, 0, RECORDS / 4)
  store(state, ENDED, 1)
  store(state, WAITING, 0)
  notify(state, WAITING)
}

/** The memory of the records, behind what both sides say to each other. */
export function recordsOf(ring: SharedArrayBuffer): Uint8Array {
  return new Uint8Array(ring, RECORDS)
}

/** What both sides see of the memory. */
class RingMemory {
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly floats: Float64Array
  /** What stands in front of the records: `words` and `floats` once more. */
  protected readonly state: Words<'ring'>
  protected readonly losses: Words<'lost'>
  /** Bytes for records. */
  readonly capacity: number

  constructor(ring: SharedArrayBuffer) {
    this.bytes = new Uint8Array(ring)
    this.words = new Int32Array(ring)
    this.floats = new Float64Array(ring)
    this.state = this.words
    this.losses = this.floats
    this.capacity = capacityOf(ring)
  }

  get ended(): boolean {
    return load(this.state, ENDED) !== 0
  }

  /** What found no room so far; there are two such counts, 0 and 1, for the writer's use. */
  lost(count: 0 | 1): number {
    return this.losses[LOST[count]]
  }
}

/** The side that writes: of one thread at a time, but there may be several in that thread. */
export class RingWriter extends RingMemory {
  constructor(ring: SharedArrayBuffer) {
    super(ring)
    // What a thread that was ended in the middle of a burst has left.
    this.state[PENDING] = this.state[HEAD]
  }

  /**
   * Room for a record of `bytes`: where its payload begins in `bytes`, a multiple of 8; -1, and `frames` counted as
   * lost under `count`, when there is none. It is read only after `publish`.
   */
  reserve(bytes: number, count: 0 | 1 = 0, frames = 1): number {
    const { words, state, capacity } = this
    const size = (RECORD_HEADER + bytes + 7) & ~7
    const pending = state[PENDING]
    const place = pending & (capacity - 1)
    const skip = capacity - place < size ? capacity - place : 0
    const room = capacity - ((pending - load(state, TAIL)) >>> 0)
    if (skip > 0 && skip <= room) words[(RECORDS + place) >> 2] = -skip
    if (skip + size > room) {
      // An end that is too short is passed over all the same: the next record begins where there is more room.
      if (skip <= room) state[PENDING] = pending + skip
      this.losses[LOST[count]] += frames
      return -1
    }
    const at = RECORDS + ((place + skip) & (capacity - 1))
    words[at >> 2] = size
    state[PENDING] = pending + skip + size
    return at + RECORD_HEADER
  }

  /** Bytes that are free; a record has them if its place does not come to the end of the memory. */
  get room(): number {
    return this.capacity - ((this.state[PENDING] - load(this.state, TAIL)) >>> 0)
  }

  /** Leaves the reader `ms`. */
  pause(ms: number): void {
    wait(this.state, ENDED, 0, ms)
  }

  /** Lets the reader see what was reserved. True when it was waiting: it was woken if it is in `wait`. */
  publish(): boolean {
    const { state } = this
    const pending: number = state[PENDING]
    if (pending === state[HEAD]) return false
    store(state, HEAD, pending)
    if (load(state, WAITING) === 0) return false
    store(state, WAITING, 0)
    notify(state, WAITING)
    return true
  }
}

/** The side that reads. */
export class RingReader extends RingMemory {
  /** Behind the record that was read last. */
  #cursor: number

  constructor(ring: SharedArrayBuffer) {
    super(ring)
    this.#cursor = load(this.state, TAIL)
  }

  /** Where the payload of the next record begins in `bytes`; -1 when there is none. Valid until `release`. */
  next(): number {
    const { words, state, capacity } = this
    while (this.#cursor !== load(state, HEAD)) {
      const at = RECORDS + (this.#cursor & (capacity - 1))
      const size = words[at >> 2]
      this.#cursor = (this.#cursor + Math.abs(size)) | 0
      if (size > 0) return at + RECORD_HEADER
    }
    return -1
  }

  /** Gives back the room of everything that was read. */
  release(): void {
    store(this.state, TAIL, this.#cursor)
  }

  /**
   * Asks the writer to say when there is more (`publish` answers true, once). False when there is more
   * already, or nothing to come: then read on instead.
   */
  arm(): boolean {
    this.release() // all that is there was read
    store(this.state, WAITING, 1)
    if (load(this.state, HEAD) === this.#cursor && !this.ended) return true
    store(this.state, WAITING, 0)
    return false
  }

  /** Resolves when there is more, the ring has ended or `ms` have passed. */
  async wait(ms = Number.POSITIVE_INFINITY): Promise<void> {
    if (!this.arm()) return
    await waitAsync(this.state, WAITING, 1, ms).value
    store(this.state, WAITING, 0)
  }

  /** Resolves after `ms`, or when the ring has ended; the writer need not wake it. */
  async nap(ms: number): Promise<void> {
    if (!this.ended) await waitAsync(this.state, WAITING, 0, ms).value
  }
}
