// rtnetlink: the bytes of every request.

import { expect, test } from 'vitest'
import { parseCidr } from '../../../src/frame/address.js'
import { newAddressRequest } from '../../../src/netlink/addresses.js'
import type { Request } from '../../../src/netlink/message.js'
import { getLinkRequest, getNsidRequest, newNsidRequest, setLinkRequest } from '../../../src/netlink/rtnl.js'
import { hex } from './bytes.js'

const cidr = (text: string) => parseCidr(text) ?? expect.unreachable(text)

const ifinfomsg = (index: string, flags = '00 00 00 00', change = '00 00 00 00') => [
  '00', // ifi_family
  '00', // padding
  '00 00', // ifi_type
  index,
  flags,
  change,
]
const SEVEN = '07 00 00 00'

const requests: [
  string,
  Request,
  { name: string; subject: string; type: number; flags: number },
  string[],
][] = [
  [
    'get a link by index',
    getLinkRequest({ ifindex: 7 }),
    { name: 'RTM_GETLINK', subject: 'ifindex 7', type: 18, flags: 5 },
    ifinfomsg(SEVEN),
  ],
  [
    'get a link by name, in another namespace, with a mask',
    getLinkRequest({ name: 'v0', nsid: 3, extMask: 9 }),
    { name: 'RTM_GETLINK', subject: 'v0', type: 18, flags: 5 },
    [
      ...ifinfomsg('00 00 00 00'),
      '08 00',
      '2e 00', // IFLA_TARGET_NETNSID
      '03 00 00 00',
      '07 00',
      '03 00', // IFLA_IFNAME
      '76 30 00', // "v0"
      '00',
      '08 00',
      '1d 00', // IFLA_EXT_MASK
      '09 00 00 00',
    ],
  ],
  [
    'up',
    setLinkRequest({ ifindex: 7, up: true }),
    { name: 'RTM_SETLINK', subject: 'ifindex 7', type: 19, flags: 5 },
    ifinfomsg(SEVEN, '01 00 00 00', '01 00 00 00'),
  ],
  [
    'down',
    setLinkRequest({ ifindex: 7, up: false }),
    { name: 'RTM_SETLINK', subject: 'ifindex 7', type: 19, flags: 5 },
    ifinfomsg(SEVEN, '00 00 00 00', '01 00 00 00'),
  ],
  [
    'MAC, MTU, txqueuelen',
    setLinkRequest({ ifindex: 7, address: hex('02 00 00 00 00 01'), mtu: 1400, txqlen: 0 }),
    { name: 'RTM_SETLINK', subject: 'ifindex 7', type: 19, flags: 5 },
    [
      ...ifinfomsg(SEVEN),
      '0a 00',
      '01 00', // IFLA_ADDRESS
      '02 00 00 00 00 01',
      '00 00',
      '08 00',
      '04 00', // IFLA_MTU
      '78 05 00 00',
      '08 00',
      '0d 00', // IFLA_TXQLEN
      '00 00 00 00',
    ],
  ],
  [
    'move, with the name over there',
    setLinkRequest({ ifindex: 7, netnsFd: 20, name: 'v0' }),
    { name: 'RTM_SETLINK', subject: 'v0', type: 19, flags: 5 },
    [
      ...ifinfomsg(SEVEN),
      '08 00',
      '1c 00', // IFLA_NET_NS_FD
      '14 00 00 00',
      '07 00',
      '03 00', // IFLA_IFNAME
      '76 30 00',
      '00',
    ],
  ],
  [
    'move to where a process is',
    setLinkRequest({ ifindex: 7, netnsPid: 42 }),
    { name: 'RTM_SETLINK', subject: 'ifindex 7', type: 19, flags: 5 },
    [
      ...ifinfomsg(SEVEN),
      '08 00',
      '13 00', // IFLA_NET_NS_PID
      '2a 00 00 00',
    ],
  ],
  [
    'move, with the index over there',
    setLinkRequest({ ifindex: 7, netnsFd: 20, newIfindex: 9 }),
    { name: 'RTM_SETLINK', subject: 'ifindex 7', type: 19, flags: 5 },
    [
      ...ifinfomsg(SEVEN),
      '08 00',
      '1c 00', // IFLA_NET_NS_FD
      '14 00 00 00',
      '08 00',
      '31 00', // IFLA_NEW_IFINDEX
      '09 00 00 00',
    ],
  ],
  [
    'no IPv6 address of its own',
    setLinkRequest({ ifindex: 7, addrGenMode: 1 }),
    { name: 'RTM_SETLINK', subject: 'ifindex 7', type: 19, flags: 5 },
    [
      ...ifinfomsg(SEVEN),
      '10 00',
      '1a 80', // IFLA_AF_SPEC, nested
      '0c 00',
      '0a 80', // AF_INET6, nested
      '05 00',
      '08 00', // IFLA_INET6_ADDR_GEN_MODE
      '01',
      '00 00 00',
    ],
  ],
  [
    'an IPv4 address, for which there is no DAD to leave out',
    newAddressRequest(7, cidr('10.0.0.1/24'), true),
    { name: 'RTM_NEWADDR', subject: '10.0.0.1/24', type: 20, flags: 0x605 },
    [
      '02', // ifa_family
      '18', // ifa_prefixlen
      '00', // ifa_flags
      '00', // ifa_scope
      SEVEN,
      '08 00',
      '02 00', // IFA_LOCAL
      '0a 00 00 01',
      '08 00',
      '01 00', // IFA_ADDRESS
      '0a 00 00 01',
    ],
  ],
  [
    'a loopback address has scope host',
    newAddressRequest(7, cidr('127.0.0.2')),
    { name: 'RTM_NEWADDR', subject: '127.0.0.2/32', type: 20, flags: 0x605 },
    ['02', '20', '00', 'fe', SEVEN, '08 00', '02 00', '7f 00 00 02', '08 00', '01 00', '7f 00 00 02'],
  ],
  [
    'an IPv6 address without DAD',
    newAddressRequest(7, cidr('fd00::1/64'), true),
    { name: 'RTM_NEWADDR', subject: 'fd00::1/64', type: 20, flags: 0x605 },
    [
      '0a',
      '40',
      '02', // IFA_F_NODAD
      '00',
      SEVEN,
      '14 00',
      '02 00',
      'fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01',
      '14 00',
      '01 00',
      'fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01',
    ],
  ],
  [
    'an IPv6 address with DAD',
    newAddressRequest(7, cidr('::1')),
    { name: 'RTM_NEWADDR', subject: '::1/128', type: 20, flags: 0x605 },
    [
      '0a',
      '80',
      '00',
      '00',
      SEVEN,
      '14 00',
      '02 00',
      `${'00'.repeat(15)}01`,
      '14 00',
      '01 00',
      `${'00'.repeat(15)}01`,
    ],
  ],
  [
    'get a namespace id',
    getNsidRequest(20),
    { name: 'RTM_GETNSID', subject: 'namespace fd 20', type: 90, flags: 5 },
    [
      '00', // rtgen_family
      '00 00 00',
      '08 00',
      '03 00', // NETNSA_FD
      '14 00 00 00',
    ],
  ],
  [
    'assign a namespace id',
    newNsidRequest(20),
    { name: 'RTM_NEWNSID', subject: 'namespace fd 20', type: 88, flags: 5 },
    ['00 00 00 00', '08 00', '01 00', 'ff ff ff ff', '08 00', '03 00', '14 00 00 00'],
  ],
]

test.each(requests)('%s', (_, request, header, fields) => {
  expect(request).toMatchObject(header)
  expect(request.payload).toEqual(hex(...fields))
})
