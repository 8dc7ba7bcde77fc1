// A port is the data path's handle of one queue of one end: receive and transmit, nothing else. It
// is the seam for other kinds of end, and what unit tests replace.
//
// Two views of one frame: in the data path "received" means read from a TAP by us, which is what
// that interface *sent*. Everything reported about an interface takes the interface's own view, as
// `ip -s link` does: frames received from port a are a's tx, frames sent to port b are b's rx.

import {
  BURST,
  HEADROOM,
  LONGEST_FRAME,
  SLAB_BYTES,
  SLOTS_OFFSET,
  type Slab,
  VNET_HDR_LEN,
} from '../frame/slab.js'
import { receive, slabLayout, transmit } from '../native.js'
import type { Outgoing } from './cells.js'

export interface Port {
  /** Fills slots 0… of the slab; how many, 0 for nothing to read, or a negative errno (EBADFD: gone). */
  receive(slab: Slab): number
  /** Sends slots 0…count-1 whose length is > 0; how many were taken. Refused ones: length = -errno. */
  transmit(slab: Outgoing, count: number): number
}

const layout = slabLayout()
const agreed =
  layout.burst === BURST &&
  layout.slotsOffset === SLOTS_OFFSET &&
  layout.headroom === HEADROOM &&
  layout.longestFrame === LONGEST_FRAME &&
  layout.vnetHdrLen === VNET_HDR_LEN &&
  layout.bytes === SLAB_BYTES
if (!agreed) throw new Error('the native addon was built with another slab layout: run npm run build')

/** One queue of a TAP. The descriptor is the link thread's: it is lent, and never closed here. */
export class TapPort implements Port {
  readonly fd: number

  constructor(fd: number) {
    this.fd = fd
  }

  receive(slab: Slab): number {
    return receive(slab.bytes, this.fd, BURST)
  }

  transmit(slab: Outgoing, count: number): number {
    return transmit(slab.bytes, this.fd, count)
  }
}
