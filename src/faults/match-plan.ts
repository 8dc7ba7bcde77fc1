// Checks a Match that a user wrote, and brings it into its normal form: numbers in place of names, canonical
// addresses, nothing that says nothing. Refused before it reaches a frame: what is misspelt, and what no
// frame can be. The normal form is a Match again, so it may be checked twice.

import { invalid } from '../errors.js'
import { formatPrefix, parsePrefix } from '../frame/address.js'
import { formatMac, parseMac } from '../frame/mac.js'
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../frame/packet.js'
import { type Fields, fields, named, show, whole } from './check.js'
import type { Span } from './match.js'
import { ARP_OPS, ETHERTYPES, nameOf, PROTOCOLS, TCP_FLAGS } from './match-names.js'
import { planPatterns } from './pattern-plan.js'

export interface PortsPlan {
  sport?: Span
  dport?: Span
  port?: Span
}

/** The normal form of a Match. */
export interface MatchPlan {
  ethertype?: number
  src?: string
  dst?: string
  vlan?: { id?: number; pcp?: number }
  /** With an address there is always a version. */
  ip?: {
    version?: 4 | 6
    proto?: number
    src?: string
    dst?: string
    fragment?: boolean
    ttl?: Span
    dscp?: number
  }
  arp?: { op?: number }
  tcp?: PortsPlan & { flags?: string }
  udp?: PortsPlan
  icmp?: { type?: number; code?: number }
  /** Offset, mask, value: hexadecimal digits, mask and value of equal length. */
  bytes?: [offset: number, mask: string, value: string][]
  length?: { min?: number; max?: number }
  nth?: number
  every?: number
  first?: number
}

const KEYS = [
  ...['ethertype', 'src', 'dst', 'vlan', 'ip', 'arp', 'tcp', 'udp', 'icmp'],
  ...['bytes', 'length', 'nth', 'every', 'first'],
]
const IP_KEYS = ['version', 'proto', 'src', 'dst', 'fragment', 'ttl', 'dscp']
const PORT_KEYS = ['sport', 'dport', 'port']

/** Checks `match`; messages call it `attribute`. */
export function planMatch(match: unknown, attribute: string): MatchPlan {
  const given = fields(match, attribute, KEYS)
  const at = (key: string) => `${attribute}.${key}`
  const plan = compact<MatchPlan>({
    ethertype: optional(given, 'ethertype', (value) => named(value, ETHERTYPES, 0xffff, at('ethertype'))),
    src: optional(given, 'src', (value) => mac(value, at('src'))),
    dst: optional(given, 'dst', (value) => mac(value, at('dst'))),
    vlan: optional(given, 'vlan', (value) => planVlan(value, at('vlan'))),
    ip: optional(given, 'ip', (value) => planIp(value, at('ip'))),
    arp: optional(given, 'arp', (value) => planArp(value, at('arp'))),
    tcp: optional(given, 'tcp', (value) => planTcp(value, at('tcp'))),
    udp: optional(given, 'udp', (value) => planPorts(fields(value, at('udp'), PORT_KEYS), at('udp'))),
    icmp: optional(given, 'icmp', (value) => planIcmp(value, at('icmp'))),
    bytes: optional(given, 'bytes', (value) => planPatterns(value, at('bytes'))),
    length: optional(given, 'length', (value) => planLength(value, at('length'))),
    nth: optional(given, 'nth', (value) => count(value, at('nth'))),
    every: optional(given, 'every', (value) => count(value, at('every'))),
    first: optional(given, 'first', (value) => count(value, at('first'))),
  })
  refuseContradictions(plan, attribute)
  return plan
}

/** `plan` of the value under `key`; undefined where there is none. */
function optional<T>(given: Fields, key: string, plan: (value: unknown) => T): T | undefined {
  return given[key] === undefined ? undefined : plan(given[key])
}

/** Without the keys that are undefined. */
function compact<T>(plan: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(plan).filter(([, value]) => value !== undefined)) as T
}

function mac(value: unknown, attribute: string): string {
  const bytes = typeof value === 'string' ? parseMac(value) : undefined
  if (bytes !== undefined) return formatMac(bytes)
  throw invalid(`${attribute} ${show(value)} is no MAC address: write it as 02:00:5e:10:00:01`, attribute)
}

function planVlan(value: unknown, attribute: string): { id?: number; pcp?: number } {
  if (value === true) return {}
  if (typeof value === 'number') return { id: whole(value, 0, 4095, attribute) }
  const given = fields(value, attribute, ['id', 'pcp'])
  return compact({
    id: optional(given, 'id', (id) => whole(id, 0, 4095, `${attribute}.id`)),
    pcp: optional(given, 'pcp', (pcp) => whole(pcp, 0, 7, `${attribute}.pcp`)),
  })
}

function planIp(value: unknown, attribute: string): NonNullable<MatchPlan['ip']> {
  const given = fields(value, attribute, IP_KEYS)
  const at = (key: string) => `${attribute}.${key}`
  const src = optional(given, 'src', (text) => prefix(text, at('src')))
  const dst = optional(given, 'dst', (text) => prefix(text, at('dst')))
  const version = optional(given, 'version', (value) => ipVersion(value, at('version')))
  const versions = new Set([version, src?.version, dst?.version].filter((each) => each !== undefined))
  if (versions.size > 1) throw invalid(`${attribute} mixes IPv4 and IPv6: no frame has both`, attribute)
  return compact({
    version: versions.values().next().value,
    proto: optional(given, 'proto', (proto) => named(proto, PROTOCOLS, 0xff, at('proto'))),
    src: src?.text,
    dst: dst?.text,
    fragment: optional(given, 'fragment', (fragment) => boolean(fragment, at('fragment'))),
    ttl: optional(given, 'ttl', (ttl) => planSpan(ttl, 0xff, at('ttl'))),
    dscp: optional(given, 'dscp', (dscp) => whole(dscp, 0, 63, at('dscp'))),
  })
}

function ipVersion(value: unknown, attribute: string): 4 | 6 {
  if (value === 4 || value === 6) return value
  throw invalid(`${attribute} must be 4 or 6, not ${show(value)}`, attribute)
}

function prefix(value: unknown, attribute: string): { text: string; version: 4 | 6 } {
  const parsed = typeof value === 'string' ? parsePrefix(value) : undefined
  if (parsed !== undefined)
    return { text: formatPrefix(parsed), version: parsed.address.length === 4 ? 4 : 6 }
  throw invalid(
    `${attribute} ${show(value)} is no address or prefix: write 10.0.0.0/8, 10.0.0.1 or fd00::/8`,
    attribute,
  )
}

function planArp(value: unknown, attribute: string): { op?: number } {
  const given = fields(value, attribute, ['op'])
  return compact({ op: optional(given, 'op', (op) => named(op, ARP_OPS, 0xffff, `${attribute}.op`)) })
}

function planTcp(value: unknown, attribute: string): PortsPlan & { flags?: string } {
  const given = fields(value, attribute, [...PORT_KEYS, 'flags'])
  const flags = optional(given, 'flags', (words) => planFlags(words, `${attribute}.flags`))
  return { ...planPorts(given, attribute), ...compact({ flags }) }
}

function planPorts(given: Fields, attribute: string): PortsPlan {
  const ports = (key: string) =>
    optional(given, key, (value) => planSpan(value, 0xffff, `${attribute}.${key}`))
  return compact({ sport: ports('sport'), dport: ports('dport'), port: ports('port') })
}

/** In the order of the bits, each once. */
function planFlags(value: unknown, attribute: string): string {
  const words = typeof value === 'string' ? value.toLowerCase().split(',') : [show(value)]
  const wrong = words.find((word) => !Object.hasOwn(TCP_FLAGS, word.replace(/^!/, '')))
  const names = Object.keys(TCP_FLAGS)
  if (wrong !== undefined) {
    throw invalid(
      `${attribute} has no flag "${wrong}": write some of ${names.join(', ')} with commas between, and ! in front of those that are not to be set`,
      attribute,
    )
  }
  const both = names.find((name) => words.includes(name) && words.includes(`!${name}`))
  if (both !== undefined) throw invalid(`${attribute} wants ${both} to be set and not to be set`, attribute)
  return names.flatMap((name) => [name, `!${name}`].filter((word) => words.includes(word))).join(',')
}

function planIcmp(value: unknown, attribute: string): { type?: number; code?: number } {
  const given = fields(value, attribute, ['type', 'code'])
  return compact({
    type: optional(given, 'type', (type) => whole(type, 0, 0xff, `${attribute}.type`)),
    code: optional(given, 'code', (code) => whole(code, 0, 0xff, `${attribute}.code`)),
  })
}

function planLength(value: unknown, attribute: string): { min?: number; max?: number } {
  const given = fields(value, attribute, ['min', 'max'])
  const plan = compact<{ min?: number; max?: number }>({
    min: optional(given, 'min', (min) => whole(min, 0, 0xffff, `${attribute}.min`)),
    max: optional(given, 'max', (max) => whole(max, 0, 0xffff, `${attribute}.max`)),
  })
  if (plan.min === undefined && plan.max === undefined) {
    throw invalid(`${attribute} needs min, max or both`, attribute)
  }
  if ((plan.min ?? 0) > (plan.max ?? 0xffff)) throw invalid(`${attribute}.min is above max`, attribute)
  return plan
}

function planSpan(value: unknown, max: number, attribute: string): Span {
  if (!Array.isArray(value)) return whole(value, 0, max, attribute)
  if (value.length !== 2) {
    throw invalid(`${attribute} must be a number, or the first and the last of a range`, attribute)
  }
  const first = whole(value[0], 0, max, attribute)
  const last = whole(value[1], 0, max, attribute)
  if (first > last)
    throw invalid(`${attribute} goes from ${first} down to ${last}: the first is the lower`, attribute)
  return first === last ? first : [first, last]
}

function boolean(value: unknown, attribute: string): boolean {
  if (typeof value === 'boolean') return value
  throw invalid(`${attribute} must be true or false, not ${show(value)}`, attribute)
}

function count(value: unknown, attribute: string): number {
  return whole(value, 1, Number.MAX_SAFE_INTEGER, attribute)
}

/** What no frame can be is more likely a slip than a wish. */
function refuseContradictions(plan: MatchPlan, attribute: string): void {
  const never = (one: string, other: string) =>
    invalid(`${attribute} wants ${one} and ${other}: no frame is both`, attribute)
  const { ethertype, ip, nth, every, first } = plan
  const kinds = (['arp', 'tcp', 'udp', 'icmp'] as const).filter((kind) => plan[kind] !== undefined)
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
  if ([nth, every, first].filter((value) => value !== undefined).length > 1) {
    throw invalid(`${attribute} may have one of nth, every and first`, attribute)
  }
}

/** Ethertypes of frames with such an IP header. */
function ethertypesOf(ip: MatchPlan['ip']): number[] | undefined {
  if (ip === undefined) return undefined
  if (ip.version === undefined) return [ETH_P_IP, ETH_P_IPV6]
  return [ip.version === 4 ? ETH_P_IP : ETH_P_IPV6]
}
