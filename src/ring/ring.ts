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

const WAITING = 0
const ENDED = 1
const HEAD = 16
const PENDING = 17
const LOST = 18
const TAIL = 32
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

/** No more is written; what is there can still be read. Wakes the reader. Any thread may say it. */
export function endRing(ring: SharedArrayBuffer): void {
  const words = new Int32Array(ring, 0, RECORDS / 4)
  Atomics.store(words, ENDED, 1)
  Atomics.store(words, WAITING, 0)
  Atomics.notify(words, WAITING)
}

/** What both sides see of the memory. */
class RingMemory {
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly floats: Float64Array
  protected readonly capacity: number

  constructor(ring: SharedArrayBuffer) {
    this.bytes = new Uint8Array(ring)
    this.words = new Int32Array(ring)
    this.floats = new Float64Array(ring)
    this.capacity = ring.byteLength - RECORDS
  }

  get ended(): boolean {
    return Atomics.load(this.words, ENDED) !== 0
  }

  /** Records that found no room so far; there are two such counts, 0 and 1, for the writer's use. */
  lost(count: 0 | 1): number {
    return this.floats[LOST / 2 + count]
  }
}

/** The side that writes: of one thread at a time, but there may be several in that thread. */
export class RingWriter extends RingMemory {
  constructor(ring: SharedArrayBuffer) {
    super(ring)
    // What a thread that was ended in the middle of a burst has left.
    this.words[PENDING] = this.words[HEAD]
  }

  /**
   * Room for a record of `bytes`: where its payload begins in `bytes`, a multiple of 8; -1, and counted as
   * lost under `count`, when there is none. It is read only after `publish`.
   */
  reserve(bytes: number, count: 0 | 1 = 0): number {
    const { words, capacity } = this
    const size = (RECORD_HEADER + bytes + 7) & ~7
    const pending = words[PENDING]
    const place = pending & (capacity - 1)
    const skip = capacity - place < size ? capacity - place : 0
    const room = capacity - ((pending - Atomics.load(words, TAIL)) >>> 0)
    if (skip > 0 && skip <= room) words[(RECORDS + place) >> 2] = -skip
    if (skip + size > room) {
      // An end that is too short is passed over all the same: the next record begins where there is more room.
      if (skip <= room) words[PENDING] = pending + skip
      this.floats[LOST / 2 + count]++
      return -1
    }
    const at = RECORDS + ((place + skip) & (capacity - 1))
    words[at >> 2] = size
    words[PENDING] = pending + skip + size
    return at + RECORD_HEADER
  }

  /** Lets the reader see what was reserved. True when it was waiting: it was woken if it sleeps in `wait`. */
  publish(): boolean {
    const { words } = this
    const pending: number = words[PENDING]
    if (pending === words[HEAD]) return false
    Atomics.store(words, HEAD, pending)
    if (Atomics.load(words, WAITING) === 0) return false
    Atomics.store(words, WAITING, 0)
    Atomics.notify(words, WAITING)
    return true
  }
}

/** The side that reads. */
export class RingReader extends RingMemory {
  /** Behind the record that was read last. */
  #cursor: number

  constructor(ring: SharedArrayBuffer) {
    super(ring)
    this.#cursor = Atomics.load(this.words, TAIL)
  }

  /** Where the payload of the next record begins in `bytes`; -1 when there is none. Valid until `release`. */
  next(): number {
    const { words, capacity } = this
    while (this.#cursor !== Atomics.load(words, HEAD)) {
      const at = RECORDS + (this.#cursor & (capacity - 1))
      const size = words[at >> 2]
      this.#cursor = (this.#cursor + Math.abs(size)) | 0
      if (size > 0) return at + RECORD_HEADER
    }
    return -1
  }

  /** Gives back the room of everything that was read. */
  release(): void {
    Atomics.store(this.words, TAIL, this.#cursor)
  }

  /**
   * Asks the writer to say when there is more (`publish` answers true, once). False when there is more
   * already, or nothing to come: then read on instead.
   */
  arm(): boolean {
    this.release() // all that is there was read
    Atomics.store(this.words, WAITING, 1)
    if (Atomics.load(this.words, HEAD) === this.#cursor && !this.ended) return true
    Atomics.store(this.words, WAITING, 0)
    return false
  }

  /** Sleeps until there is more, the ring has ended or `ms` have passed. Not for a main thread. */
  wait(ms = Number.POSITIVE_INFINITY): void {
    if (!this.arm()) return
    Atomics.wait(this.words, WAITING, 1, ms)
    Atomics.store(this.words, WAITING, 0)
  }

  /** Sleeps for `ms`, or until the ring has ended; the writer need not wake it. */
  nap(ms: number): void {
    if (!this.ended) Atomics.wait(this.words, WAITING, 0, ms)
  }
}
