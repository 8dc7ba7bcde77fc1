// Who reads a capture while it runs: pipes and streams whose readers are late, slow, stuck, or leave. The
// data path must not notice, and the capture must end. No root: test/support/recording.ts.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { filler } from '../support/frames.js'
import { patient } from '../support/pace.js'
import { packetsOf, readPcapng } from '../support/pcapng.js'
import { Recording } from '../support/recording.js'
import { needs } from '../support/skip.js'

const RECORD = fileURLToPath(new URL('fixtures/record.mjs', import.meta.url))

let folder = ''
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-readers-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

function fifo(): string {
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  return path
}

async function gathered(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

describe('a pipe', () => {
  test('that nobody reads can be ended', async () => {
    const recording = await Recording.start({ sink: { path: fifo() } })
    recording.send()
    expect(await recording.session.end()).toMatchObject({ records: 0, bytes: 0 })
  })

  test('gives a reader that comes late everything', async () => {
    const path = fifo()
    const recording = await Recording.start({ sink: { path } })
    for (let i = 0; i < 10; i++) recording.send()
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const { records, bytes } = await recording.session.end()
    const file = readFileSync(reader)
    closeSync(reader)
    expect([records, file.length]).toEqual([20, bytes])
    expect(packetsOf(file).length).toBe(20)
  })

  test('ends well when its reader leaves', async () => {
    const path = fifo()
    const recording = await Recording.start({ sink: { path } })
    const fd = openSync(path, constants.O_RDONLY)
    expect(readSync(fd, Buffer.alloc(12))).toBe(12)
    closeSync(fd)
    recording.send()
    expect(await recording.session.finished).toMatchObject({ records: 0, lost: 0 })
  })

  test('a reader that does not read costs records, not time, and does not hold up the end', async () => {
    const path = fifo()
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const recording = await Recording.start({ sink: { path }, ringBytes: 256 * 1024 })
      const before = performance.now()
      recording.sendOnly(20_000)
      expect(performance.now() - before).toBeLessThan(patient(5000))
      const { lost } = await recording.session.end()
      expect(lost).toBeGreaterThan(15_000)
      expect(performance.now() - before).toBeLessThan(patient(10_000))
    } finally {
      closeSync(reader)
    }
  })

  test('standard output, whose reader leaves early: a normal end', () => {
    const script = `"${process.execPath}" "${RECORD}" 1 2000 end | head -c 1000; exit "\${PIPESTATUS[0]}"`
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script])
    expect([status, stdout.length]).toEqual([0, 1000])
    expect(JSON.parse(String(stderr))).toMatchObject({ lost: 0, files: [] })
  })

  test('standard output, read to the end', () => {
    const script = `"${process.execPath}" "${RECORD}" 1 2000 end | cat`
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { maxBuffer: 2 ** 26 })
    const result = JSON.parse(String(stderr)) as { records: number; lost: number; bytes: number }
    expect(result).toMatchObject({ records: 2000, lost: 0, bytes: stdout.length })
    expect(packetsOf(stdout).length).toBe(2000)
  })

  test('a descriptor whose reader does not read does not hold up an exit', async () => {
    const path = fifo()
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const fd = openSync(path, constants.O_WRONLY)
    // Not standard output: Node makes that one non-blocking.
    const child = spawn(process.execPath, [RECORD, '3', '2000', 'exit'], {
      stdio: ['ignore', 'ignore', 'inherit', fd],
    })
    children.push(child)
    closeSync(fd)
    expect(await once(child, 'exit')).toEqual([0, null])
    closeSync(reader)
  })
})

describe('a stream', () => {
  test('is the same file, in chunks', async () => {
    const recording = await Recording.start({ sink: 'stream' })
    const whole = gathered(recording.session.chunks())
    for (let i = 0; i < 500; i++) recording.send()
    const result = await recording.session.end()
    const file = await whole
    expect(result).toMatchObject({ records: 1000, lost: 0, bytes: file.length, files: [] })
    const [section] = readPcapng(file)
    expect([section?.packets.length, section?.statistics.length]).toEqual([1000, 2])
  })

  test('whose reader is slow loses frames, counts them, and is whole at the end', async () => {
    const recording = await Recording.start({ sink: 'stream', ringBytes: 256 * 1024 })
    recording.sendOnly(20_000)
    const ended = recording.session.end()
    const file = await gathered(recording.session.chunks())
    const { records, lost } = await ended
    expect(records + lost).toBe(20_000)
    expect(lost).toBeGreaterThan(1000)
    expect(packetsOf(file).length).toBe(records)
  })

  test('whose reader leaves the loop is ended', async () => {
    const recording = await Recording.start({ sink: 'stream' })
    for await (const chunk of recording.session.chunks()) {
      expect(readPcapng(chunk)[0]?.interfaces.length).toBe(2)
      break
    }
    await recording.session.finished
    expect(recording.probe.flush()).toBe(false)
  })
})

needs('tshark')('tshark shows frames of a pipe while they cross', async () => {
  const path = fifo()
  const recording = await Recording.start({ sink: { path } })
  const options = ['-i', path, '-l', '-T', 'fields', '-e', 'frame.len']
  const tshark = spawn('tshark', options, { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(tshark)
  let text = ''
  tshark.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  let expected = ''
  for (const length of [100, 200, 300]) {
    recording.send(filler(length))
    expected += `${length}\n${length}\n`
    await expect.poll(() => text, { timeout: patient(80_000) }).toBe(expected)
  }
  const closed = once(tshark, 'close')
  await recording.session.end()
  expect(await closed).toEqual([0, null])
})
