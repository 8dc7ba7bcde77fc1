// Matches as users write them: what is refused, and how, and the normal form of the others.

import { expect, test } from 'vitest'
import { UvethError } from '../../../src/errors.js'
import type { Match } from '../../../src/faults/match-plan.js'
import { planMatch } from '../../../src/faults/match-plan.js'

test.each<[unknown, string, RegExp]>([
  [5, 'match', /match must be an object, not 5/],
  [null, 'match', /must be an object/],
  [[], 'match', /must be an object, not an empty array/],
  [{ etherType: 1 }, 'match.etherType', /unknown attribute [\w.]*\betherType: there are ethertype, src/],
  [
    { ethertype: 'ip' },
    'match.ethertype',
    /a whole number from 0 to 65535, or one of ipv4, arp, .*, not "ip"/,
  ],
  [{ ethertype: 65_536 }, 'match.ethertype', /from 0 to 65535, .*not 65536/],
  [{ ethertype: 'toString' }, 'match.ethertype', /one of ipv4, .*not "toString"/],
  [{ src: '02:00:5e' }, 'match.src', /a MAC address like 02:00:5e:10:00:01, not "02:00:5e"/],
  [{ dst: 7 }, 'match.dst', /a MAC address like .*, not 7/],
  [{ vlan: 4096 }, 'match.vlan', /from 0 to 4095/],
  [{ vlan: false }, 'match.vlan', /must be an object, not false/],
  [{ vlan: { vid: 1 } }, 'match.vlan.vid', /unknown attribute [\w.]*\bvid: there are id, pcp/],
  [{ ip: { version: 5 } }, 'match.ip.version', /one of 4, 6, not 5/],
  [{ ip: { src: '10.0.0.0/33' } }, 'match.ip.src', /an address or prefix like .*, not "10.0.0.0\/33"/],
  [{ ip: { src: '10.0.0.1', dst: 'fd00::1' } }, 'match.ip', /mixes IPv4 and IPv6/],
  [{ ip: { src: '10.0.0.1', version: 6 } }, 'match.ip', /mixes IPv4 and IPv6/],
  [{ ip: { ttl: [5, 4] } }, 'match.ip.ttl', /a range of them, the lower one first/],
  [{ ip: { ttl: [1, 2, 3] } }, 'match.ip.ttl', /the first and the last of a range/],
  [{ ip: { dscp: 64 } }, 'match.ip.dscp', /from 0 to 63/],
  [{ ip: { fragment: 1 } }, 'match.ip.fragment', /true or false, not 1/],
  [{ ip: { proto: 'toto' } }, 'match.ip.proto', /one of icmp, .*not "toto"/],
  [{ arp: { op: 'ask' } }, 'match.arp.op', /one of request, reply/],
  [{ udp: { port: 65_536 } }, 'match.udp.port', /from 0 to 65535/],
  [{ udp: { sport: '53' } }, 'match.udp.sport', /whole number/],
  [{ udp: { flags: 'syn' } }, 'match.udp.flags', /unknown attribute [\w.]*\bflags/],
  [{ tcp: { flags: 'sin' } }, 'match.tcp.flags', /some of fin, syn, .*, not "sin"/],
  [{ tcp: { flags: '' } }, 'match.tcp.flags', /some of fin, syn, .*, not ""/],
  [{ tcp: { flags: 'syn,!syn' } }, 'match.tcp.flags', /not to be set, not "syn,!syn"/],
  [{ icmp: { type: 256 } }, 'match.icmp.type', /from 0 to 255/],
  [{ bytes: {} }, 'match.bytes', /an array of one or more \[offset, mask, value\], not an object/],
  [{ bytes: [] }, 'match.bytes', /an array of one or more/],
  [{ bytes: [[1, 2]] }, 'match.bytes[0]', /must be \[offset, mask, value\]/],
  [
    {
      bytes: [
        [0, 0, 0],
        [0, 0xf0, 0x1f],
      ],
    },
    'match.bytes[1]',
    /no bit in the value that the mask has not/,
  ],
  [{ bytes: [[0, 'ff', '0000']] }, 'match.bytes[0]', /of equal length/],
  [{ bytes: [[0, 'fff', 1]] }, 'match.bytes[0][1]', /bytes as hexadecimal text/],
  [{ bytes: [[0, 0xff, 0x100]] }, 'match.bytes[0]', /of equal length/],
  [{ bytes: [[0, 2 ** 32, 0]] }, 'match.bytes[0][1]', /a number of up to 32 bits/],
  [{ bytes: [[-1, 1, 1]] }, 'match.bytes[0][0]', /from 0 to 65535/],
  [{ bytes: [[0, new Uint8Array(200), 0]] }, 'match.bytes[0][1]', /up to 128 bytes/],
  [{ bytes: [[0, null, 0]] }, 'match.bytes[0][1]', /a number of .*, not null/],
  [{ length: {} }, 'match.length', /min, max or both/],
  [{ length: { min: 5, max: 4 } }, 'match.length', /min is above max/],
  [{ nth: 0 }, 'match.nth', /whole number from 1/],
  [{ every: 1.5 }, 'match.every', /whole number from 1/],
  [{ nth: 1, first: 2 }, 'match', /one of nth, every and first/],
  [{ udp: {}, tcp: {} }, 'match', /wants tcp and udp: no frame is both/],
  [{ arp: {}, ip: {} }, 'match', /wants arp and ip/],
  [{ ethertype: 'arp', udp: {} }, 'match', /ethertype arp and udp/],
  [{ ethertype: 'ipv6', ip: { src: '10.0.0.1' } }, 'match', /ethertype ipv6 and ip/],
  [{ ip: { proto: 'tcp' }, udp: {} }, 'match', /ip.proto tcp and udp/],
  [{ ip: { proto: 'udp' }, icmp: {} }, 'match', /ip.proto udp and icmp/],
])('refuses %j', (match, attribute, message) => {
  let refusal: unknown
  try {
    planMatch(match, 'match')
  } catch (error) {
    refusal = error
  }
  expect(refusal).toBeInstanceOf(UvethError)
  expect(refusal).toMatchObject({ code: 'EINVAL', attribute, message: expect.stringMatching(message) })
})

test('the normal form is plain data, and its own normal form', () => {
  const match: Match = {
    ethertype: 'ipv4',
    src: '02:00:5E:00:53:0A',
    vlan: true,
    ip: { src: '10.1.2.3/8', proto: 'tcp', ttl: [3, 3] },
    tcp: { port: [1, 2], flags: '!ack,SYN,syn' },
    bytes: [
      [3, 0x1ff, '0001'],
      [4, Uint8Array.of(255), 7],
    ],
    first: 3,
  }
  const plan = planMatch(match, 'match').normal
  expect(plan).toEqual({
    ethertype: 0x0800,
    src: '02:00:5e:00:53:0a',
    vlan: {},
    ip: { version: 4, src: '10.0.0.0/8', proto: 6, ttl: 3 },
    tcp: { port: [1, 2], flags: 'syn,!ack' },
    bytes: [
      [3, '01ff', '0001'],
      [4, 'ff', '07'],
    ],
    first: 3,
  })
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
  expect(planMatch(plan, 'match').normal).toEqual(plan)
})
