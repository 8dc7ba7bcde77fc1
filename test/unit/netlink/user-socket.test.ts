// A netlink port between two sockets of this process, which takes no rights: what comes, from whom, in which
// order, and what a full or missing receiver answers.

import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { errno } from '../../../src/errors.js'
import { NetlinkPort } from '../../../src/netlink/user-socket.js'

/** Of this process's own: other runs have others. */
const PORT = 0x40000000 + process.pid * 4

function two(): [NetlinkPort, NetlinkPort] {
  return [NetlinkPort.bind(PORT), NetlinkPort.bind(PORT + 1)]
}

test('datagrams arrive in order, with the sender and its uid', () => {
  const [here, there] = two()
  try {
    expect(there.receive()).toBeUndefined()
    for (const byte of [1, 2]) expect(here.send(new Uint8Array(20).fill(byte), PORT + 1)).toBe(0)
    for (const byte of [1, 2]) {
      const came = there.receive()
      expect(came).toMatchObject({ port: PORT, uid: process.getuid?.(), cut: false })
      expect([...(came?.bytes ?? [])]).toEqual(Array(20).fill(byte))
    }
    expect(there.receive()).toBeUndefined()
  } finally {
    here.close()
    there.close()
  }
})

test('what is of a process that is heard no more is thrown away and counted; what is of others is received', () => {
  const [here, there] = two()
  const uid = process.getuid?.() ?? -1
  const send = (count: number) => {
    for (let n = 0; n < count; n++) expect(here.send(new Uint8Array(20), PORT + 1)).toBe(0)
  }
  const receive = (...processes: number[]) => {
    const past = { processes: Int32Array.from(processes), thrown: 0 }
    return [there.receive(past)?.pid, past.thrown]
  }
  try {
    send(2)
    expect(receive(uid + 1, process.pid, uid, process.pid + 1)).toEqual([process.pid, 0])
    expect(receive(uid, process.pid + 1)).toEqual([process.pid, 0])
    send(3)
    expect(receive(uid, process.pid + 1, uid, process.pid)).toEqual([undefined, 3])
    expect(receive(uid, process.pid)).toEqual([undefined, 0])
    send(1)
    expect(there.receive()?.pid).toBe(process.pid)
    expect(there.receive()).toBeUndefined()
  } finally {
    here.close()
    there.close()
  }
})

test('a port that is taken is refused, and free again once it is closed', () => {
  const [here, there] = two()
  try {
    expect(() => NetlinkPort.bind(PORT)).toThrow(/EADDRINUSE/)
  } finally {
    here.close()
    there.close()
  }
  NetlinkPort.bind(PORT).close()
})

test('a receiver that has gone, and one that does not read', () => {
  const [here, there] = two()
  try {
    expect(here.send(new Uint8Array(20), PORT + 2)).toBe(-constants.errno.ECONNREFUSED)
    let sent = 0
    let answer = 0
    for (; answer === 0 && sent < 100_000; sent++) answer = here.send(new Uint8Array(60_000), PORT + 1)
    expect(answer).toBe(errno.EAGAIN)
    expect(sent).toBeGreaterThan(3)
    expect(there.receive()?.bytes).toHaveLength(60_000)
  } finally {
    here.close()
    there.close()
  }
})

test('is told once when something waits', async () => {
  const [here, there] = two()
  try {
    const told = new Promise<void>((resolve) => there.whenReadable(resolve))
    here.send(new Uint8Array(20), PORT + 1)
    await told
    expect(there.receive()?.port).toBe(PORT)
  } finally {
    here.close()
    there.close()
  }
})
