// What read and write of a non-blocking TAP answer in each state of its link.
// Relied on by native/src/burst.rs (EAGAIN is "nothing", a refused frame's errno goes into its length),
// src/datapath/forward.ts (EIO: the peer is down) and src/datapath/loop.ts (EBADFD: the device is gone).

import { expect } from 'vitest'
import { tunOpen } from '../../src/native.js'
import { homeLink, Netns, run } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import {
  EAGAIN,
  EBADFD,
  EINVAL,
  EIO,
  ETH_HLEN,
  plainFrame,
  RawTap,
  tryRead,
  tryWrite,
  VNET_HDR_LEN,
  withHeader,
} from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')

/** A frame with the number `n` in it, sent by the kernel out of the TAP: it stands in its ring then. */
function sendOut(tap: RawTap, n = 0): void {
  using socket = PacketSocket.open(null, tap.name)
  socket.send(plainFrame(60, n))
}

it('before TUNSETIFF: EBADFD', () => {
  const fd = tunOpen()
  expect(tryRead(fd)).toBe(-EBADFD)
  expect(tryWrite(fd, withHeader(plainFrame()))).toBe(-EBADFD)
})

it('down: read EAGAIN, write EIO, which counts as rx_dropped', () => {
  using tap = RawTap.open()
  expect(tap.read()).toBe(-EAGAIN)
  expect(tap.write(plainFrame())).toBe(-EIO)
  expect(homeLink(tap.name).stats64.rx.dropped).toBe(1)
})

it('up: read EAGAIN while there is nothing, write the length', () => {
  using tap = RawTap.open()
  tap.up()
  expect(tap.read()).toBe(-EAGAIN)
  expect(tap.write(plainFrame(60))).toBe(VNET_HDR_LEN + 60)
  expect(homeLink(tap.name).stats64.rx.packets).toBe(1)
})

it('a frame comes with its virtio-net header, whole and unchanged', () => {
  using tap = RawTap.open()
  tap.up()
  sendOut(tap, 7)
  expect(tap.read()).toEqual(withHeader(plainFrame(60, 7)))
  expect(tap.read()).toBe(-EAGAIN)
})

it('what was queued before the link went down stays readable', () => {
  using tap = RawTap.open()
  tap.up()
  sendOut(tap, 1)
  sendOut(tap, 2)
  tap.down()
  expect(tap.read()).toEqual(withHeader(plainFrame(60, 1)))
  expect(tap.read()).toEqual(withHeader(plainFrame(60, 2)))
  expect(tap.read()).toBe(-EAGAIN)
})

it('a buffer that is too short cuts the frame without a word', () => {
  using tap = RawTap.open()
  tap.up()
  sendOut(tap)
  expect(tap.read(40)).toHaveLength(40)
  expect(tap.read()).toBe(-EAGAIN)
})

it('a buffer shorter than the header: EINVAL, and the frame is lost', () => {
  using tap = RawTap.open()
  tap.up()
  sendOut(tap)
  expect(tap.read(VNET_HDR_LEN - 1)).toBe(-EINVAL)
  expect(tap.read()).toBe(-EAGAIN)
})

it('a frame shorter than an Ethernet header: EINVAL, and no counter moves', () => {
  using tap = RawTap.open()
  tap.up()
  expect(tap.write(new Uint8Array(ETH_HLEN - 1))).toBe(-EINVAL)
  expect(tryWrite(tap.fd, new Uint8Array(VNET_HDR_LEN - 1))).toBe(-EINVAL)
  expect(homeLink(tap.name).stats64.rx).toMatchObject({ packets: 0, dropped: 0, errors: 0 })
})

it('a virtio-net header that makes no sense: EINVAL', () => {
  using tap = RawTap.open()
  tap.up()
  const bytes = withHeader(plainFrame())
  bytes[1] = 0x7f // no such gso_type
  expect(tryWrite(tap.fd, bytes)).toBe(-EINVAL)
})

it.each<[string, (tap: RawTap, far: Netns) => void]>([
  ['ip link del', (tap) => void run('ip', 'link', 'del', tap.name)],
  [
    'ip link del in another namespace',
    (tap, far) => {
      tap.moveTo(far, 'far')
      far.ip('link', 'del', 'far')
    },
  ],
])('after %s: EBADFD', (_, remove) => {
  using far = Netns.create()
  using tap = RawTap.open()
  tap.up()
  remove(tap, far)
  expect(tap.gone).toBe(true)
  expect(tap.read()).toBe(-EBADFD)
  expect(tap.write(plainFrame())).toBe(-EBADFD)
})
