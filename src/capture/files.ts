// The files of a capture: what each begins and ends with, and when the next one begins. Blocks of pcapng go
// through as they are, whoever encoded them: recorder.ts, in the thread that writes captures, and the command, which
// has them from the daemon (cli/capture/recording.ts). Nothing here waits: whoever writes asks `flush` again.

import { viewOf } from '../frame/view.js'
import {
  BlockBuffer,
  ENHANCED_PACKET,
  INTERFACE_DESCRIPTION,
  INTERFACE_STATISTICS,
  interfaceStatistics,
  SECTION_HEADER,
  STATISTICS_BYTES,
} from '../pcapng/blocks.js'
import { interfaceOf, lengthOf, lostBefore, lostInAll, typeOf } from '../pcapng/reader.js'
import type { Rotation, SinkPlan } from './setup.js'
import { openSink, ReaderGone, type Sink, type Surroundings } from './sink.js'

/** ms that a reader has to take what is left, once the capture is to end. */
const PATIENCE = 1000

interface Piece {
  bytes: Uint8Array
  frames: number
  /** It is the first one of another file. */
  next: boolean
}

export class CaptureFiles {
  /** What the sink has taken. */
  frames = 0
  bytes = 0
  /** Frames lost, by interface: as the blocks tell, or as whoever writes knows better. */
  readonly lost: number[] = []
  /** The blocks end with statistics of their own. */
  complete = false
  readonly #sink: Sink
  readonly #around: Surroundings
  readonly #rotation: Rotation
  readonly #started = wallClock()
  /** The blocks that every file begins with. */
  readonly #head: Uint8Array[] = []
  /** Frames in the blocks so far, by interface. */
  readonly #recorded: number[] = []
  /** What the sink has not taken yet; of the first piece, all but `#taken` bytes. */
  readonly #queue: Piece[] = []
  #taken = 0
  #patience = PATIENCE
  /** Bytes and frames of this file, and the ms of performance.now() at which its time is over. */
  #fileBytes = 0
  #fileFrames = 0
  #deadline = Number.POSITIVE_INFINITY

  private constructor(sink: Sink, plan: SinkPlan, around: Surroundings) {
    this.#sink = sink
    this.#around = around
    this.#rotation = (plan.kind === 'path' && plan.rotate) || {}
    this.#restart()
  }

  /** Opens the first file. */
  static async open(plan: SinkPlan, around: Surroundings): Promise<CaptureFiles> {
    return new CaptureFiles(await openSink(plan, around), plan, around)
  }

  /** Files written and still there. */
  get files(): string[] {
    return this.#sink.files
  }

  /** Of a reader who may leave; undefined where there is none (yet). */
  get reader(): number | undefined {
    return this.#sink.reader
  }

  /** Whole blocks, in their order. They must stay as they are until `flush` has said that all is written. */
  take(blocks: Uint8Array): void {
    const view = viewOf(blocks)
    let from = 0
    let frames = 0
    for (let at = 0, length = 0; at < blocks.length; at += length) {
      length = lengthOf(view, at)
      const type = typeOf(view, at)
      if (type === ENHANCED_PACKET) {
        if (this.#isFull(length)) {
          this.#put(blocks.subarray(from, at), frames)
          this.#next()
          from = at
          frames = 0
        }
        frames++
        this.#countFrame(view, at)
      } else this.#read(blocks, view, at, type)
      this.#fileBytes += length
    }
    this.#put(from === 0 ? blocks : blocks.subarray(from), frames)
  }

  /** Ends a file whose time is over; in how many ms the next one's is. */
  look(): number {
    const left = this.#deadline - performance.now()
    if (left <= 0 && this.#fileFrames > 0) this.#next()
    else if (left <= 0) this.#restart()
    return this.#deadline - performance.now()
  }

  /** Ends the last file: with statistics, unless they have come. */
  end(): void {
    if (!this.complete) this.#putStatistics()
  }

  /**
   * Writes what the sink takes; false when there is more, which is to be tried again. `waited`: ms that the caller
   * will have waited then. Throws ReaderGone, and what the system says.
   */
  async flush(waited = 0): Promise<boolean> {
    for (let piece = this.#queue[0]; piece !== undefined; piece = this.#queue[0]) {
      if (piece.next) await this.#sink.next()
      piece.next = false
      const taken = await this.#sink.write(
        this.#taken === 0 ? piece.bytes : piece.bytes.subarray(this.#taken),
      )
      this.#taken += taken
      if (taken > 0) this.#patience = PATIENCE
      else if (this.#around.ended()) this.#patience -= waited
      if (this.#patience <= 0) throw new ReaderGone()
      if (this.#taken < piece.bytes.length) return false
      this.#queue.shift()
      this.#taken = 0
      this.bytes += piece.bytes.length
      this.frames += piece.frames
    }
    return true
  }

  async close(): Promise<void> {
    await this.#sink.close()
  }

  #countFrame(view: DataView, at: number): void {
    const on = interfaceOf(view, at, this.#recorded.length)
    this.#fileFrames++
    this.#recorded[on]!++
    this.lost[on]! += lostBefore(view, at)
  }

  /** What is no frame: the beginning of every file, and the end of the last. */
  #read(blocks: Uint8Array, view: DataView, at: number, type: number): void {
    if (type === INTERFACE_STATISTICS) {
      this.complete = true
      this.lost[interfaceOf(view, at, this.#recorded.length)] = lostInAll(view, at)
    }
    if (type !== SECTION_HEADER && type !== INTERFACE_DESCRIPTION) return
    this.#head.push(new Uint8Array(blocks.subarray(at, at + lengthOf(view, at))))
    if (type === SECTION_HEADER) return
    this.#recorded.push(0)
    this.lost.push(0)
  }

  /** No room in this file for a frame's block of so many bytes; a file without frames has room for any. */
  #isFull(more: number): boolean {
    const { bytes = Number.POSITIVE_INFINITY, seconds } = this.#rotation
    const late = seconds !== undefined && performance.now() >= this.#deadline
    if (this.#fileFrames === 0) {
      if (late) this.#restart()
      return false
    }
    return late || this.#fileBytes + more + STATISTICS_BYTES * this.#recorded.length > bytes
  }

  /** Ends this file and begins the next. */
  #next(): void {
    this.#putStatistics()
    this.#fileBytes = 0
    this.#fileFrames = 0
    for (const [index, block] of this.#head.entries()) {
      this.#fileBytes += block.length
      this.#put(block, 0, index === 0)
    }
    this.#restart()
  }

  #restart(): void {
    const { seconds } = this.#rotation
    if (seconds !== undefined) this.#deadline = performance.now() + 1000 * seconds
  }

  #putStatistics(): void {
    const to = new BlockBuffer(STATISTICS_BYTES * this.#recorded.length)
    const time = wallClock()
    for (const [index, recorded] of this.#recorded.entries()) {
      const lost = this.lost[index] ?? 0
      interfaceStatistics(to, { interface: index, time, started: this.#started, recorded, lost })
    }
    this.#put(to.bytes, 0)
  }

  #put(bytes: Uint8Array, frames: number, next = false): void {
    if (bytes.length > 0) this.#queue.push({ bytes, frames, next })
  }
}

/** ns since 1970. */
function wallClock(): bigint {
  return BigInt(Date.now()) * 1_000_000n
}
