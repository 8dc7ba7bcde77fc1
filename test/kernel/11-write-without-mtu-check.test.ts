// A write to a TAP knows no MTU: whatever its length, the frame is received. Relied on by
// src/datapath/forward.ts: the MTU is our check, made before the write, as veth makes its own. The kernel
// checks only what it sends itself.

import { expect } from 'vitest'
import { homeLink } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { plainFrame, RawTap, VNET_HDR_LEN } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')

it.each([1519, 9018, 65_535, 65_543])('%i bytes on a TAP of MTU 1500', async (length) => {
  using tap = RawTap.open()
  tap.up()
  expect(homeLink(tap.name).mtu).toBe(1500)
  using socket = PacketSocket.open(null, tap.name)
  const frame = plainFrame(length, 0xa5)
  expect(tap.write(frame)).toBe(VNET_HDR_LEN + length)
  expect(await socket.receive()).toEqual(frame)
})
