// Rings of a pair: memory in which frames wait for who reads them, as captures, frames() and sightings() have it. It is
// a part of the pair's share of the process's memory; what is not to be had is refused, and nothing else happens.
// Made by inspection.ts, one for each pair; whoever knows that a ring is read to its end closes it.

import { invalid, type UvethError } from '../errors.js'
import type { Share } from '../frame/memory.js'
import { createRing } from '../ring/ring.js'

export class Rings {
  readonly #share: Share
  readonly #open = new Set<SharedArrayBuffer>()

  constructor(share: Share) {
    this.#share = share
  }

  /** A ring for about `bytes`; `attribute` is what a refusal calls that. */
  open(bytes: number, attribute: string): SharedArrayBuffer {
    const ring = tryRing(bytes)
    if (ring === undefined) throw noMemory(bytes, attribute, 'the system has none')
    if (!this.#share.openRing(ring.byteLength))
      throw noMemory(
        bytes,
        attribute,
        'the pair has its share of what there is for frames (uveth daemon --memory)',
      )
    this.#open.add(ring)
    return ring
  }

  /** Nobody reads or writes it any more. Any number of times. */
  close(ring: SharedArrayBuffer): void {
    if (this.#open.delete(ring)) this.#share.closeRing(ring.byteLength)
  }
}

function tryRing(bytes: number): SharedArrayBuffer | undefined {
  try {
    return createRing(bytes)
  } catch {
    return undefined
  }
}

function noMemory(bytes: number, attribute: string, why: string): UvethError {
  const message = `no memory for ${bytes} bytes of frames that wait for their reader: ${why}`
  return invalid(message, attribute, 'ENOMEM')
}
