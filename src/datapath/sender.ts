// The last step of an inspected direction: gathers frames that are to go now, sends them as one burst, counts
// what became of each, and shows probes what was delivered. Used by inspector.ts, for what passes at once, and by
// holding.ts, for what was held.

import { DROPPED, PASS } from '../frame/burst.js'
import { BURST, VNET_HDR_LEN } from '../frame/slab.js'
import type { Outgoing } from './cells.js'
import * as count from './counters.js'
import type { Port } from './port.js'
import { NUMBER, SEEN, type Told, WAITED } from './probe.js'
import type { Probes } from './probes.js'

export class Sender {
  /** Frames gathered; at most BURST. */
  staged = 0
  /** Frames refused since the peer is down; inspector.ts begins to count anew with each burst. */
  down = 0
  /** Of each frame: its number, and how long it was held (ms). For probes; written by who stages it. */
  readonly numbers = new Float64Array(BURST)
  readonly delays = new Float64Array(BURST)
  /** Bytes of each: a port writes errors over its own lengths. */
  readonly #lengths = new Int32Array(BURST)
  readonly #probes: Probes
  readonly #ports: readonly Port[]
  readonly #counters: count.Counters
  readonly #told: Told = new Float64Array(3)

  /** `ports`: where frames go, by number of the queue. */
  constructor({ ports, counters }: { ports: readonly Port[]; counters: count.Counters }, probes: Probes) {
    this.#probes = probes
    this.#ports = ports
    this.#counters = counters
  }

  /** Adds a frame that stands in `from`, with a virtio-net header of zeros in front of it. Its place in `numbers`. */
  stage(from: Outgoing, start: number, length: number): number {
    const at = this.staged++
    from.starts[at] = start
    from.lengths[at] = length + VNET_HDR_LEN
    this.#lengths[at] = length
    return at
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
        verdict = count.refusal(length)
        if (verdict === DROPPED.down) this.down++
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
    if (this.#probes.count === 0) return false
    this.#told[SEEN] = performance.now()
    return true
  }

  #show(from: Outgoing, at: number, verdict: number): void {
    const start = from.starts[at]
    const length = this.#lengths[at]
    this.#told[NUMBER] = this.numbers[at]
    this.#told[WAITED] = this.delays[at]
    this.#probes.delivered(from.bytes, start, length, this.#told, verdict)
  }
}
