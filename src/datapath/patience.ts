// How long a direction waits for a reader of frames that has fallen behind (probe.ts): a moment at a time, in which
// nothing is received; what comes stays in the end's own queue. Only for one that goes on at the pace of a disk: one
// that is stuck or slow holds the cable up for PAUSES moments, then its records are lost, and counted, until it has
// caught up. Without it a TCP stream of 5 Gb/s lost two thirds of its records, though the disk could have taken them.

import { BURST, SLAB_BYTES } from '../frame/slab.js'
import { CONTENT } from '../ring/record.js'
import type { RingWriter } from '../ring/ring.js'

/** Bytes of records that one burst may need. */
const ENOUGH = SLAB_BYTES + 2 * BURST * CONTENT
/** ms for which one pair keeps its worker from the others: by a burst (inspector.ts), or by a wait. */
export const MOMENT = 0.5
/** Moments in which a reader may take less than PACE. */
export const PAUSES = 100
/** Bytes in a moment: 0.5 Gb/s. */
const PACE = 32 * 1024

/** Waits a moment for the ring's reader. */
export type Pause = (ring: RingWriter) => void

export class Patience {
  #left = PAUSES
  readonly #pause: Pause

  constructor(pause: Pause = (ring) => ring.pause(MOMENT)) {
    this.#pause = pause
  }

  /** Is there no room in the ring for a burst, and is its reader waited for? Then a moment has passed. */
  spent(ring: RingWriter): boolean {
    const { room, capacity } = ring
    if (room >= capacity / 2) {
      this.#left = PAUSES
      return false
    }
    if (room >= ENOUGH || this.#left === 0) return false
    this.#pause(ring)
    this.#left = ring.room - room < PACE ? this.#left - 1 : PAUSES
    return true
  }
}
