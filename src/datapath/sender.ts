// The last step of an inspected direction: gathers frames that are to go now, sends them as one burst, counts
// what became of each, and shows probes what was delivered. Used by inspector.ts.

import { errno } from '../errors.js'
import { DROPPED, PASS } from '../frame/burst.js'
import { BURST, VNET_HDR_LEN } from '../frame/slab.js'
import type { Outgoing } from './cells.js'
import * as count from './counters.js'
import type { Held } from './held.js'
import type { Port } from './port.js'
import { NUMBER, type Probe, SEEN, type Told, WAITED } from './probe.js'

export class Sender {
  probes: readonly Probe[] = []
  /** Frames gathered; at most BURST. */
  staged = 0
  /** Frames refused since the peer is down; inspector.ts begins to count anew with each burst. */
  down = 0
  readonly #peer: 0 | 1
  readonly #ports: readonly Port[]
  readonly #counters: count.Counters
  /** Of each frame: its bytes (a port writes errors over its own), its number, and how long it was held. */
  readonly #lengths = new Int32Array(BURST)
  readonly #numbers = new Float64Array(BURST)
  readonly #delays = new Float64Array(BURST)
  readonly #told: Told = new Float64Array(3)

  /** `end` is the one that sends; `ports`: where frames go, by number of the queue. */
  constructor({ end, ports, counters }: { end: 0 | 1; ports: readonly Port[]; counters: count.Counters }) {
    this.#peer = end === 0 ? 1 : 0
    this.#ports = ports
    this.#counters = counters
  }

  /** Adds a frame that stands in `from`, with a virtio-net header of zeros in front of it. */
  stage(from: Outgoing, start: number, length: number, number: number): void {
    const at = this.staged++
    from.starts[at] = start
    from.lengths[at] = length + VNET_HDR_LEN
    this.#lengths[at] = length
    this.#numbers[at] = number
    this.#delays[at] = 0
  }

  /** Adds the next of the frames that are held, and takes it out of their order. It stands in `from`. */
  stageHeld(held: Held, from: Outgoing): void {
    const at = this.staged++
    const length = held.nextLength
    from.starts[at] = held.nextStart
    from.lengths[at] = length + VNET_HDR_LEN
    this.#lengths[at] = length
    held.tell(this.#numbers, this.#delays, at)
    held.pop()
  }

  /** Sends what was gathered to queue `queue`. */
  send(from: Outgoing, queue: number): void {
    const counters = this.#counters
    const staged = this.staged
    const shown = this.#begin()
    this.staged = 0
    counters[count.SENT] += (this.#ports[queue] as Port).transmit(from, staged)
    for (let at = 0; at < staged; at++) {
      const length = from.lengths[at]
      let verdict = PASS
      if (length > 0) counters[count.SENT_BYTES] += length - VNET_HDR_LEN
      else {
        if (length === errno.EIO) this.down++
        verdict = length === errno.EIO ? DROPPED.down : DROPPED.error
        counters[count.dropsOf(verdict)]++
      }
      if (shown) this.#show(from, at, verdict)
    }
  }

  /** Drops it: there is no carrier. */
  drop(from: Outgoing): void {
    const { staged } = this
    const shown = this.#begin()
    this.staged = 0
    this.#counters[count.DROPPED_CARRIER] += staged
    for (let at = 0; shown && at < staged; at++) this.#show(from, at, DROPPED.carrier)
  }

  /** Does a capture want to see them? Then it sees them now. */
  #begin(): boolean {
    if (this.probes.length === 0) return false
    this.#told[SEEN] = performance.now()
    return true
  }

  #show(from: Outgoing, at: number, verdict: number): void {
    const start = from.starts[at]
    const length = this.#lengths[at]
    this.#told[NUMBER] = this.#numbers[at]
    this.#told[WAITED] = this.#delays[at]
    for (const probe of this.probes) {
      probe.delivered(this.#peer, from.bytes, start, length, this.#told, verdict)
    }
  }
}
