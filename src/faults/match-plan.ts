// Makes the plan of a match: checks that what a user wrote goes together (each part is checked by its shape,
// wishes/match.ts), brings it into its normal form, and works out what is compared with a frame. Made once, where
// the wish comes in; the plan crosses threads, and hooks/matcher.ts tests frames by it.

import { invalid } from '../errors.js'
import { formatPrefix } from '../frame/address.js'
import { formatMac } from '../frame/mac.js'
import {
  ABSENT,
  ETH_P_ARP,
  ETH_P_IP,
  ETH_P_IPV6,
  FIELD,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from '../frame/packet.js'
import { type BytePattern, MATCH, type Span } from '../wishes/match.js'
import { ETHERTYPES, nameOf, PROTOCOLS, TCP_FLAGS } from '../wishes/names.js'
import type { Given, Read } from '../wishes/shape.js'

/** Which frames are meant, as users write it. */
export type Match = Given<typeof MATCH>
type Parts = Read<typeof MATCH>
type Ip = NonNullable<Parts['ip']>
export type Ports = NonNullable<Parts['udp']>

/**
 * The normal form of a Match, and one itself: numbers in place of names, canonical addresses, with which there is
 * always a version; in `bytes` hexadecimal digits.
 */
export type NormalMatch = Omit<Parts, 'src' | 'dst' | 'ip' | 'bytes'> & {
  src?: string
  dst?: string
  ip?: Omit<Ip, 'src' | 'dst'> & { src?: string; dst?: string }
  bytes?: [offset: number, mask: string, value: string][]
}

/** Masked bytes that must stand in the frame. */
interface Pattern extends BytePattern {
  /** Counted from the IP header; otherwise from the frame's first byte. */
  l3: boolean
}

/** Plain data, crosses threads. */
export interface MatchPlan {
  /** As it is told to whoever asks. */
  normal: NormalMatch
  /** Fields of the packet (frame/packet.ts), each with the least and the most that it may be. */
  ranges: [field: number, least: number, most: number][]
  patterns: Pattern[]
  /** Source or destination port; ABSENT: any. */
  port: [least: number, most: number]
  /** Of the TCP flags: which count, and what they are. */
  flags: [mask: number, set: number]
}

/** Checks `match`; messages call it `attribute`. */
export function planMatch(match: unknown, attribute: string, shape: typeof MATCH = MATCH): MatchPlan {
  const parts = shape.read(match, attribute)
  const { length, nth, every, first } = parts
  const ip = parts.ip && withVersion(parts.ip, `${attribute}.ip`)
  if (length !== undefined) checkLength(length, `${attribute}.length`)
  if ([nth, every, first].filter((value) => value !== undefined).length > 1) {
    throw invalid(`${attribute} may have one of nth, every and first`, attribute)
  }
  const checked = { ...parts, ...(ip && { ip }) }
  refuseContradictions(checked, attribute)
  const { tcp, udp } = checked
  const words = tcp?.flags?.split(',') ?? []
  return {
    normal: normalOf(checked),
    ranges: rangesOf(checked),
    patterns: patternsOf(checked),
    port: span((tcp ?? udp)?.port ?? ABSENT),
    flags: [flagBits(words), flagBits(words.filter((word) => !word.startsWith('!')))],
  }
}

function withVersion(ip: Ip, attribute: string): Ip {
  const { src, dst } = ip
  const implied = [src, dst].flatMap((prefix) => (prefix ? [prefix.address.length === 4 ? 4 : 6] : []))
  const [version, other] = new Set([ip.version ?? implied[0], ...implied])
  if (other !== undefined) throw invalid(`${attribute} mixes IPv4 and IPv6: no frame has both`, attribute)
  return version === undefined ? ip : { ...ip, version: version as 4 | 6 }
}

function checkLength({ min, max }: NonNullable<Parts['length']>, attribute: string): void {
  if (min === undefined && max === undefined) throw invalid(`${attribute} needs min, max or both`, attribute)
  if ((min ?? 0) > (max ?? 0xffff)) throw invalid(`${attribute}.min is above max`, attribute)
}

/** What no frame can be is more likely a slip than a wish. */
function refuseContradictions(parts: Parts, attribute: string): void {
  const never = (one: string, other: string) =>
    invalid(`${attribute} wants ${one} and ${other}: no frame is both`, attribute)
  const { ethertype, ip } = parts
  const kinds = (['arp', 'tcp', 'udp', 'icmp'] as const).filter((kind) => parts[kind] !== undefined)
  const [kind, second] = kinds
  if (kind !== undefined && second !== undefined) throw never(kind, second)
  if (kind === 'arp' && ip) throw never('arp', 'ip')
  const types = kind === 'arp' ? [ETH_P_ARP] : ethertypesOf(kind ? (ip ?? {}) : ip)
  if (ethertype !== undefined && types !== undefined && !types.includes(ethertype)) {
    throw never(`ethertype ${nameOf(ETHERTYPES, ethertype)}`, kind ?? 'ip')
  }
  if (kind !== undefined && kind !== 'arp' && ip?.proto !== undefined) {
    const protocols = kind === 'icmp' ? [IPPROTO_ICMP, IPPROTO_ICMPV6] : [PROTOCOLS[kind]]
    if (!protocols.some((proto) => proto === ip.proto)) {
      throw never(`ip.proto ${nameOf(PROTOCOLS, ip.proto)}`, kind)
    }
  }
}

/** Ethertypes of frames with such an IP header. */
function ethertypesOf(ip: Ip | undefined): number[] | undefined {
  if (ip === undefined) return undefined
  if (ip.version === undefined) return [ETH_P_IP, ETH_P_IPV6]
  return [ip.version === 4 ? ETH_P_IP : ETH_P_IPV6]
}

function normalOf({ src, dst, ip, bytes, ...rest }: Parts): NormalMatch {
  const { src: from, dst: to, ...others } = ip ?? {}
  return {
    ...rest,
    ...(src && { src: formatMac(src) }),
    ...(dst && { dst: formatMac(dst) }),
    ...(ip && {
      ip: { ...others, ...(from && { src: formatPrefix(from) }), ...(to && { dst: formatPrefix(to) }) },
    }),
    ...(bytes && { bytes: bytes.map(({ offset, mask, value }) => [offset, hex(mask), hex(value)]) }),
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function rangesOf(parts: Parts): MatchPlan['ranges'] {
  const { ethertype, vlan, ip, arp, tcp, udp, icmp, length } = parts
  const ports = tcp ?? udp
  const wanted: [field: number, span: Span | undefined][] = [
    [FIELD.ethertype, ethertype],
    [FIELD.vlan, vlan && (vlan.id ?? [0, 0xfff])],
    [FIELD.pcp, vlan?.pcp],
    [FIELD.version, ip && (ip.version ?? [4, 6])],
    [FIELD.proto, ip?.proto],
    [FIELD.fragment, ip?.fragment === undefined ? undefined : Number(ip.fragment)],
    [FIELD.ttl, ip?.ttl],
    [FIELD.dscp, ip?.dscp],
    [FIELD.ethertype, arp && ETH_P_ARP],
    [FIELD.arpOp, arp?.op],
    [FIELD.proto, tcp && IPPROTO_TCP],
    [FIELD.proto, udp && IPPROTO_UDP],
    [FIELD.sport, ports?.sport],
    [FIELD.dport, ports?.dport],
    [FIELD.tcpFlags, tcp?.flags === undefined ? undefined : [0, 0xff]],
    [FIELD.icmp, icmp && [4, 6]],
    [FIELD.icmpType, icmp?.type],
    [FIELD.icmpCode, icmp?.code],
    [FIELD.length, length && [length.min ?? 0, length.max ?? MAX_LENGTH]],
  ]
  return wanted.flatMap(([field, range]) => (range === undefined ? [] : [[field, ...span(range)] as const]))
}

const MAX_LENGTH = 0x7fffffff

function span(wanted: Span): [number, number] {
  return typeof wanted === 'number' ? [wanted, wanted] : [wanted[0], wanted[1]]
}

function flagBits(words: readonly string[]): number {
  return words.reduce((bits, word) => bits | TCP_FLAGS[word.replace('!', '') as keyof typeof TCP_FLAGS], 0)
}

// Where addresses stand, from the frame's first byte and from the IP header's.
const MAC_OFFSETS = { dst: 0, src: 6 } as const
const IP_OFFSETS = { 4: { src: 12, dst: 16 }, 6: { src: 8, dst: 24 } } as const

function patternsOf({ bytes = [], src, dst, ip }: Parts): Pattern[] {
  const patterns: Pattern[] = bytes.map((pattern) => ({ ...pattern, l3: false }))
  const own = { src, dst }
  for (const side of ['dst', 'src'] as const) {
    const value = own[side]
    if (value)
      patterns.push({ l3: false, offset: MAC_OFFSETS[side], mask: new Uint8Array(6).fill(0xff), value })
    // There is a version, so the header behind l3 is one of that version.
    const prefix = ip?.[side]
    if (prefix) {
      const offset = IP_OFFSETS[ip?.version ?? 4][side]
      patterns.push({ l3: true, offset, mask: prefix.mask, value: prefix.address })
    }
  }
  return patterns
}
