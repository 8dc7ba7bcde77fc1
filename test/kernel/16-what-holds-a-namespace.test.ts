// A socket that was created in a namespace, and a descriptor of the namespace file, each keep the namespace
// and every interface in it alive after `ip netns del`; nothing is held any more once they are closed.
// Relied on by src/link/whereabouts.ts (withRoute, #withNetns) and src/netns/open.ts (withNetnsDescriptor): each
// opens one for the length of a call only. A pair must end with either of its namespaces.
// Invariant 9 rests on it; test/integration/302 shows that it is kept.

import { once } from 'node:events'
import { createServer } from 'node:net'
import { constants } from 'node:os'
import { expect } from 'vitest'
import { closeFd, netlinkOpen, netnsOpen, tunGetDevNetns } from '../../src/native.js'
import { NETLINK_ROUTE } from '../../src/netlink/constants.js'
import { getLink } from '../../src/netlink/route.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import * as testNative from '../support/native.js'
import { Netns, until } from '../support/netns.js'
import { RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')

/** Runs `open` with a short-lived descriptor of the namespace. */
function inside(target: Netns, open: (ns: number) => number): number {
  const ns = netnsOpen(target.path)
  try {
    return open(ns)
  } finally {
    closeFd(ns)
  }
}

it.each<[string, (target: Netns, tap: RawTap) => number]>([
  ['a netlink socket', (target) => inside(target, (ns) => netlinkOpen(NETLINK_ROUTE, ns))],
  ['a packet socket', (target) => inside(target, (ns) => testNative.packetOpen(ns, 1))],
  ['a descriptor of the namespace file', (target) => netnsOpen(target.path)],
  ['what TUNGETDEVNETNS answers', (_, tap) => tunGetDevNetns(tap.fd)],
])('%s holds it until it is closed', async (_, open) => {
  using target = Netns.create()
  using tap = RawTap.open()
  tap.moveTo(target, 'e')
  const held = open(target, tap)
  expect(held).toBeGreaterThanOrEqual(0)
  target.delete()
  // Long enough for a namespace to be taken down, had nothing held it.
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(tap.gone).toBe(false)
  if (closeFd(held) < 0) testNative.closeFd(held)
  await until('the device to be gone', () => tap.gone)
})

it('a socket belongs to the namespace that its thread had entered, for good', () => {
  using target = Netns.create()
  using tap = RawTap.open()
  tap.moveTo(target, 'e')
  const ns = netnsOpen(target.path)
  using socket = NetlinkSocket.open(NETLINK_ROUTE, ns)
  closeFd(ns)
  expect(getLink(socket, { name: 'e' }).name).toBe('e')
  // The thread that entered is gone; this one is where it was.
  using other = RawTap.open()
  expect(other.atHome).toBe(true)
})

it.each([
  ['a file of another kind', '/etc/passwd', constants.errno.EINVAL],
  ['a namespace of another kind', '/proc/self/ns/mnt', constants.errno.EINVAL],
  ['a name that nobody made', '/run/netns/uvt-nobody', constants.errno.ENOENT],
])('netnsOpen refuses %s', (_, path, errno) => {
  expect(netnsOpen(path)).toBe(-errno)
})

it('netnsOpen looks before it opens: what is no namespace is not opened (a socket would say ENXIO)', async () => {
  const path = `/tmp/uvt-no-namespace-${process.pid}`
  const server = createServer().listen(path)
  await once(server, 'listening')
  expect(netnsOpen(path)).toBe(-constants.errno.EINVAL)
  server.close()
})
