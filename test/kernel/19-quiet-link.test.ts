// A fresh link talks: IPv6 makes itself an address and announces it when the link gets carrier. With
// addr_gen_mode none, set before it goes up, it says nothing. Where there is no IPv6, as below
// MTU 1280, setting it is refused.
// Relied on by src/link/requests.ts (setQuiet, and settingsOf: a pair that is quiet is made so again after a
// move) and by every test that expects silence.

import { expect } from 'vitest'
import { carryOut } from '../../src/link/requests.js'
import { closeFd, netnsOpen } from '../../src/native.js'
import { IN6_ADDR_GEN_MODE_NONE, NETLINK_ROUTE } from '../../src/netlink/constants.js'
import { getLink, setLink } from '../../src/netlink/route.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import { Netns, run, until } from '../support/netns.js'
import { EAGAIN, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip', 'ipv6')
const itNetns = needs('root', 'tun', 'ip', 'ipv6', 'netns')

const QUIET = [{ addrGenMode: IN6_ADDR_GEN_MODE_NONE }]

function beQuiet(name: string, netns = -1): void {
  using there = NetlinkSocket.open(NETLINK_ROUTE, netns)
  carryOut(there, getLink(there, { name }).ifindex, QUIET, {})
}

it('talks by itself', async () => {
  using tap = RawTap.open()
  run('ip', 'link', 'set', tap.name, 'up')
  await until('a frame', () => typeof tap.read() !== 'number')
})

// Where IPv6 is forwarded, as it is at home where a container engine has been, it still reports that it is a router.
itNetns('says nothing with addr_gen_mode none', async () => {
  using target = Netns.create()
  using tap = RawTap.open()
  tap.moveTo(target, 'e')
  const fd = netnsOpen(target.path)
  beQuiet('e', fd)
  closeFd(fd)
  expect(target.link('e').inet6_addr_gen_mode).toBe('none')
  target.ip('link', 'set', 'e', 'up')
  // The other one has said something after some 10 ms, and five times more after 2.5 s.
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  expect(tap.read()).toBe(-EAGAIN)
})

it('below MTU 1280 there is no IPv6 on a link, and it is refused with EAFNOSUPPORT', () => {
  using tap = RawTap.open()
  run('ip', 'link', 'set', tap.name, 'mtu', '1279')
  using home = NetlinkSocket.open(NETLINK_ROUTE)
  const { ifindex } = getLink(home, { name: tap.name })
  const refused = expect.objectContaining({ code: 'EAFNOSUPPORT' })
  expect(() => setLink(home, { ifindex, addrGenMode: IN6_ADDR_GEN_MODE_NONE })).toThrow(refused)
  expect(() => carryOut(home, ifindex, QUIET, {})).not.toThrow()
})

itNetns('the mode does not survive a move', () => {
  using target = Netns.create()
  using tap = RawTap.open()
  beQuiet(tap.name)
  tap.moveTo(target, 'e')
  expect(target.link('e').inet6_addr_gen_mode).not.toBe('none')
})
