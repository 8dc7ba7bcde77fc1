// Anybody with CAP_NET_ADMIN can take carrier from a TAP by rtnetlink (`ip link set X carrier off`), and give
// it back; whoever listens hears of it, and RTM_GETLINK says so.
// Relied on by src/link/reconfigure.ts (modeAfter): it is an order of the user's.

import { expect } from 'vitest'
import { NETLINK_ROUTE, RTNLGRP_LINK } from '../../src/netlink/constants.js'
import { getLink } from '../../src/netlink/route.js'
import { parseRouteEvent } from '../../src/netlink/rtnl.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import { run, until } from '../support/netns.js'
import { RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')

it('carrier off and on by ip succeed, show in RTM_GETLINK, and make an event', async () => {
  using tap = RawTap.open()
  tap.up()
  using home = NetlinkSocket.open(NETLINK_ROUTE)
  using monitor = NetlinkSocket.open(NETLINK_ROUTE)
  monitor.join(RTNLGRP_LINK)
  const { ifindex } = getLink(home, { name: tap.name })
  for (const on of [false, true]) {
    run('ip', 'link', 'set', tap.name, 'carrier', on ? 'on' : 'off')
    expect(getLink(home, { ifindex }).carrier).toBe(on)
    await until('an event', () => {
      const events = monitor.receive()
      if (events === 'overrun') return true
      return events.some(({ message }) => {
        const event = parseRouteEvent(message)
        return event?.kind === 'link' && event.ifindex === ifindex && event.carrier === on
      })
    })
  }
})
