// A pcapng stream as it comes out of a socket, in pieces of any length: made into whole blocks, so that a file
// never ends within one, and counted, so that every file can end with its statistics. Used by recording.ts. Pure.
//
//   a block:    type u32 | total length u32 | body | total length u32
//   an option:  code u16 | length u16 | value, padded to a multiple of 4; code 0 ends them

import { UvethError } from '../errors.js'
import { BlockBuffer, interfaceStatistics } from './blocks.js'

export const ENHANCED_PACKET = 6
const INTERFACE_DESCRIPTION = 1
const INTERFACE_STATISTICS = 5
const EPB_DROPCOUNT = 4
const ISB_IFDROP = 5
/** Bytes in front of the frame of a packet's block; the fourth word is the frame's length. */
const PACKET_HEADER = 28
/** Bytes in front of the options of a block of statistics: type, length, interface, time. */
const STATISTICS_OPTIONS = 20
const SMALLEST_BLOCK = 12
/** Bytes of a block of statistics, at most. */
const STATISTICS_BYTES = 128

interface Counts {
  recorded: number
  lost: number
}

export class PcapngStream {
  frames = 0
  bytes = 0
  /** The stream's own statistics have come, which are its last blocks. */
  ended = false
  /** The blocks in front of the first frame: every file begins with them. */
  readonly head: Buffer[] = []
  #rest: Buffer = Buffer.alloc(0)
  /** By interface. */
  readonly #counts: Counts[] = []
  readonly #started = wallClock()

  /** Frames that the capture had no room for. */
  get lost(): number {
    return this.#counts.reduce((sum, { lost }) => sum + lost, 0)
  }

  /** Bytes of statistics(), at most. */
  get statisticsBytes(): number {
    return STATISTICS_BYTES * this.#counts.length
  }

  /** The statistics of what has come so far, for the end of a file that the stream goes on behind. */
  statistics(): Buffer[] {
    return this.#counts.map((counts, index) => {
      const block = new BlockBuffer(STATISTICS_BYTES)
      interfaceStatistics(block, { interface: index, time: wallClock(), started: this.#started, ...counts })
      return Buffer.from(block.bytes.subarray(0, block.length))
    })
  }

  /** The blocks that are whole now; the caller's until the next call. */
  take(part: Uint8Array): Buffer[] {
    const whole = Buffer.from(part.buffer, part.byteOffset, part.length)
    const bytes = this.#rest.length === 0 ? whole : Buffer.concat([this.#rest, whole])
    const blocks: Buffer[] = []
    let at = 0
    while (at + SMALLEST_BLOCK <= bytes.length) {
      const length = bytes.readUInt32LE(at + 4)
      if (length < SMALLEST_BLOCK || length % 4 !== 0) throw garbled()
      if (at + length > bytes.length) break
      const block = bytes.subarray(at, at + length)
      this.#count(block)
      blocks.push(block)
      at += length
    }
    this.#rest = bytes.subarray(at)
    return blocks
  }

  #count(block: Buffer): void {
    this.bytes += block.length
    const type = typeOf(block)
    if (type === ENHANCED_PACKET) {
      this.frames++
      const counts = this.#of(block)
      counts.recorded++
      counts.lost += optionOf(block, PACKET_HEADER + ((block.readUInt32LE(20) + 3) & ~3), EPB_DROPCOUNT)
    } else if (type === INTERFACE_STATISTICS) {
      this.ended = true
      this.#of(block).lost = optionOf(block, STATISTICS_OPTIONS, ISB_IFDROP)
    } else if (this.frames === 0) {
      this.head.push(Buffer.from(block))
      if (type === INTERFACE_DESCRIPTION) this.#counts.push({ recorded: 0, lost: 0 })
    }
  }

  /** Of the interface that a block belongs to. */
  #of(block: Buffer): Counts {
    const counts = block.length < PACKET_HEADER ? undefined : this.#counts[block.readUInt32LE(8)]
    if (counts === undefined) throw garbled()
    return counts
  }
}

export function typeOf(block: Buffer): number {
  return block.readUInt32LE(0)
}

/** The number that is the option `code`, of the options from `at` on; 0 when it is not there. */
function optionOf(block: Buffer, at: number, code: number): number {
  const end = block.length - 4
  while (at + 4 <= end) {
    const length = block.readUInt16LE(at + 2)
    if (block.readUInt16LE(at) === code && length === 8 && at + 12 <= end)
      return Number(block.readBigUInt64LE(at + 4))
    at += 4 + ((length + 3) & ~3)
  }
  return 0
}

function wallClock(): bigint {
  return BigInt(Date.now()) * 1_000_000n
}

function garbled(): UvethError {
  return new UvethError('EBADMSG: what the daemon sends is no pcapng', { code: 'EBADMSG' })
}
