// What names of network namespaces mean: src/netns/names.ts. Containers, and references to them: container.test.ts.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import {
  isEndAt,
  isHidden,
  nameOrPid,
  parseInode,
  pathOfPlace,
  placeOf,
  readNetns,
  showInode,
  splitRef,
} from '../../../src/netns/names.js'

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

test.each<[string | number | null, object | null, string | undefined]>([
  [null, null, undefined],
  ['left', { path: '/run/netns/left' }, '/run/netns/left'],
  ['123', { path: '/run/netns/123' }, '/run/netns/123'],
  [123, { pid: 123 }, '/proc/123/ns/net'],
  ['/proc/1/ns/net', { path: '/proc/1/ns/net' }, '/proc/1/ns/net'],
  ['./here', { path: './here' }, './here'],
])('the namespace %j', (netns, place, path) => {
  const found = placeOf(netns)
  expect(found).toEqual(place)
  expect(found && pathOfPlace(found)).toBe(path ?? null)
})

test('a number is a process id, where no namespace has it for its name; nothing else is one', () => {
  expect(nameOrPid('4194305')).toBe(4_194_305)
  for (const text of ['0', '01', '-1', '1.5', '12345678901', 'left', '']) expect(nameOrPid(text)).toBe(text)
})

test.each([
  ['eth0', undefined],
  ['@blue', undefined],
  ['id:eth0@blue', undefined],
  ['eth0@', { name: 'eth0', place: '' }],
  ['eth0@blue', { name: 'eth0', place: 'blue' }],
  ['a@b@net:[7]', { name: 'a@b', place: 'net:[7]' }],
])('the reference %s', (ref, parts) => {
  expect(splitRef(ref)).toEqual(parts)
})

test('an interface is told by its name and the inode of its namespace', () => {
  const end = { name: 'eth0', altnames: ['long'], netnsInode: 7 }
  expect([isEndAt(end, 'eth0', 7), isEndAt(end, 'eth0', 8), isEndAt(end, 'eth1', 7)]).toEqual([
    true,
    false,
    false,
  ])
  expect([isEndAt(end, 'long', 7), isEndAt(end, 'long', 8)]).toEqual([true, false])
})

test('an inode is written as the kernel writes it, and read again', () => {
  expect(parseInode(showInode(4026531840))).toBe(4026531840)
  for (const text of [undefined, '', 'net:[]', 'net:[x]', 'net:[1', 'mnt:[1]', ' net:[1]'])
    expect(parseInode(text)).toBeUndefined()
})

test('a process that is not there, or that we may look into, is not hidden', () => {
  expect([isHidden(4_194_305), isHidden(process.pid)]).toEqual([false, false])
})
