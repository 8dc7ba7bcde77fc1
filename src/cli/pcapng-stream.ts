// A pcapng stream as it comes out of a socket, in pieces of any length: made into whole blocks, so that a file
// never ends within one, and counted. Used by recording.ts. Pure.
//
//   a block:    type u32 | total length u32 | body | total length u32
//   an option:  code u16 | length u16 | value, padded to a multiple of 4; code 0 ends them

import { UvethError } from '../errors.js'

export const ENHANCED_PACKET = 6
const INTERFACE_STATISTICS = 5
const ISB_IFDROP = 5
/** Bytes in front of the options of a block of statistics: type, length, interface, time. */
const STATISTICS_OPTIONS = 20
const SMALLEST_BLOCK = 12

export class PcapngStream {
  frames = 0
  bytes = 0
  /** Frames that the capture had no room for; known at its end. */
  lost = 0
  /** The blocks in front of the first frame: every file begins with them. */
  readonly head: Buffer[] = []
  #rest: Buffer = Buffer.alloc(0)

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
    if (type === ENHANCED_PACKET) this.frames++
    else if (type === INTERFACE_STATISTICS) this.lost += lostOf(block)
    else if (this.frames === 0) this.head.push(Buffer.from(block))
  }
}

export function typeOf(block: Buffer): number {
  return block.readUInt32LE(0)
}

function lostOf(block: Buffer): number {
  const end = block.length - 4
  for (let at = STATISTICS_OPTIONS; at + 4 <= end; ) {
    const length = block.readUInt16LE(at + 2)
    if (block.readUInt16LE(at) === ISB_IFDROP && length === 8 && at + 12 <= end)
      return Number(block.readBigUInt64LE(at + 4))
    at += 4 + ((length + 3) & ~3)
  }
  return 0
}

function garbled(): UvethError {
  return new UvethError('EBADMSG: what the daemon sends is no pcapng', { code: 'EBADMSG' })
}
