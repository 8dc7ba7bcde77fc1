// Which frames are meant, as users write it: plain data. match-plan.ts checks it, hooks/matcher.ts tests frames
// against it.

import type { ArpOp, Ethertype, Protocol } from './match-names.js'

/** A number, or the first and the last of a range. */
export type Span = number | readonly [first: number, last: number]

/** Ports of TCP or UDP; a fragment other than the first has none. */
export interface Ports {
  sport?: Span
  dport?: Span
  /** Either of them. */
  port?: Span
}

/** Frames that have all of this. An empty one means every frame; an empty `udp`, every frame of UDP. */
export interface Match {
  /** Behind VLAN tags, at most two. */
  ethertype?: number | Ethertype
  /** MAC addresses, `02:00:5e:10:00:01`. */
  src?: string
  dst?: string
  /** The outer tag: its VLAN id, or just any (true). */
  vlan?: number | true | { id?: number; pcp?: number }
  ip?: {
    version?: 4 | 6
    /** Behind IPv6 extension headers. */
    proto?: number | Protocol
    /** An address or a prefix of either version: `10.0.0.0/8`, `fd00::1`. */
    src?: string
    dst?: string
    /** True: parts of packets. False: whole packets. */
    fragment?: boolean
    /** Or IPv6's hop limit. */
    ttl?: Span
    dscp?: number
  }
  arp?: { op?: number | ArpOp }
  tcp?: Ports & {
    /** Flags that are set, and with `!` not set, `syn,!ack`: fin syn rst psh ack urg ece cwr. */
    flags?: string
  }
  udp?: Ports
  /** ICMP and ICMPv6; with `ip: { version: 4 }` or 6 beside it, one of them. */
  icmp?: { type?: number; code?: number }
  /**
   * [offset, mask, value]: the bytes from `offset` (0 is the first of the destination MAC), of which those
   * bits count that `mask` has. Mask and value are hexadecimal text or bytes of equal length, or numbers up
   * to 32 bits: as many bytes as the mask needs.
   */
  bytes?: readonly (readonly [
    offset: number,
    mask: number | string | Uint8Array,
    value: number | string | Uint8Array,
  ])[]
  /** Bytes of the frame, from the destination MAC, without FCS. */
  length?: { min?: number; max?: number }
  /** Of the frames that match so far, counted from 1: only number `nth`. */
  nth?: number
  /** Only each `every`th. */
  every?: number
  /** Only the first so many. */
  first?: number
}
