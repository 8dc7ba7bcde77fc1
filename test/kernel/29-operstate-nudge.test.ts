// Before Linux 6.8 the kernel acts on TUNSETCARRIER up to a second late, and no question makes it hurry (08). What others
// go by (IFF_RUNNING, operstate, the event) can be had at once all the same: IFLA_OPERSTATE makes a link dormant that was
// up, and up again. Not so the queue: until the kernel acts by itself, frames are still put into the ring.
// Tried on 6.1, where none of these changes anything: RTM_GETLINK, IFLA_CARRIER, IFLA_LINKMODE, IFF_PROMISC, IFLA_MTU.
// IFLA_TXQLEN there and back, or a clsact that comes and goes, stop the queue at once, but change what is others'.
// Relied on by src/link/tap.ts (acted).

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { tunSetCarrier } from '../../src/native.js'
import { IF_OPER_DORMANT, IF_OPER_UP, IFF_RUNNING, NETLINK_ROUTE } from '../../src/netlink/constants.js'
import { getLink, setLink } from '../../src/netlink/route.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import { until } from '../support/netns.js'
import { RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')

it('carrier goes and comes, several times a second: IFF_RUNNING goes and comes with it, at once', async () => {
  using tap = RawTap.open()
  using home = NetlinkSocket.open(NETLINK_ROUTE)
  const { ifindex } = getLink(home, { name: tap.name })
  // Reading it is no nudge.
  const operstate = () => readFileSync(`/sys/class/net/${tap.name}/operstate`, 'utf8').trim()
  tunSetCarrier(tap.fd, false)
  tap.up()
  tunSetCarrier(tap.fd, true)
  await until('up', () => operstate() === 'up', 3_000)
  for (let flap = 0; flap < 5; flap++) {
    tunSetCarrier(tap.fd, false)
    setLink(home, { ifindex, operstate: IF_OPER_DORMANT })
    expect(['dormant', 'down']).toContain(operstate())
    expect(getLink(home, { ifindex })).toMatchObject({ carrier: false })
    expect(getLink(home, { ifindex }).flags & IFF_RUNNING).toBe(0)
    tunSetCarrier(tap.fd, true)
    setLink(home, { ifindex, operstate: IF_OPER_UP })
    // Down: the kernel has acted meanwhile on what was off, and hurries with what is on.
    expect(['up', 'down']).toContain(operstate())
    await until('up again', () => operstate() === 'up', 3_000)
    expect(getLink(home, { ifindex })).toMatchObject({ carrier: true, operstate: IF_OPER_UP })
  }
})
