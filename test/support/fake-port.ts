// Ports without a kernel, for unit tests of the data path: they keep port.ts's contract as the addon does.
// FakePort takes lists of frames and keeps what it was given; NullPort moves no bytes and allocates nothing.
// Frames here are without their virtio-net headers; `gso` is what a header says of its frame.

import type { Outgoing } from '../../src/datapath/cells.js'
import type { Direction } from '../../src/datapath/direction.js'
import type { Port } from '../../src/datapath/port.js'
import { BURST, HEADROOM, SLOTS_OFFSET, type Slab, VNET_HDR_LEN } from '../../src/frame/slab.js'

export interface Frame {
  bytes: Uint8Array
  /** gso_type: above 0 for a super-frame. */
  gso: number
  /** The virtio-net header; none: zeros, but for gso_type. */
  header?: Uint8Array
}

export function frame(bytes: Uint8Array | number, gso = 0): Frame {
  return { bytes: typeof bytes === 'number' ? new Uint8Array(bytes) : bytes, gso }
}

/** Gives `slot` the place that native/src/slab.rs would: behind the slot before it. Where its frame starts. */
export function place(slab: Slab, slot: number, length: number): number {
  const end = slot === 0 ? SLOTS_OFFSET : startOf(slab, slot - 1) + (slab.lengths[slot - 1] ?? 0)
  const start = Math.ceil(end / 64) * 64 + HEADROOM
  slab.starts[slot] = start
  slab.lengths[slot] = length + VNET_HDR_LEN
  return start
}

function startOf(slab: Outgoing, slot: number): number {
  return slab.starts[slot] as number
}

/** The rest of a direction that nobody inspects. */
export const UNINSPECTED: Pick<Direction, 'queue' | 'adjustable' | 'inspector'> = {
  queue: 0,
  adjustable: { adjusted: 0, adjust: () => undefined, follow: () => undefined },
  inspector: undefined,
}

export class FakePort implements Port {
  /** Bursts that receive() will answer, one by one; a number is answered as it is (a negative errno). */
  readonly incoming: (Frame[] | number)[]
  /** What the kernel took, in order; and the virtio-net header of each. */
  readonly delivered: Frame[] = []
  readonly headers: Uint8Array[] = []
  /** Calls of transmit(). */
  transmits = 0
  /** 0, or the negative errno with which the kernel refuses the frame at this place of its burst. */
  refuse: (slot: number) => number = () => 0

  constructor(...incoming: (Frame[] | number)[]) {
    this.incoming = incoming
  }

  receive(slab: Slab): number {
    const burst = this.incoming.shift()
    if (burst === undefined) return 0
    if (typeof burst === 'number') return burst
    if (burst.length > BURST) throw new Error(`a burst of ${burst.length} frames`)
    burst.forEach(({ bytes, gso, header }, slot) => {
      const start = place(slab, slot, bytes.length)
      slab.bytes.fill(0, start - VNET_HDR_LEN, start)
      slab.bytes[start - VNET_HDR_LEN + 1] = gso
      if (header !== undefined) slab.bytes.set(header, start - VNET_HDR_LEN)
      slab.bytes.set(bytes, start)
    })
    return burst.length
  }

  transmit(slab: Outgoing, count: number): number {
    this.transmits++
    let sent = 0
    for (let slot = 0; slot < count; slot++) {
      const length = slab.lengths[slot] ?? 0
      if (length <= 0) continue
      const refusal = this.refuse(slot)
      if (refusal < 0) {
        slab.lengths[slot] = refusal
        continue
      }
      const start = startOf(slab, slot)
      const gso = slab.bytes[start - VNET_HDR_LEN + 1] ?? 0
      this.headers.push(slab.bytes.slice(start - VNET_HDR_LEN, start))
      this.delivered.push({ bytes: slab.bytes.slice(start, start + length - VNET_HDR_LEN), gso })
      sent++
    }
    return sent
  }
}

/** One super-frame, as it was made, for ever, so often in each burst; takes whatever is sent. */
export class SuperPort implements Port {
  readonly #frames: number
  readonly #bytes: Uint8Array

  /** `bytes`: with its virtio-net header. */
  constructor(bytes: Uint8Array, frames: number) {
    this.#bytes = bytes
    this.#frames = frames
  }

  receive(slab: Slab): number {
    for (let slot = 0; slot < this.#frames; slot++) {
      const start = place(slab, slot, this.#bytes.length - VNET_HDR_LEN)
      for (let at = 0; at < this.#bytes.length; at++)
        slab.bytes[start - VNET_HDR_LEN + at] = this.#bytes[at] as number
    }
    return this.#frames
  }

  transmit(slab: Outgoing, count: number): number {
    return sent(slab, count)
  }
}

/** Full bursts of frames of one length for ever; takes whatever is sent. */
export class NullPort implements Port {
  readonly #length: number

  constructor(length: number) {
    this.#length = length
  }

  receive(slab: Slab): number {
    for (let slot = 0; slot < BURST; slot++) place(slab, slot, this.#length)
    return BURST
  }

  transmit(slab: Outgoing, count: number): number {
    return sent(slab, count)
  }
}

function sent(slab: Outgoing, count: number): number {
  let sent = 0
  for (let slot = 0; slot < count; slot++) if ((slab.lengths[slot] as number) > 0) sent++
  return sent
}
