// rtnetlink: what is made of the kernel's messages.

import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../../src/netlink/attribute.js'
import { parseLink, parseNsid, parseRouteEvent } from '../../../src/netlink/rtnl.js'
import { expectRobust, hex, u64 } from './bytes.js'

const message = (type: number, payload: Uint8Array) => ({ type, flags: 0, seq: 0, pid: 0, payload })

// struct ifinfomsg of a link with index 7: family, padding, type, index
const SEVEN = ['00', '00', '00 00', '07 00 00 00']

const link = [
  ...SEVEN,
  '43 10 01 00', // ifi_flags
  'ff ff ff ff', // ifi_change
  '07 00',
  '03 00', // IFLA_IFNAME
  '76 30 00',
  '00',
  '08 00',
  '0d 00', // IFLA_TXQLEN
  'e8 03 00 00',
  '09 00',
  '06 00', // IFLA_QDISC
  '6e 6f 6f 70 00', // "noop"
  '00 00 00',
  '05 00',
  '10 00', // IFLA_OPERSTATE
  '06',
  '00 00 00',
  '05 00',
  '21 00', // IFLA_CARRIER
  '01',
  '00 00 00',
  '08 00',
  '04 00', // IFLA_MTU
  'dc 05 00 00',
  '09 00',
  '14 00', // IFLA_IFALIAS
  '70 65 65 72 00', // "peer"
  '00 00 00',
  '0a 00',
  '01 00', // IFLA_ADDRESS
  '02 00 00 00 00 01',
  '00 00',
  'cc 00',
  '17 00', // IFLA_STATS64, 25 words
  ...Array.from({ length: 25 }, (_, word) => u64(word === 2 ? 2 ** 52 : 100 + word)),
  '05 00',
  'ff 00', // an attribute of a later kernel
  '01',
  '00 00 00',
]
const parsed = {
  kind: 'link',
  type: 'new',
  nsid: -1,
  ifindex: 7,
  name: 'v0',
  flags: 0x11043,
  mtu: 1500,
  operstate: 6,
  carrier: true,
  address: hex('02 00 00 00 00 01'),
  txqlen: 1000,
  qdisc: 'noop',
  xdp: false,
  newNetnsid: undefined,
  newIfindex: undefined,
  stats64: {
    rx_packets: 100,
    tx_packets: 101,
    rx_bytes: 2 ** 52,
    tx_bytes: 103,
    rx_errors: 104,
    tx_errors: 105,
    rx_dropped: 106,
    tx_dropped: 107,
    multicast: 108,
    collisions: 109,
    tx_carrier_errors: 117,
  },
  details: { qdisc: 'noop', operstate: 'UP', ifalias: 'peer' },
}

describe('parseLink', () => {
  test('reads an RTM_NEWLINK', () => {
    expect(parseLink(message(16, hex(...link)))).toEqual(parsed)
    expect(parseLink(message(16, hex(...link)), 4)).toEqual({ ...parsed, nsid: 4 })
  })

  test('reads the rest of what ip -d shows', () => {
    const more = [
      ...['08 00', '0a 00', '09 00 00 00'], // IFLA_MASTER
      ...['05 00', '11 00', '01', '00 00 00'], // IFLA_LINKMODE
      ...['08 00', '1b 00', '07 00 00 00'], // IFLA_GROUP
      ...['08 00', '1e 00', '02 00 00 00'], // IFLA_PROMISCUITY
      ...['0a 00', '02 00', 'ff ff ff ff ff ff', '00 00'], // IFLA_BROADCAST
      ...['10 00', '12 00', '0b 00', '04 00', '62 72 69 64 67 65 00', '00'], // IFLA_LINKINFO, its slave's kind
      ...['14 00', '34 80', '07 00', '35 00', '61 62 00', '00', '08 00', '35 00', '63 64 65 00'], // IFLA_PROP_LIST
      ...['10 00', '1a 00', '0c 00', '0a 00', '05 00', '08 00', '01', '00 00 00'], // IFLA_AF_SPEC: AF_INET6
    ]
    expect(parseLink(message(16, hex(...link, ...more))).details).toEqual({
      ...parsed.details,
      ...{ master: 9, linkmode: 'DORMANT', group: 7, promiscuity: 2, broadcast: 'ff:ff:ff:ff:ff:ff' },
      ...{ slave_kind: 'bridge', altnames: ['ab', 'cde'], inet6_addr_gen_mode: 'none' },
    })
  })

  test('a link read from another namespace says so', () => {
    const far = hex(...link, '08 00', '2e 00', '05 00 00 00')
    expect(parseLink(message(16, far))).toEqual({ ...parsed, nsid: 5 })
  })

  test('an RTM_DELLINK that is a move says where to', () => {
    const moved = hex(...link, '08 00', '2d 00', '00 00 00 00', '08 00', '31 00', '09 00 00 00')
    expect(parseLink(message(17, moved))).toEqual({ ...parsed, type: 'del', newNetnsid: 0, newIfindex: 9 })
  })

  test('what is not there is zero', () => {
    expect(parseLink(message(17, hex(...SEVEN, '00 00 00 00', '00 00 00 00')))).toEqual({
      ...parsed,
      type: 'del',
      name: '',
      flags: 0,
      mtu: 0,
      operstate: 0,
      carrier: false,
      address: hex(),
      txqlen: 0,
      qdisc: '',
      stats64: undefined,
      details: {},
    })
  })

  test.each([
    ['none', '00', false],
    ["in the driver's mode", '01', true],
    ['in the generic mode', '02', true],
  ])('a program: %s', (_, mode, xdp) => {
    const attached = ['0c 00 2b 80', '05 00 02 00', mode, '00 00 00']
    expect(parseLink(message(16, hex(...link, ...attached))).xdp).toBe(xdp)
  })

  test('takes the shorter statistics of older kernels, not shorter ones', () => {
    const stats = (words: number) => [
      (4 + 8 * words).toString(16).padStart(2, '0'),
      '00',
      '17 00',
      '01'.repeat(8 * words),
    ]
    expect(
      parseLink(message(16, hex(...SEVEN, '00 00 00 00', '00 00 00 00', ...stats(18)))).stats64,
    ).toBeDefined()
    expect(() => parseLink(message(16, hex(...SEVEN, '00 00 00 00', '00 00 00 00', ...stats(17))))).toThrow(
      DecodeError,
    )
  })

  test('stands anything', () => {
    expectRobust((payload) => parseLink(message(16, payload)), hex(...link))
  })
})

describe('parseRouteEvent', () => {
  const nsid = ['00 00 00 00', '08 00', '01 00', '05 00 00 00'] // rtgenmsg, NETNSA_NSID

  test('links and namespace ids', () => {
    expect(parseRouteEvent(message(16, hex(...link)), 2)).toEqual({ ...parsed, nsid: 2 })
    expect(parseRouteEvent(message(17, hex(...link)))).toEqual({ ...parsed, type: 'del' })
    const born = { kind: 'nsid', type: 'new', nsid: 5, from: -1 }
    expect(parseRouteEvent(message(88, hex(...nsid)))).toEqual(born)
    expect(parseRouteEvent(message(89, hex(...nsid)), 3)).toEqual({ ...born, type: 'del', from: 3 })
  })

  test('a link taken out of a bridge has not died', () => {
    const port = hex('07', ...link.slice(1))
    expect(parseRouteEvent(message(17, port))).toBeUndefined()
    expect(parseRouteEvent(message(16, port))).toBeUndefined()
  })

  test('other messages mean nothing', () => {
    expect(parseRouteEvent(message(20, hex('00')))).toBeUndefined()
  })

  test.each([16, 17, 88, 89])('stands anything, type %i', (type) => {
    expectRobust((payload) => parseRouteEvent(message(type, payload)), hex(...(type < 88 ? link : nsid)))
  })
})

test('parseNsid', () => {
  expect(parseNsid(message(88, hex('00 00 00 00', '08 00', '01 00', '00 00 00 00')))).toBe(0)
  expect(parseNsid(message(88, hex('00 00 00 00', '08 00', '01 00', 'ff ff ff ff')))).toBe(-1)
  expect(parseNsid(message(88, hex('00 00 00 00')))).toBe(-1)
  expect(() => parseNsid(message(88, hex()))).toThrow(DecodeError)
})
