// How a path on the command line is made to mean the same for the daemon. Containers: container.test.ts.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readNetns } from '../../../src/cli/netns.js'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'uvt-')))
mkdirSync(join(folder, 'run'))
symlinkSync(join(folder, 'run'), join(folder, 'link'))
symlinkSync('/proc/1/ns/net', join(folder, 'run/one'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a path without links of folders; what the last word is stays', () => {
  expect(readNetns(join(folder, 'link/blue'))).toBe(join(folder, 'run/blue'))
  expect(readNetns(join(folder, 'link/one'))).toBe(join(folder, 'run/one'))
  expect(readNetns(relative('.', join(folder, 'link/blue')))).toBe(join(folder, 'run/blue'))
  expect(readNetns(join(folder, 'none/blue'))).toBe(join(folder, 'none/blue'))
})

test('a path under /proc, whose links are none; self is this process', () => {
  expect(readNetns('/proc/1/root/run/netns/blue')).toBe('/proc/1/root/run/netns/blue')
  expect(readNetns('/proc/self/ns/net')).toBe(`/proc/${process.pid}/ns/net`)
  expect(readNetns('/proc/thread-self/ns/net')).toBe(`/proc/${process.pid}/ns/net`)
})
