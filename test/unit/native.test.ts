// What the addon answers where no root is needed: negative errnos instead of exceptions, time-outs of the
// poller, and watches. src/native.ts. Nothing here touches /dev/net/tun: what the addon does with TAPs is in
// test/kernel/.

import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SLOTS_OFFSET, Slab } from '../../src/frame/slab.js'
import {
  closeFd,
  closeFds,
  copyRanges,
  EPOLLIN,
  fdInode,
  netlinkBind,
  netlinkOpen,
  netlinkSend,
  netnsOpen,
  pollerAdd,
  pollerOpen,
  pollerRemove,
  pollerWait,
  receive,
  transmit,
  tunGetIff,
  tunSetCarrier,
  tunSetIff,
  unwatch,
  watch,
} from '../../src/native.js'
import { closeFd as closeTestFd, netlinkPortId, socketPair } from '../support/native.js'

const { EBADF, EINVAL, ENOENT } = constants.errno
const NETLINK_USERSOCK = 2
const NOBODY = -1
const ms = 1e6

describe('errors are answers', () => {
  test.each<[string, () => number, number]>([
    ['a descriptor that is not ours is not closed', () => closeFd(0), EBADF],
    ['TUNSETIFF without a device', () => tunSetIff(NOBODY, 'x', 2), EBADF],
    ['a name of 16 bytes', () => tunSetIff(NOBODY, 'x'.repeat(16), 2), EINVAL],
    ['a name with a NUL', () => tunSetIff(NOBODY, 'a\0b', 2), EINVAL],
    ['TUNGETIFF without a device', () => tunGetIff(NOBODY).errno, EBADF],
    ['TUNSETCARRIER without a device', () => tunSetCarrier(NOBODY, true), EBADF],
    ['the inode of nothing', () => fdInode(NOBODY).errno, EBADF],
    ['a path that is not there', () => netnsOpen(''), ENOENT],
    ['a path with a NUL', () => netnsOpen('/proc\0/self'), EINVAL],
    ['a message over a socket that is none', () => netlinkSend(NOBODY, new Uint8Array(16), 0), EBADF],
  ])('%s', (_, call, errno) => {
    expect(call()).toBe(-errno)
  })

  test('closing several that are not ours closes none, and says that it is done', async () => {
    await new Promise<void>((done) => closeFds([0, 1, 2, NOBODY], done))
    expect(fdInode(1).errno).toBe(0)
  })
})

test('a slot that is not in the memory is refused, and the others are sent', () => {
  const fd = openSync('/dev/null', 'w')
  onTestFinished(() => closeSync(fd))
  const slab = new Slab()
  const end = slab.bytes.length
  const FAR = 2 ** 31 - 1
  // Where a frame starts, and its length with the 12 bytes in front of it.
  const inside = [
    [SLOTS_OFFSET + 64, 72],
    [12, 72],
    [end - 60, 72],
  ] as const
  const outside = [
    [11, 72],
    [0, 72],
    [-1, 72],
    [-FAR, 72],
    [end - 60, 73],
    [end + 12, 1],
    [FAR, FAR],
    [12, FAR],
  ] as const
  ;[...outside, ...inside].forEach(([start, length], slot) => {
    slab.starts[slot] = start
    slab.lengths[slot] = length
  })
  const count = outside.length + inside.length
  expect(transmit(slab.bytes, fd, count)).toBe(inside.length)
  expect([...slab.lengths.subarray(0, count)]).toEqual([...outside.map(() => -EINVAL), 72, 72, 72])
})

test('a burst arrives as the frames that were sent, and nothing more', () => {
  const ends = new Int32Array(2)
  expect(socketPair(ends)).toBe(0)
  const [far, near] = ends as unknown as [number, number]
  onTestFinished(() => ends.forEach(closeTestFd))
  const slab = new Slab()
  const starts = [64, 256, 4096].map((offset) => SLOTS_OFFSET + offset)
  starts.forEach((start, slot) => {
    slab.starts[slot] = start
    slab.lengths[slot] = 72 + slot
    slab.bytes.fill(slot + 1, start - 12, start + 60 + slot)
  })
  expect(transmit(slab.bytes, far, 3)).toBe(3)
  const other = new Slab()
  const came = (slot: number) => {
    const start = other.starts[slot] as number
    return [...other.bytes.subarray(start - 12, start - 12 + (other.lengths[slot] as number))]
  }
  expect(receive(other.bytes, near, 2)).toBe(2)
  expect([came(0), came(1)]).toEqual([Array(72).fill(1), Array(73).fill(2)])
  expect(receive(other.bytes, near, 64)).toBe(1)
  expect(came(0)).toEqual(Array(74).fill(3))
  expect(receive(other.bytes, near, 64)).toBe(0)
})

/** A netlink socket that becomes readable with `wake`. */
function socket(): { fd: number; wake: () => void } {
  const fd = netlinkOpen(NETLINK_USERSOCK, -1)
  onTestFinished(() => void closeFd(fd))
  expect(netlinkBind(fd, 0, 0)).toBe(0)
  return { fd, wake: () => netlinkSend(fd, new Uint8Array(16), netlinkPortId(fd)) }
}

function poller(): number {
  const poller = pollerOpen()
  onTestFinished(() => void closeFd(poller))
  expect(poller).toBeGreaterThan(0)
  return poller
}

function timed(call: () => number): [answer: number, ms: number] {
  const start = performance.now()
  return [call(), performance.now() - start]
}

test('ranges are copied; those that are not all inside are passed over, and counted out', () => {
  const from = Uint8Array.from({ length: 100 }, (_, at) => at)
  const to = new Uint8Array(50)
  const table = Int32Array.of(
    0,
    10,
    3,
    -1,
    0,
    3,
    48,
    0,
    3,
    0,
    98,
    3,
    0,
    0,
    -1,
    0,
    -1,
    3,
    2 ** 31 - 1,
    0,
    9,
    47,
    97,
    3,
  )
  expect(copyRanges(to, from, table, 8)).toBe(2)
  expect([...to.subarray(0, 4), ...to.subarray(46)]).toEqual([10, 11, 12, 0, 0, 97, 98, 99])
  expect(copyRanges(to, from, table, 1_000)).toBe(2)
  expect(copyRanges(to, from, table.subarray(0, 2), 1)).toBe(0)
})

describe('the poller', () => {
  const ready = new Int32Array(8)

  test('without a time-out answers at once', () => {
    const set = poller()
    pollerWait(set, ready, 0, 20 * ms) // the event loop of the test runner may have something to do
    const [, took] = timed(() => pollerWait(set, ready, 0, 0))
    expect(took).toBeLessThan(1_000)
  })

  test('reports what is ready by its token, also while it spins, until it is removed', () => {
    const { fd, wake } = socket()
    const set = poller()
    expect(pollerAdd(set, fd, 7)).toBe(0)
    wake()
    for (const [spin, timeout] of [
      [0, 0],
      [1000 * ms, 0],
      [0, -1],
    ] as const) {
      const count = pollerWait(set, ready, spin, timeout)
      expect([...ready.subarray(0, count)]).toContain(7)
    }
    expect(pollerRemove(set, fd)).toBe(0)
    expect([...ready.subarray(0, pollerWait(set, ready, 0, 0))]).not.toContain(7)
  })

  test('takes no more tokens than there is room for', () => {
    const set = poller()
    const sockets = Array.from({ length: 5 }, socket)
    sockets.forEach(({ fd, wake }, token) => {
      pollerAdd(set, fd, token)
      wake()
    })
    expect(pollerWait(set, new Int32Array(2), 0, 0)).toBe(2)
  })
})

describe('watch', () => {
  const fires = (fd: number) => new Promise<void>((ready) => watch(fd, EPOLLIN, ready))

  test('fires when the descriptor is readable, once for each call', async () => {
    const { fd, wake } = socket()
    let fired = 0
    expect(watch(fd, EPOLLIN, () => fired++)).toBe(0)
    wake()
    await expect.poll(() => fired).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(fired).toBe(1)
    await fires(fd)
  })

  test('the last callback is the one that is called', async () => {
    const { fd, wake } = socket()
    let first = 0
    watch(fd, EPOLLIN, () => first++)
    const second = fires(fd)
    wake()
    await second
    expect(first).toBe(0)
  })

  test('who watches again what is ready still lets others have their turn in between', async () => {
    const { fd, wake } = socket()
    wake() // and nobody reads it
    let turns = 0
    let others = setImmediate(function turn() {
      turns++
      others = setImmediate(turn)
    })
    const between: number[] = []
    await new Promise<void>((done) => {
      watch(fd, EPOLLIN, function ready() {
        between.push(turns)
        turns = 0
        for (const end = performance.now() + 2; performance.now() < end; );
        if (between.length > 50) done()
        else watch(fd, EPOLLIN, ready)
      })
    })
    clearImmediate(others)
    expect(Math.min(...between.slice(1))).toBeGreaterThan(0)
  })

  test('unwatch ends it', async () => {
    const { fd, wake } = socket()
    let fired = 0
    watch(fd, EPOLLIN, () => fired++)
    unwatch(fd)
    wake()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(fired).toBe(0)
  })
})
