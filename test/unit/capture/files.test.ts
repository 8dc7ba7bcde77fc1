// The files of a capture: into which of them blocks come, with what at its beginning and its end. Full disks first.

import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CaptureFiles } from '../../../src/capture/files.js'
import type { Rotation } from '../../../src/capture/setup.js'
import { numbered, ReaderGone } from '../../../src/capture/sink.js'
import { frameBlocks, headBlocks, lastBlocks } from '../../support/blocks.js'
import { packetsOf, readPcapng } from '../../support/pcapng.js'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-files-'))
  path = join(folder, 'x.pcapng')
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true })
})

/** Files that have their header. */
async function begun(rotate?: Rotation): Promise<CaptureFiles> {
  const files = await CaptureFiles.open({ kind: 'path', path, rotate }, { ended: () => false })
  await put(files, headBlocks())
  return files
}

async function put(files: CaptureFiles, ...blocks: Buffer[]): Promise<void> {
  for (const each of blocks) files.take(each)
  expect(await files.flush()).toBe(true)
}

async function ended(files: CaptureFiles): Promise<string[]> {
  files.end()
  expect(await files.flush()).toBe(true)
  await files.close()
  return files.files
}

const sectionOf = (file = '') => readPcapng(readFileSync(file))[0]
const idsOf = (file = '') => packetsOf(readFileSync(file)).map(({ id }) => id)
const upTo = (count: number) => Array.from({ length: count }, (_, id) => id)

describe('a disk that is full', () => {
  test('is an error, and nothing counts as written', async () => {
    const files = await CaptureFiles.open({ kind: 'path', path: '/dev/full' }, { ended: () => false })
    files.take(Buffer.concat([headBlocks(), frameBlocks(3)]))
    await expect(files.flush()).rejects.toThrow(/ENOSPC/)
    expect([files.frames, files.bytes]).toEqual([0, 0])
    await files.close()
  })

  test('a file that cannot be opened is an error', async () => {
    path = join(folder, 'none', 'x.pcapng')
    await expect(begun()).rejects.toThrow(/ENOENT/)
    path = folder
    await expect(begun()).rejects.toThrow(/EISDIR/)
  })

  test('the next file of a ring that cannot be opened too', async () => {
    const files = await begun({ bytes: 3_000 })
    rmSync(folder, { recursive: true })
    files.take(frameBlocks(40))
    await expect(files.flush()).rejects.toThrow(/ENOENT/)
    execFileSync('mkdir', [folder])
  })
})

describe('one file', () => {
  test('has the blocks byte for byte, at once', async () => {
    const files = await begun()
    expect(readFileSync(path)).toEqual(headBlocks())
    await put(files, frameBlocks(5), frameBlocks(5, { first: 5 }))
    const whole = Buffer.concat([headBlocks(), frameBlocks(10)])
    expect(readFileSync(path)).toEqual(whole)
    expect([files.frames, files.bytes]).toEqual([10, whole.length])
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('ends with the statistics that come', async () => {
    const files = await begun()
    await put(files, frameBlocks(4, { before: 1 }), lastBlocks(2, 9))
    expect([files.complete, files.lost]).toEqual([true, [9, 9]])
    expect(await ended(files)).toEqual([path])
    expect(readFileSync(path)).toEqual(
      Buffer.concat([headBlocks(), frameBlocks(4, { before: 1 }), lastBlocks(2, 9)]),
    )
  })

  test('ends with statistics of what has come, where none do: as of a daemon that was killed', async () => {
    const files = await begun()
    await put(files, frameBlocks(5, { before: 7 }))
    expect([files.complete, files.lost]).toEqual([false, [21, 14]])
    await ended(files)
    expect(sectionOf(path)?.statistics).toMatchObject([
      { received: 24, dropped: 21, delivered: 3 },
      { received: 16, dropped: 14, delivered: 2 },
    ])
  })

  test('says what was lost as whoever writes knows it', async () => {
    const files = await begun()
    await put(files, frameBlocks(2, { before: 1 }))
    files.lost[1] = 5
    await ended(files)
    expect(sectionOf(path)?.statistics.map(({ dropped }) => dropped)).toEqual([1, 5])
  })
})

describe('files in turn', () => {
  test('by size: none is longer, each is complete, no frame is missing', async () => {
    const files = await begun({ bytes: 10_000 })
    for (let first = 0; first < 100; first += 20) await put(files, frameBlocks(20, { first, length: 1_000 }))
    const names = await ended(files)
    expect(names).toEqual(names.map((_, i) => join(folder, `x-${String(i + 1).padStart(5, '0')}.pcapng`)))
    expect([names.length, files.frames]).toEqual([12, 100])
    const sizes = names.map((name) => statSync(name).size)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10_000)
    expect(sizes.reduce((sum, size) => sum + size)).toBe(files.bytes)
    for (const name of names) {
      expect(sectionOf(name)?.interfaces.map((each) => each.name)).toEqual(['x0', 'x1'])
      expect(sectionOf(name)?.statistics).toHaveLength(2)
    }
    expect(names.flatMap(idsOf)).toEqual(upTo(100))
  })

  test('whatever the size and the pieces are', async () => {
    for (let bytes = 5_000; bytes < 6_200; bytes += 20) {
      const files = await begun({ bytes })
      const pieces = 1 + (bytes % 7)
      for (let piece = 0; piece < pieces; piece++)
        await put(files, frameBlocks(10, { first: 10 * piece, length: 900 }))
      const names = await ended(files)
      for (const name of names) expect(statSync(name).size, `of ${bytes}`).toBeLessThanOrEqual(bytes)
      expect(names.flatMap(idsOf)).toEqual(upTo(10 * pieces))
    }
  })

  test('as full as they can be: one byte less, and a frame goes into the next file', async () => {
    const whole = Buffer.concat([headBlocks(), frameBlocks(3), lastBlocks(0, 0)]).length
    for (const [bytes, expected] of [
      [whole, 1],
      [whole - 1, 2],
    ] as const) {
      const files = await begun({ bytes })
      await put(files, frameBlocks(3))
      expect(await ended(files)).toHaveLength(expected)
    }
  })

  test('a frame that is longer than a file may be has a file of its own', async () => {
    const files = await begun({ bytes: 100 })
    await put(files, frameBlocks(10))
    const names = await ended(files)
    expect(names.map((name) => idsOf(name).length)).toEqual(Array(10).fill(1))
  })

  test('of which only some are kept', async () => {
    const files = await begun({ bytes: 10_000, files: 3 })
    await put(files, frameBlocks(100, { length: 1_000 }))
    const names = await ended(files)
    expect(names).toHaveLength(3)
    expect(readdirSync(folder).sort()).toEqual(names.map((name) => name.slice(folder.length + 1)))
    expect(idsOf(names[2]).at(-1)).toBe(99)
    expect(files.frames).toBe(100)
  })

  test('statistics count from the beginning of the capture', async () => {
    const files = await begun({ bytes: 3_000 })
    await put(files, frameBlocks(20, { before: 1, length: 200 }))
    const names = await ended(files)
    let recorded = 0
    for (const name of names) {
      recorded += idsOf(name).length
      const statistics = sectionOf(name)?.statistics ?? []
      expect(statistics.reduce((sum, { delivered }) => sum + delivered, 0)).toBe(recorded)
      expect(statistics.reduce((sum, { dropped }) => sum + dropped, 0)).toBe(recorded)
    }
    expect(names.length).toBeGreaterThan(1)
  })

  test('by time: a file ends when its time is over, one without frames goes on', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] })
    const files = await begun({ seconds: 10 })
    expect(files.look()).toBe(10_000)
    vi.advanceTimersByTime(12_000)
    expect(files.look()).toBe(10_000)
    await put(files, frameBlocks(1))
    vi.advanceTimersByTime(9_999)
    await put(files, frameBlocks(1, { first: 1 }))
    expect([files.look(), files.files.length]).toEqual([1, 1])
    vi.advanceTimersByTime(1)
    expect([files.look(), await files.flush(), files.files.length]).toEqual([10_000, true, 2])
    vi.advanceTimersByTime(25_000)
    await put(files, frameBlocks(2, { first: 2 })) // without a look, of a time that begins with them
    expect(files.files.length).toBe(2)
    vi.advanceTimersByTime(10_000)
    await put(files, frameBlocks(1, { first: 4 }))
    vi.advanceTimersByTime(10_000)
    await put(files, lastBlocks(3, 0)) // a file of statistics alone is none
    expect((await ended(files)).map(idsOf)).toEqual([[0, 1], [2, 3], [4]])
    expect(sectionOf(files.files[0])?.statistics).toMatchObject([{ delivered: 1 }, { delivered: 1 }])
  })

  test.each([
    ['a.pcapng', 1, 'a-00001.pcapng'],
    ['/x.y/a', 12, '/x.y/a-00012'],
    ['a.b.pcapng', 123_456, 'a.b-123456.pcapng'],
    ['.hidden', 2, '.hidden-00002'],
  ])('%s, %d: %s', (name, number, expected) => {
    expect(numbered(name, number)).toBe(expected)
  })
})

describe('a pipe', () => {
  let end = false
  const open = async () => {
    end = false
    execFileSync('mkfifo', [path])
    return await CaptureFiles.open({ kind: 'path', path }, { ended: () => end })
  }
  const reading = () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)

  test('waits for its reader, and gives it everything', async () => {
    const files = await open()
    files.take(headBlocks())
    expect([await files.flush(), await files.flush(), files.reader]).toEqual([false, false, undefined])
    const fd = reading()
    files.take(frameBlocks(3))
    expect([await files.flush(), files.frames]).toEqual([true, 3])
    expect(files.reader).toBeTypeOf('number')
    files.end()
    await files.flush()
    await files.close()
    const [section] = readPcapng(readFileSync(fd))
    expect([section?.packets.length, section?.statistics.length]).toEqual([3, 2])
    closeSync(fd)
  })

  test('that nobody reads has no reader left at the end', async () => {
    const files = await open()
    files.take(headBlocks())
    expect(await files.flush()).toBe(false)
    end = true
    await expect(files.flush()).rejects.toThrow(ReaderGone)
  })

  test('whose reader leaves', async () => {
    const files = await open()
    const fd = reading()
    await put(files, headBlocks())
    closeSync(fd)
    files.take(frameBlocks(3))
    await expect(files.flush()).rejects.toThrow(ReaderGone)
    expect(files.frames).toBe(0)
    await files.close()
  })

  test('that is full takes the rest later; what waits is in order', async () => {
    const files = await open()
    const fd = reading()
    const blocks = [headBlocks(), ...upTo(40).map((n) => frameBlocks(10, { first: 10 * n, length: 500 }))]
    for (const each of blocks) files.take(each)
    const read: Buffer[] = []
    while (!(await files.flush(1_000_000))) read.push(readSome(fd)) // nobody is impatient before the end
    read.push(readSome(fd))
    expect(Buffer.concat(read)).toEqual(Buffer.concat(blocks))
    expect(files.frames).toBe(400)
    await files.close()
    closeSync(fd)
  })

  test('that is full does not hold up the end for longer than a second without a byte', async () => {
    const files = await open()
    const fd = reading()
    for (let n = 0; n < 40; n++) files.take(frameBlocksWithHead(n))
    expect(await files.flush(400)).toBe(false)
    end = true
    expect([await files.flush(400), await files.flush(400)]).toEqual([false, false])
    readSome(fd)
    expect([await files.flush(400), await files.flush(400), await files.flush(400)]).toEqual([
      false,
      false,
      false,
    ])
    await expect(files.flush(400)).rejects.toThrow(ReaderGone)
    await files.close()
    closeSync(fd)
  })
})

/** Of which the first begins with the header. */
function frameBlocksWithHead(n: number): Buffer {
  const frames = frameBlocks(10, { first: 10 * n, length: 1_000 })
  return n === 0 ? Buffer.concat([headBlocks(), frames]) : frames
}

function readSome(fd: number): Buffer {
  const read = Buffer.alloc(2 ** 20)
  let length = 0
  try {
    for (let more = -1; more !== 0; length += more)
      more = readSync(fd, read, length, read.length - length, null)
  } catch {} // EAGAIN: that was all
  return read.subarray(0, length)
}
