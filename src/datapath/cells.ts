// Memory for frames that are held (held.ts): chunks, made when they are needed, up to a bound. A chunk is laid
// out as a slab is (frame/slab.ts), so that a port can send straight from it:
//
//   lengths, starts | cells of one size, 2 KiB, 16 KiB or 66 KiB, each with headroom in front of the frame
//
// A chunk whose cells are all free may be given cells of another size. What was never touched of it costs
// nothing. Nothing is allocated for a frame, and what a chunk holds is never copied again.

import { BURST, HEADROOM, LONGEST_FRAME, SLAB_BYTES, SLOTS_OFFSET, type Slab } from '../frame/slab.js'

/** What a port sends from: a slab, or a chunk. */
export type Outgoing = Pick<Slab, 'bytes' | 'lengths' | 'starts'>

/** Bytes of a cell, its headroom included. */
const CELLS = [2048, 16 * 1024, HEADROOM + LONGEST_FRAME] as const
/** Of the first chunk: enough for the 1,000 frames that an impairment holds where no limit is given. */
const FIRST_CHUNK = 2 * 1024 * 1024
/** Of the others. Frames that are due together go by one call where they stand in one chunk: so, no smaller. */
const CHUNK = 32 * 1024 * 1024
const MEMORY = 1024 * 1024 * 1024
/** No cell stands there: the end of a list. */
const NONE = 0

export class Chunk implements Outgoing {
  /** Its place among the chunks. */
  readonly index: number
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly lengths: Int32Array<ArrayBuffer>
  readonly starts: Int32Array<ArrayBuffer>
  readonly words: Int32Array<ArrayBuffer>
  /** Bytes of each of its cells. */
  cell = 0
  /** Cells in use. */
  used = 0
  /** Behind the last cell that was ever in use. */
  #top = SLOTS_OFFSET
  /** The free cell before that which was given back last; its first word says where the next one is. */
  #free = NONE

  constructor(index: number, size: number) {
    this.index = index
    this.bytes = new Uint8Array(size)
    this.lengths = new Int32Array(this.bytes.buffer, 0, BURST)
    this.starts = new Int32Array(this.bytes.buffer, 4 * BURST, BURST)
    this.words = new Int32Array(this.bytes.buffer)
  }

  get full(): boolean {
    return this.#free === NONE && this.#top + this.cell > this.bytes.length
  }

  /** A cell of a chunk that is not full: where its frame starts. */
  take(): number {
    this.used++
    const cell = this.#free
    if (cell !== NONE) {
      this.#free = this.words[cell >> 2]
      return cell + HEADROOM
    }
    this.#top += this.cell
    return this.#top - this.cell + HEADROOM
  }

  /** Gives back the cell of the frame that starts there. */
  give(start: number): void {
    if (--this.used === 0) {
      this.#top = SLOTS_OFFSET
      this.#free = NONE
      return
    }
    const cell = start - HEADROOM
    this.words[cell >> 2] = this.#free
    this.#free = cell
  }
}

export class Cells {
  readonly chunks: Chunk[] = []
  /** Bytes of all chunks. */
  bytes = 0
  readonly #most: number
  readonly #chunk: number
  /** By size of cells: the chunk that had room last. */
  readonly #last: (Chunk | undefined)[] = CELLS.map(() => undefined)

  /** At most `most` bytes, in chunks of `chunk` bytes; not less than a slab, which the addon asks for. */
  constructor(most = MEMORY, chunk = CHUNK) {
    if (chunk < SLAB_BYTES) throw new RangeError('held frames need the memory of a slab')
    this.#most = most
    this.#chunk = chunk
  }

  /** A chunk with a free cell for a frame of `length` bytes; undefined when there is no room for one. */
  find(length: number): Chunk | undefined {
    const size = sizeOf(length)
    const cell = CELLS[size]
    const last = this.#last[size]
    if (last !== undefined && last.cell === cell && !last.full) return last
    const found = this.#withRoom(cell) ?? this.#empty()
    if (found === undefined) return undefined
    found.cell = cell
    this.#last[size] = found
    return found
  }

  /** The last one is preferred: the small first one is left when more is held than it has room for. */
  #withRoom(cell: number): Chunk | undefined {
    const { chunks } = this
    for (let at = chunks.length - 1; at >= 0; at--) {
      const chunk = chunks[at] as Chunk
      if (chunk.cell === cell && !chunk.full) return chunk
    }
    return undefined
  }

  /** A chunk without frames, a new one if need be. */
  #empty(): Chunk | undefined {
    for (const chunk of this.chunks) if (chunk.used === 0) return chunk
    const { length } = this.chunks
    const size = length === 0 ? Math.min(FIRST_CHUNK, this.#chunk) : this.#chunk
    if (this.bytes + size > this.#most) return undefined
    const chunk = new Chunk(length, size)
    this.chunks.push(chunk)
    this.bytes += size
    return chunk
  }
}

function sizeOf(length: number): number {
  let size = 0
  while (size < CELLS.length - 1 && HEADROOM + length + 3 > CELLS[size]) size++
  return size
}
