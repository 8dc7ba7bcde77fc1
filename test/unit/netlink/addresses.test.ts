// Addresses of links: what the kernel says of each is what it is given again, and whose it is.

import { expect, test } from 'vitest'
import { parseCidr } from '../../../src/frame/address.js'
import {
  getAddressesRequest,
  isLinkLocalOf,
  type LinkAddress,
  newAddressRequest,
  parseAddress,
} from '../../../src/netlink/addresses.js'
import { AttributeWriter } from '../../../src/netlink/attribute.js'
import * as nl from '../../../src/netlink/constants.js'
import type { Message } from '../../../src/netlink/message.js'
import { expectRobust, hex } from './bytes.js'

const PERMANENT = 0x80
const cidr = (text: string) => parseCidr(text) ?? expect.unreachable(text)

/** As the kernel tells of an address that was asked for so: with flags and label of its own. */
function told(payload: Uint8Array, { flags = PERMANENT, protocol = 0 } = {}): Message {
  const attributes = new AttributeWriter(payload)
  const given = parseAddress({ type: 20, flags: 0, seq: 0, pid: 0, payload })
  attributes.u32(nl.IFA_FLAGS, flags | (given.address?.noPrefixRoute ? nl.IFA_F_NOPREFIXROUTE : 0))
  if (protocol > 0) attributes.u8(nl.IFA_PROTO, protocol)
  return { type: 20, flags: 0, seq: 0, pid: 0, payload: attributes.finish() }
}

test.each<[string, LinkAddress]>([
  ['IPv4', cidr('10.0.0.1/24')],
  ['with a broadcast address', { ...cidr('10.0.0.1/24'), broadcast: Uint8Array.of(10, 0, 0, 255) }],
  ['with a peer', { ...cidr('10.0.0.1/32'), peer: Uint8Array.of(10, 0, 0, 2) }],
  ['with a label', { ...cidr('10.0.0.1/24'), label: 'x0:1' }],
  ['of the link alone', { ...cidr('169.254.0.1/16'), scope: nl.RT_SCOPE_LINK }],
  ['loopback', { ...cidr('127.0.0.2/8'), scope: nl.RT_SCOPE_HOST }],
  ['IPv6', cidr('fd00::1/64')],
  ['IPv6 with a metric', { ...cidr('fd00::1/64'), metric: 7 }],
])('%s: what is said of it asks for the same again', (_, address) => {
  const { payload } = newAddressRequest(7, address)
  const family = address.address.length === 4 ? 2 : 10
  expect(parseAddress(told(payload))).toEqual({ family, ifindex: 7, address })
})

test('without the route to its network, which is a flag', () => {
  const { payload } = newAddressRequest(7, { ...cidr('fd00::1/64'), noPrefixRoute: true }, true)
  const flags = PERMANENT | nl.IFA_F_NOPREFIXROUTE
  expect(parseAddress(told(payload, { flags })).address).toEqual({
    ...cidr('fd00::1/64'),
    noPrefixRoute: true,
  })
  expect([...payload.subarray(-8)]).toEqual([8, 0, nl.IFA_FLAGS, 0, 2, 2, 0, 0])
})

test.each([
  ['lent, as by DHCP', { flags: 0 }],
  ['of loopback, by the kernel', { protocol: 1 }],
  ['of a router’s advertisement', { protocol: 3 }],
  ['link-local, by the kernel', { protocol: 2 }],
])('one that nobody has given for good is none: %s', (_, how) => {
  const { payload } = newAddressRequest(7, cidr('fd00::1/64'))
  expect(parseAddress(told(payload, how))).toEqual({ family: 10, ifindex: 7, address: undefined })
})

test('the kernel’s own link-local address is known by the MAC address, where nothing says so', () => {
  const mac = hex('02 11 22 33 44 55')
  const own = { ...cidr('fe80::11:22ff:fe33:4455/64'), scope: nl.RT_SCOPE_LINK }
  expect(isLinkLocalOf(own, mac)).toBe(true)
  expect(isLinkLocalOf({ ...own, ...cidr('fe80::1/64') }, mac)).toBe(false)
  expect(isLinkLocalOf(cidr('10.0.0.1/24'), mac)).toBe(false)
})

test('all of a link, in another namespace', () => {
  expect(getAddressesRequest(nl.AF_INET, 7, 3)).toMatchObject({
    name: 'RTM_GETADDR',
    subject: 'ifindex 7',
    type: 22,
    flags: 0x301,
    payload: hex('02 00 00 00', '07 00 00 00', '08 00', '0a 00', '03 00 00 00'),
  })
})

test('bytes that are none', () => {
  const { payload } = newAddressRequest(7, { ...cidr('10.0.0.1/24'), label: 'x0:1', metric: 3 })
  expectRobust((bytes) => parseAddress({ type: 20, flags: 0, seq: 0, pid: 0, payload: bytes }), payload)
})
