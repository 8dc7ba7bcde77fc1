// Matches: what each field means on real frames, and counting.

import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Match, planMatch } from '../../../src/faults/match-plan.js'
import { Packet } from '../../../src/frame/packet.js'
import { Matcher } from '../../../src/hooks/matcher.js'
import {
  ACK,
  arp,
  ether,
  extension,
  fragment6,
  icmp,
  ipv4,
  ipv6,
  MAC_A,
  MAC_B,
  tcp,
  udp,
} from '../frame/layers.js'

const none = Buffer.alloc(4)
const SYN = 2
const FRAMES = {
  arpRequest: ether(0x0806, arp(1)),
  arpReply: ether(0x0806, arp(2)),
  udp4: ether(0x0800, ipv4({ proto: 17, tos: 0xb8 }, udp(5000, 53, none))),
  udp6: ether(0x86dd, ipv6({ next: 0, hops: 1 }, extension(17, 0, udp(53, 5001, none)))),
  tcp4: ether(0x0800, ipv4({ proto: 6 }, tcp({ flags: SYN }, none))),
  tcp6: ether(0x86dd, ipv6({ next: 6 }, tcp({ flags: SYN | ACK, sport: 80, dport: 53 }, none))),
  ping4: ether(0x0800, ipv4({ proto: 1 }, icmp(8, 0))),
  ping6: ether(0x86dd, ipv6({ next: 58 }, icmp(128, 0))),
  tagged: ether(0x0800, ipv4({ proto: 17 }, udp(7, 9, none)), [[0x8100, 0xa064]]),
  qinq: ether(0x0806, arp(1), [
    [0x88a8, 5],
    [0x8100, 100],
  ]),
  first4: ether(0x0800, ipv4({ proto: 17, fragment: 0x2000 }, udp(5000, 53, none))),
  later4: ether(0x0800, ipv4({ proto: 17, fragment: 0x0001 }, udp(5000, 53, none))),
  later6: ether(0x86dd, ipv6({ next: 44 }, fragment6(17, 1, false, udp(5000, 53, none)))),
  stp: ether(38, Buffer.alloc(38)),
  runt: Buffer.alloc(9),
}
type Name = keyof typeof FRAMES
const ALL = Object.keys(FRAMES) as Name[]
const V4: Name[] = ['udp4', 'tcp4', 'ping4', 'tagged', 'first4', 'later4']
const V6: Name[] = ['udp6', 'tcp6', 'ping6', 'later6']
const UDP: Name[] = ['udp4', 'udp6', 'tagged', 'first4', 'later4', 'later6']
const but = (from: Name[], ...names: Name[]) => from.filter((name) => !names.includes(name))

function packetOf(frame: Uint8Array): Packet {
  // Not at the beginning of the memory, and with something behind it.
  const bytes = Buffer.concat([Buffer.alloc(77, 1), frame, Buffer.alloc(33, 0xff)])
  const packet = new Packet()
  packet.read(bytes, 77, frame.length)
  return packet
}

function matcherOf(match: Match, matched = 0): Matcher {
  return new Matcher(planMatch(match, 'match'), matched)
}

function matching(match: Match): Name[] {
  const matcher = matcherOf(match)
  return ALL.filter((name) => matcher.test(packetOf(FRAMES[name])))
}

test.each<[Match, Name[]]>([
  [{}, ALL],
  [{ ethertype: 'arp' }, ['arpRequest', 'arpReply', 'qinq']],
  [{ ethertype: 0x0800 }, V4],
  [{ ethertype: 38 }, ['stp']],
  [{ src: MAC_A }, but(ALL, 'runt')],
  [{ dst: MAC_B.toUpperCase() }, but(ALL, 'runt')],
  [{ src: MAC_B }, []],
  [{ vlan: true }, ['tagged', 'qinq']],
  [{ vlan: {} }, ['tagged', 'qinq']],
  [{ vlan: 100 }, ['tagged']],
  [{ vlan: { id: 5 } }, ['qinq']],
  [{ vlan: { pcp: 5 } }, ['tagged']],
  [{ vlan: { id: 5, pcp: 5 } }, []],
  [{ ip: {} }, [...V4, ...V6]],
  [{ ip: { version: 4 } }, V4],
  [{ ip: { version: 6 } }, V6],
  [{ ip: { proto: 'udp' } }, UDP],
  [{ ip: { proto: 17, version: 6 } }, ['udp6', 'later6']],
  [{ ip: { src: '192.0.2.1' } }, V4],
  [{ ip: { src: '192.0.2.2' } }, []],
  [{ ip: { dst: '192.0.0.0/16' } }, V4],
  [{ ip: { dst: '192.1.0.0/16' } }, []],
  [{ ip: { src: '2001:DB8::1' } }, V6],
  [{ ip: { src: '2001:db8::/32', dst: '2001:db8::2' } }, V6],
  [{ ip: { src: '2001:db8::2' } }, []],
  [{ ip: { src: '::/0' } }, V6],
  [{ ip: { src: '0.0.0.0/0' } }, V4],
  [{ ip: { fragment: true } }, ['first4', 'later4', 'later6']],
  [{ ip: { fragment: false } }, but([...V4, ...V6], 'first4', 'later4', 'later6')],
  [{ ip: { ttl: 1 } }, ['udp6']],
  [{ ip: { ttl: [2, 255], version: 6 } }, but(V6, 'udp6')],
  [{ ip: { dscp: 46 } }, ['udp4']],
  [{ arp: {} }, ['arpRequest', 'arpReply', 'qinq']],
  [{ arp: { op: 'request' } }, ['arpRequest', 'qinq']],
  [{ arp: { op: 2 } }, ['arpReply']],
  [{ udp: {} }, UDP],
  [{ udp: { dport: 53 } }, ['udp4', 'first4']],
  [{ udp: { sport: 53 } }, ['udp6']],
  [{ udp: { port: 53 } }, ['udp4', 'udp6', 'first4']],
  [{ udp: { port: [0, 65_535] } }, ['udp4', 'udp6', 'tagged', 'first4']],
  [{ udp: { sport: [5000, 5001], dport: [1, 60] } }, ['udp4', 'first4']],
  [{ udp: { dport: [54, 5000] } }, []],
  [{ tcp: {} }, ['tcp4', 'tcp6']],
  [{ tcp: { port: 53 } }, ['tcp6']],
  [{ tcp: { flags: 'syn' } }, ['tcp4', 'tcp6']],
  [{ tcp: { flags: 'syn,!ack' } }, ['tcp4']],
  [{ tcp: { flags: '!syn' } }, []],
  [{ tcp: { flags: 'ACK' } }, ['tcp6']],
  [{ icmp: {} }, ['ping4', 'ping6']],
  [{ icmp: { type: 8 } }, ['ping4']],
  [{ icmp: { type: 128, code: 0 } }, ['ping6']],
  [{ icmp: { code: 1 } }, []],
  [{ icmp: {}, ip: { version: 4 } }, ['ping4']],
  [{ icmp: {}, ip: { version: 6 } }, ['ping6']],
  [{ bytes: [[12, 0xffff, 0x0806]] }, ['arpRequest', 'arpReply']],
  [{ bytes: [[0, 1, 1]] }, []],
  [{ bytes: [[0, 1, 0]] }, ALL],
  [
    {
      bytes: [
        [12, 'ffff', Uint8Array.of(8, 6)],
        [21, 0xff, 1],
      ],
    },
    ['arpRequest'],
  ],
  [{ bytes: [[20, '0xff00ff', '0x000001']] }, []],
  [{ bytes: [[0, '00', 0]] }, ALL],
  [{ bytes: [[9, 0xff, 0]] }, but(ALL, 'runt')],
  [{ length: { max: 41 } }, ['runt']],
  [{ length: { min: 42, max: 42 } }, ['arpRequest', 'arpReply', 'ping4']],
  [{ ethertype: 'ipv4', vlan: 100, udp: { port: 9 }, length: { min: 50 } }, ['tagged']],
  [
    { src: MAC_A, ip: { src: '192.0.2.1', dst: '192.0.2.2', proto: 'udp' }, udp: { dport: 53 } },
    ['udp4', 'first4'],
  ],
])('%j', (match, names) => {
  expect(matching(match).sort()).toEqual([...names].sort())
})

describe('counting', () => {
  const yes = packetOf(FRAMES.udp4)
  const no = packetOf(FRAMES.tcp4)
  const hits = (matcher: Matcher, frames: Packet[]) => frames.map((packet) => matcher.hit(packet))

  test.each<[Match, boolean[]]>([
    [{ udp: {} }, [true, false, true, true, true]],
    [{ udp: {}, nth: 2 }, [false, false, true, false, false]],
    [{ udp: {}, every: 2 }, [false, false, true, false, true]],
    [{ udp: {}, first: 2 }, [true, false, true, false, false]],
  ])('%j', (match, expected) => {
    const matcher = matcherOf(match)
    expect(hits(matcher, [yes, no, yes, yes, yes])).toEqual(expected)
    expect(matcher.matched).toBe(4)
  })

  test('goes on elsewhere', () => {
    const here = matcherOf({ every: 3 })
    hits(here, [yes, yes])
    const there = matcherOf({ every: 3 }, here.matched)
    expect(hits(there, [yes, yes, yes, yes])).toEqual([true, false, false, true])
  })

  test('test() counts nothing, and does not ask', () => {
    const matcher = matcherOf({ udp: {}, nth: 1 })
    expect([matcher.test(yes), matcher.test(yes), matcher.test(no)]).toEqual([true, true, false])
    expect([matcher.hit(yes), matcher.test(yes), matcher.hit(yes)]).toEqual([true, true, false])
  })

  test('as the sums say', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.boolean(), { maxLength: 200 }),
        (n, pattern) => {
          const run = (match: Match) =>
            hits(
              matcherOf({ udp: {}, ...match }),
              pattern.map((is) => (is ? yes : no)),
            )
          const total = pattern.filter(Boolean).length
          const count = (match: Match) => run(match).filter(Boolean).length
          expect(count({ nth: n })).toBe(total >= n ? 1 : 0)
          expect(count({ every: n })).toBe(Math.floor(total / n))
          expect(count({ first: n })).toBe(Math.min(total, n))
        },
      ),
    )
  })
})

test('addresses and prefixes of both versions, as Node says', () => {
  const any = fc.oneof(fc.ipV4(), fc.ipV6())
  fc.assert(
    fc.property(any, any, fc.nat(128), fc.boolean(), fc.boolean(), (prefix, address, bits, near, source) => {
      const family = (text: string) => (text.includes(':') ? 'ipv6' : 'ipv4')
      const length = bits % (family(prefix) === 'ipv4' ? 33 : 129)
      const seen = near ? prefix : address
      const list = new BlockList()
      list.addSubnet(prefix, length, family(prefix))
      const side = source ? 'src' : 'dst'
      const frame =
        family(seen) === 'ipv4'
          ? ether(0x0800, ipv4({ proto: 17, [side]: seen }, udp(1, 2, none)))
          : ether(0x86dd, ipv6({ next: 17, [side]: seen }, udp(1, 2, none)))
      const inside = family(seen) === family(prefix) && list.check(seen, family(seen))
      expect(matcherOf({ ip: { [side]: `${prefix}/${length}` } }).test(packetOf(frame))).toBe(inside)
    }),
    { numRuns: 1_000 },
  )
})

test('a frame that is cut off matches nothing that is not in it', () => {
  const syn = matcherOf({ tcp: { flags: 'syn' } })
  const addressed = matcherOf({ ip: { src: '0.0.0.0/0' } })
  const bytes = matcherOf({ bytes: [[30, '00', '00']] })
  for (let cut = 0; cut <= FRAMES.tcp4.length; cut++) {
    const packet = packetOf(FRAMES.tcp4.subarray(0, cut))
    expect(syn.test(packet)).toBe(cut >= 14 + 20 + 14)
    expect(addressed.test(packet)).toBe(cut >= 14 + 20)
    expect(bytes.test(packet)).toBe(cut > 30)
  }
})
