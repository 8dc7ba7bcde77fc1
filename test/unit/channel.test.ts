// Messages with descriptors between two processes, over a pair of sockets. src/channel.ts. No root.

import { closeSync, openSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { FrameReader, sendFrame } from '../../src/channel.js'
import { closeFd, fdInode } from '../../src/native.js'
import { closeFd as closeTestFd, socketPair } from '../support/native.js'

function pair(): { one: number; other: number; reader: FrameReader } {
  const ends = new Int32Array(2)
  expect(socketPair(ends, true)).toBe(0)
  const [one = -1, other = -1] = ends
  const reader = new FrameReader(other)
  onTestFinished(() => {
    reader.close()
    for (const fd of ends) closeTestFd(fd)
  })
  return { one, other, reader }
}

function file(): number {
  const fd = openSync('/proc/self/status', 'r')
  onTestFinished(() => closeSync(fd))
  return fd
}

test('messages in their order, each with its own descriptors', async () => {
  const { one, reader } = pair()
  const fd = file()
  for (const count of [0, 1, 3, 0, 2]) await sendFrame(one, { count }, () => Array(count).fill(fd))
  for (const count of [0, 1, 3, 0, 2]) {
    const { message, fds = [] } = (await reader.next()) ?? {}
    expect([message, fds.length]).toEqual([{ count }, count])
    expect(fds.every((each) => fdInode(each).ino === fdInode(fd).ino)).toBe(true)
    for (const each of fds) expect(closeFd(each)).toBe(0)
  }
})

test('more descriptors than go with one message of the kernel', async () => {
  const { one, reader } = pair()
  const fd = file()
  await sendFrame(one, 'many', () => Array(600).fill(fd))
  await sendFrame(one, 'next')
  const { message, fds = [] } = (await reader.next()) ?? {}
  expect([message, new Set(fds).size]).toEqual(['many', 600])
  for (const each of fds) closeFd(each)
  expect(await reader.next()).toEqual({ message: 'next', fds: [] })
})

test('a message that is longer than what the socket holds waits for its reader', async () => {
  const { one, reader } = pair()
  const text = 'ü'.repeat(1_000_000)
  let gone = false
  const sent = sendFrame(one, text).then(() => {
    gone = true
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(gone).toBe(false)
  expect((await reader.next())?.message).toBe(text)
  await sent
})

test('what was sent before the peer has gone is received, then nothing', async () => {
  const { one, reader } = pair()
  await sendFrame(one, 'last', () => [file()])
  closeTestFd(one)
  const last = await reader.next()
  expect(last).toMatchObject({ message: 'last', fds: { length: 1 } })
  for (const each of last?.fds ?? []) closeFd(each)
  expect(await reader.next()).toBeUndefined()
})

test('descriptors that are not there any more when there is room send nothing, and say so', async () => {
  const { one, reader } = pair()
  const gone = () => {
    throw new Error('the pair is closed')
  }
  await expect(sendFrame(one, 'x', gone)).rejects.toThrow('the pair is closed')
  await sendFrame(one, 'next')
  expect(await reader.next()).toEqual({ message: 'next', fds: [] })
})

test('what came and was not taken is closed', async () => {
  const { one, reader } = pair()
  await sendFrame(one, 'first')
  await sendFrame(one, 'second', () => [file()])
  await reader.next()
  reader.close()
  expect(await reader.next()).toBeUndefined()
})
