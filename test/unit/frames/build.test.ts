// Frames of words: what is computed, what may be said wrong on purpose, what is refused. The checksums are held
// against a second implementation here; a kernel's judgement is integration/218.

import { buildFrame, ether } from 'uveth/frames'
import { describe, expect, test } from 'vitest'
import { arpRequest, filler, tagged, udp4 } from '../../support/frames.js'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const V4 = { src: '192.0.2.1', dst: '192.0.2.2' }
const V6 = { src: '2001:db8::1', dst: '2001:db8::2' }
const PORTS = { sport: 5000, dport: 53 }

test('UDP over IPv4, as another builder makes it', () => {
  const payload = filler(301)
  const other = udp4({ source: V4.src, target: V4.dst, sourcePort: 5000, targetPort: 53, payload })
  const built = ether({ dst: '02:00:5e:00:53:99', src: '02:00:5e:00:53:01' })
    .ipv4({ ...V4, df: true })
    .udp(PORTS, payload)
  expect(hex(built)).toBe(hex(other))
  const tag = { id: 7, pcp: 3 }
  const behind = ether({ dst: '02:00:5e:00:53:99', src: '02:00:5e:00:53:01' }).vlan(tag)
  expect(hex(behind.ipv4({ ...V4, df: true }).udp(PORTS, payload))).toBe(hex(tagged(other, 7, 0x8100, 3)))
})

test('ARP, as another builder makes it', () => {
  const other = arpRequest('192.0.2.1', '192.0.2.2')
  const src = '02:00:5e:00:53:01'
  const built = buildFrame({
    ether: { src },
    arp: { sender: { address: src, ip: V4.src }, target: { ip: V4.dst } },
    padding: new Uint8Array(18),
  })
  expect(hex(built)).toBe(hex(other))
})

/** RFC 1071 in the slow way. */
function sum(bytes: Uint8Array): number {
  let total = 0
  bytes.forEach((byte, index) => {
    total += byte * (index % 2 === 0 ? 256 : 1)
  })
  while (total > 0xffff) total = (total % 65_536) + Math.floor(total / 65_536)
  return total
}

describe('checksums are right', () => {
  const pseudo = (frame: Uint8Array, [at, end]: [number, number], proto: number, length: number) =>
    Buffer.concat([frame.subarray(at, end), Buffer.from([0, proto, length >> 8, length])])

  test.each([0, 1, 2, 3, 1_459])('TCP over IPv4 and IPv6, %i bytes', (size) => {
    const tcp = { ...PORTS, seq: 4_000_000_000, ack: 1, flags: 'syn,ack', options: filler(8) }
    const v4 = ether().ipv4(V4).tcp(tcp, filler(size))
    expect(sum(v4.subarray(14, 34))).toBe(0xffff)
    const segment4 = v4.subarray(34)
    expect(sum(Buffer.concat([pseudo(v4, [26, 34], 6, segment4.length), segment4]))).toBe(0xffff)
    const v6 = ether().ipv6(V6).tcp(tcp, filler(size))
    const segment6 = v6.subarray(54)
    expect(sum(Buffer.concat([pseudo(v6, [22, 54], 6, segment6.length), segment6]))).toBe(0xffff)
    expect(segment4[12]).toBe(0x70)
    expect(segment4[13]).toBe(0x12)
  })

  test('ICMP has none of a pseudo header, ICMPv6 has one', () => {
    const echo = { type: 8, id: 1, seq: 2 }
    expect(sum(ether().ipv4(V4).icmp(echo, 'abc').subarray(34))).toBe(0xffff)
    const v6 = ether()
      .ipv6(V6)
      .icmp({ ...echo, type: 128 }, 'abc')
    expect(sum(Buffer.concat([pseudo(v6, [22, 54], 58, 11), v6.subarray(54)]))).toBe(0xffff)
  })

  test('a sum of zero of UDP is written as 0xffff', () => {
    const frames = Array.from({ length: 65_536 }, (_, n) =>
      ether()
        .ipv4(V4)
        .udp(PORTS, Uint8Array.of(n >> 8, n)),
    )
    const sums = frames.map((frame) => (frame[40] as number) * 256 + (frame[41] as number))
    expect(sums.filter((one) => one === 0)).toEqual([])
    expect(sums.filter((one) => one === 0xffff)).toHaveLength(1)
  })
})

test('what is said stays, right or wrong', () => {
  const wrong = { ...PORTS, length: 9, checksum: 0 }
  const frame = ether({ type: 0x1234 })
    .ipv4({ ...V4, length: 21, checksum: 0xbeef, proto: 'tcp' })
    .udp(wrong, 'x')
  expect(hex(frame.subarray(12, 14))).toBe('1234')
  expect(hex(frame.subarray(16, 18))).toBe('0015')
  expect(frame[23]).toBe(6)
  expect(hex(frame.subarray(24, 26))).toBe('beef')
  expect(hex(frame.subarray(38, 42))).toBe('00090000')
})

test('a beginning may be used again', () => {
  const begun = ether().ipv4(V4)
  const first = begun.udp(PORTS, 'a')
  begun.tcp({ ...PORTS, flags: 'syn' })
  expect(hex(begun.udp(PORTS, 'a'))).toBe(hex(first))
})

describe('refused in one sentence', () => {
  test.each([
    [ether().payload('x'), 'frame must be an object, not 15 bytes'],
    [{ ipv4: { src: '192.0.2.1' } }, 'frame.ipv4.dst is missing'],
    [{ ipv4: { ...V4, src: '::1' } }, 'frame.ipv4.src must be an IPv4 address like 192.0.2.1, not "::1"'],
    [{ ipv6: { ...V6, ttl: 256 } }, 'frame.ipv6.ttl must be a whole number from 0 to 255, not 256'],
    [{ ether: { dst: 'x' } }, 'frame.ether.dst must be a MAC address like 02:00:5e:10:00:01, not "x"'],
    [{ udp: PORTS }, 'udp is behind ipv4 or ipv6'],
    [{ arp: {}, udp: PORTS }, 'udp is behind ipv4 or ipv6'],
    [{ arp: {}, payload: 'x' }, 'arp has no payload: padding is behind it'],
    [{ ipv4: V4, ipv6: V6 }, 'a frame has one of arp, ipv4 and ipv6, not ipv4 and ipv6'],
    [{ ipv4: V4, udp: PORTS, tcp: PORTS }, 'a frame has one of udp, tcp and icmp, not udp and tcp'],
    [
      { ipv4: V4, tcp: { ...PORTS, flags: 'SYN' } },
      'frame.tcp.flags must be some of fin, syn, rst, psh, ack, urg, ece, cwr with commas between, or an empty text, not "SYN"',
    ],
    [
      { ipv4: { ...V4, options: new Uint8Array(3) } },
      'frame.ipv4.options must be a Uint8Array of up to 40 bytes, a multiple of 4, not 3 bytes',
    ],
    [
      { vlans: [{ id: 1 }, { id: 4096 }] },
      'frame.vlans.1.id must be a whole number from 0 to 4095, not 4096',
    ],
    [
      { ipv4: V4, payload: new Uint8Array(65_516) },
      'the frame is too long: ipv4 holds 65535 bytes, not 65536',
    ],
    [
      { ipv4: V4, upd: {} },
      'unknown attribute frame.upd: there are ether, vlans, arp, ipv4, ipv6, udp, tcp, icmp, payload, padding',
    ],
  ])('%j', (layers, sentence) => {
    expect(() => buildFrame(layers as never)).toThrow(
      expect.objectContaining({ code: 'EINVAL', message: `EINVAL: ${sentence}` }),
    )
  })
})
