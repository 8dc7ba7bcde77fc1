// Super-frames become the wire frames that a network card would make; checksums are finished; what lies
// around a frame stays as it is, whatever its headers claim.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutSegment, finishChecksum, segmentsOf } from '../../../src/frame/segment.js'
import { ether, ipv4, ipv6, naiveChecksum, PROTO, pseudoSum, tcp, udp } from './layers.js'
import { HEADER, superFrame, type Wish, wireFrames, wishes } from './super-frame.js'

const AROUND = 0xa5

/** All wire frames, each cut into memory of its own, of which nothing else may change. */
function cut(bytes: Uint8Array, lead = 0, around = AROUND): Buffer[] {
  const memory = new Uint8Array(lead + bytes.length + 70).fill(around)
  memory.set(bytes, lead)
  const before = Buffer.from(memory)
  const length = bytes.length - HEADER
  const frames: Buffer[] = []
  for (let index = 0; index < segmentsOf(memory, lead + HEADER, length); index++) {
    const to = new Uint8Array(length + 100).fill(AROUND)
    const at = HEADER + 30 + (index % 3)
    const size = cutSegment(memory, lead + HEADER, length, index, to, at)
    expect(to.subarray(at - HEADER, at).every((byte) => byte === 0)).toBe(true)
    expect(to.subarray(0, at - HEADER).every((byte) => byte === AROUND)).toBe(true)
    expect(to.subarray(at + size).every((byte) => byte === AROUND)).toBe(true)
    frames.push(Buffer.from(to.subarray(at, at + size)))
  }
  expect(before.equals(memory)).toBe(true)
  return frames
}

const payload = (length: number) =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff)
const base: Wish = { proto: 'tcp', version: 4, payload: payload(5_000), size: 1_448 }

test.each<[string, Partial<Wish>, number]>([
  ['TCP over IPv4', {}, 4],
  ['TCP over IPv6', { version: 6 }, 4],
  ['UDP over IPv4', { proto: 'udp', size: 1_472 }, 4],
  ['UDP over IPv6', { proto: 'udp', version: 6, size: 1_452 }, 4],
  ['with FIN, PSH and CWR', { flags: 0x01 | 0x08 | 0x10 | 0x80 | 0x40 }, 4],
  ['with one tag', { tags: [[0x8100, 5]] }, 4],
  [
    'with two tags',
    {
      tags: [
        [0x88a8, 5],
        [0x8100, 0x2006],
      ],
      version: 6,
    },
    4,
  ],
  ['with options', { tcpOptions: Buffer.alloc(12, 1), ipOptions: Buffer.alloc(8, 1) }, 4],
  ['with a hop-by-hop header', { version: 6, extension: 2 }, 4],
  ['whose sequence numbers pass 2^32', { seq: 2 ** 32 - 2_000 }, 4],
  ['whose ids pass 2^16', { id: 65_534 }, 4],
  ['whose last frame is full', { payload: payload(2_896) }, 2],
  ['of one frame', { payload: payload(1_448) }, 1],
  ['of the largest size', { payload: payload(65_400), size: 536 }, 123],
])('%s', (_, wish, count) => {
  const whole = { ...base, ...wish }
  const frames = cut(superFrame(whole))
  expect(frames.length).toBe(count)
  expect(frames.map((frame) => frame.toString('hex'))).toEqual(
    wireFrames(whole).map((f) => f.toString('hex')),
  )
})

test('any super-frame, as the naive model', () => {
  fc.assert(
    fc.property(wishes, fc.nat(70), (wish, lead) => {
      expect(Buffer.concat(cut(superFrame(wish), lead))).toEqual(Buffer.concat(wireFrames(wish)))
    }),
    { numRuns: 300 },
  )
})

test('damaged headers: nothing is thrown, nothing outside is read or written', () => {
  const changes = fc.array(fc.tuple(fc.nat(110), fc.nat(255)), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(wishes, changes, fc.nat(200), (wish, damage, shorter) => {
      const bytes = Buffer.from(
        superFrame({ ...wish, payload: wish.payload.subarray(0, 300), size: wish.size | 32 }),
      )
      for (const [at, value] of damage) if (at < bytes.length) bytes[at] = value
      const frame = bytes.subarray(0, Math.max(HEADER, bytes.length - shorter))
      const frames = cut(frame)
      const total = frames.reduce((sum, { length }) => sum + length, 0)
      if (frames.length > 0) expect(total).toBeGreaterThanOrEqual(frame.length - HEADER)
      expect(cut(frame, 0, 0)).toEqual(frames)
      for (const each of frames) expect(each.length).toBeGreaterThan(0)
    }),
    { numRuns: 2_000 },
  )
})

const damage = (change: (bytes: Buffer) => void, wish: Partial<Wish> = {}) => {
  const bytes = superFrame({ ...base, ...wish })
  change(bytes)
  return segmentsOf(bytes, HEADER, bytes.length - HEADER)
}
const IP = HEADER + 14

test.each<[string, (bytes: Buffer) => void, Partial<Wish>]>([
  ['no GSO type', (bytes) => bytes.writeUInt8(0, 1), {}],
  ['UFO', (bytes) => bytes.writeUInt8(3, 1), { proto: 'udp' }],
  ['TCPV6 over IPv4', (bytes) => bytes.writeUInt8(4, 1), {}],
  ['TCPV4 with UDP', (bytes) => bytes.writeUInt8(1, 1), { proto: 'udp' }],
  ['UDP_L4 with TCP', (bytes) => bytes.writeUInt8(5, 1), {}],
  ['a size of 0', (bytes) => bytes.writeUInt16LE(0, 4), {}],
  ['no IP', (bytes) => bytes.writeUInt16BE(0x0806, HEADER + 12), {}],
  ['a fragment', (bytes) => bytes.writeUInt16BE(0x2000, IP + 6), {}],
  ['an IP length beyond the headers only', (bytes) => bytes.writeUInt16BE(30, IP + 2), {}],
  ['a TCP header of 16 bytes', (bytes) => bytes.writeUInt8(0x40, IP + 20 + 12), {}],
  [
    'a TCP header that is longer than the frame',
    (bytes) => bytes.writeUInt8(0xf0, IP + 20 + 12),
    { payload: payload(30) },
  ],
])('is not cut: %s', (_, change, wish) => {
  expect(damage(change, wish)).toBe(0)
})

test('not cut either: no payload, no room, no such index', () => {
  const bytes = superFrame(base)
  const length = bytes.length - HEADER
  const to = new Uint8Array(3_000)
  expect(segmentsOf(bytes, HEADER, 14 + 40)).toBe(0)
  expect(segmentsOf(bytes, HEADER, length + 1)).toBe(0)
  expect(segmentsOf(bytes, HEADER - 1, length)).toBe(0)
  expect(cutSegment(bytes, HEADER, length, 4, to, 100)).toBe(0)
  expect(cutSegment(bytes, HEADER, length, -1, to, 100)).toBe(0)
  expect(cutSegment(bytes, HEADER, length, 0, to, HEADER - 1)).toBe(0)
  expect(cutSegment(bytes, HEADER, length, 0, to, 3_000 - 1_501)).toBe(0)
  expect(to.every((byte) => byte === 0)).toBe(true)
  expect(cutSegment(bytes, HEADER, length, 0, to, 3_000 - 1_502)).toBe(1_502)
})

test('not cut: less memory than the headers agree upon', () => {
  const bytes = superFrame(base)
  expect(segmentsOf(bytes.subarray(0, -1), HEADER, bytes.length - HEADER)).toBe(0)
})

test.each(['tcp', 'udp'] as const)('a checksum of 0 is written as the kernel writes it for %s', (proto) => {
  const empty: Wish = { ...base, proto, payload: Buffer.alloc(2) }
  const at = 34 + (proto === 'tcp' ? 16 : 6)
  const sum = wireFrames(empty)[0]!.readUInt16BE(at)
  const frames = cut(superFrame({ ...empty, payload: Uint8Array.of(sum >> 8, sum & 0xff) }))
  expect(frames.map((frame) => frame.readUInt16BE(at))).toEqual([proto === 'tcp' ? 0 : 0xffff])
})

test('UDP over IPv4 without a checksum stays without', () => {
  const bytes = superFrame({ ...base, proto: 'udp' })
  bytes.writeUInt8(0, 0)
  bytes.writeUInt16BE(0, IP + 20 + 6)
  expect(cut(bytes).map((frame) => frame.readUInt16BE(14 + 20 + 6))).toEqual([0, 0, 0, 0])
})

/** A wire frame whose checksum is left to the card, with its virtio-net header. */
function unfinished(frame: Buffer, l4: number, check: number, sum: number): Buffer {
  const header = Buffer.alloc(HEADER)
  header[0] = 1
  header.writeUInt16LE(l4, 6)
  header.writeUInt16LE(check, 8)
  header.writeUInt16LE(0, 10)
  frame.writeUInt16BE(sum, l4 + check)
  return Buffer.concat([header, frame])
}

test.each([0, 1, 2, 3, 100, 1_459, 1_460])('finishes a checksum over %i bytes of payload', (length) => {
  const sum = pseudoSum('192.0.2.1', '192.0.2.2', PROTO.tcp, 20 + length)
  const bytes = unfinished(ether(0x0800, ipv4({ proto: 6 }, tcp({}, payload(length)))), 34, 16, sum)
  const expected = Buffer.from(bytes)
  expected.fill(0, 0, HEADER)
  expected.writeUInt16BE(naiveChecksum(bytes.subarray(HEADER + 34)), HEADER + 34 + 16)
  expect(finishChecksum(bytes, HEADER, bytes.length - HEADER)).toBe(true)
  expect(bytes).toEqual(expected)
})

test('a checksum of 0 is written as 0xffff', () => {
  const sum = pseudoSum('2001:db8::1', '2001:db8::2', PROTO.udp, 10)
  const frame = ether(0x86dd, ipv6({ next: 17 }, udp(1, 2, Buffer.alloc(2))))
  frame.writeUInt16BE(sum, 54 + 6)
  frame.writeUInt16BE(naiveChecksum(frame.subarray(54)), 54 + 8)
  const bytes = unfinished(frame, 54, 6, sum)
  finishChecksum(bytes, HEADER, frame.length)
  expect(bytes.readUInt16BE(HEADER + 54 + 6)).toBe(0xffff)
})

test('a finished frame only loses its header', () => {
  const frame = ether(0x0800, ipv4({ proto: 6 }, tcp({}, payload(30))))
  const bytes = Buffer.concat([Buffer.alloc(HEADER, 2), frame])
  expect(finishChecksum(bytes, HEADER, frame.length)).toBe(true)
  expect(bytes).toEqual(Buffer.concat([Buffer.alloc(HEADER), frame]))
})

test('a checksum that would stand half outside is not written', () => {
  const bytes = Buffer.alloc(HEADER + 40 + 2, AROUND)
  bytes[0] = 1
  bytes.writeUInt16LE(20, 6)
  bytes.writeUInt16LE(19, 8)
  expect(finishChecksum(bytes, HEADER, 40)).toBe(false)
  expect(bytes.subarray(HEADER).every((byte) => byte === AROUND)).toBe(true)
})

test('a header that points outside of the frame changes nothing but itself', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), fc.nat(60), (header, length) => {
      const memory = Buffer.alloc(HEADER + length + 40, AROUND)
      memory.set(header)
      const before = Buffer.from(memory)
      const done = finishChecksum(memory, HEADER, length)
      expect(memory.subarray(0, HEADER).every((byte) => byte === 0)).toBe(true)
      expect(memory.subarray(HEADER + length)).toEqual(before.subarray(HEADER + length))
      if (!done) expect(memory.subarray(HEADER)).toEqual(before.subarray(HEADER))
    }),
    { numRuns: 2_000 },
  )
})
