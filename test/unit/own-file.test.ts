// Files of ours in folders that others may write to, and what they may have put there: nothing of it is followed,
// opened for long, emptied or replaced. src/own-file.ts. What belongs to another uid needs root to be made.

import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Lock } from '../../src/daemon/lock.js'
import { openOwn, readOwn, replaceOwn } from '../../src/own-file.js'
import { run } from '../support/netns.js'
import { needs } from '../support/skip.js'

const { O_APPEND, O_CREAT, O_WRONLY } = constants
const TEXT = 'what nobody may touch\n'

let folder: string
let victim: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uvt-'))
  mkdirSync(join(folder, 'run'), 0o750)
  victim = join(folder, 'victim')
  path = join(folder, 'run/control.sock.lock')
  writeFileSync(victim, TEXT)
})
afterEach(() => rmSync(folder, { recursive: true }))

const append = (at: string) => closeSync(openOwn(at, O_WRONLY | O_APPEND | O_CREAT))

/** Every way in which a file of ours is opened. */
const ways: [string, (at: string) => unknown][] = [
  ['opened', append],
  ['locked', (at) => Lock.take(at)],
  ['read', readOwn],
  ['replaced', (at) => replaceOwn(at, 'new')],
]

const planted: [string, (at: string) => void, RegExp][] = [
  ['a link to a file', (at) => symlinkSync(victim, at), /is a symbolic link/],
  ['a link to nothing', (at) => symlinkSync(`${victim}2`, at), /is a symbolic link/],
  ['a hard link', (at) => linkSync(victim, at), /another name \(a hard link\)/],
  ['a pipe', (at) => run('mkfifo', at), /is no regular file/],
  ['a folder', (at) => mkdirSync(at), /is no regular file/],
]

describe.each(ways)('%s', (_way, use) => {
  test.each(planted)('%s in its place: refused, and nothing changed', async (_, plant, why) => {
    plant(path)
    const before = lstatSync(path)
    await expect(async () => await use(path)).rejects.toMatchObject({
      code: 'EPERM',
      message: expect.stringMatching(why),
    })
    expect(readFileSync(victim, 'utf8')).toBe(TEXT)
    expect(readdirSync(folder).sort()).toEqual(['run', 'victim'])
    expect(lstatSync(path).ino).toBe(before.ino)
  })

  test.each([
    [0o777, '777'],
    [0o770, '770'],
    [0o1777, '1777'],
  ])('a folder of mode %o: refused, and nothing made', async (mode, shown) => {
    chmodSync(join(folder, 'run'), mode)
    const why = new RegExp(
      `^EPERM: others may write to the folder '.*run' \\(its mode is ${shown}\\).*'${path}'`,
    )
    await expect(async () => await use(path)).rejects.toThrow(why)
    expect(readdirSync(join(folder, 'run'))).toEqual([])
  })
})

test('a sticky folder with our own file in it is well, another one without is not', async () => {
  append(path)
  chmodSync(join(folder, 'run'), 0o1777)
  await replaceOwn(path, 'kept')
  expect(readOwn(path)).toBe('kept')
  chmodSync(join(folder, 'run'), 0o777)
  expect(() => readOwn(path)).toThrow(/mode is 777/)
})

test.each(planted)('%s where the new text is prepared: refused', async (_, plant, why) => {
  writeFileSync(path, 'old')
  plant(`${path}.new`)
  await expect(replaceOwn(path, 'new')).rejects.toThrow(why)
  expect(readFileSync(path, 'utf8')).toBe('old')
  expect(readFileSync(victim, 'utf8')).toBe(TEXT)
})

test('what a killed process had prepared is in nobody’s way', async () => {
  writeFileSync(`${path}.new`, 'half')
  await replaceOwn(path, 'new')
  expect(readOwn(path)).toBe('new')
  expect(statSync(path).mode & 0o007).toBe(0)
  expect(readdirSync(join(folder, 'run'))).toEqual(['control.sock.lock'])
})

test('a path that is not there is said as it always was', () => {
  expect(() => readOwn(path)).toThrow(/^ENOENT: no such file or directory, open '.*lock'/)
  expect(() => readOwn(join(folder, 'none/lock'))).toThrow(/^ENOENT: .*none\/lock'/)
})

needs('root')('a folder or a file of another user', async () => {
  append(path)
  chownSync(path, 65534, 65534)
  expect(() => append(path)).toThrow(/is a file of uid 65534/)
  await expect(replaceOwn(path, 'new')).rejects.toThrow(/is a file of uid 65534/)
  chownSync(path, 0, 0)
  chownSync(join(folder, 'run'), 65534, 65534)
  expect(() => append(path)).toThrow(/it belongs to uid 65534/)
})
