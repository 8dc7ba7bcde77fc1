// What a frame says in its headers, read once for whoever asks: matcher.ts compares the fields, segment.ts
// cuts at the offsets. One Packet is used for frame after frame: read() allocates nothing and never throws,
// whatever the bytes are; what a frame does not have, or has no room for, is ABSENT. A leaf.
//
// Lengths inside the frame are believed only as far as the frame reaches. Behind an IP header what counts
// ends where IP says that it ends, so the padding of a short frame is no payload.

import { ETH_P_8021AD, ETH_P_8021Q, VLAN_TAG } from './ethernet.js'
import type { Place, Words } from './words.js'

/** The fields of a frame, and where each stands in `fields`. */
const PLACES = {
  /** bytes of the frame, from its destination MAC */
  length: 0,
  /** behind up to two VLAN tags; below 0x600 it is the length of an 802.3 frame */
  ethertype: 1,
  /** of the outer tag: VLAN id, priority */
  vlan: 2,
  pcp: 3,
  /** of IP: 4 or 6 */
  version: 4,
  /** the protocol behind IP's own headers, IPv6 extension headers included */
  proto: 5,
  /** 1: a part of a packet, the first one included; 0: a whole packet */
  fragment: 6,
  /** TTL or hop limit */
  ttl: 7,
  dscp: 8,
  arpOp: 9,
  /** of TCP and UDP; like all below absent in every fragment but the first */
  sport: 10,
  dport: 11,
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128 */
  tcpFlags: 12,
  /** 4: ICMP, 6: ICMPv6; in every fragment */
  icmp: 13,
  icmpType: 14,
  icmpCode: 15,
} as const
const FIELDS = 16

export type Fields = Words<'field'>
export type FieldName = keyof typeof PLACES
export const FIELD = PLACES as unknown as Record<FieldName, Place<'field'>>

/** No field has this value. */
export const ABSENT = -1

export const ETH_P_IP = 0x0800
export const ETH_P_ARP = 0x0806
export const ETH_P_IPV6 = 0x86dd
export const IPPROTO_ICMP = 1
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IPPROTO_ICMPV6 = 58

const MACS = 12
const MAX_TAGS = 2
const IPV4_HEADER = 20
const IPV6_HEADER = 40
/** Hop-by-hop, routing, destination options, mobility, HIP, shim6: next header, length in 8 bytes without the first 8. */
const IPV6_OPTIONS: readonly number[] = [0, 43, 60, 135, 139, 140]
const IPPROTO_FRAGMENT = 44
/** Its length counts 4 bytes, without the first 8. */
const IPPROTO_AH = 51

export class Packet {
  /** The memory that the frame stands in. Offsets below are places in it, or ABSENT. */
  bytes: Uint8Array = new Uint8Array(0)
  /** The frame's first byte, and the place behind its last one. */
  start = 0
  end = 0
  /** The IP or ARP header, complete. */
  l3 = ABSENT
  /** Behind the IP headers: TCP, UDP, ICMP or whatever `proto` says; how much of it is there is not said. */
  l4 = ABSENT
  /** Behind the last byte that belongs to the IP packet; `end` for other frames. */
  payloadEnd = 0
  readonly #fields = new Int32Array(FIELDS)
  readonly fields: Fields = this.#fields

  /** Reads the frame of `length` bytes from `start`, which stand in `bytes`. */
  read(bytes: Uint8Array, start: number, length: number): void {
    this.bytes = bytes
    this.start = start
    this.end = start + length
    this.payloadEnd = this.end
    this.l3 = ABSENT
    this.l4 = ABSENT
    this.#fields.fill(ABSENT)
    this.fields[FIELD.length] = length
    this.#readEthernet()
  }

  #u16(at: number): number {
    return (this.bytes[at] << 8) | this.bytes[at + 1]
  }

  #readEthernet(): void {
    const { fields, end } = this
    let at = this.start + MACS
    for (let tags = 0; ; tags++) {
      if (at + 2 > end) return
      const type = this.#u16(at)
      const tagged = type === ETH_P_8021Q || type === ETH_P_8021AD
      if (!tagged || tags === MAX_TAGS) return this.#readPayload(type, at + 2)
      if (at + VLAN_TAG > end) return
      if (tags === 0) {
        const tci = this.#u16(at + 2)
        fields[FIELD.vlan] = tci & 0xfff
        fields[FIELD.pcp] = tci >> 13
      }
      at += VLAN_TAG
    }
  }

  #readPayload(type: number, at: number): void {
    this.fields[FIELD.ethertype] = type
    if (type === ETH_P_IP) this.#readIpv4(at)
    else if (type === ETH_P_IPV6) this.#readIpv6(at)
    else if (type === ETH_P_ARP && at + 8 <= this.end) {
      this.l3 = at
      this.fields[FIELD.arpOp] = this.#u16(at + 6)
    }
  }

  #readIpv4(at: number): void {
    const { bytes, fields } = this
    if (at + IPV4_HEADER > this.end) return
    const first = bytes[at]
    const header = 4 * (first & 0xf)
    const total = this.#u16(at + 2)
    if (first >> 4 !== 4 || header < IPV4_HEADER || total < header || at + header > this.end) return
    const fragment = this.#u16(at + 6) & 0x3fff
    this.l3 = at
    this.payloadEnd = Math.min(this.end, at + total)
    fields[FIELD.version] = 4
    fields[FIELD.proto] = bytes[at + 9]
    fields[FIELD.fragment] = fragment === 0 ? 0 : 1
    fields[FIELD.ttl] = bytes[at + 8]
    fields[FIELD.dscp] = bytes[at + 1] >> 2
    if (bytes[at + 9] === IPPROTO_ICMP) fields[FIELD.icmp] = 4
    if ((fragment & 0x1fff) === 0) this.#readTransport(at + header)
  }

  #readIpv6(at: number): void {
    const { bytes, fields } = this
    if (at + IPV6_HEADER > this.end || bytes[at] >> 4 !== 6) return
    const length = this.#u16(at + 4)
    this.l3 = at
    // 0 stands for "more than 65,535" (a jumbogram).
    if (length > 0) this.payloadEnd = Math.min(this.end, at + IPV6_HEADER + length)
    fields[FIELD.version] = 6
    fields[FIELD.fragment] = 0
    fields[FIELD.ttl] = bytes[at + 7]
    fields[FIELD.dscp] = (this.#u16(at) >> 6) & 0x3f
    const l4 = this.#walkExtensions(bytes[at + 6], at + IPV6_HEADER)
    if (fields[FIELD.proto] === IPPROTO_ICMPV6) fields[FIELD.icmp] = 6
    if (l4 !== ABSENT) this.#readTransport(l4)
  }

  /** Sets proto and fragment; answers where the transport header is. Every step is at least 8 bytes. */
  #walkExtensions(first: number, from: number): number {
    const { bytes, fields } = this
    let next = first
    let at = from
    for (;;) {
      fields[FIELD.proto] = next
      const options = IPV6_OPTIONS.includes(next)
      if (!options && next !== IPPROTO_FRAGMENT && next !== IPPROTO_AH) return at
      if (at + 8 > this.payloadEnd) return ABSENT
      const following = bytes[at]
      const units = bytes[at + 1]
      if (next === IPPROTO_FRAGMENT) {
        const part = this.#u16(at + 2)
        if ((part & 0xfff9) !== 0) fields[FIELD.fragment] = 1
        if ((part & 0xfff8) !== 0) {
          fields[FIELD.proto] = following
          return ABSENT
        }
        at += 8
      } else {
        at += options ? 8 * (units + 1) : 4 * (units + 2)
      }
      next = following
    }
  }

  #readTransport(at: number): void {
    const { bytes, fields } = this
    const room = this.payloadEnd - at
    if (room < 0) return
    this.l4 = at
    const proto = fields[FIELD.proto]
    if ((proto === IPPROTO_TCP || proto === IPPROTO_UDP) && room >= 4) {
      fields[FIELD.sport] = this.#u16(at)
      fields[FIELD.dport] = this.#u16(at + 2)
      if (proto === IPPROTO_TCP && room >= 14) fields[FIELD.tcpFlags] = bytes[at + 13]
    } else if (fields[FIELD.icmp] !== ABSENT && room >= 2) {
      fields[FIELD.icmpType] = bytes[at]
      fields[FIELD.icmpCode] = bytes[at + 1]
    }
  }
}
