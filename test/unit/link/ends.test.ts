// Ends by descriptors that another thread or process had: numbers that are other files' by now are left alone. With
// sockets for TAPs; what a TAP answers is test/integration/519's business.

import { expect, onTestFinished, test } from 'vitest'
import { pairClosed } from '../../../src/errors.js'
import { adoptTap } from '../../../src/link/create.js'
import type { AdoptDevice, Device } from '../../../src/link/device.js'
import { type Context, Ends } from '../../../src/link/ends.js'
import type { PairPlan } from '../../../src/link/protocol.js'
import { Tunnel } from '../../../src/link/tunnel.js'
import { closeFd, fdAdopt, fdInode, fdRelease, udpOpen } from '../../../src/native.js'
import { NETLINK_ROUTE } from '../../../src/netlink/constants.js'
import { NetlinkSocket } from '../../../src/netlink/socket.js'

/** One that no thread has, and whether it is open yet: it may be gone, or the number another file's. */
function left() {
  const { fd } = NetlinkSocket.open(NETLINK_ROUTE)
  fdRelease(fd)
  const { ino } = fdInode(fd)
  const isOpen = () => fdInode(fd).errno === 0 && fdInode(fd).ino === ino
  onTestFinished(() => {
    if (isOpen()) closeFd(fdAdopt(fd))
  })
  return { fd, isOpen }
}

const open = (adopt: AdoptDevice, a: number, b: number) =>
  Ends.open({ adopt } as Context, { ends: [{}, {}], queues: 1, quiet: false } as unknown as PairPlan, [
    [a],
    [b],
  ])

/** Adopts all but this one: its own was closed, and the number is another file's already. */
const allBut =
  (refused: number): AdoptDevice =>
  ([fd = -1]) => {
    if (fd === refused) throw pairClosed()
    fdAdopt(fd)
    return { letGo: () => void closeFd(fd) } as unknown as Device
  }

test('where b is refused, a is closed, and the number of b left alone', async () => {
  const [a, b] = [left(), left()]
  await expect(open(allBut(b.fd), a.fd, b.fd)).rejects.toThrow(/ENODEV/)
  expect([a.isOpen(), b.isOpen()]).toEqual([false, true])
})

test('where a is refused, b is closed, although nobody had looked at it', async () => {
  const [a, b] = [left(), left()]
  await expect(open(allBut(a.fd), a.fd, b.fd)).rejects.toThrow(/ENODEV/)
  expect([a.isOpen(), b.isOpen()]).toEqual([true, false])
})

test('where a is refused, the tunnel that b is keeps nobody from its port', async () => {
  const plan = { id: 42, remote: Uint8Array.of(127, 0, 0, 2), port: 4789 }
  const fd = udpOpen(false)
  fdRelease(fd)
  const adopt: AdoptDevice = (fds) => {
    if (fds[0] !== fd) throw pairClosed()
    return Tunnel.adopt(fd, plan, () => {})
  }
  await expect(open(adopt, -1, fd)).rejects.toThrow(/ENODEV/)
  // By the same port, but at an address that no host has: refused for that, and not for the one that was given up.
  expect(() => Tunnel.open({ ...plan, local: Uint8Array.of(192, 0, 2, 77) }, () => {})).toThrow(
    /EADDRNOTAVAIL/,
  )
})

test('a number that is no TAP is not adopted, and not closed', () => {
  const { fd, isOpen } = left()
  expect(() => adoptTap({} as never, [fd], false)).toThrow(/ENODEV/)
  expect(isOpen()).toBe(true)
})
