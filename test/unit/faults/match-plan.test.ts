// Matches as users write them: what is refused, and how, and the normal form of the others.

import { expect, test } from 'vitest'
import { UvethError } from '../../../src/errors.js'
import type { Match } from '../../../src/faults/match.js'
import { planMatch } from '../../../src/faults/match-plan.js'

test.each<[unknown, string, RegExp]>([
  [5, 'match', /match must be an object, not 5/],
  [null, 'match', /must be an object/],
  [[], 'match', /must be an object, not an array/],
  [{ etherType: 1 }, 'match.etherType', /has no "etherType": there is ethertype, src/],
  [{ ethertype: 'ip' }, 'match.ethertype', /"ip" is not known: give a number, or one of ipv4, arp/],
  [{ ethertype: 65_536 }, 'match.ethertype', /from 0 to 65535, not 65536/],
  [{ ethertype: 'toString' }, 'match.ethertype', /is not known/],
  [{ src: '02:00:5e' }, 'match.src', /is no MAC address: write it as/],
  [{ dst: 7 }, 'match.dst', /7 is no MAC address/],
  [{ vlan: 4096 }, 'match.vlan', /from 0 to 4095/],
  [{ vlan: false }, 'match.vlan', /must be an object, not false/],
  [{ vlan: { vid: 1 } }, 'match.vlan.vid', /has no "vid": there is id, pcp/],
  [{ ip: { version: 5 } }, 'match.ip.version', /4 or 6, not 5/],
  [{ ip: { src: '10.0.0.0/33' } }, 'match.ip.src', /is no address or prefix/],
  [{ ip: { src: '10.0.0.1', dst: 'fd00::1' } }, 'match.ip', /mixes IPv4 and IPv6/],
  [{ ip: { src: '10.0.0.1', version: 6 } }, 'match.ip', /mixes IPv4 and IPv6/],
  [{ ip: { ttl: [5, 4] } }, 'match.ip.ttl', /goes from 5 down to 4/],
  [{ ip: { ttl: [1, 2, 3] } }, 'match.ip.ttl', /the first and the last of a range/],
  [{ ip: { dscp: 64 } }, 'match.ip.dscp', /from 0 to 63/],
  [{ ip: { fragment: 1 } }, 'match.ip.fragment', /true or false, not 1/],
  [{ ip: { proto: 'toto' } }, 'match.ip.proto', /is not known/],
  [{ arp: { op: 'ask' } }, 'match.arp.op', /one of request, reply/],
  [{ udp: { port: 65_536 } }, 'match.udp.port', /from 0 to 65535/],
  [{ udp: { sport: '53' } }, 'match.udp.sport', /whole number/],
  [{ udp: { flags: 'syn' } }, 'match.udp.flags', /has no "flags"/],
  [{ tcp: { flags: 'sin' } }, 'match.tcp.flags', /no flag "sin": write some of fin, syn/],
  [{ tcp: { flags: '' } }, 'match.tcp.flags', /no flag ""/],
  [{ tcp: { flags: 'syn,!syn' } }, 'match.tcp.flags', /syn to be set and not to be set/],
  [{ icmp: { type: 256 } }, 'match.icmp.type', /from 0 to 255/],
  [{ bytes: {} }, 'match.bytes', /array of \[offset, mask, value\]/],
  [{ bytes: [] }, 'match.bytes', /is empty/],
  [{ bytes: [[1, 2]] }, 'match.bytes[0]', /must be \[offset, mask, value\]/],
  [
    {
      bytes: [
        [0, 0, 0],
        [0, 0xf0, 0x1f],
      ],
    },
    'match.bytes[1]',
    /can never match: its value 0x1f has bits/,
  ],
  [{ bytes: [[0, 'ff', '0000']] }, 'match.bytes[0]', /same number of bytes/],
  [{ bytes: [[0, 'fff', 1]] }, 'match.bytes[0]', /whole bytes in hexadecimal/],
  [{ bytes: [[0, 0xff, 0x100]] }, 'match.bytes[0][2]', /from 0 to 255/],
  [{ bytes: [[0, 2 ** 32, 0]] }, 'match.bytes[0][1]', /whole number/],
  [{ bytes: [[-1, 1, 1]] }, 'match.bytes[0][0]', /from 0 to 65535/],
  [{ bytes: [[0, new Uint8Array(200), 0]] }, 'match.bytes[0]', /up to 128 bytes/],
  [{ bytes: [[0, null, 0]] }, 'match.bytes[0]', /null where a number/],
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
  const plan = planMatch(match, 'match')
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
  expect(planMatch(plan, 'match')).toEqual(plan)
})
