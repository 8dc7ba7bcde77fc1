// Network namespaces as the link thread sees them. A descriptor of one is open only during a call:
// each that stays open would keep that namespace, and so its TAP, alive.

import { readdirSync } from 'node:fs'
import { errno, systemError, UvethError } from '../errors.js'
import { closeFd, fdInode, netnsOpen, netnsSet } from '../native.js'
import {
  inodeOfNetns,
  NETNS_DIRECTORY,
  type NetnsPlace,
  pathOfName,
  pathOfPlace,
  showInode,
} from './names.js'

export const HOME_PATH = '/proc/thread-self/ns/net'
/** Descriptors that are to be left when something has been made. */
const SPARE = 8

/** How rtnetlink is told of a namespace. By a process where /proc does not let us have a descriptor. */
export type Target = { netnsFd: number } | { netnsPid: number }

/** Opens `path`, runs `use` with the descriptor, closes it. */
export function withNetnsDescriptor<T>(path: string, use: (fd: number) => T): T {
  return closing(openNetns(path), use)
}

function openNetns(path: string): number {
  const fd = netnsOpen(path)
  if (fd < 0) throw openError(path, fd)
  return fd
}

function closing<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd)
  } finally {
    closeFd(fd)
  }
}

/** A namespace at `path` that does not open, and what to do about it: `number` says why. */
export function openError(path: string, number: number): UvethError {
  if (isExhausted(number))
    return systemError(
      number,
      'open',
      path,
      'the process or the machine has none left: raise ulimit -n or LimitNOFILE',
    )
  return systemError(number, 'open', path, netnsHint(path, number), 'netns')
}

/** Fails when this process could not open some more. */
export function needSpare(): void {
  const opened: number[] = []
  try {
    while (opened.length < SPARE) opened.push(openNetns(HOME_PATH))
  } finally {
    for (const fd of opened) closeFd(fd)
  }
}

/** It says nothing of the namespace. */
export function isExhausted(number: number | undefined): boolean {
  return number === errno.EMFILE || number === errno.ENFILE
}

export function netnsHint(path: string, number: number): string {
  if (path.startsWith(`${NETNS_DIRECTORY}/`))
    return `no such network namespace: ip netns add ${path.slice(NETNS_DIRECTORY.length + 1)}`
  if (path.startsWith('/proc/') && number === errno.ENOENT)
    return 'no such process; a container sees those of the machine with --pid host only'
  if (path.startsWith('/proc/') && number === errno.EACCES)
    return 'to look into this process takes root and CAP_SYS_PTRACE; in a container: --cap-add SYS_PTRACE'
  return 'not a network namespace that can be opened'
}

export function inodeOf(fd: number): number {
  const { errno, ino } = fdInode(fd)
  if (errno < 0) throw systemError(errno, 'fstat')
  return ino
}

const home = withNetnsDescriptor(HOME_PATH, inodeOf)

export function isHome(inode: number): boolean {
  return inode === home
}

/**
 * A link may have IPv6 addresses, whatever its namespace says of new ones, as engines do; -1: here. Where that cannot be
 * set, its addresses are refused.
 */
export function allowIpv6(netnsFd: number, link: string): void {
  netnsSet(netnsFd, `/proc/sys/net/ipv6/conf/${link}/disable_ipv6`, '0')
}

/**
 * Runs `use` with what a link is moved by. The kernel takes a process id from whoever may change both namespaces, also
 * where /proc does not let him look into the process.
 */
export function withTarget<T>(place: NetnsPlace, use: (target: Target) => T): T {
  const path = place === null ? HOME_PATH : pathOfPlace(place)
  const fd = netnsOpen(path)
  if (fd >= 0) return closing(fd, (netnsFd) => use({ netnsFd }))
  const unopened = openError(path, fd)
  if (place === null || 'path' in place) throw unopened
  try {
    return use({ netnsPid: place.pid })
  } catch (error) {
    throw error instanceof UvethError && error.code === 'ESRCH' ? unopened : error
  }
}

/** The same, but undefined where the namespace is known to be home. */
export function withNetns<T>(place: NetnsPlace, use: (target: Target | undefined) => T): T {
  if (place === null) return use(undefined)
  return withTarget(place, (target) => {
    return use('netnsFd' in target && isHome(inodeOf(target.netnsFd)) ? undefined : target)
  })
}

/** A name under /run/netns, null for home, otherwise `net:[inode]`. */
export function nameOf(inode: number): string | null {
  if (isHome(inode)) return null
  // One that is removed meanwhile has no inode any more.
  return names().find((name) => inodeOfNetns(pathOfName(name)) === inode) ?? showInode(inode)
}

function names(): string[] {
  try {
    return readdirSync(NETNS_DIRECTORY)
  } catch {
    return [] // nobody has ever run `ip netns add` here
  }
}
