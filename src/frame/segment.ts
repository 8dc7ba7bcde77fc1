// Makes wire frames of what the kernel sends with offloads on, for whoever wants their bytes: finishes a checksum that
// was left to the network card, and cuts a super-frame into the frames that a card (or the kernel, in software) would
// make of it. Used by burst.ts, for what cannot travel in runs by datapath/inspector.ts, and by what shows frames to
// captures. Not the hot path. It keeps no state, so the parts of a super-frame may be asked for in any order. A
// super-frame whose headers contradict each other is not cut: the answer is 0. Nothing outside of the frame is read,
// nothing outside of its place is written. A leaf.

import { checksum, writeU16 } from './checksum.js'
import { VNET_HDR_LEN } from './slab.js'
import {
  CSUM_MANGLED_0,
  CSUM_OFFSET,
  CSUM_START,
  GSO_TYPE,
  headerU16,
  SuperFrame,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_NONE,
} from './super-frame.js'

// Read for each call; nothing in it is used by the next.
const whole = new SuperFrame()

/** May the frame, which is no super-frame, leave as it came? A checksum that is to be finished has its place in it. */
export function isSendable(bytes: Uint8Array, start: number, length: number): boolean {
  const header = start - VNET_HDR_LEN
  if (bytes[header + GSO_TYPE] !== VIRTIO_NET_HDR_GSO_NONE) return false
  if ((bytes[header] & VIRTIO_NET_HDR_F_NEEDS_CSUM) === 0) return true
  return headerU16(bytes, header + CSUM_START) + headerU16(bytes, header + CSUM_OFFSET) + 2 <= length
}

/**
 * Finishes the checksum of the frame of `length` bytes at `start`, which is no super-frame, if that is
 * unfinished, and clears the virtio-net header in front of it. As skb_checksum_help(). False: the header
 * points outside of the frame; nothing but the header is changed then.
 */
export function finishChecksum(bytes: Uint8Array, start: number, length: number): boolean {
  const header = start - VNET_HDR_LEN
  const unfinished = (bytes[header] & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0
  const from = headerU16(bytes, header + CSUM_START)
  const at = from + headerU16(bytes, header + CSUM_OFFSET)
  bytes.fill(0, header, start)
  if (!unfinished) return true
  if (at + 2 > length) return false
  // The place holds the sum of the pseudo header.
  writeU16(bytes, start + at, checksum(bytes, start + from, length - from) || CSUM_MANGLED_0)
  return true
}

/** Wire frames in the super-frame of `length` bytes at `start`, its virtio-net header in front. 0: not one, or one that cannot be cut. */
export function segmentsOf(bytes: Uint8Array, start: number, length: number): number {
  return whole.read(bytes, start, length) ? whole.count : 0
}

/**
 * Writes wire frame `index` of the super-frame to `at`, with an all-zero virtio-net header in front of it.
 * Answers its length; 0 when there is no such frame, or no room for it in `to`.
 */
export function cutSegment(
  from: Uint8Array,
  start: number,
  length: number,
  index: number,
  to: Uint8Array,
  at: number,
): number {
  if (!whole.read(from, start, length) || index < 0 || index >= whole.count) return 0
  if (at < VNET_HDR_LEN || at + whole.wireLength(index) > to.length) return 0
  return whole.cut(index, to, at)
}

/** The wire frames of what stands at `start`, its virtio-net header in front, finished, each in memory of its own. */
export function wireFrames(bytes: Uint8Array, start: number, length: number): Uint8Array[] {
  const count = segmentsOf(bytes, start, length)
  if (count === 0) {
    const copy = bytes.slice(start - VNET_HDR_LEN, start + length)
    finishChecksum(copy, VNET_HDR_LEN, length)
    return [copy.subarray(VNET_HDR_LEN)]
  }
  const { headers, size } = whole
  return Array.from({ length: count }, (_, index) => {
    const frame = new Uint8Array(VNET_HDR_LEN + headers + size)
    const end = VNET_HDR_LEN + cutSegment(bytes, start, length, index, frame, VNET_HDR_LEN)
    return frame.subarray(VNET_HDR_LEN, end)
  })
}
