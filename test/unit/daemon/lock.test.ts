import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Lock, makeFolder } from '../../../src/daemon/lock.js'
import { flock, peerCredentials, sdNotify } from '../../../src/native.js'

test('one holder at a time, who is named; the next one after it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uvt-'))
  try {
    const path = join(folder, 'deep/er/lock')
    makeFolder(path)
    expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o750)
    const first = Lock.take(path)
    expect(first).toBeDefined()
    expect(Lock.take(path)).toBeUndefined()
    expect(Lock.holder(path)).toBe(String(process.pid))
    first?.[Symbol.dispose]()
    using second = Lock.take(path)
    expect(second).toBeDefined()
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('given back, it is free, though another process has the same file open', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uvt-'))
  const [first, second] = [1, 2].map(() => openSync(join(folder, 'lock'), 'a')) as [number, number]
  expect(flock(first, true)).toBe(0)
  const child = spawn('sleep', ['60'], { stdio: [first, 'ignore', 'ignore'] })
  try {
    expect(flock(first, false)).toBe(0)
    closeSync(first)
    expect(flock(second, true)).toBe(0)
  } finally {
    child.kill()
    closeSync(second)
    rmSync(folder, { recursive: true })
  }
})

test('a folder that cannot be made: it says why, and how to do without', () => {
  // /proc takes no folders, from root either.
  const make = () => makeFolder('/proc/uveth/deep/control.sock')
  expect(make).toThrow(
    /^ENOENT: no such file or directory, mkdir '\/proc\/uveth' \(.*--socket PATH or UVETH_SOCKET; /,
  )
  const folder = mkdtempSync(join(tmpdir(), 'uvt-'))
  try {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    expect(() => makeFolder(join(file, 'control.sock'))).toThrow(/^EEXIST: .*file' \(.*--socket PATH/)
    expect(() => Lock.take(join(folder, 'none/lock'))).toThrow(/^ENOENT: .*none\/lock' \(.*--socket PATH/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the addon answers negative errnos for what is no socket, no file and no path', () => {
  expect(peerCredentials(-1)).toMatchObject({ errno: -9 })
  expect(flock(-1, true)).toBe(-9)
  expect(sdNotify('', 'READY=1')).toBe(-22)
  expect(sdNotify('x'.repeat(108), 'READY=1')).toBe(-22)
  expect(sdNotify('/nobody/listens/here', 'READY=1')).toBe(-2)
  expect(sdNotify(`@uveth-test-${process.pid}`, 'READY=1')).toBe(-111)
})
