// Words of frames: what is said, what is left out because it would be computed, and that the words of any bytes
// build these bytes again.

import { buildFrame, ether, frameWords, type Layers, readFrame } from 'uveth/frames'
import { describe, expect, test } from 'vitest'
import { filler as bytes, everyKind } from '../../support/frames.js'
import { Random } from '../../support/random.js'

const V4 = { src: '192.0.2.1', dst: '192.0.2.2', ttl: 64 }
const V6 = { src: '2001:db8::1', dst: '2001:db8::2', ttl: 255 }
const ETHER = { dst: '02:00:00:00:00:02', src: '02:00:00:00:00:01' }
/** No Buffer: as they are read. */
const filler = (length: number) => new Uint8Array(bytes(length))
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('what is said of a frame are the words that it was built of', () => {
  const payload = filler(5)
  const tcp = { sport: 1, dport: 2, seq: 3, ack: 4, flags: 'syn,ece', window: 5 }
  test.each<Layers>([
    { ether: ETHER, ipv4: V4, udp: { sport: 5000, dport: 53 }, payload },
    { ether: ETHER, ipv4: { ...V4, dscp: 46, ecn: 1, id: 9, df: true }, tcp },
    { ether: ETHER, ipv4: V4, tcp: { ...tcp, urgent: 7, options: filler(12) }, payload },
    { ether: ETHER, ipv4: { ...V4, options: filler(8) }, icmp: { type: 8, id: 1, seq: 2 }, payload },
    { ether: ETHER, ipv6: { ...V6, flow: 0xfffff, dscp: 1 }, icmp: { type: 135, id: 0, seq: 0 } },
    {
      ether: ETHER,
      vlans: [
        { id: 5, tpid: 'qinq' },
        { id: 6, pcp: 7, dei: true },
      ],
      ipv6: V6,
      udp: { sport: 1, dport: 2 },
    },
    {
      ether: ETHER,
      arp: {
        op: 'reply',
        sender: { address: ETHER.src, ip: V4.src },
        target: { address: ETHER.dst, ip: V4.dst },
      },
    },
    { ether: { ...ETHER, type: 'lldp' }, payload },
    { ether: { ...ETHER, type: 5 }, payload },
    { ether: ETHER, ipv4: { ...V4, proto: 'udp', offset: 185, mf: true }, payload },
    { ether: ETHER, ipv4: { ...V4, proto: 'gre' }, payload, padding: filler(3) },
    {
      ether: ETHER,
      ipv4: { ...V4, checksum: 1 },
      udp: { sport: 1, dport: 2, length: 3, checksum: 0 },
      payload,
    },
    { ether: ETHER, ipv6: { ...V6, length: 65_535 }, udp: { sport: 1, dport: 2 }, payload },
  ])('%#: %j', (layers) => {
    const said = readFrame(buildFrame(layers))
    const icmp = layers.icmp && { icmp: { code: 0, ...layers.icmp } }
    expect({ ...said, ...(said.icmp && { icmp: { code: 0, ...said.icmp } }) }).toEqual({ ...layers, ...icmp })
  })
})

test('an example, whole', () => {
  const frame = ether(ETHER).vlan({ id: 7 }).ipv4(V4).tcp({ sport: 40_000, dport: 80, flags: 'syn' }, 'hello')
  expect(readFrame(frame)).toEqual({
    ether: ETHER,
    vlans: [{ id: 7 }],
    ipv4: V4,
    tcp: { sport: 40_000, dport: 80, seq: 0, ack: 0, flags: 'syn' },
    payload: new Uint8Array(Buffer.from('hello')),
  })
  expect(frameWords(frame)).toBe('vlan 7 192.0.2.1 > 192.0.2.2 tcp 40000 > 80, 63 bytes')
})

test('a wrong checksum is said', () => {
  const frame = ether(ETHER).ipv4(V4).udp({ sport: 1, dport: 2 }, 'x')
  frame.set(Buffer.from('y'), frame.length - 1)
  expect(readFrame(frame).udp).toHaveProperty('checksum')
})

test('a frame of every kind is built again of its words', () => {
  for (const [kind, frame] of Object.entries(everyKind()))
    expect([kind, hex(buildFrame(readFrame(frame)))]).toEqual([kind, hex(frame)])
})

test('4,000 frames with wrong bytes, cut short or too long: built again of their words', () => {
  const random = new Random(11)
  const kinds = Object.values(everyKind())
  const below = (limit: number) => random.below(limit)
  for (let n = 0; n < 4_000; n++) {
    const kind = kinds[below(kinds.length)] as Uint8Array
    const frame = Uint8Array.from(kind.subarray(0, Math.min(kind.length, 14 + below(120))))
    for (let wrong = below(4); wrong > 0; wrong--) frame[below(frame.length)] = below(256)
    expect(hex(buildFrame(readFrame(frame)))).toBe(hex(frame))
  }
})

test('less than a header is refused', () => {
  expect(() => readFrame(new Uint8Array(13))).toThrow('EINVAL: a frame has 14 bytes or more, not 13')
  expect(() => readFrame('x' as never)).toThrow('EINVAL: a frame is a Uint8Array')
})
