// The last step of an inspected direction: gathers runs that are to go now, sends them as one burst, counts
// what became of each, and shows probes what was delivered. A run is one wire frame, or neighbours of one super-frame
// behind headers of their own; each has its virtio-net header in front of it. Used by wire.ts, for what passes at
// once, and by holding.ts, for what was held.

import { DROPPED, PASS } from '../frame/cause.js'
import { BURST, VNET_HDR_LEN } from '../frame/slab.js'
import type { Outgoing } from './cells.js'
import * as count from './counters.js'
import type { Port } from './port.js'
import { FRAMES, NUMBER, SEEN, type Told, WAITED } from './probe.js'
import type { Probes } from './probes.js'

export class Sender {
  /** Runs gathered; at most BURST. */
  staged = 0
  /** Frames refused since the peer is down; inspector.ts begins to count anew with each burst. */
  down = 0
  /** Of each run: the number of its first frame, how long it was held (ms), its wire frames and their bytes; written by who stages it. */
  readonly numbers = new Float64Array(BURST)
  readonly delays = new Float64Array(BURST)
  readonly frames = new Int32Array(BURST)
  readonly bytes = new Int32Array(BURST)
  /** Bytes of each as it stands there: a port writes errors over its own lengths. */
  readonly #lengths = new Int32Array(BURST)
  readonly #probes: Probes
  readonly #ports: readonly Port[]
  readonly #counters: count.Counters
  readonly #told: Told = new Float64Array(4)

  /** `ports`: where frames go, by number of the queue. */
  constructor({ ports, counters }: { ports: readonly Port[]; counters: count.Counters }, probes: Probes) {
    this.#probes = probes
    this.#ports = ports
    this.#counters = counters
  }

  /** Adds what stands in `from`, its virtio-net header in front of it. Its place in `numbers` and so on. */
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
    ;(this.#ports[queue] as Port).transmit(from, staged)
    for (let at = 0; at < staged; at++) {
      const length = from.lengths[at]
      const frames = this.frames[at]
      let verdict = PASS
      if (length > 0) {
        counters[count.SENT] += frames
        counters[count.SENT_BYTES] += this.bytes[at]
      } else {
        verdict = count.refusal(length)
        if (verdict === DROPPED.down) this.down += frames
        counters[count.dropsOf(verdict)] += frames
      }
      if (shown) this.#show(from, at, verdict)
    }
  }

  /** Drops it: there is no carrier. */
  drop(from: Outgoing): void {
    const { staged } = this
    const shown = this.#begin()
    this.staged = 0
    for (let at = 0; at < staged; at++) {
      this.#counters[count.DROPPED_CARRIER] += this.frames[at]
      if (shown) this.#show(from, at, DROPPED.carrier)
    }
  }

  /** Does a capture want to see them? Then it sees them now. */
  #begin(): boolean {
    if (this.#probes.count === 0) return false
    this.#told[SEEN] = performance.now()
    return true
  }

  #show({ bytes, starts }: Outgoing, at: number, verdict: number): void {
    const told = this.#told
    told[NUMBER] = this.numbers[at]
    told[FRAMES] = this.frames[at]
    told[WAITED] = this.delays[at]
    this.#probes.delivered(bytes, starts[at], this.#lengths[at], told, verdict)
  }
}
