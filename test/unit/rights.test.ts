// Descriptors that go from process to process: over a pair of sockets in one process, which is all the same to the kernel.
// src/native.ts (native/src/rights.rs, fds.rs). No root.

import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { closeFd, fdAdopt, fdInode, fdRelease, receiveFds, sendFds, unixListen } from '../../src/native.js'
import { closeFd as closeTestFd, socketPair } from '../support/native.js'

const { EADDRINUSE, EAGAIN, EBADF, EINVAL, EMFILE, EPIPE } = constants.errno
/** SCM_MAX_FD. */
const MOST = 253
const O_CLOEXEC = 0o2000000

function pair(): [one: number, other: number] {
  const ends = new Int32Array(2)
  expect(socketPair(ends, true)).toBe(0)
  const [one = -1, other = -1] = ends
  onTestFinished(() => {
    for (const fd of ends) closeTestFd(fd)
  })
  return [one, other]
}

function file(): number {
  const fd = openSync('/proc/self/status', 'r')
  onTestFinished(() => closeSync(fd))
  return fd
}

function receive(fd: number, room = 64) {
  const buffer = new Uint8Array(room)
  const { result, fds } = receiveFds(fd, buffer)
  onTestFinished(() => {
    for (const each of fds) closeFd(each)
  })
  return { result, fds, bytes: [...buffer.subarray(0, Math.max(0, result))] }
}

test('a descriptor arrives as another number of the same file, closed at an exec', () => {
  const [one, other] = pair()
  const fd = file()
  expect(sendFds(one, Uint8Array.of(7), [fd])).toBe(1)
  const { fds, bytes } = receive(other)
  expect(bytes).toEqual([7])
  expect(fds).toHaveLength(1)
  const [got = -1] = fds
  expect(got).not.toBe(fd)
  expect(fdInode(got)).toEqual(fdInode(fd))
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${got}`, 'utf8'))?.[1]
  expect(Number.parseInt(flags ?? '', 8) & O_CLOEXEC).toBe(O_CLOEXEC)
})

test('as many as the kernel takes with one message, and not one more', () => {
  const [one, other] = pair()
  const fd = file()
  expect(sendFds(one, Uint8Array.of(1), Array(MOST + 1).fill(fd))).toBe(-EINVAL)
  expect(receive(other).result).toBe(-EAGAIN)
  expect(sendFds(one, Uint8Array.of(1), Array(MOST).fill(fd))).toBe(1)
  const { fds } = receive(other)
  expect(new Set(fds).size).toBe(MOST)
})

test('descriptors without a byte, or that are none, are refused', () => {
  const [one, other] = pair()
  expect(sendFds(one, new Uint8Array(0), [file()])).toBe(-EINVAL)
  expect(sendFds(one, Uint8Array.of(1), [-1])).toBe(-EBADF)
  expect(receive(other).result).toBe(-EAGAIN)
})

test('read in pieces, they come with the first byte of theirs', () => {
  const [one, other] = pair()
  const fd = file()
  sendFds(one, Uint8Array.of(1, 2, 3), [fd, fd])
  sendFds(one, Uint8Array.of(4), [fd])
  expect(receive(other, 2)).toMatchObject({ bytes: [1, 2], fds: { length: 2 } })
  expect(receive(other, 1)).toMatchObject({ bytes: [3], fds: { length: 0 } })
  expect(receive(other, 9)).toMatchObject({ bytes: [4], fds: { length: 1 } })
})

test('those of two messages do not come together', () => {
  const [one, other] = pair()
  const fd = file()
  sendFds(one, Uint8Array.of(1), [fd])
  sendFds(one, Uint8Array.of(2), [fd, fd])
  expect(receive(other)).toMatchObject({ bytes: [1], fds: { length: 1 } })
  expect(receive(other)).toMatchObject({ bytes: [2], fds: { length: 2 } })
})

test('what was sent before the peer has gone is received, then nothing; and nothing is sent to it', () => {
  const [one, other] = pair()
  sendFds(one, Uint8Array.of(9), [file()])
  closeTestFd(one)
  expect(receive(other)).toMatchObject({ result: 1, fds: { length: 1 } })
  expect(receive(other)).toMatchObject({ result: 0, fds: [] })
  expect(sendFds(other, Uint8Array.of(1), [])).toBe(-EPIPE)
})

test('where not all find room none is kept', () => {
  const program = `
    import { readdirSync } from 'node:fs'
    import { receiveFds, sendFds } from ${JSON.stringify(new URL('../../dist/native.js', import.meta.url).href)}
    import { createRequire } from 'node:module'
    const { socketPair } = createRequire(import.meta.url)(${JSON.stringify(new URL('../native/addon.node', import.meta.url).pathname)})
    const ends = new Int32Array(2)
    socketPair(ends, true)
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    sendFds(ends[0], Uint8Array.of(1), Array(200).fill(0))
    const { result, fds } = receiveFds(ends[1], new Uint8Array(9))
    console.log(result, fds.length, open() - before)`
  const node = `exec "${process.execPath}" --input-type=module`
  const { stdout, stderr } = spawnSync('sh', ['-c', `ulimit -n 100; ${node}`], {
    input: program,
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(stdout).toBe(`${-EMFILE} 0 0\n`)
})

test('released by one thread and adopted by another, it is closed once', () => {
  const [one, other] = pair()
  sendFds(one, Uint8Array.of(1), [file()])
  const [fd = -1] = receive(other).fds
  expect(fdRelease(fd)).toBe(0)
  expect(closeFd(fd)).toBe(-EBADF)
  expect(fdRelease(fd)).toBe(-EBADF)
  expect(fdInode(fd).errno).toBe(0)
  expect(fdAdopt(fd)).toBe(fd)
  expect(closeFd(fd)).toBe(0)
  expect(fdAdopt(fd)).toBe(-EBADF)
})

test('a socket that is listened on by number leaves its file where it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'uveth-rights-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  expect(unixListen(join(folder, 'x'.repeat(108)))).toBe(-EINVAL)
  const fd = unixListen(path)
  expect(unixListen(path)).toBe(-EADDRINUSE)
  const server = createServer((socket) => socket.end('here'))
  server.listen({ fd })
  const [said] = (await new Promise<Buffer[]>((read) => {
    connect({ path }).once('data', (bytes) => read([bytes]))
  })) as [Buffer]
  expect(said.toString()).toBe('here')
  await new Promise((closed) => server.close(closed))
  expect(existsSync(path)).toBe(true)
})
