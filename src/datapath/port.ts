// A port is the data path's handle of one queue of one end: receive and transmit, and what it can take. It
// is the seam for other kinds of end, and what unit tests replace. The link thread describes a port as plain
// data, the thread that forwards makes it of that (openPorts): a new kind of port is known here and to its device.
//
// Two views of one frame: in the data path "received" means read from an end by us, which is what
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

/** What a port gives and takes; frames may be super-frames, and have unfinished checksums. Plain data. */
export interface Capabilities {
  /** Bytes of the virtio-net header in front of each frame. */
  header: number
  /** Bytes, without the header. */
  longestFrame: number
}

/** What a port is made of; it crosses threads. */
export interface PortSpec {
  /** `descriptor`: one read or write of it moves one frame behind its header, as of a TAP. */
  kind: 'descriptor'
  /** Lent by the link thread, and never closed here. */
  fd: number
  capabilities: Capabilities
}

/** The ports of both ends that frames go between. */
export type PortCouple = readonly [a: PortSpec, b: PortSpec]

export interface Port {
  /** Fills slots 0… of the slab, `most` of them; how many, 0 for nothing to read, or a negative errno (EBADFD: gone). */
  receive(slab: Slab, most: number): number
  /** Sends slots 0…count-1 whose length is > 0; how many were taken. Refused ones: length = -errno. */
  transmit(slab: Outgoing, count: number): number
}

/** A port that can be waited for. */
export interface WatchedPort extends Port {
  /** Readable when there is something to receive. */
  readonly fd: number
  readonly capabilities: Capabilities
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

/** Refuses what the loop cannot carry: it moves each frame behind its header, as it is. */
export function checkPort({ capabilities: { header, longestFrame } }: PortSpec): void {
  if (header === VNET_HDR_LEN && longestFrame <= LONGEST_FRAME) return
  throw new RangeError(`no such port: a header of ${header} bytes, frames of up to ${longestFrame}`)
}

/** The ports of some queues, as each couple describes them. */
export function openPorts(couples: readonly PortCouple[]): (readonly [a: WatchedPort, b: WatchedPort])[] {
  return couples.map(([a, b]) => [new DescriptorPort(a), new DescriptorPort(b)] as const)
}

/** One system call for each frame. Many by one call (io_uring): 0.80 of the CPU of a short one, left out (docs/performance.md). */
class DescriptorPort implements WatchedPort {
  readonly fd: number
  readonly capabilities: Capabilities

  constructor({ fd, capabilities }: PortSpec) {
    this.fd = fd
    this.capabilities = capabilities
  }

  receive(slab: Slab, most: number): number {
    return receive(slab.bytes, this.fd, most)
  }

  transmit(slab: Outgoing, count: number): number {
    return transmit(slab.bytes, this.fd, count)
  }
}
