// Reads pcapng as blocks.ts writes it, as far as a writer of files needs it: where blocks end, in a stream that
// comes in pieces of any length, and what their counts are. Pure; capture/files.ts and cli/capture/recording.ts
// call it. It takes nothing out of a stream and puts nothing in.

import { UvethError } from '../errors.js'
import { EPB_DROPCOUNT, ISB_IFDROP } from './blocks.js'

/** Bytes of type and length, with which every block begins. */
const HEADER = 8
const SMALLEST_BLOCK = 12
/** Bytes in front of the frame of a packet's block; the word before the last is the frame's length. */
const PACKET_HEADER = 28
/** Bytes in front of the options of a block of statistics: type, length, interface, time. */
const STATISTICS_OPTIONS = 20

const NOTHING = Buffer.alloc(0)

/** A stream as it comes out of a socket. */
export class BlockCutter {
  /** The beginning of a block whose end has not come. */
  #rest: Buffer = NOTHING

  /** The blocks that are whole now, in at most two pieces; views of `part` where that is possible. */
  take(part: Uint8Array): Buffer[] {
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.length)
    const pieces: Buffer[] = []
    let from = 0
    while (this.#rest.length > 0) {
      const whole = this.#rest.length < HEADER ? HEADER : lengthOf(this.#rest, 0)
      const more = bytes.subarray(from, from + whole - this.#rest.length)
      this.#rest = Buffer.concat([this.#rest, more])
      from += more.length
      if (this.#rest.length < whole) return pieces
      if (whole === HEADER) continue
      pieces.push(this.#rest)
      this.#rest = NOTHING
    }
    let end = from
    for (let next = end; next <= bytes.length; next = end + lengthOf(bytes, end)) {
      end = next
      if (end + HEADER > bytes.length) break
    }
    if (end > from) pieces.push(bytes.subarray(from, end))
    this.#rest = bytes.subarray(end)
    return pieces
  }
}

export function typeOf(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at)
}

/** Bytes of the block at `at`. */
export function lengthOf(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32LE(at + 4)
  if (length < SMALLEST_BLOCK || length % 4 !== 0) throw garbled()
  return length
}

/** The interface that a block of a packet or of statistics belongs to; there are `interfaces`. */
export function interfaceOf(bytes: Buffer, at: number, interfaces: number): number {
  const index = bytes.readUInt32LE(at + HEADER)
  if (index >= interfaces) throw garbled()
  return index
}

/** Frames that were lost in front of a packet's. */
export function lostBefore(bytes: Buffer, at: number): number {
  const captured = (bytes.readUInt32LE(at + PACKET_HEADER - 8) + 3) & ~3
  return optionOf(bytes, at, PACKET_HEADER + captured, EPB_DROPCOUNT)
}

/** Frames that statistics tell as lost. */
export function lostInAll(bytes: Buffer, at: number): number {
  return optionOf(bytes, at, STATISTICS_OPTIONS, ISB_IFDROP)
}

/** The number that is the option `code` of the block at `at`, whose options begin at `offset`; 0 when there is none. */
function optionOf(bytes: Buffer, at: number, offset: number, code: number): number {
  const end = at + lengthOf(bytes, at) - 4
  let option = at + offset
  while (option + 4 <= end) {
    const length = bytes.readUInt16LE(option + 2)
    if (bytes.readUInt16LE(option) === code && length === 8 && option + 12 <= end)
      return Number(bytes.readBigUInt64LE(option + 4))
    option += 4 + ((length + 3) & ~3)
  }
  return 0
}

function garbled(): UvethError {
  return new UvethError('EBADMSG: what the daemon sends is no pcapng', { code: 'EBADMSG' })
}
