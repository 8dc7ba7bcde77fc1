// Tests frames by the plan of a match (faults/match-plan.ts). Rules, watches and captures each have a Matcher. Testing
// allocates nothing.

import type { MatchPlan } from '../faults/match-plan.js'
import { ETH_HLEN } from '../frame/ethernet.js'
import { ABSENT, FIELD, type Fields, type Packet } from '../frame/packet.js'
import type { Place } from '../frame/words.js'

export class Matcher {
  /** Frames that hit() has matched; to be handed on when another Matcher goes on counting. */
  matched: number
  /** Are there bytes to be compared that differ from one wire frame of a super-frame to the next? */
  readonly deep: boolean
  readonly #nth: number
  readonly #every: number
  readonly #first: number
  /** Field, least, most; and again. */
  readonly #ranges: Int32Array
  /** From the IP header (1) or the frame (0), offset, length, place in #masks and #values; and again. */
  readonly #patterns: Int32Array
  readonly #masks: Uint8Array
  readonly #values: Uint8Array
  /** Source or destination port: least, most; -1: any. */
  readonly #port: number
  readonly #lastPort: number
  readonly #flagMask: number
  readonly #flags: number

  /** `matched`: to go on counting from. */
  constructor({ normal, ranges, patterns, port, flags }: MatchPlan, matched = 0) {
    this.matched = matched
    this.#nth = normal.nth ?? 0
    this.#every = normal.every ?? 1
    this.#first = normal.first ?? Number.POSITIVE_INFINITY
    this.#ranges = Int32Array.from(ranges.flat())
    // IP addresses, and what stands in front of IP, are the same for all.
    this.deep = patterns.some(({ l3, offset, mask }) => !l3 && offset + mask.length > ETH_HLEN)
    let place = 0
    this.#patterns = Int32Array.from(
      patterns.flatMap(({ l3, offset, mask }) => {
        place += mask.length
        return [l3 ? 1 : 0, offset, mask.length, place - mask.length]
      }),
    )
    this.#masks = Uint8Array.from(patterns.flatMap(({ mask }) => [...mask]))
    this.#values = Uint8Array.from(patterns.flatMap(({ value }) => [...value]))
    ;[this.#port, this.#lastPort] = port
    ;[this.#flagMask, this.#flags] = flags
  }

  /** Does the packet match, but for nth, every and first? Nothing is counted. */
  test(packet: Packet): boolean {
    return this.#inRanges(packet.fields) && this.#hasPort(packet.fields) && this.#hasBytes(packet)
  }

  /** Does it match, with nth, every and first? Counts it. */
  hit(packet: Packet): boolean {
    return this.test(packet) && this.picks(++this.matched)
  }

  /** Is the `number`th frame that matches, from 1, one of those that nth, every and first mean? */
  picks(number: number): boolean {
    return (this.#nth === 0 || number === this.#nth) && number % this.#every === 0 && number <= this.#first
  }

  #inRanges(fields: Fields): boolean {
    const ranges = this.#ranges
    for (let at = 0; at < ranges.length; at += 3) {
      const value = fields[ranges[at] as Place<'field'>]
      if (value < ranges[at + 1] || value > ranges[at + 2]) return false
    }
    return (fields[FIELD.tcpFlags] & this.#flagMask) === this.#flags
  }

  #hasPort(fields: Fields): boolean {
    if (this.#port === ABSENT) return true
    const sport = fields[FIELD.sport]
    const dport = fields[FIELD.dport]
    return (
      (sport >= this.#port && sport <= this.#lastPort) || (dport >= this.#port && dport <= this.#lastPort)
    )
  }

  #hasBytes(packet: Packet): boolean {
    const patterns = this.#patterns
    for (let at = 0; at < patterns.length; at += 4) {
      const from = patterns[at] === 0 ? packet.start : packet.l3
      const start = from + patterns[at + 1]
      const length = patterns[at + 2]
      if (start + length > packet.end || !this.#same(packet.bytes, start, length, patterns[at + 3])) {
        return false
      }
    }
    return true
  }

  #same(bytes: Uint8Array, start: number, length: number, place: number): boolean {
    for (let at = 0; at < length; at++) {
      const mask = this.#masks[place + at]
      if ((bytes[start + at] & mask) !== this.#values[place + at]) return false
    }
    return true
  }
}
