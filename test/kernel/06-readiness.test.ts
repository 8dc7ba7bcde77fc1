// When epoll reports a TAP: readable with a frame in its ring, in error once its device is gone, and writable
// when its link goes up; nothing is reported when it goes down.
// The deletion wakes who waits to read; a watch for EPOLLOUT alone sleeps through it (6.18).
// Relied on by src/datapath/loop.ts (it sleeps on readability, and must wake when a device is deleted) and
// src/link/tap.ts (whenUp notices an end that others set up).

import { expect, onTestFinished } from 'vitest'
import {
  closeFd,
  EPOLLIN,
  EPOLLOUT,
  pollerAdd,
  pollerOpen,
  pollerWait,
  unwatch,
  watch,
} from '../../src/native.js'
import { run, until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { plainFrame, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')
const ms = 1e6

/** Whether `tap` is reported readable or in error; the event loop's own token does not count. */
function poll(tap: RawTap): () => boolean {
  const poller = pollerOpen()
  onTestFinished(() => void closeFd(poller))
  pollerAdd(poller, tap.fd, 5)
  const ready = new Int32Array(8)
  return () => ready.subarray(0, pollerWait(poller, ready, 0, 20 * ms)).includes(5)
}

/** How often a watch that is armed again and again has fired for `events`. */
function counting(tap: RawTap, events: number): () => number {
  let fired = 0
  const arm = () => watch(tap.fd, events, () => fired++)
  arm()
  onTestFinished(() => unwatch(tap.fd))
  return () => fired
}

const aMoment = () => new Promise((resolve) => setTimeout(resolve, 100))

it('is readable while a frame waits, level-triggered', () => {
  using tap = RawTap.open()
  const reported = poll(tap)
  tap.up()
  expect(reported()).toBe(false)
  using socket = PacketSocket.open(null, tap.name)
  socket.send(plainFrame())
  expect(reported()).toBe(true)
  expect(reported()).toBe(true)
  tap.read()
  expect(reported()).toBe(false)
})

it('is reported when the device is deleted, down or up', () => {
  using up = RawTap.open()
  using down = RawTap.open()
  up.up()
  for (const tap of [up, down]) {
    const reported = poll(tap)
    expect(reported()).toBe(false)
    run('ip', 'link', 'del', tap.name)
    expect(reported()).toBe(true)
  }
})

it('is not reported as readable when its link goes down or up', () => {
  using tap = RawTap.open()
  const reported = poll(tap)
  tap.up()
  expect(reported()).toBe(false)
  tap.down()
  expect(reported()).toBe(false)
})

it('a link that is down is not writable; going up is an event', async () => {
  using tap = RawTap.open()
  const fired = counting(tap, EPOLLOUT)
  await aMoment()
  expect(fired()).toBe(0)
  tap.up()
  await until('the watch to fire', () => fired() === 1)
})

it('a link that is up is writable at once', async () => {
  using tap = RawTap.open()
  tap.up()
  const fired = counting(tap, EPOLLOUT)
  await until('the watch to fire', () => fired() === 1)
})

it('a watch fires once, and for errors too', async () => {
  using tap = RawTap.open()
  tap.up()
  const fired = counting(tap, EPOLLIN)
  await aMoment()
  expect(fired()).toBe(0)
  run('ip', 'link', 'del', tap.name)
  await until('the watch to fire', () => fired() === 1)
  await aMoment()
  expect(fired()).toBe(1)
})
