// Frames put together layer by layer, every field by hand and every checksum summed the slow way: what the
// tests of packets, matches and segments compare with. Nothing here uses the code under test.

import { parseAddress } from '../../../src/frame/address.js'

export const MAC_A = '02:00:5e:00:53:0a'
export const MAC_B = '02:00:5e:00:53:0b'
export const PROTO = {
  hopByHop: 0,
  icmp: 1,
  tcp: 6,
  udp: 17,
  routing: 43,
  fragment: 44,
  ah: 51,
  icmpv6: 58,
} as const
export const PSH = 8
export const ACK = 16
export const CWR = 128

const u8 = (...bytes: number[]) => Buffer.from(bytes)
const u16 = (value: number) => u8((value >> 8) & 0xff, value & 0xff)
const u32 = (value: number) => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)])
const mac = (text: string) => Buffer.from(text.replaceAll(':', ''), 'hex')
const address = (text: string) => parseAddress(text) as Uint8Array

/** RFC 1071, one word after the other. */
export function naiveChecksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) {
    sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0)
    if (sum > 0xffff) sum -= 0xffff
  }
  return sum ^ 0xffff
}

export function ether(type: number, payload: Uint8Array, tags: [tpid: number, tci: number][] = []): Buffer {
  const words = tags.flatMap(([tpid, tci]) => [u16(tpid), u16(tci)])
  return Buffer.concat([mac(MAC_B), mac(MAC_A), ...words, u16(type), payload])
}

interface Ipv4 {
  src?: string
  dst?: string
  proto: number
  id?: number
  /** Flags and offset. */
  fragment?: number
  ttl?: number
  tos?: number
  options?: Uint8Array
  /** Default: what it is. */
  total?: number
}

export function ipv4(fields: Ipv4, payload: Uint8Array): Buffer {
  const { src = '192.0.2.1', dst = '192.0.2.2', proto, id = 0, fragment = 0x4000 } = fields
  const { ttl = 64, tos = 0, options = u8() } = fields
  const length = 20 + options.length
  const head = [
    u8(0x40 | (length / 4), tos),
    u16(fields.total ?? length + payload.length),
    u16(id),
    u16(fragment),
  ]
  const header = Buffer.concat([...head, u8(ttl, proto), u16(0), address(src), address(dst), options])
  header.writeUInt16BE(naiveChecksum(header), 10)
  return Buffer.concat([header, payload])
}

interface Ipv6 {
  src?: string
  dst?: string
  next: number
  hops?: number
  trafficClass?: number
  /** Default: what it is. */
  length?: number
}

export function ipv6(fields: Ipv6, payload: Uint8Array): Buffer {
  const { src = '2001:db8::1', dst = '2001:db8::2', next, hops = 64, trafficClass = 0 } = fields
  const head = [u32(((6 << 28) | (trafficClass << 20) | 0x12345) >>> 0), u16(fields.length ?? payload.length)]
  return Buffer.concat([...head, u8(next, hops), address(src), address(dst), payload])
}

/** An IPv6 extension header of `units` * 8 further bytes, in front of what `next` says. */
export function extension(next: number, units: number, payload: Uint8Array): Buffer {
  return Buffer.concat([u8(next, units), Buffer.alloc(6 + 8 * units), payload])
}

/** The IPv6 fragment header; `offset` in units of 8 bytes. */
export function fragment6(next: number, offset: number, more: boolean, payload: Uint8Array): Buffer {
  return Buffer.concat([u8(next, 0), u16((offset << 3) | (more ? 1 : 0)), u32(7), payload])
}

interface Tcp {
  sport?: number
  dport?: number
  seq?: number
  flags?: number
  options?: Uint8Array
}

export function tcp(fields: Tcp, payload: Uint8Array): Buffer {
  const { sport = 40_000, dport = 80, seq = 1, flags = ACK, options = u8() } = fields
  const head = [u16(sport), u16(dport), u32(seq), u32(0x1000), u8(((20 + options.length) / 4) << 4, flags)]
  return Buffer.concat([...head, u16(0xffff), u16(0), u16(0), options, payload])
}

export function udp(sport: number, dport: number, payload: Uint8Array): Buffer {
  return Buffer.concat([u16(sport), u16(dport), u16(8 + payload.length), u16(0), payload])
}

export function icmp(type: number, code: number): Buffer {
  return u8(type, code, 0, 0, 1, 2, 3, 4)
}

export function arp(op: number): Buffer {
  return Buffer.concat([u8(0, 1, 8, 0, 6, 4), u16(op), Buffer.alloc(20)])
}

/** The sum of the pseudo header of `proto` over `length` bytes, not complemented. */
export function pseudoSum(src: string, dst: string, proto: number, length: number): number {
  return naiveChecksum(Buffer.concat([address(src), address(dst), u32(length), u32(proto)])) ^ 0xffff
}
