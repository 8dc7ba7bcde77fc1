// Memory for frames that are held (held.ts): chunks, made when they are needed. A chunk is laid out as a slab is
// (frame/slab.ts), so that a port can send straight from it:
//
//   lengths, starts | cells of one size, 2 KiB, 16 KiB or 66 KiB, each with headroom in front of the frame
//
// What was never touched of a chunk costs nothing. What is touched is asked for before, piece by piece, of the pair's
// share of the process's memory (frame/memory.ts): a frame that finds neither a cell nor a piece is not held.
// A chunk whose cells are all free is given cells of another size, or given back: one is kept while frames are held,
// and none a while later (holding.ts). Nothing is allocated for a frame, and what a chunk holds is never copied again.

import { Share } from '../frame/memory.js'
import { BURST, HEADROOM, LONGEST_FRAME, SLAB_BYTES, SLOTS_OFFSET, type Slab } from '../frame/slab.js'
import { releasePages } from '../native.js'

/** What a port sends from: a slab, or a chunk. */
export type Outgoing = Pick<Slab, 'bytes' | 'lengths' | 'starts'>

/** Bytes of a cell, its headroom included. */
const CELLS = [2048, 16 * 1024, HEADROOM + LONGEST_FRAME] as const
/** Of the first chunk: enough for 1,000 short frames, which most that hold some have at a time. */
const FIRST_CHUNK = 2 * 1024 * 1024
/** Of the others. Frames that are due together go by one call where they stand in one chunk: so, no smaller. */
const CHUNK = 32 * 1024 * 1024
/** Bytes of a chunk that are asked for at once: for 64 frames, so that asking costs them nothing. */
export const PIECE = 128 * 1024
/** ms after an allocation that failed: V8 collects garbage several times before it gives up, in front of all pairs. */
const PAUSE = 250
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
  /** Bytes, from its beginning, that the pair has been given memory for. */
  granted = 0
  /** Behind the last cell that was in use since all were free. */
  #top = SLOTS_OFFSET
  /** The free cell before that which was given back last; its first word says where the next one is. */
  #free = NONE

  constructor(index: number, buffer: ArrayBuffer) {
    this.index = index
    this.bytes = new Uint8Array(buffer)
    this.lengths = new Int32Array(buffer, 0, BURST)
    this.starts = new Int32Array(buffer, 4 * BURST, BURST)
    this.words = new Int32Array(buffer)
  }

  get full(): boolean {
    return this.#free === NONE && this.#top + this.cell > this.bytes.length
  }

  /** Bytes to be granted before take(). */
  get missing(): number {
    return this.#free === NONE ? this.#top + this.cell - this.granted : 0
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

export interface CellsSetup {
  share?: Share
  /** Bytes of a chunk; not less than a slab, which the addon asks for. */
  chunk?: number
  allocate?: (bytes: number) => ArrayBuffer
}

export class Cells {
  readonly share: Share
  /** By index. */
  readonly chunks: (Chunk | undefined)[] = []
  /** Bytes that were granted to all chunks. */
  bytes = 0
  readonly #chunk: number
  readonly #allocate: (bytes: number) => ArrayBuffer
  /** By size of cells: the chunk that had room last. */
  readonly #last: (Chunk | undefined)[] = CELLS.map(() => undefined)
  /** The chunk that became empty last. */
  #spare: Chunk | undefined
  /** ms, performance.now(): not before this is memory asked of the system again. */
  #pause = 0

  constructor({
    share = new Share(),
    chunk = CHUNK,
    allocate = (bytes) => new ArrayBuffer(bytes),
  }: CellsSetup = {}) {
    if (chunk < SLAB_BYTES) throw new RangeError('held frames need the memory of a slab')
    this.share = share
    this.#chunk = chunk
    this.#allocate = allocate
  }

  /** A chunk with a free cell for a frame of `length` bytes; undefined when there is no room for one. */
  find(length: number): Chunk | undefined {
    const size = sizeOf(length)
    const cell = CELLS[size]
    const last = this.#last[size]
    if (last !== undefined && last.cell === cell && this.#hasRoom(last)) return last
    const found = this.#withRoom(cell) ?? this.#empty(cell)
    if (found !== undefined) this.#last[size] = found
    return found
  }

  /** Gives back the cell of the frame that starts there. */
  give(chunk: Chunk, start: number): void {
    chunk.give(start)
    if (chunk.used > 0) return
    if (this.#spare === undefined || this.#spare.used > 0) this.#spare = chunk
    else if (this.#spare !== chunk) this.#drop(chunk)
  }

  /** Nothing is held: all memory is given back. */
  clear(): void {
    for (const chunk of this.chunks) if (chunk !== undefined) this.#drop(chunk)
    this.chunks.length = 0
  }

  /** The last one is preferred: the small first one is left when more is held than it has room for. */
  #withRoom(cell: number): Chunk | undefined {
    const { chunks } = this
    for (let at = chunks.length - 1; at >= 0; at--) {
      const chunk = chunks[at]
      if (chunk !== undefined && chunk.cell === cell && this.#hasRoom(chunk)) return chunk
    }
    return undefined
  }

  /** A chunk without frames, a new one if need be. */
  #empty(cell: number): Chunk | undefined {
    for (const chunk of this.chunks) {
      if (chunk === undefined || chunk.used > 0) continue
      chunk.cell = cell
      if (this.#hasRoom(chunk)) return chunk
    }
    return this.#make(cell)
  }

  #hasRoom(chunk: Chunk): boolean {
    if (chunk.full) return false
    const { missing } = chunk
    return missing <= 0 || this.#grant(chunk, Math.ceil(missing / PIECE) * PIECE)
  }

  #grant(chunk: Chunk, bytes: number): boolean {
    if (!this.share.hold(bytes)) return false
    chunk.granted += bytes
    this.bytes += bytes
    return true
  }

  #make(cell: number): Chunk | undefined {
    const { chunks } = this
    const free = chunks.indexOf(undefined)
    const index = free < 0 ? chunks.length : free
    const size = chunks.length === 0 ? Math.min(FIRST_CHUNK, this.#chunk) : this.#chunk
    // Its first piece, which every cell fits in. Asked for first: what is not to be had is not allocated.
    if (!this.share.hold(PIECE)) return undefined
    const buffer = this.#tryAllocate(size)
    if (buffer === undefined) {
      this.share.drop(PIECE)
      return undefined
    }
    const chunk = new Chunk(index, buffer)
    chunk.cell = cell
    chunk.granted = PIECE
    this.bytes += PIECE
    chunks[index] = chunk
    return chunk
  }

  /** A smaller one is not tried: what the system has left is for the rest of the process. */
  #tryAllocate(bytes: number): ArrayBuffer | undefined {
    if (this.#pause > 0 && performance.now() < this.#pause) return undefined
    try {
      return this.#allocate(bytes)
    } catch {
      this.#pause = performance.now() + PAUSE
      return undefined
    }
  }

  /** Its memory goes at once: this thread allocates so little that its garbage may never be collected. */
  #drop(chunk: Chunk): void {
    this.chunks[chunk.index] = undefined
    if (this.#spare === chunk) this.#spare = undefined
    this.#last.forEach((last, size) => {
      if (last === chunk) this.#last[size] = undefined
    })
    releasePages(chunk.bytes)
    this.share.drop(chunk.granted)
    this.bytes -= chunk.granted
  }
}

function sizeOf(length: number): number {
  let size = 0
  while (size < CELLS.length - 1 && HEADROOM + length + 3 > CELLS[size]) size++
  return size
}
