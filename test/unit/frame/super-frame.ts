// Super-frames as a kernel with offloads on sends them, and, built from the same wish field by field, the
// wire frames that must come of them. For the tests of segment.ts; nothing here uses the code under test.

import fc from 'fast-check'
import {
  CWR,
  ether,
  extension,
  ipv4,
  ipv6,
  naiveChecksum,
  PROTO,
  PSH,
  pseudoSum,
  tcp,
  udp,
} from './layers.js'

const FIN = 1
export const HEADER = 12
const NEEDS_CSUM = 1
const GSO = { tcp4: 1, tcp6: 4, udp: 5 } as const
const GSO_ECN = 0x80

export interface Wish {
  proto: 'tcp' | 'udp'
  version: 4 | 6
  payload: Uint8Array
  /** Payload bytes of each wire frame. */
  size: number
  tags?: [number, number][]
  /** Units of 8 bytes of a hop-by-hop header; none: no such header. */
  extension?: number
  ipOptions?: Uint8Array
  tcpOptions?: Uint8Array
  flags?: number
  seq?: number
  id?: number
}

/** Any of them. */
export const wishes: fc.Arbitrary<Wish> = fc.record({
  proto: fc.constantFrom('tcp' as const, 'udp' as const),
  version: fc.constantFrom(4 as const, 6 as const),
  payload: fc.uint8Array({ minLength: 1, maxLength: 3_000 }),
  size: fc.integer({ min: 1, max: 1_600 }),
  flags: fc.nat(255),
  seq: fc.nat(2 ** 32 - 1),
  id: fc.nat(65_535),
  ipOptions: fc.nat(10).map((words) => Buffer.alloc(4 * words, 1)),
  tcpOptions: fc.nat(10).map((words) => Buffer.alloc(4 * words, 1)),
  extension: fc.nat(6),
  tags: fc.array(fc.tuple(fc.constantFrom(0x8100, 0x88a8), fc.nat(65_535)), { maxLength: 2 }),
})

/** Virtio-net header and super-frame, its checksum unfinished as the kernel leaves it. */
export function superFrame(wish: Wish): Buffer {
  const { frame, l4 } = wrap(wish, wish.payload, {
    seq: wish.seq ?? 0,
    flags: wish.flags ?? 0,
    id: wish.id ?? 0,
  })
  const [src, dst] = addresses(wish)
  const check = wish.proto === 'tcp' ? 16 : 6
  frame.writeUInt16BE(pseudoSum(src, dst, PROTO[wish.proto], frame.length - l4), l4 + check)
  const header = Buffer.alloc(HEADER)
  const ecn = wish.proto === 'tcp' && ((wish.flags ?? 0) & CWR) !== 0 ? GSO_ECN : 0
  header[0] = NEEDS_CSUM
  header[1] = (wish.proto === 'udp' ? GSO.udp : wish.version === 4 ? GSO.tcp4 : GSO.tcp6) | ecn
  header.writeUInt16LE(frame.length - wish.payload.length, 2)
  header.writeUInt16LE(wish.size, 4)
  header.writeUInt16LE(l4, 6)
  header.writeUInt16LE(check, 8)
  return Buffer.concat([header, frame])
}

/** What a network card makes of it. */
export function wireFrames(wish: Wish): Buffer[] {
  const { payload, size, flags = 0, seq = 0, id = 0 } = wish
  const frames: Buffer[] = []
  for (let at = 0; at < payload.length; at += size) {
    const last = at + size >= payload.length
    const cleared = (last ? 0 : FIN | PSH) | (at === 0 ? 0 : CWR)
    const fields = { seq: (seq + at) % 2 ** 32, flags: flags & ~cleared, id: (id + frames.length) % 65_536 }
    const { frame, l4 } = wrap(wish, payload.subarray(at, at + size), fields)
    finish(wish, frame, l4)
    frames.push(frame)
  }
  return frames
}

function addresses({ version }: Wish): [string, string] {
  return version === 4 ? ['192.0.2.1', '192.0.2.2'] : ['2001:db8::1', '2001:db8::2']
}

function wrap(wish: Wish, payload: Uint8Array, fields: { seq: number; flags: number; id: number }) {
  const proto = PROTO[wish.proto]
  const options = wish.tcpOptions ?? Buffer.alloc(0)
  const segment = wish.proto === 'tcp' ? tcp({ ...fields, options }, payload) : udp(4000, 53, payload)
  const tags = wish.tags ?? []
  if (wish.version === 4) {
    const ipOptions = wish.ipOptions ?? Buffer.alloc(0)
    const packet = ipv4({ proto, id: fields.id, options: ipOptions }, segment)
    return { frame: ether(0x0800, packet, tags), l4: 14 + 4 * tags.length + 20 + ipOptions.length }
  }
  const units = wish.extension
  const packet =
    units === undefined ? ipv6({ next: proto }, segment) : ipv6({ next: 0 }, extension(proto, units, segment))
  const frame = ether(0x86dd, packet, tags)
  return { frame, l4: frame.length - segment.length }
}

function finish(wish: Wish, frame: Buffer, l4: number): void {
  const [src, dst] = addresses(wish)
  const at = l4 + (wish.proto === 'tcp' ? 16 : 6)
  frame.writeUInt16BE(pseudoSum(src, dst, PROTO[wish.proto], frame.length - l4), at)
  const value = naiveChecksum(frame.subarray(l4))
  frame.writeUInt16BE(value === 0 && wish.proto === 'udp' ? 0xffff : value, at)
}
