// The thread that writes captures: one for all of a process, started by the first one, kept for the next, and in nobody's
// way. A sink that is stuck keeps no other capture waiting; a thread that dies ends its captures, and is replaced. No
// root: test/support/recording.ts.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { serveCapture } from '../../dist/capture/writer.js'
import { packetsOf } from '../support/pcapng.js'
import { Recording } from '../support/recording.js'

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

let folder = ''
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-writer-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

const threads = () => readdirSync('/proc/self/task').length

test('one thread writes all captures, and stays for the next', async () => {
  // libuv's own threads are there before anything is counted.
  await Promise.all(Array.from({ length: 8 }, () => readFile('/proc/self/status')))
  await (await Recording.start({ sink: { path: join(folder, 'first') } })).session.end()
  const before = threads()
  const names = Array.from({ length: 20 }, (_, n) => join(folder, `${n}.pcapng`))
  const recordings = await Promise.all(names.map((path) => Recording.start({ sink: { path } })))
  for (const [n, recording] of recordings.entries()) recording.sendOnly(n)
  expect(threads()).toBe(before)
  await Promise.all(recordings.map(({ session }) => session.end()))
  expect(names.map((path) => packetsOf(readFileSync(path)).length)).toEqual(names.map((_, n) => n))
  expect(threads()).toBe(before)
})

test('it keeps no process alive', async () => {
  const path = join(folder, 'x.pcapng')
  const child = spawn(process.execPath, [fixture('record.mjs'), path, '10', 'end'])
  children.push(child)
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(packetsOf(readFileSync(path))).toHaveLength(10)
})

test('a capture that cannot be written on for now keeps no other waiting', async () => {
  const [pipe, file] = [join(folder, 'pipe'), join(folder, 'x.pcapng')]
  execFileSync('mkfifo', [pipe])
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  const child = spawn(process.execPath, [fixture('stuck-sinks.mjs'), pipe, file], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'], // what Node makes as the fourth is a socket, which blocks
  })
  children.push(child)
  const lines = createInterface(child.stdout as Readable)[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await lines.next()).value ?? 'null')
  expect(await next()).toMatchObject({ records: 3_000, lost: 0, files: [file] })
  expect(packetsOf(readFileSync(file))).toHaveLength(3_000)
  const { records, lost } = await next()
  expect([records < 100, lost]).toEqual([true, 0])
  const parts: Buffer[] = []
  for await (const part of child.stdio[3] as Readable) parts.push(part)
  expect(await next()).toMatchObject({ records: 3_000, lost: 0 })
  expect(packetsOf(Buffer.concat(parts))).toHaveLength(3_000)
  closeSync(reader)
})

test('one that dies ends its captures with the reason, and the next one has another', async () => {
  const path = join(folder, 'x.pcapng')
  const recording = await Recording.start({ sink: { path } })
  recording.sendOnly(5)
  await expect.poll(() => existsSync(path) && packetsOf(readFileSync(path)).length).toBe(5)
  const failed = expect(recording.session.finished).rejects.toMatchObject({
    code: 'ERR_CAPTURE',
    message: expect.stringMatching(/^the writer thread of captures failed: \w*Error/),
  })
  serveCapture({ ring: null } as never, () => {}) // what no caller does: a defect in the thread
  await failed
  recording.sendOnly(5) // for nobody: nothing is recorded, and nothing waits
  expect(packetsOf(readFileSync(path))).toHaveLength(5)
  const after = await Recording.start({ sink: { path: join(folder, 'y.pcapng') } })
  after.sendOnly(7)
  expect(await after.session.end()).toMatchObject({ records: 7, lost: 0 })
})
