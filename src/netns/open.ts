// Network namespaces as the link thread sees them. A descriptor of one is open only during a call:
// each that stays open would keep that namespace, and so its TAP, alive.

import { readdirSync, statSync } from 'node:fs'
import { errno, systemError } from '../errors.js'
import { closeFd, fdInode, netnsOpen } from '../native.js'
import type { NetnsPath } from './names.js'

const NETNS_DIRECTORY = '/run/netns'
export const HOME_PATH = '/proc/thread-self/ns/net'

/** Opens `path`, runs `use` with the descriptor, closes it. */
export function withNetnsDescriptor<T>(path: string, use: (fd: number) => T): T {
  const fd = netnsOpen(path)
  if (fd < 0) throw systemError(fd, 'open', path, netnsHint(path, fd), 'netns')
  try {
    return use(fd)
  } finally {
    closeFd(fd)
  }
}

/** What to do about a namespace at `path` that does not open: `number` says why. */
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

/** Runs `use` with a descriptor of the namespace at `path`, or with -1 when that is home. */
export function withNetns<T>(path: NetnsPath, use: (fd: number) => T): T {
  if (path === null) return use(-1)
  return withNetnsDescriptor(path, (fd) => use(isHome(inodeOf(fd)) ? -1 : fd))
}

/** A name under /run/netns, null for home, otherwise `net:[inode]`. */
export function nameOf(inode: number): string | null {
  if (isHome(inode)) return null
  const named = namesUnder(NETNS_DIRECTORY).find((name) => inodeAt(name) === inode)
  return named ?? `net:[${inode}]`
}

function namesUnder(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return [] // nobody has ever run `ip netns add` here
  }
}

function inodeAt(name: string): number | undefined {
  try {
    return statSync(`${NETNS_DIRECTORY}/${name}`).ino
  } catch {
    return undefined // removed since the directory was read
  }
}
