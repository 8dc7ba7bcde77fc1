// The memory that frames live in while they cross: one slab per worker, one burst at a time. A leaf:
// no I/O. native/src/slab.rs reads and writes the same layout; datapath/port.ts asserts that both agree.
//
//   0          256        4096                                                    (offsets in bytes)
//   +----------+----------+------------------+--------+----------------------
//   | lengths  | starts   | slot 0           | slot 1 | …  up to 64 slots, 256 KiB
//   | i32 x 64 | i32 x 64 |                  |        |
//   +----------+----------+------------------+--------+----------------------
//
//   a slot:  0            52             64 = starts[i]
//            +------------+--------------+------------------------------+
//            | headroom   | virtio-net   | frame: destination MAC first | up to a cache line
//            |            | header, 12   |                              |
//            +------------+--------------+------------------------------+
//
// A slot begins where the one before it ends, and each burst starts at slot 0 again: what was just
// written is read next, and small frames share few pages (slots 64 KiB apart cost 13 % more CPU per
// 64-byte frame, and 4 MiB). lengths[i] counts the virtio-net header; <= 0 means "not to be sent".

import { MAX_MTU, MAX_OVERHEAD } from './ethernet.js'

export const BURST = 64
export const SLOTS_OFFSET = 4096
/** In front of a frame; the virtio-net header is its last part. Room for an encapsulation (50 bytes). */
export const HEADROOM = 64
export const VNET_HDR_LEN = 12
export const LONGEST_FRAME = 65_600
export const SLAB_BYTES = SLOTS_OFFSET + 256 * 1024 + HEADROOM
/** What frames of one super-frame need, 64 at most, if each is made: with headroom, headers, up to a cache line (burst.ts). */
export const MADE_BYTES = 96 * 1024
/** Behind the slots: where such stand, and where a hook puts a frame that has become longer. Untouched, it costs nothing. */
export const SPILL_BYTES = 256 * 1024 + MADE_BYTES
/** Behind that: a copy of the slots, for frames as they were before the hooks (burst.ts). */
export const KEPT_OFFSET = SLAB_BYTES + SPILL_BYTES

/** virtio-net headers may grow to 24 bytes (tunnel segmentation); a slot must hold those too. */
const LONGEST_VNET_HDR = 24
if (LONGEST_FRAME < MAX_MTU + MAX_OVERHEAD || HEADROOM < LONGEST_VNET_HDR) {
  throw new RangeError('a slot is too small for the longest frame')
}

export class Slab {
  readonly bytes = new Uint8Array(KEPT_OFFSET + SLAB_BYTES)
  /** Bytes in each slot, the virtio-net header included; owned by the burst under way. */
  readonly lengths = new Int32Array(this.bytes.buffer, 0, BURST)
  /** Where each frame's first byte stands in `bytes`. */
  readonly starts = new Int32Array(this.bytes.buffer, 4 * BURST, BURST)
  /** All of it, in words: frames start at multiples of 64. */
  readonly words = new Int32Array(this.bytes.buffer)
}
