// Tests frames against a Match (faults/match.ts), which is plain data that users write and threads exchange.
// Rules, watches and captures each have a Matcher. Testing allocates nothing.
//
// A match becomes two lists when a Matcher is made: ranges, each of which a field of the packet
// (frame/packet.ts) must be in, and patterns, masked bytes that must stand in the frame.

import type { Match, Span } from '../faults/match.js'
import { TCP_FLAGS } from '../faults/match-names.js'
import { type MatchPlan, type PortsPlan, planMatch } from '../faults/match-plan.js'
import { parsePrefix } from '../frame/address.js'
import { parseMac } from '../frame/mac.js'
import {
  ABSENT,
  ETH_P_ARP,
  FIELD,
  type Fields,
  IPPROTO_TCP,
  IPPROTO_UDP,
  type Packet,
} from '../frame/packet.js'
import type { Place } from '../frame/words.js'

/** What patterns are counted from. */
const FROM_FRAME = 0
const FROM_L3 = 1
const MAX_LENGTH = 0x7fffffff

export class Matcher {
  /** Frames that hit() has matched; to be handed on when another Matcher goes on counting. */
  matched: number
  readonly #nth: number
  readonly #every: number
  readonly #first: number
  /** Field, least, most; and again. */
  readonly #ranges: Int32Array
  /** FROM_…, offset, length, place in #masks and #values; and again. */
  readonly #patterns: Int32Array
  readonly #masks: Uint8Array
  readonly #values: Uint8Array
  /** Source or destination port: least, most; -1: any. */
  readonly #port: number
  readonly #lastPort: number
  readonly #flagMask: number
  readonly #flags: number

  /** `matched`: to go on counting from. */
  constructor(match: Match, matched = 0) {
    const plan = planMatch(match, 'match')
    this.matched = matched
    this.#nth = plan.nth ?? 0
    this.#every = plan.every ?? 1
    this.#first = plan.first ?? Number.POSITIVE_INFINITY
    this.#ranges = Int32Array.from(rangesOf(plan).flat())
    const patterns = patternsOf(plan)
    let place = 0
    this.#patterns = Int32Array.from(
      patterns.flatMap(({ from, offset, mask }) => {
        place += mask.length
        return [from, offset, mask.length, place - mask.length]
      }),
    )
    this.#masks = Uint8Array.from(patterns.flatMap(({ mask }) => [...mask]))
    this.#values = Uint8Array.from(patterns.flatMap(({ value }) => [...value]))
    const [port, lastPort] = span((plan.tcp ?? plan.udp)?.port ?? ABSENT)
    this.#port = port
    this.#lastPort = lastPort
    this.#flagMask = flagBits(plan.tcp?.flags, () => true)
    this.#flags = flagBits(plan.tcp?.flags, (word) => !word.startsWith('!'))
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
      const from = patterns[at] === FROM_FRAME ? packet.start : packet.l3
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

type Range = [field: Place<'field'>, least: number, most: number]

function rangesOf(plan: MatchPlan): Range[] {
  const { ethertype, vlan, ip, arp, tcp, udp, icmp, length } = plan
  const ranges: Range[] = []
  const add = (field: Place<'field'>, wanted: Span | undefined) => {
    if (wanted !== undefined) ranges.push([field, ...span(wanted)])
  }
  add(FIELD.ethertype, ethertype)
  if (vlan) add(FIELD.vlan, vlan.id ?? [0, 0xfff])
  add(FIELD.pcp, vlan?.pcp)
  if (ip) add(FIELD.version, ip.version ?? [4, 6])
  add(FIELD.proto, ip?.proto)
  if (ip?.fragment !== undefined) add(FIELD.fragment, ip.fragment ? 1 : 0)
  add(FIELD.ttl, ip?.ttl)
  add(FIELD.dscp, ip?.dscp)
  if (arp) add(FIELD.ethertype, ETH_P_ARP)
  add(FIELD.arpOp, arp?.op)
  if (tcp) add(FIELD.proto, IPPROTO_TCP)
  if (udp) add(FIELD.proto, IPPROTO_UDP)
  addPorts(add, tcp ?? udp)
  if (tcp?.flags !== undefined) add(FIELD.tcpFlags, [0, 0xff])
  if (icmp) add(FIELD.icmp, [4, 6])
  add(FIELD.icmpType, icmp?.type)
  add(FIELD.icmpCode, icmp?.code)
  if (length) add(FIELD.length, [length.min ?? 0, length.max ?? MAX_LENGTH])
  return ranges
}

function addPorts(
  add: (field: Place<'field'>, wanted: Span | undefined) => void,
  ports: PortsPlan | undefined,
): void {
  add(FIELD.sport, ports?.sport)
  add(FIELD.dport, ports?.dport)
}

function span(wanted: Span): [number, number] {
  return typeof wanted === 'number' ? [wanted, wanted] : [wanted[0], wanted[1]]
}

function flagBits(flags: string | undefined, counts: (word: string) => boolean): number {
  const words = flags === undefined ? [] : flags.split(',').filter(counts)
  return words.reduce((bits, word) => bits | TCP_FLAGS[word.replace('!', '') as keyof typeof TCP_FLAGS], 0)
}

interface Pattern {
  from: number
  offset: number
  mask: Uint8Array
  value: Uint8Array
}

// Where addresses stand, from the frame's first byte and from the IP header's.
const MAC_OFFSETS = { dst: 0, src: 6 } as const
const IP_OFFSETS = { 4: { src: 12, dst: 16 }, 6: { src: 8, dst: 24 } } as const

function patternsOf(plan: MatchPlan): Pattern[] {
  const patterns: Pattern[] = []
  for (const [offset, mask, value] of plan.bytes ?? []) {
    patterns.push({
      from: FROM_FRAME,
      offset,
      mask: Buffer.from(mask, 'hex'),
      value: Buffer.from(value, 'hex'),
    })
  }
  for (const side of ['dst', 'src'] as const) {
    const mac = plan[side] && parseMac(plan[side])
    if (mac) {
      const mask = new Uint8Array(6).fill(0xff)
      patterns.push({ from: FROM_FRAME, offset: MAC_OFFSETS[side], mask, value: mac })
    }
    // planMatch() has set the version, so the header behind l3 is one of that version.
    const prefix = plan.ip?.[side] && parsePrefix(plan.ip[side])
    if (prefix) {
      const offset = IP_OFFSETS[plan.ip?.version ?? 4][side]
      patterns.push({ from: FROM_L3, offset, mask: prefix.mask, value: prefix.address })
    }
  }
  return patterns
}
