// TUNSETCARRIER says what carrier is to be; the kernel acts on it up to a second later. An RTM_GETLINK for
// the link makes it act before it answers, so that nothing enters the ring that was sent after carrier went
// off.
// Relied on by src/link/carrier.ts (settle) and src/link/tap.ts (acted): orders resolve when the kernel shows what they say.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { tunSetCarrier } from '../../src/native.js'
import { IF_OPER_UP, NETLINK_ROUTE } from '../../src/netlink/constants.js'
import { getLink } from '../../src/netlink/route.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import { homeLink, until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { EAGAIN, plainFrame, RawTap, withHeader } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const itNudges = needs('root', 'tun', 'ip', 'kernel 6.8')
const it = needs('root', 'tun', 'ip')

/** A TAP that is up and has just been given carrier: the next change is what the kernel puts off. */
function withCarrier(): RawTap {
  const tap = RawTap.open()
  tunSetCarrier(tap.fd, false)
  tap.up()
  tunSetCarrier(tap.fd, true)
  return tap
}

/** A kernel that routes IPv6 has something to say for itself on each link. */
function ourFramesIn(tap: RawTap): number {
  const ours = Buffer.from(withHeader(plainFrame()))
  let count = 0
  for (let read = tap.read(); read !== -EAGAIN; read = tap.read()) {
    if (typeof read === 'number') throw new Error(`read() answers ${read}`)
    if (ours.equals(read)) count++
  }
  return count
}

itNudges('the answer to an RTM_GETLINK shows the carrier of now, both ways, every time', () => {
  using tap = withCarrier()
  using home = NetlinkSocket.open(NETLINK_ROUTE)
  const { ifindex } = getLink(home, { name: tap.name })
  for (let flap = 0; flap < 3; flap++) {
    for (const on of [true, false]) {
      tunSetCarrier(tap.fd, on)
      const link = getLink(home, { ifindex })
      expect(link).toMatchObject({ carrier: on })
      expect(link.operstate === IF_OPER_UP).toBe(on)
    }
  }
})

itNudges('500 frames sent after carrier off and one RTM_GETLINK: none in the ring, all in tx_dropped', () => {
  using tap = withCarrier()
  using home = NetlinkSocket.open(NETLINK_ROUTE)
  const { ifindex } = getLink(home, { name: tap.name })
  using socket = PacketSocket.open(null, tap.name)
  const before = getLink(home, { ifindex }).stats64?.tx_dropped ?? 0
  tunSetCarrier(tap.fd, false)
  getLink(home, { ifindex })
  for (let n = 0; n < 500; n++) socket.send(plainFrame())
  expect(ourFramesIn(tap)).toBe(0)
  expect(homeLink(tap.name).stats64.tx.dropped).toBeGreaterThanOrEqual(before + 500)
})

it('without a question the kernel acts by itself, within the time that we wait', async () => {
  using tap = withCarrier()
  // Reading this file does not make it act.
  const operstate = () => readFileSync(`/sys/class/net/${tap.name}/operstate`, 'utf8').trim()
  await until('up', () => operstate() === 'up', 3_000)
  tunSetCarrier(tap.fd, false)
  await until('down', () => operstate() === 'down', 3_000)
})
