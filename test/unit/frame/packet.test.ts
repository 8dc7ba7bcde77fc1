// Packet: the fields of every kind of frame, and that no bytes at all make it throw or look outside.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ABSENT, FIELD, Packet } from '../../../src/frame/packet.js'
import { everyKind } from '../../support/frames.js'
import { ACK, arp, ether, extension, fragment6, icmp, ipv4, ipv6, PROTO, PSH, tcp, udp } from './layers.js'

/** The fields that are there, and where the headers begin, counted from the frame. */
function read(frame: Uint8Array, lead = 5): Record<string, number> {
  const bytes = new Uint8Array(lead + frame.length + 9).fill(0x5a)
  bytes.set(frame, lead)
  const packet = new Packet()
  packet.read(bytes, lead, frame.length)
  const found = Object.entries(FIELD).map(([name, at]) => [name, packet.fields[at] as number] as const)
  const offsets = [['l3', packet.l3 - lead] as const, ['l4', packet.l4 - lead] as const]
  return Object.fromEntries([
    ...found.filter(([, value]) => value !== ABSENT),
    ...offsets.filter(([, value]) => value >= 0),
  ])
}

const ip4 = { ethertype: 0x0800, version: 4, ttl: 64, dscp: 0, fragment: 0, l3: 14, l4: 34 }
const ip6 = { ethertype: 0x86dd, version: 6, ttl: 64, dscp: 0, fragment: 0, l3: 14 }
const dns = udp(5000, 53, Buffer.alloc(4))
const ports = { sport: 5000, dport: 53 }

test.each<[string, Buffer, Record<string, number>]>([
  ['nothing', Buffer.alloc(0), { length: 0 }],
  ['only addresses', Buffer.alloc(13), { length: 13 }],
  ['802.3', ether(38, Buffer.alloc(38)), { length: 52, ethertype: 38 }],
  ['ARP', ether(0x0806, arp(2)), { length: 42, ethertype: 0x0806, arpOp: 2, l3: 14 }],
  ['half an ARP', ether(0x0806, arp(2).subarray(0, 7)), { length: 21, ethertype: 0x0806 }],
  ['UDP', ether(0x0800, ipv4({ proto: 17 }, dns)), { length: 46, ...ip4, proto: 17, ...ports }],
  [
    'UDP with IP options, marked',
    ether(0x0800, ipv4({ proto: 17, options: Buffer.alloc(8), tos: 0xb8, ttl: 3 }, dns)),
    { length: 54, ...ip4, proto: 17, ...ports, l4: 42, dscp: 46, ttl: 3 },
  ],
  [
    'TCP',
    ether(0x0800, ipv4({ proto: 6 }, tcp({ flags: PSH | ACK }, Buffer.alloc(2)))),
    { length: 56, ...ip4, proto: 6, sport: 40_000, dport: 80, tcpFlags: 24 },
  ],
  [
    'ICMP',
    ether(0x0800, ipv4({ proto: 1 }, icmp(3, 4))),
    { length: 42, ...ip4, proto: 1, icmp: 4, icmpType: 3, icmpCode: 4 },
  ],
  [
    'ICMPv6 in IPv4 is none',
    ether(0x0800, ipv4({ proto: 58 }, icmp(3, 4))),
    { length: 42, ...ip4, proto: 58 },
  ],
  [
    'the first fragment',
    ether(0x0800, ipv4({ proto: 17, fragment: 0x2000 }, dns)),
    { length: 46, ...ip4, proto: 17, ...ports, fragment: 1 },
  ],
  [
    'the last fragment there can be',
    ether(0x0800, ipv4({ proto: 17, fragment: 0x1000 }, dns)),
    { length: 46, ...ip4, proto: 17, fragment: 1, l4: ABSENT },
  ],
  [
    'ICMP, a later fragment',
    ether(0x0800, ipv4({ proto: 1, fragment: 5 }, dns)),
    { length: 46, ...ip4, proto: 1, icmp: 4, fragment: 1, l4: ABSENT },
  ],
  [
    'padding behind TCP',
    ether(0x0800, ipv4({ proto: 6, total: 22 }, tcp({}, Buffer.alloc(0)))),
    { length: 54, ...ip4, proto: 6 },
  ],
  [
    'IPv4 whose options are cut off',
    ether(0x0800, ipv4({ proto: 17, options: Buffer.alloc(8) }, dns)).subarray(0, 41),
    { length: 41, ethertype: 0x0800 },
  ],
  [
    'IPv4 that is shorter than its header',
    ether(0x0800, ipv4({ proto: 17, total: 19 }, dns)),
    { length: 46, ethertype: 0x0800 },
  ],
  [
    'UDP over IPv6',
    ether(0x86dd, ipv6({ next: 17, trafficClass: 0xb8 }, dns)),
    { length: 66, ...ip6, proto: 17, ...ports, l4: 54, dscp: 46 },
  ],
  [
    'ICMPv6',
    ether(0x86dd, ipv6({ next: 58 }, icmp(135, 0))),
    { length: 62, ...ip6, proto: 58, icmp: 6, icmpType: 135, icmpCode: 0, l4: 54 },
  ],
  [
    'extension headers',
    ether(0x86dd, ipv6({ next: 0 }, extension(43, 0, extension(60, 2, extension(17, 0, dns))))),
    { length: 106, ...ip6, proto: 17, ...ports, l4: 94 },
  ],
  [
    'an authentication header',
    ether(0x86dd, ipv6({ next: 51 }, Buffer.concat([Buffer.from([17, 4]), Buffer.alloc(22), dns]))),
    { length: 90, ...ip6, proto: 17, ...ports, l4: 78 },
  ],
  [
    'the first IPv6 fragment',
    ether(0x86dd, ipv6({ next: 44 }, fragment6(17, 0, true, dns))),
    { length: 74, ...ip6, proto: 17, ...ports, l4: 62, fragment: 1 },
  ],
  [
    'an atomic fragment is whole',
    ether(0x86dd, ipv6({ next: 44 }, fragment6(17, 0, false, dns))),
    { length: 74, ...ip6, proto: 17, ...ports, l4: 62 },
  ],
  [
    'a later IPv6 fragment',
    ether(0x86dd, ipv6({ next: 44 }, fragment6(58, 3, true, dns))),
    { length: 74, ...ip6, proto: 58, icmp: 6, fragment: 1 },
  ],
  [
    'an extension header that is cut off',
    ether(0x86dd, ipv6({ next: 0 }, Buffer.from([17, 0, 1]))),
    { length: 57, ...ip6, proto: 0 },
  ],
  [
    'one that claims more than there is',
    ether(0x86dd, ipv6({ next: 0 }, extension(17, 0, dns).fill(200, 1, 2))),
    { length: 74, ...ip6, proto: 17 },
  ],
  [
    'a jumbogram',
    ether(0x86dd, ipv6({ next: 17, length: 0 }, dns)),
    { length: 66, ...ip6, proto: 17, ...ports, l4: 54 },
  ],
  [
    'one tag',
    ether(0x0800, ipv4({ proto: 17 }, dns), [[0x8100, 0xa064]]),
    { length: 50, ...ip4, proto: 17, ...ports, vlan: 100, pcp: 5, l3: 18, l4: 38 },
  ],
  [
    'two tags',
    ether(0x0800, ipv4({ proto: 17 }, dns), [
      [0x88a8, 7],
      [0x8100, 0xefff],
    ]),
    { length: 54, ...ip4, proto: 17, ...ports, vlan: 7, pcp: 0, l3: 22, l4: 42 },
  ],
  [
    'three tags',
    ether(0x0800, Buffer.alloc(2), [
      [0x88a8, 7],
      [0x8100, 8],
      [0x8100, 9],
    ]),
    { length: 28, ethertype: 0x8100, vlan: 7, pcp: 0 },
  ],
  ['a tag that is cut off', Buffer.concat([Buffer.alloc(12), Buffer.from([0x81, 0, 1])]), { length: 15 }],
  [
    'IPv4 under the ethertype of IPv6',
    ether(0x86dd, ipv4({ proto: 17 }, Buffer.alloc(40))),
    { length: 74, ethertype: 0x86dd },
  ],
])('%s', (_, frame, fields) => {
  if (fields.l4 === ABSENT) delete fields.l4
  expect(read(frame)).toEqual(fields)
})

test('nothing is left of the frame before', () => {
  const packet = new Packet()
  packet.read(ether(0x0800, ipv4({ proto: 6 }, tcp({}, Buffer.alloc(2)))), 0, 56)
  packet.read(Buffer.alloc(4), 0, 4)
  expect([...(packet.fields as Int32Array)]).toEqual([4, ...Array<number>(15).fill(ABSENT)])
  expect([packet.l3, packet.l4, packet.payloadEnd]).toEqual([ABSENT, ABSENT, 4])
})

const frames = [
  ...Object.values(everyKind()),
  ether(0x86dd, ipv6({ next: 0 }, extension(43, 1, fragment6(6, 0, true, tcp({}, Buffer.alloc(30)))))),
  ether(0x0800, ipv4({ proto: 1, options: Buffer.alloc(40) }, icmp(8, 0))),
]
/** A frame of some kind with a few bytes changed, cut somewhere. */
const damaged = fc
  .record({
    frame: fc.constantFrom(...frames),
    cut: fc.nat(1_600),
    changes: fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 6 }),
  })
  .map(({ frame, cut, changes }) => {
    const copy = Buffer.from(frame)
    for (const [at, value] of changes) if (at < copy.length) copy[at] = value
    return copy.subarray(0, cut)
  })

test('damaged frames: what is outside of the frame makes no difference, offsets stay inside', () => {
  const packet = new Packet()
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 120 })), (frame) => {
      const bytes = new Uint8Array(frame.length + 64)
      bytes.set(frame)
      packet.read(bytes, 0, frame.length)
      const first = [...(packet.fields as Int32Array), packet.l3, packet.l4, packet.payloadEnd]
      bytes.fill(0xff, frame.length)
      packet.read(bytes, 0, frame.length)
      expect([...(packet.fields as Int32Array), packet.l3, packet.l4, packet.payloadEnd]).toEqual(first)
      expect(packet.l3).toBeLessThan(Math.max(1, frame.length))
      expect(packet.l4).toBeLessThanOrEqual(packet.payloadEnd)
      expect(packet.payloadEnd).toBeLessThanOrEqual(frame.length)
      // Not one byte behind the frame is asked for: at the end of the memory it is undefined, and a field NaN or 0.
      packet.read(Uint8Array.from(frame), 0, frame.length)
      expect([...(packet.fields as Int32Array), packet.l3, packet.l4, packet.payloadEnd]).toEqual(first)
    }),
    { numRuns: 3_000 },
  )
})

test('every frame, cut at every place: what is behind makes no difference', () => {
  const packet = new Packet()
  for (const frame of frames) {
    for (let length = 0; length < Math.min(140, frame.length); length++) {
      const [zeros = [], ones] = [0, 0xff].map((behind) => {
        packet.read(Buffer.concat([frame.subarray(0, length), Buffer.alloc(64, behind)]), 0, length)
        return [...(packet.fields as Int32Array), packet.l3, packet.l4, packet.payloadEnd]
      })
      expect(ones).toEqual(zeros)
    }
  }
})

test('a long chain of extension headers is walked to its end', () => {
  const chain = Buffer.alloc(8 * 8_000)
  const frame = ether(0x86dd, ipv6({ next: 0, length: 64_000 }, chain))
  expect(read(frame)).toMatchObject({ proto: 0, version: 6 })
})

test.each(Object.values(PROTO))('protocol %i ends at the end of the frame', (next) => {
  expect(() => read(ether(0x86dd, ipv6({ next }, Buffer.alloc(0))))).not.toThrow()
})
