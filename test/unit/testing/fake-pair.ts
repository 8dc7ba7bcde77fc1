// A pair without a kernel, for unit tests of the test kit: its sightings and counters are what a test says.

import type { EndCounters, Match, Pair, Sighting } from '../../../src/index.js'
import { type ObserveOptions, observe } from '../../../src/testing/index.js'
import { filler, udp4 } from '../../support/frames.js'

const NO_DROPS = {
  ...{ carrier: 0, down: 0, mtu: 0, error: 0, loss: 0, limit: 0, rule: 0, hook: 0 },
  ...{ foreign: 0, malformed: 0, vni: 0 },
}
const counters = () => ({ tx_packets: 0, tx_dropped: 0, rx_packets: 0, drops: { ...NO_DROPS } })

export class FakePair {
  readonly a: { settled(): Promise<void> }
  readonly b = {}
  readonly counted = { a: counters(), b: counters() }
  /** What sightings() was asked for. */
  wish: { match?: Match; ringBytes?: number } | undefined
  lost = 0
  ended = false
  /** What comes with each settling of the pair: one of these. */
  readonly later: Sighting[][] = []
  readonly #waiting: Sighting[] = []
  #number = 0

  constructor() {
    this.a = { settled: async () => void this.#waiting.push(...(this.later.shift() ?? [])) }
  }

  /** As the type that the kit takes. */
  get pair(): Pair {
    return asPair(this)
  }

  observed(options: ObserveOptions = {}): this {
    observe(this.pair, options)
    return this
  }

  sightings(wish: typeof this.wish) {
    this.wish = wish
    const self = this
    return {
      get lost() {
        return self.lost
      },
      now: () => this.#waiting.shift(),
      return: async () => {
        this.ended = true
      },
    }
  }

  counters(): { a: EndCounters; b: EndCounters } {
    const counted: unknown = structuredClone(this.counted)
    return counted as { a: EndCounters; b: EndCounters }
  }

  /** A datagram that was sent to that port and delivered, or dropped. */
  datagram(dport: number, fields: Partial<Sighting> = {}): this {
    this.#waiting.push(...datagram(dport, { id: 2 * this.#number++, ...fields }))
    return this
  }
}

/** What is seen of one datagram from a to b, or from b to a with `end: 'b'`. */
export function datagram(dport: number, fields: Partial<Sighting> = {}): Sighting[] {
  const addresses = { source: '192.0.2.1', target: '192.0.2.2' }
  const frame = udp4({ ...addresses, sourcePort: 40_000, targetPort: dport, payload: filler(20) })
  const { end = 'a' } = fields
  const sent: Sighting = {
    end,
    sent: true,
    cause: undefined,
    reason: undefined,
    delay: 0,
    id: 0,
    time: Date.UTC(2025, 0, 1),
    length: frame.length,
    frame,
    ...fields,
  }
  const delivered: Sighting = { ...sent, end: end === 'a' ? 'b' : 'a', sent: false }
  return sent.cause === undefined ? [sent, delivered] : [sent]
}

function asPair(fake: unknown): Pair {
  return fake as Pair
}
