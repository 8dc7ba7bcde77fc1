// What a test can say afterwards about the frames of a pair: what became of each, kept from the moment that
// the observation began. Bounded: the data path writes into a ring that is read when somebody asks, so a test
// that does not ask costs nothing here; what finds no room is not kept, and counted, and then nothing is
// proven by absence. Begun by testbed.ts, or by users for pairs made otherwise.

import type { MatchPlan } from '../faults/match-plan.js'
import { Packet } from '../frame/packet.js'
import { Matcher } from '../hooks/matcher.js'
import type { Pair, RingStream, Sighting } from '../index.js'
import { OBSERVE } from '../wishes/kit.js'
import { checked, type Given } from '../wishes/shape.js'
import { beginCounting } from './counted.js'

export type ObserveOptions = Given<typeof OBSERVE>

const BYTES = 32 * 1024 * 1024
const LARGEST_RING = 16 * 1024 * 1024
/** What keeping a frame takes beside its bytes, about. */
const OVERHEAD = 200

const observations = new WeakMap<Pair, Observation>()
const packet = new Packet()

export class Observation {
  readonly pair: Pair
  readonly #stream: RingStream<Sighting>
  readonly #sightings: Sighting[] = []
  #room: number
  #unkept = 0

  /** @internal */
  constructor(pair: Pair, { match, bytes = BYTES }: ObserveOptions) {
    this.pair = pair
    this.#room = bytes
    this.#stream = pair.sightings({
      ringBytes: Math.min(bytes, LARGEST_RING),
      ...(match !== undefined && { match }),
    })
  }

  /** What was seen so far, the oldest first. */
  get sightings(): readonly Sighting[] {
    for (let next = this.#stream.now(); next !== undefined; next = this.#stream.now()) {
      this.#room -= next.frame.length + OVERHEAD
      if (this.#room >= 0) this.#sightings.push(next)
      else this.#unkept++
    }
    return this.#sightings
  }

  /** Sightings that found no room. */
  get missed(): number {
    return this.#stream.lost + this.#unkept
  }

  /** Those whose frame matches. */
  matching(match: MatchPlan): Sighting[] {
    const matcher = new Matcher(match)
    return this.sightings.filter(({ frame }) => {
      packet.read(frame, 0, frame.length)
      return matcher.test(packet)
    })
  }

  /** Ends it; what was seen stays. */
  async stop(): Promise<void> {
    void this.sightings // return() throws away what nobody has read
    await this.#stream.return()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/**
 * Begins to look at the frames of a pair that withPair has not made, so that assertions can be made about
 * them; `withPair` does it by itself, where the test's body begins. What was before does not count any more, also
 * where counters answer (those of a pair that nobody observes count from its creation).
 */
export function observe(pair: Pair, options: ObserveOptions = {}): Observation {
  checked(OBSERVE, options)
  const before = observations.get(pair)
  const observation = new Observation(pair, options)
  observations.set(pair, observation)
  beginCounting(pair)
  void before?.stop()
  return observation
}

/** What is looked at of this pair, if somebody does. */
export function observationOf(pair: Pair): Observation | undefined {
  return observations.get(pair)
}
