// The memory that frames live in while they cross: one slab per worker, one burst at a time. A leaf:
// no I/O. native/src/burst.rs reads and writes the same layout; port.ts asserts that both agree.
//
//   0          4096                     + 65,728                       (offsets in bytes)
//   +----------+------------------------+------------------------+--
//   | lengths  | slot 0                 | slot 1                 | … 64 slots
//   | i32 x 64 |                        |                        |
//   +----------+------------------------+------------------------+--
//
//   a slot:  0            116            128                            65,728
//            +------------+--------------+------------------------------+
//            | headroom   | virtio-net   | frame: destination MAC first |
//            |            | header, 12   |                              |
//            +------------+--------------+------------------------------+
//
// A burst always fills slots 0, 1, …: the slot just written is the one read next, so the working set
// stays in cache. lengths[i] counts the virtio-net header; <= 0 means "not to be sent".

import { MAX_MTU, MAX_OVERHEAD } from './ethernet.js'

export const BURST = 64
export const SLOTS_OFFSET = 4096
export const FRAME_OFFSET = 128
export const VNET_HDR_LEN = 12
/** An odd number of cache lines, so that the first lines of slots do not share one cache set. */
export const SLOT_STRIDE = 65_728
export const SLAB_BYTES = SLOTS_OFFSET + BURST * SLOT_STRIDE

/** virtio-net headers may grow to 24 bytes (tunnel segmentation); a slot must hold those too. */
const LONGEST_VNET_HDR = 24
if (SLOT_STRIDE - FRAME_OFFSET < MAX_MTU + MAX_OVERHEAD || FRAME_OFFSET < LONGEST_VNET_HDR) {
  throw new RangeError('a slot is too small for the longest frame')
}

export class Slab {
  readonly bytes = new Uint8Array(SLAB_BYTES)
  /** Bytes in each slot, the virtio-net header included; owned by the burst under way. */
  readonly lengths = new Int32Array(this.bytes.buffer, 0, BURST)
}

/** Where the frame of `slot` begins in `Slab.bytes`. */
export function frameStart(slot: number): number {
  return SLOTS_OFFSET + slot * SLOT_STRIDE + FRAME_OFFSET
}
