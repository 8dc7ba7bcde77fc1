// Namespaces as the link thread opens them: home is recognised by whatever path, what cannot be opened is
// refused with the option at fault, and nothing stays open. src/netns/open.ts. Other namespaces than home
// need root: test/kernel/ and the integration tests have them.

import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errno, UvethError } from '../../../src/errors.js'
import {
  HOME_PATH,
  inodeOf,
  isHome,
  nameOf,
  netnsHint,
  openError,
  withNetns,
  withNetnsDescriptor,
  withTarget,
} from '../../../src/netns/open.js'

/** Descriptors of namespaces and of what was taken for one: the process has other test files' as well. */
function openHere(): number {
  return readdirSync('/proc/self/fd').filter((fd) => /^(net:\[|\/etc\/passwd)/.test(targetOf(fd))).length
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return '' // closed since
  }
}

function refusal(path: string): UvethError {
  try {
    withNetnsDescriptor(path, () => {})
  } catch (error) {
    expect(error).toBeInstanceOf(UvethError)
    return error as UvethError
  }
  throw new Error('it was not refused')
}

test('a name that nobody made: ENOENT, and how to make it', () => {
  const error = refusal('/run/netns/nobody-made-this')
  expect(error).toMatchObject({ code: 'ENOENT', syscall: 'open', attribute: 'netns' })
  expect(error.message).toContain('ip netns add nobody-made-this')
})

test.each(['/etc/passwd', '/proc/self/ns/mnt', '/dev/null'])('%s is none: EINVAL', (path) => {
  expect(refusal(path)).toMatchObject({ code: 'EINVAL', attribute: 'netns' })
})

test('a process that is not there: a container may not see it', () => {
  const error = refusal('/proc/4194305/ns/net')
  expect(error).toMatchObject({ code: 'ENOENT', attribute: 'netns' })
  expect(error.message).toContain('--pid host')
})

test('a process that may not be looked into', () => {
  expect(netnsHint('/proc/1/ns/net', errno.EACCES)).toContain('--cap-add SYS_PTRACE')
  expect(netnsHint('/proc/1/ns/net', errno.EINVAL)).toBe('not a network namespace that can be opened')
})

test('home is recognised by null and by path: no descriptor is needed for it', () => {
  expect(withNetns(null, (target) => target)).toBeUndefined()
  expect(withNetns({ path: HOME_PATH }, (target) => target)).toBeUndefined()
  expect(withNetns({ pid: process.pid }, (target) => target)).toBeUndefined()
})

test('to move there takes a descriptor, home too', () => {
  for (const place of [null, { path: HOME_PATH }, { pid: process.pid }])
    expect(withTarget(place, (target) => 'netnsFd' in target && isHome(inodeOf(target.netnsFd)))).toBe(true)
})

test('a process that cannot be looked into is left to the kernel; if that has none either, it is said as before', () => {
  const gone = { pid: 4_194_305 }
  expect(withTarget(gone, (target) => target)).toEqual({ netnsPid: gone.pid })
  expect(withNetns(gone, (target) => target)).toEqual({ netnsPid: gone.pid })
  const refuse = (code: string) => () =>
    withTarget(gone, () => {
      throw new UvethError(`${code}: of the kernel`, { code })
    })
  expect(refuse('ESRCH')).toThrow(/^ENOENT: .* open '\/proc\/4194305\/ns\/net' \(no such process/)
  expect(refuse('EEXIST')).toThrow('EEXIST: of the kernel')
  expect(() => withTarget({ path: '/proc/4194305/ns/net' }, () => {})).toThrow(/^ENOENT/)
})

test('the inode is the one that /proc shows', () => {
  const inode = withNetnsDescriptor(HOME_PATH, inodeOf)
  expect(inode).toBe(statSync('/proc/self/ns/net').ino)
  expect(isHome(inode)).toBe(true)
  expect(isHome(inode + 1)).toBe(false)
})

test('home is called null; a namespace without a name by its inode', () => {
  expect(nameOf(withNetnsDescriptor(HOME_PATH, inodeOf))).toBeNull()
  expect(nameOf(1)).toBe('net:[1]')
})

test('nothing stays open, also when the caller or the opening fails', () => {
  const before = openHere()
  withNetnsDescriptor(HOME_PATH, () => expect(openHere()).toBe(before + 1))
  for (let n = 0; n < 20; n++) {
    withNetns({ path: HOME_PATH }, () => {})
    expect(() =>
      withNetnsDescriptor(HOME_PATH, () => {
        throw new Error('the caller failed')
      }),
    ).toThrow('the caller failed')
    refusal('/etc/passwd')
  }
  expect(openHere()).toBe(before)
})

test('no descriptor left is told as that, and not as a fault of the namespace', () => {
  for (const number of [errno.EMFILE, errno.ENFILE]) {
    const error = openError('/run/netns/blue', number)
    expect(error.message).toMatch(/^E[MN]FILE: .*has none left: raise ulimit -n or LimitNOFILE\)$/)
    expect(error.errno).toBe(number)
  }
})
