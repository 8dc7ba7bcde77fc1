// A write to a TAP succeeds without carrier, and the frame is received: only the sending side of the kernel
// looks at carrier.
// Relied on by src/datapath/forward.ts: while carrier is off it must not forward, since nothing else stops
// what was read before.

import { expect } from 'vitest'
import { tunSetCarrier } from '../../src/native.js'
import { homeLink, until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { plainFrame, RawTap, VNET_HDR_LEN } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')

it('is received by the stack', async () => {
  using tap = RawTap.open()
  tunSetCarrier(tap.fd, false)
  tap.up()
  // Before 6.8 within a second.
  await until('NO-CARRIER', () => homeLink(tap.name).flags.includes('NO-CARRIER'))
  using socket = PacketSocket.open(null, tap.name)
  expect(tap.write(plainFrame())).toBe(VNET_HDR_LEN + 60)
  expect(await socket.receive()).toEqual(plainFrame())
})
