// Where the daemon's log goes: over pipes that nobody reads, a full disk, a file that grows, and for journald.

import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { boundLog, LogOutput, logFile } from '../../../src/daemon/log-output.js'

const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDWR, O_WRONLY } = constants

let folder: string
let socket: string
const open: number[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-log-'))
  socket = join(folder, 'control.sock')
})

afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd)
  rmSync(folder, { recursive: true })
})

function opened(path: string, flags: number): number {
  const fd = openSync(path, flags, 0o600)
  open.push(fd)
  return fd
}

function pipe(): number {
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  return opened(path, O_RDWR | O_NONBLOCK)
}

/** What stands in the pipe. */
function drained(fd: number): string {
  const bytes = Buffer.alloc(1 << 20)
  let text = ''
  try {
    for (;;) text += bytes.toString('utf8', 0, readSync(fd, bytes))
  } catch {
    return text // EAGAIN: it is empty
  }
}

function line(n: number): string {
  return `${JSON.stringify({ level: 30, n, msg: 'x'.repeat(1000) })}\n`
}

describe('a pipe that nobody reads', () => {
  test('stops nobody: what finds no room is dropped, counted, and said once somebody reads', () => {
    const fd = pipe()
    const log = new LogOutput(fd, socket)
    for (let n = 0; n < 2000; n++) log.write(line(n)) // 2 MB: each returns
    let text = ''
    for (let n = 2000; n < 2010; n++) {
      text += drained(fd)
      log.write(line(n)) // lost as well until half of the backlog has gone
    }
    for (let more = drained(fd); more !== ''; more = drained(fd)) {
      text += more
      log.close() // an attempt, no more
    }
    const read = text
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one) as { n?: number; lost?: number; level: number })
    const at = read.findIndex(({ lost }) => lost !== undefined)
    const before = read.slice(0, at).map(({ n }) => n)
    expect(before.length).toBeGreaterThan(256)
    expect(before).toEqual(before.map((_, n) => n)) // the oldest, whole and in order
    const lost = read[at]?.lost ?? 0
    const msg = expect.stringMatching(/^lines of the log were lost/)
    expect(read[at]).toMatchObject({ level: 40, msg })
    const after = read.slice(at + 1).map(({ n }) => n)
    expect(after.length).toBeGreaterThan(3)
    expect(after).toEqual(after.map((_, n) => before.length + lost + n))
    expect(after.at(-1)).toBe(2009)
    expect(log.lost).toBe(lost)
    log.close()
  })

  test('what waits goes out without a further line, as soon as somebody reads', async () => {
    const fd = pipe()
    const log = new LogOutput(fd, socket)
    for (let n = 0; n < 100; n++) log.write(line(n))
    let text = ''
    while (text.split('\n').length <= 100) {
      text += drained(fd)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(text).toBe(Array.from({ length: 100 }, (_, n) => line(n)).join(''))
  })
})

test('a full disk, or a reader that has gone, is no error', () => {
  const log = new LogOutput(opened('/dev/full', O_WRONLY), socket)
  for (let n = 0; n < 10; n++) log.write(line(n))
  log.close()
  expect(log.lost).toBe(10)
})

test('what a terminal would obey stands there as JSON has it', () => {
  const fd = pipe()
  const log = new LogOutput(fd, socket)
  const id = 'a\u009b31m\u202eb\u001b'
  log.write(`${JSON.stringify({ id })}\n`)
  const text = drained(fd)
  expect(text).toBe('{"id":"a\\u009b31m\\u202eb\\u001b"}\n')
  expect(JSON.parse(text)).toEqual({ id })
})

test.each([
  [10, '<7>'],
  [20, '<7>'],
  [30, '<6>'],
  [40, '<4>'],
  [50, '<3>'],
  [60, '<2>'],
])('where journald reads, level %i has the severity %s in front', (level, severity) => {
  const fd = pipe()
  const { dev, ino } = fstatSync(fd)
  const log = new LogOutput(fd, socket, `${dev}:${ino}`)
  log.lastLevel = level
  log.write(line(1))
  expect(drained(fd)).toBe(`${severity}${line(1)}`)
  const elsewhere = new LogOutput(fd, socket, `${dev}:${ino + 1}`) // stdout was led away from journald
  elsewhere.lastLevel = level
  elsewhere.write(line(2))
  expect(drained(fd)).toBe(line(2))
})

describe('the log of a daemon that a verb has started', () => {
  test('begins anew after 1 MiB, and what was in it stays once', () => {
    const path = logFile(socket)
    const fd = opened(path, O_WRONLY | O_APPEND | O_CREAT)
    const log = new LogOutput(fd, socket)
    for (let n = 0; n < 3000; n++) {
      log.write(line(n))
      expect(fstatSync(fd).size).toBeLessThan((1 << 20) + 2000)
    }
    const text = readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8')
    const numbers = text
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one).n as number)
    expect(numbers.at(-1)).toBe(2999)
    expect(numbers.length).toBeGreaterThan(1000)
    expect(numbers).toEqual(numbers.map((_, at) => 3000 - numbers.length + at))
    expect(statSync(path).ino).toBe(fstatSync(fd).ino) // stderr goes there too
  })

  test('a link in the place of the older one is not followed', () => {
    const path = logFile(socket)
    writeFileSync(join(folder, 'victim'), 'old')
    symlinkSync(join(folder, 'victim'), `${path}.1`)
    const fd = opened(path, O_WRONLY | O_APPEND | O_CREAT)
    writeFileSync(path, 'x'.repeat(100))
    boundLog(fd, path, 99)
    expect(fstatSync(fd).size).toBe(0)
    expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('old')
  })

  test('another file that is the output is left to whoever gave it', () => {
    const path = join(folder, 'other')
    const log = new LogOutput(opened(path, O_WRONLY | O_APPEND | O_CREAT), socket)
    for (let n = 0; n < 1200; n++) log.write(line(n))
    expect(statSync(path).size).toBeGreaterThan(1 << 20)
    expect(existsSync(`${path}.1`)).toBe(false)
  })
})
