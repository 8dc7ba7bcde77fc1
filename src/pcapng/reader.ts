// Reads pcapng as blocks.ts writes it, as far as a writer of files needs it: where blocks end, in a stream that
// comes in pieces of any length, and what their counts are. Pure; capture/files.ts and cli/capture/recording.ts
// call it. It takes nothing out of a stream and puts nothing in.

import { UvethError } from '../errors.js'
import { viewOf } from '../frame/view.js'
import { EPB_DROPCOUNT, ISB_IFDROP } from './blocks.js'

/** Bytes of type and length, with which every block begins. */
const HEADER = 8
const SMALLEST_BLOCK = 12
/** Bytes in front of the frame of a packet's block; the word before the last is the frame's length. */
const PACKET_HEADER = 28
/** Bytes in front of the options of a block of statistics: type, length, interface, time. */
const STATISTICS_OPTIONS = 20

const NOTHING = new Uint8Array(0)

/** A stream as it comes out of a socket. */
export class BlockCutter {
  /** The beginning of a block whose end has not come. */
  #rest: Uint8Array = NOTHING

  /** The blocks that are whole now, in at most two pieces; views of `part` where that is possible. */
  take(part: Uint8Array): Uint8Array[] {
    const view = viewOf(part)
    const pieces: Uint8Array[] = []
    let from = 0
    while (this.#rest.length > 0) {
      const whole = this.#rest.length < HEADER ? HEADER : lengthOf(viewOf(this.#rest), 0)
      const more = part.subarray(from, from + whole - this.#rest.length)
      this.#rest = Buffer.concat([this.#rest, more])
      from += more.length
      if (this.#rest.length < whole) return pieces
      if (whole === HEADER) continue
      pieces.push(this.#rest)
      this.#rest = NOTHING
    }
    let end = from
    for (let next = end; next <= part.length; next = end + lengthOf(view, end)) {
      end = next
      if (end + HEADER > part.length) break
    }
    if (end > from) pieces.push(part.subarray(from, end))
    this.#rest = part.subarray(end)
    return pieces
  }
}

export function typeOf(view: DataView, at: number): number {
  return view.getUint32(at, true)
}

/** Bytes of the block at `at`. */
export function lengthOf(view: DataView, at: number): number {
  const length = view.getUint32(at + 4, true)
  if (length < SMALLEST_BLOCK || length % 4 !== 0) throw garbled()
  return length
}

/** The interface that a block of a packet or of statistics belongs to; there are `interfaces`. */
export function interfaceOf(view: DataView, at: number, interfaces: number): number {
  const index = view.getUint32(at + HEADER, true)
  if (index >= interfaces || lengthOf(view, at) < PACKET_HEADER) throw garbled()
  return index
}

/** Frames that were lost in front of a packet's. */
export function lostBefore(view: DataView, at: number): number {
  const captured = view.getUint32(at + PACKET_HEADER - 8, true)
  if (captured > lengthOf(view, at)) throw garbled() // also: what is rounded below fits in 32 bits
  return optionOf(view, at, PACKET_HEADER + ((captured + 3) & ~3), EPB_DROPCOUNT)
}

/** Frames that statistics tell as lost. */
export function lostInAll(view: DataView, at: number): number {
  return optionOf(view, at, STATISTICS_OPTIONS, ISB_IFDROP)
}

/** The number that is the option `code` of the block at `at`, whose options begin at `offset`; 0 when there is none. */
function optionOf(view: DataView, at: number, offset: number, code: number): number {
  const end = at + lengthOf(view, at) - 4
  let option = at + offset
  while (option + 4 <= end) {
    const length = view.getUint16(option + 2, true)
    if (view.getUint16(option, true) === code && length === 8 && option + 12 <= end)
      return Number(view.getBigUint64(option + 4, true))
    option += 4 + ((length + 3) & ~3)
  }
  return 0
}

function garbled(): UvethError {
  return new UvethError('EBADMSG: what the daemon sends is no pcapng', { code: 'EBADMSG' })
}
