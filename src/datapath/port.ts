// A port is the data path's handle of one queue of one end: receive and transmit, and what it can take. It
// is the seam for other kinds of end, and what unit tests replace. The link thread describes a port as plain
// data, the thread that forwards makes it of that (open-ports.ts): a new kind of port is known there and to its device.
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
import type { Place } from '../frame/words.js'
import { receive, slabLayout, transmit } from '../native.js'
import type { Outgoing } from './cells.js'
import type { Counters, StateWords } from './counters.js'

/** What a port gives and takes; frames may be super-frames, and have unfinished checksums. Plain data. */
export interface Capabilities {
  /** Bytes of the virtio-net header in front of each frame. */
  header: number
  /** Bytes, without the header. */
  longestFrame: number
}

/** What a port is made of; it crosses threads. */
export type PortSpec = DescriptorSpec | VxlanSpec

interface DescriptorSpec {
  /** `descriptor`: one read or write of it moves one frame behind its header, as of a TAP. */
  kind: 'descriptor'
  /** Lent by the link thread, and never closed here. */
  fd: number
  capabilities: Capabilities
}

/** Of a tunnel to another host: a datagram moves one frame behind a header of VXLAN. */
export interface VxlanSpec {
  kind: 'vxlan'
  /** A UDP socket of the link thread's, bound to the tunnel's port. */
  fd: number
  capabilities: Capabilities
  id: number
  /** 4 or 16 bytes: where frames go, and where they may come from. */
  remote: Uint8Array
  port: number
  /** The kernel cuts what is sent (UDP_SEGMENT), and may join what is received (UDP_GRO). */
  segments: boolean
  joined: boolean
  /** Where it is told that something came (frame/keepalive.ts). */
  life: SharedArrayBuffer
}

/** The ports of both ends that frames go between. */
export type PortCouple = readonly [a: PortSpec, b: PortSpec]

export interface Port {
  /** Fills slots 0… of the slab, `most` of them; how many, 0 for nothing to read, or a negative errno (EBADFD: gone). */
  receive(slab: Slab, most: number): number
  /** Sends slots 0…count-1 whose length is > 0; how many were taken. Refused ones: length = -errno. */
  transmit(slab: Outgoing, count: number): number
}

/** What a port may want to know of the direction that it receives for. */
export interface Served {
  readonly counters: Counters
  readonly state: StateWords
  /** Place in it of the MTU of the end that frames go to. */
  readonly mtu: Place<'state'>
}

/** A port that can be waited for. */
export interface WatchedPort extends Port {
  /** Readable when there is something to receive. */
  readonly fd: number
  readonly capabilities: Capabilities
  /** The direction that it receives for: where it counts what it drops by itself, and finds what its peer takes. */
  serves?(direction: Served): void
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

/** One system call for each frame. Many by one call (io_uring): 0.80 of the CPU of a short one, left out (docs/performance.md). */
export class DescriptorPort implements WatchedPort {
  readonly fd: number
  readonly capabilities: Capabilities

  constructor({ fd, capabilities }: DescriptorSpec) {
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
