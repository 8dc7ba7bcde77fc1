// What receive() and transmit() of the addon do with a real TAP: up to 64 frames and about 256 KiB by one
// call, in order; a frame that the kernel refuses leaves its errno as its length, and the others still go.
// Relied on by src/datapath/forward.ts (tally) and src/datapath/port.ts. The kernel's answers to single
// frames are in 05-read-and-write.test.ts.

import { expect } from 'vitest'
import { BURST, Slab, VNET_HDR_LEN } from '../../src/frame/slab.js'
import { receive, transmit } from '../../src/native.js'
import { place } from '../support/fake-port.js'
import { run } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { EBADFD, EINVAL, EIO, plainFrame, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')

function put(slab: Slab, slot: number, frame: Uint8Array): void {
  const start = place(slab, slot, frame.length)
  slab.bytes.fill(0, start - VNET_HDR_LEN, start)
  slab.bytes.set(frame, start)
}

/** The number that plainFrame() was filled with. */
const numberIn = (slab: Slab, slot: number) => slab.bytes[(slab.starts[slot] as number) + 20]

it('receives 64 frames by one call, then the rest, then none, in order', () => {
  using tap = RawTap.open()
  tap.up()
  using socket = PacketSocket.open(null, tap.name)
  for (let n = 0; n < 100; n++) socket.send(plainFrame(60 + n, n))
  const slab = new Slab()
  expect(receive(slab.bytes, tap.fd, BURST)).toBe(BURST)
  for (let slot = 0; slot < BURST; slot++) {
    expect(slab.lengths[slot]).toBe(VNET_HDR_LEN + 60 + slot)
    expect(numberIn(slab, slot)).toBe(slot)
  }
  expect(receive(slab.bytes, tap.fd, BURST)).toBe(100 - BURST)
  expect(numberIn(slab, 0)).toBe(BURST)
  expect(receive(slab.bytes, tap.fd, BURST)).toBe(0)
})

it('receives no more than about 256 KiB by one call', () => {
  using tap = RawTap.open()
  run('ip', 'link', 'set', tap.name, 'mtu', '65521')
  tap.up()
  using socket = PacketSocket.open(null, tap.name)
  for (let n = 0; n < 10; n++) socket.send(plainFrame(65_000, n))
  const slab = new Slab()
  const received = receive(slab.bytes, tap.fd, BURST)
  expect(received).toBe(4)
  expect(received * 65_012).toBeLessThanOrEqual(256 << 10)
})

it('sends what has a length, in order, and passes over the rest', () => {
  using tap = RawTap.open()
  tap.up()
  using socket = PacketSocket.open(null, tap.name)
  const slab = new Slab()
  for (let slot = 0; slot < 6; slot++) put(slab, slot, plainFrame(60, slot))
  slab.lengths[2] = 0
  slab.lengths[4] = -1
  expect(transmit(slab.bytes, tap.fd, 5)).toBe(3)
  expect(socket.drain().map((frame) => frame[20])).toEqual([0, 1, 3])
  expect([...slab.lengths.subarray(0, 6)]).toEqual([72, 72, 0, 72, -1, 72])
})

it('a refused frame gets its errno, and the others go', () => {
  using tap = RawTap.open()
  tap.up()
  using socket = PacketSocket.open(null, tap.name)
  const slab = new Slab()
  for (let slot = 0; slot < 3; slot++) put(slab, slot, plainFrame(60, slot))
  put(slab, 1, plainFrame(13))
  expect(transmit(slab.bytes, tap.fd, 3)).toBe(2)
  expect(slab.lengths[1]).toBe(-EINVAL)
  expect(socket.drain().map((frame) => frame[20])).toEqual([0, 2])
})

it('while the link is down every frame gets EIO', () => {
  using tap = RawTap.open()
  const slab = new Slab()
  for (let slot = 0; slot < 3; slot++) put(slab, slot, plainFrame())
  expect(transmit(slab.bytes, tap.fd, 3)).toBe(0)
  expect([...slab.lengths.subarray(0, 3)]).toEqual([-EIO, -EIO, -EIO])
})

it('says EBADFD when the device is gone', () => {
  using tap = RawTap.open()
  const slab = new Slab()
  run('ip', 'link', 'del', tap.name)
  expect(receive(slab.bytes, tap.fd, BURST)).toBe(-EBADFD)
  put(slab, 0, plainFrame())
  expect(transmit(slab.bytes, tap.fd, 1)).toBe(0)
  expect(slab.lengths[0]).toBe(-EBADFD)
})

it('refuses a buffer that is no slab', () => {
  using tap = RawTap.open()
  expect(receive(new Uint8Array(4096), tap.fd, BURST)).toBe(-EINVAL)
  expect(transmit(new Uint8Array(4096), tap.fd, 1)).toBe(-EINVAL)
})
