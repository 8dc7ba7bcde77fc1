// The index leaves out no rule that would match, keeps their order, and asks few of many.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planMatch } from '../../../src/faults/match-plan.js'
import { Packet } from '../../../src/frame/packet.js'
import { Matcher } from '../../../src/hooks/matcher.js'
import { RuleIndex } from '../../../src/hooks/rule-index.js'
import { arp, ether, icmp, ipv4, ipv6, tcp, udp } from '../frame/layers.js'

const payload = Buffer.alloc(8)
const FRAMES = [
  ...[53, 54, 1000, 1017].map((port) => ether(0x0800, ipv4({ proto: 17 }, udp(5000, port, payload)))),
  ether(0x0800, ipv4({ proto: 17 }, udp(53, 53, payload))),
  ether(0x86dd, ipv6({ next: 6 }, tcp({ flags: 2 }, payload))),
  ether(0x0800, ipv4({ proto: 1 }, icmp(8, 0)), [[0x8100, 7]]),
  ether(0x0806, arp(1)),
  Buffer.alloc(14),
]

function packetOf(frame: Uint8Array): Packet {
  const packet = new Packet()
  packet.read(frame, 0, frame.length)
  return packet
}

function candidates(index: RuleIndex, packet: Packet, from = 0): number[] {
  const found: number[] = []
  index.seek(packet, from)
  for (let at = index.next(); at >= 0; at = index.next()) found.push(at)
  return found
}

const port = fc.constantFrom(53, 54, 5000, [1000, 1100] as [number, number])
const address = fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.0/24', '2001:db8::1')
const match = fc.oneof(
  fc.record({ udp: fc.record({ dport: port }, { requiredKeys: [] }) }),
  fc.record({ udp: fc.record({ port }) }),
  fc.record({ tcp: fc.record({ sport: port }, { requiredKeys: [] }) }),
  fc.record({ ip: fc.record({ src: address }) }),
  fc.record({ ethertype: fc.constantFrom(0x0800, 0x0806, 0x86dd) }),
  fc.record({ arp: fc.constant({}) }),
  fc.record({ icmp: fc.record({ type: fc.constantFrom(8, 0) }) }),
  fc.record({ bytes: fc.constant([[12, 'ffff', '0800']] as [number, string, string][]) }),
  fc.record({ src: fc.constant('02:00:5e:00:53:0a') }),
  fc.constant({}),
)

test('no rule that matches is left out, and each comes once, in its order', () => {
  fc.assert(
    fc.property(
      fc.array(match, { maxLength: 60 }),
      fc.constantFrom(...FRAMES),
      fc.nat(60),
      (all, frame, from) => {
        const plans = all.map((one) => planMatch(one, 'match'))
        const packet = packetOf(frame)
        const found = candidates(new RuleIndex(plans), packet, from)
        expect(found).toEqual([...new Set(found)].sort((one, other) => one - other))
        expect(found.every((at) => at >= from)).toBe(true)
        const matching = plans.flatMap((plan, at) =>
          at >= from && new Matcher(plan).test(packet) ? [at] : [],
        )
        expect(found).toEqual(expect.arrayContaining(matching))
      },
    ),
    { seed: 11, numRuns: 500 },
  )
})

test.each([
  ['ports', (at: number) => ({ udp: { dport: 1 + at } })],
  ['ports on either side', (at: number) => ({ tcp: { port: 1 + at } })],
  ['IPv4 addresses', (at: number) => ({ ip: { src: `10.0.${at >> 8}.${at & 255}` }, udp: { dport: 53 } })],
  ['IPv6 addresses', (at: number) => ({ ip: { dst: `2001:db8::${(at + 1).toString(16)}` } })],
  ['MAC addresses', (at: number) => ({ src: `02:00:00:00:${hex(at >> 8)}:${hex(at & 255)}` })],
])('of 3,000 rules that differ by %s at most one or two are asked', (_, matchOf) => {
  const index = new RuleIndex(Array.from({ length: 3000 }, (_, at) => planMatch(matchOf(at), 'match')))
  for (const frame of FRAMES) expect(candidates(index, packetOf(frame)).length).toBeLessThanOrEqual(2)
})

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
