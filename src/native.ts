// The only importer of the addon. Everything answers a value >= 0 or a negative errno; nothing
// throws for a system call that failed. Callers: link/ (descriptors, ioctls), datapath/ (bursts,
// poller), netlink/ (sockets), control/ and daemon.ts (peer, lock, systemd). A descriptor belongs to the thread that opened it.

import { createRequire } from 'node:module'

type Addon = typeof import('../native/binding.cjs')

const addon = createRequire(import.meta.url)('../native/binding.cjs') as Addon

export const {
  closeFd,
  closeFds,
  fdInode,
  flock,
  netlinkBind,
  netlinkOpen,
  netlinkPortId,
  netlinkReceive,
  netlinkSend,
  netnsOpen,
  packetOpen,
  packetReceive,
  packetSend,
  peerCredentials,
  pollerAdd,
  pollerOpen,
  pollerRemove,
  pollerWait,
  receive,
  sdNotify,
  slabLayout,
  socketSetOption,
  transmit,
  tunGetDevNetns,
  tunGetFeatures,
  tunGetIff,
  tunGetMac,
  tunOpen,
  tunSetCarrier,
  tunSetIff,
  tunSetMac,
  tunSetOffload,
  tunSetQueue,
  tunSetVnetHdrSz,
  tunSetVnetLe,
} = addon

/** `epoll_ctl` events, as `watch` takes them. */
export const EPOLLIN = 0x001
export const EPOLLOUT = 0x004

const watched = new Map<number, () => void>()
let watcherStarted = false

/**
 * Calls `ready` on this thread's event loop, once, when `fd` is ready for `events` or in error.
 * Call again to go on watching. Answers 0 or a negative errno.
 */
export function watch(fd: number, events: number, ready: () => void): number {
  if (!watcherStarted) {
    const started = addon.watcherOpen((fired) => watched.get(fired)?.())
    if (started < 0) return started
    watcherStarted = true
  }
  watched.set(fd, ready)
  return addon.watchArm(fd, events)
}

/** Ends a watch; `ready` is not called any more. */
export function unwatch(fd: number): void {
  if (watched.delete(fd)) addon.watchEnd(fd)
}
