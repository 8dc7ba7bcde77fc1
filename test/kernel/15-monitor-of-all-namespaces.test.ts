// One rtnetlink socket at home with NETLINK_LISTEN_ALL_NSID hears of links in every namespace that home has a
// number for, with that number in a control message, and of the namespace's death; it keeps none alive.
// Relied on by src/link/monitor.ts and src/link/whereabouts.ts (allocNsid: an end's namespace always has a number).

import { expect } from 'vitest'
import { closeFd, netnsOpen } from '../../src/native.js'
import {
  IFF_UP,
  NETLINK_ROUTE,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEXTHOP,
  RTNLGRP_NSID,
  RTPROT_BOOT,
  RTPROT_STATIC,
} from '../../src/netlink/constants.js'
import { allocNsid, getLink, getNsid } from '../../src/netlink/route.js'
import { GIVEN_ROUTES } from '../../src/netlink/routes.js'
import { type Link, type NsidEvent, parseRouteEvent } from '../../src/netlink/rtnl.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import { Netns, until } from '../support/netns.js'
import { RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')

/** A monitor as the link thread has one; `heard` collects its events. */
function listen(): { monitor: NetlinkSocket; heard: () => (Link | NsidEvent)[] } {
  const monitor = NetlinkSocket.open(NETLINK_ROUTE)
  monitor.setReceiveBuffer(4 << 20)
  expect(monitor.listenAllNsid()).toBe(true)
  monitor.join(RTNLGRP_LINK)
  monitor.join(RTNLGRP_NSID)
  const events: (Link | NsidEvent)[] = []
  const heard = () => {
    const received = monitor.receive()
    if (received === 'overrun') throw new Error('events were lost')
    for (const { message, nsid } of received) {
      const event = parseRouteEvent(message, nsid)
      if (event) events.push(event)
    }
    return events
  }
  return { monitor, heard }
}

function withNsid<T>(target: Netns, use: (home: NetlinkSocket, netnsFd: number) => T): T {
  using home = NetlinkSocket.open(NETLINK_ROUTE)
  const fd = netnsOpen(target.path)
  try {
    return use(home, fd)
  } finally {
    closeFd(fd)
  }
}

it('a fresh namespace has no number; it gets one when asked for, and keeps it', () => {
  using target = Netns.create()
  withNsid(target, (home, fd) => {
    expect(getNsid(home, fd)).toBe(-1)
    const nsid = allocNsid(home, fd)
    expect(nsid).toBeGreaterThanOrEqual(0)
    expect(allocNsid(home, fd)).toBe(nsid)
    expect(getNsid(home, fd)).toBe(nsid)
  })
})

it('hears up, down and rename in another namespace', async () => {
  using target = Netns.create()
  using tap = RawTap.open()
  tap.moveTo(target, 'e')
  const nsid = withNsid(target, allocNsid)
  const { monitor, heard } = listen()
  using _ = monitor
  const { ifindex } = target.link('e')
  const hears = (what: string, matches: (link: Link) => boolean) =>
    until(what, () =>
      heard().some(
        (event) =>
          event.kind === 'link' && event.nsid === nsid && event.ifindex === ifindex && matches(event),
      ),
    )
  target.ip('link', 'set', 'e', 'up')
  await hears('up', ({ flags }) => (flags & IFF_UP) !== 0)
  heard().length = 0
  target.ip('link', 'set', 'e', 'down')
  await hears('down', ({ flags }) => (flags & IFF_UP) === 0)
  target.ip('link', 'set', 'e', 'name', 'f')
  await hears('the rename', ({ name }) => name === 'f')
  target.ip('link', 'del', 'f')
  await hears('the deletion', ({ type }) => type === 'del')
})

it('hears of routes that somebody has given, there too, and not of those of a routing daemon; of nexthops that they end', async () => {
  using target = Netns.create()
  using tap = RawTap.open()
  tap.moveTo(target, 'e')
  const nsid = withNsid(target, allocNsid)
  using monitor = NetlinkSocket.open(NETLINK_ROUTE)
  monitor.filter(GIVEN_ROUTES)
  expect(monitor.listenAllNsid()).toBe(true)
  for (const group of [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEXTHOP, RTNLGRP_LINK])
    monitor.join(group)
  target.ip('link', 'set', 'e', 'up')
  for (const [proto, net] of [
    ['bird', 1],
    ['kernel', 2],
    ['boot', 3],
    ['ra', 4],
    ['static', 5],
  ])
    for (const to of [`10.${net}.0.0/16`, `fd0${net}::/16`])
      target.ip('route', 'add', to, 'dev', 'e', 'proto', `${proto}`)
  target.ip('route', 'del', '10.5.0.0/16', 'dev', 'e')
  target.ip('route', 'del', '10.1.0.0/16', 'dev', 'e')
  target.ip('nexthop', 'add', 'id', '5', 'dev', 'e')
  target.ip('nexthop', 'del', 'id', '5')
  target.ip('link', 'set', 'e', 'mtu', '1400')
  const heard: [type: number, protocol: number][] = []
  let changed = false
  await until('the last change', () => {
    const received = monitor.receive()
    if (received === 'overrun') throw new Error('events were lost')
    for (const { message, nsid: from } of received) {
      if (from !== nsid) continue
      const event = parseRouteEvent(message, from)
      if (event?.kind === 'link') changed ||= event.mtu === 1400
      else heard.push([message.type, message.payload[5] as number])
    }
    return changed
  })
  expect(heard).toEqual([
    ...[RTPROT_BOOT, RTPROT_BOOT, RTPROT_STATIC, RTPROT_STATIC].map((protocol) => [RTM_NEWROUTE, protocol]),
    [RTM_DELROUTE, RTPROT_STATIC],
    [RTM_DELNEXTHOP, 0],
  ])
})

it('hears of the death of a namespace, and does not keep it alive', async () => {
  using target = Netns.create()
  using tap = RawTap.open()
  tap.moveTo(target, 'e')
  const nsid = withNsid(target, allocNsid)
  const { monitor, heard } = listen()
  using _ = monitor
  target.delete()
  await until('RTM_DELNSID at home', () =>
    heard().some(
      (event) => event.kind === 'nsid' && event.type === 'del' && event.nsid === nsid && event.from === -1,
    ),
  )
  await until('the device to be gone', () => tap.gone)
})

it('RTM_GETLINK with a number answers from home; after the death it is refused', async () => {
  using target = Netns.create()
  using tap = RawTap.open()
  tap.moveTo(target, 'e')
  const nsid = withNsid(target, allocNsid)
  using home = NetlinkSocket.open(NETLINK_ROUTE)
  const { ifindex } = target.link('e')
  expect(getLink(home, { ifindex, nsid })).toMatchObject({ name: 'e', nsid })
  expect(getLink(home, { name: 'e', nsid })).toMatchObject({ ifindex })
  // Every namespace has its loopback as link 1: that tells a dead namespace from a deleted link.
  expect(getLink(home, { ifindex: 1, nsid }).name).toBe('lo')
  target.ip('link', 'del', 'e')
  expect(() => getLink(home, { ifindex, nsid })).toThrow(/ENODEV/)
  expect(getLink(home, { ifindex: 1, nsid }).name).toBe('lo')
  target.delete()
  await until('the refusal', () => {
    try {
      return getLink(home, { ifindex: 1, nsid }) === undefined
    } catch {
      return true
    }
  })
})
