// Where an order over the control socket comes from: the network namespace of the process at the
// other end, or the one that it names; and what names of namespaces mean there. Called by http.ts and
// handlers.ts. A namespace is held open only while the order is carried out: a descriptor kept longer would
// keep the namespace alive.

import { readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { UvethError } from '../errors.js'
import { closeFd, netnsOpen, peerCredentials } from '../native.js'
import {
  inodeOfNetns,
  isNamespace,
  nameOrPid,
  parseInode,
  pathOfName,
  pathOfPlace,
  showInode,
} from '../netns/names.js'
import { HOME_PATH, inodeOf, isExhausted, isHome, openError } from '../netns/open.js'
import { planNetns } from '../pair/options.js'
import type { Netns } from '../wishes/end.js'

/** Who gives the order, and where: ends without `netns` are made in the caller's namespace. */
export interface Caller {
  /** The caller's network namespace as createPair takes it: null when it is the daemon's own. */
  netns: Netns
  inode: number
  /** In front of paths as the caller has them: `/proc/PID/root`. Where its mounts are the daemon's, none. */
  root?: string | undefined
}

/** The daemon's own namespace: where orders over netlink and restored wishes without another come from. */
export function home(): Caller {
  const fd = open(HOME_PATH)
  try {
    return { netns: null, inode: inodeOf(fd) }
  } finally {
    closeFd(fd)
  }
}

/** Is the caller's namespace kept for the order to make something in, or only looked at as it begins? */
export type Keeping = 'kept' | 'looked at'

/**
 * Carries out `order` for the caller behind `socket`. `header` is `uveth-netns`: `net:[inode]` (the
 * caller's own, compared with what the kernel says), another namespace as -n takes it, or absent. Where it is only
 * looked at, what an order waits for keeps no namespace alive (a flap may last for days).
 */
export async function asCaller<T>(
  socket: Socket,
  header: string | undefined,
  keeping: Keeping,
  order: (caller: Caller) => Promise<T>,
): Promise<T> {
  const text = decode(header)
  const claim = parseInode(text)
  const pid = peerOf(socket)
  const root = rootOf(pid)
  const give = (caller: Caller) => order({ ...caller, root })
  if (text === undefined || claim !== undefined) return await asPeer(pid, claim, keeping, give)
  return await within(open(pathOf(text, root)), keeping, give)
}

/** The process at the other end; 0 where it cannot be told. */
export function peerOf(socket: Socket): number {
  const peer = peerCredentials(descriptorOf(socket))
  return peer.errno < 0 ? 0 : peer.pid
}

/** Carries out `order` as if it came from the namespace at `path`. */
export async function asNamespace<T>(path: string, order: (caller: Caller) => Promise<T>): Promise<T> {
  return await within(open(path), 'kept', order)
}

/**
 * A name or path of an order, in the mounts of its caller: after `ip netns exec` or `unshare -m` those may have
 * namespaces that the daemon's have not. What is no namespace there is left as it is.
 */
export function asSeen(netns: string, root: string | undefined): string {
  if (root === undefined) return netns
  const path = `${root}${netns.includes('/') ? netns : pathOfName(netns)}`
  return isNamespace(path) ? path : netns
}

/** The root of the process at the other end, if its mounts are not the daemon's own. */
function rootOf(pid: number): string | undefined {
  const mounts = mountsOf(pid)
  return mounts === undefined || mounts === mountsOf('self') ? undefined : `/proc/${pid}/root`
}

function mountsOf(pid: number | string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`)
  } catch {
    return undefined // of another pid namespace, or we may not look into it
  }
}

/** `pid` is 0 where it is unknown. */
async function asPeer<T>(
  pid: number,
  claim: number | undefined,
  keeping: Keeping,
  order: (caller: Caller) => Promise<T>,
): Promise<T> {
  const own = async (caller: Caller) => {
    if (claim === undefined || claim === caller.inode) return await order(caller)
    throw refused(`you are in ${showInode(caller.inode)}, not in ${showInode(claim)}`)
  }
  // Without a descriptor: whoever has none left can still remove a pair.
  const seen = keeping === 'looked at' ? inodeOfNetns(pid) : undefined
  if (seen !== undefined) return await own({ netns: isHome(seen) ? null : pathOfPlace({ pid }), inode: seen })
  const fd = netnsOpen(pathOfPlace({ pid }))
  if (isExhausted(fd)) throw openError(pathOfPlace({ pid }), fd)
  if (fd < 0) {
    // A process that we may not look into, or of another pid namespace, may still stand where we do.
    const here = home()
    if (here.inode === claim) return await order(here)
    throw refused('your network namespace cannot be read: name one with -n')
  }
  return await within(fd, keeping, own)
}

async function within<T>(fd: number, keeping: Keeping, order: (caller: Caller) => Promise<T>): Promise<T> {
  try {
    const inode = inodeOf(fd)
    // The link thread opens it once more by this path, which cannot come to mean another one.
    const netns = isHome(inode) ? null : `/proc/self/fd/${fd}`
    const carriedOut = order({ netns, inode })
    return keeping === 'kept' ? await carriedOut : carriedOut
  } finally {
    closeFd(fd)
  }
}

function open(path: string): number {
  const fd = netnsOpen(path)
  if (fd < 0) throw openError(path, fd)
  return fd
}

/** As `ip -n` reads it. */
function pathOf(text: string, root: string | undefined): string {
  const seen = asSeen(text, root)
  if (seen !== text) return seen
  if (text.includes('/') && !text.startsWith('/')) throw refused(`'${text}' is no absolute path`, 'EINVAL')
  const place = planNetns(nameOrPid(text), 'netns')
  return place === null ? '' : pathOfPlace(place)
}

function decode(header: string | undefined): string | undefined {
  try {
    return header === undefined ? undefined : decodeURIComponent(header)
  } catch {
    throw refused(`'${header}' is not percent-encoded UTF-8`, 'EINVAL')
  }
}

function refused(why: string, code = 'EPERM'): UvethError {
  return new UvethError(`${code}: header uveth-netns: ${why}`, { code, attribute: 'netns' })
}

/** Node has no public name for it. */
export function descriptorOf(socket: Socket): number {
  return (socket as Socket & { _handle?: { fd?: number } })._handle?.fd ?? -1
}
