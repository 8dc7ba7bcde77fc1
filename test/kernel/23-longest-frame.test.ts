// The longest frame that a TAP hands out: a tagged one at the greatest MTU, 65,521, is 65,551 bytes with its
// virtio-net header. It fits into a slot of the slab, and comes back out of it unchanged.
// Relied on by src/frame/slab.ts (LONGEST_FRAME), src/frame/ethernet.ts (MIN_MTU, MAX_MTU) and
// native/src/slab.rs.

import { expect } from 'vitest'
import { MAX_MTU, MIN_MTU } from '../../src/frame/ethernet.js'
import { LONGEST_FRAME, Slab, VNET_HDR_LEN } from '../../src/frame/slab.js'
import { receive, transmit } from '../../src/native.js'
import { homeLink, run } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { plainFrame, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')

function taggedFrame(length: number): Uint8Array {
  const frame = plainFrame(length).map((byte, at) => (at < 18 ? byte : at & 0xff))
  frame.set([0x81, 0x00, 0x20, 0x07, 0x88, 0xb5], 12)
  return frame
}

it('allows these MTUs, and no others', () => {
  using tap = RawTap.open()
  const setMtu = (mtu: number) => () => run('ip', 'link', 'set', tap.name, 'mtu', `${mtu}`)
  for (const mtu of [MIN_MTU, MAX_MTU]) {
    setMtu(mtu)()
    expect(homeLink(tap.name).mtu).toBe(mtu)
  }
  expect(setMtu(MIN_MTU - 1)).toThrow(/mtu/)
  expect(setMtu(MAX_MTU + 1)).toThrow(/mtu/)
})

it('is read and written whole', async () => {
  using tap = RawTap.open()
  run('ip', 'link', 'set', tap.name, 'mtu', `${MAX_MTU}`)
  tap.up()
  using socket = PacketSocket.open(null, tap.name)
  const longest = taggedFrame(MAX_MTU + 18)
  socket.send(longest)
  const slab = new Slab()
  expect(receive(slab.bytes, tap.fd, 64)).toBe(1)
  expect(slab.lengths[0]).toBe(65_551)
  expect(65_551).toBeLessThanOrEqual(LONGEST_FRAME + VNET_HDR_LEN)
  const start = slab.starts[0] as number
  expect(slab.bytes.slice(start, start + longest.length)).toEqual(longest)
  expect(transmit(slab.bytes, tap.fd, 1)).toBe(1)
  expect(await socket.receive()).toEqual(longest)
})
