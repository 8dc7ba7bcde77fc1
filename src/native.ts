// The only importer of the addon. Everything answers a value >= 0 or a negative errno; nothing
// throws for a system call that failed. Callers: link/ (descriptors, ioctls), datapath/ (bursts,
// poller), netlink/ (sockets), orders/ and daemon/ (peer, lock, systemd). A descriptor belongs to the thread that opened it.

import { createRequire } from 'node:module'
import { missingAddon } from './missing-addon.js'

type Addon = typeof import('../native/binding.cjs')

function load(): Addon {
  try {
    return createRequire(import.meta.url)('../native/binding.cjs') as Addon
  } catch (error) {
    throw missingAddon(error)
  }
}

const addon = load()

export const {
  closeFd,
  closeFds,
  copyRanges,
  fdAdopt,
  fdInode,
  fdPut,
  fdRelease,
  finishParts,
  flock,
  heirClose,
  heirName,
  heirOpen,
  heirRest,
  netlinkBind,
  netlinkOpen,
  netlinkReceive,
  netlinkReceivePast,
  netlinkSend,
  netnsAdd,
  netnsCreate,
  netnsEnd,
  netnsOpen,
  netnsSet,
  netnsTell,
  peerCredentials,
  pollerAdd,
  pollerOpen,
  pollerRemove,
  pollerWait,
  receive,
  receiveFds,
  releasePages,
  sdNotify,
  sendFds,
  slabLayout,
  socketSetFilter,
  socketSetOption,
  transmit,
  tunGetDevNetns,
  tunGetFeatures,
  tunGetIff,
  tunOpen,
  tunSetCarrier,
  tunSetIff,
  tunSetIfindex,
  tunSetOffload,
  tunSetOwner,
  tunSetPersist,
  tunSetVnetHdrSz,
  tunSetVnetLe,
  udpBind,
  udpConnect,
  udpOpen,
  udpReceive,
  udpSend,
  unixDatagrams,
  unixListen,
} = addon

// <linux/if_tun.h>: flags of tunSetIff and tunGetFeatures, then the bits of tunSetOffload.
export const IFF_TAP = 0x0002
export const IFF_NO_CARRIER = 0x0040
export const IFF_MULTI_QUEUE = 0x0100
export const IFF_NO_PI = 0x1000
export const IFF_VNET_HDR = 0x4000
export const IFF_TUN_EXCL = 0x8000
export const TUN_F_CSUM = 0x01
export const TUN_F_TSO = 0x02 | 0x04 | 0x08 // TSO4, TSO6, TSO_ECN
export const TUN_F_USO = 0x20 | 0x40 // only together, from Linux 6.2

// <linux/udp.h>: options that are probed, and used where they are there.
export const SOL_UDP = 17
export const UDP_SEGMENT = 103
export const UDP_GRO = 104

/** `epoll_ctl` events, as `watch` takes them. */
export const EPOLLIN = 0x001
export const EPOLLOUT = 0x004

/** Kept with the addon: it has one watcher for a thread, also where this module is loaded twice (by a test runner). */
const shared = addon as Addon & { watched?: Map<number, () => void> }

/**
 * Calls `ready` on this thread's event loop, once, when `fd` is ready for `events` or in error.
 * Call again to go on watching. Answers 0 or a negative errno.
 */
export function watch(fd: number, events: number, ready: () => void): number {
  if (shared.watched === undefined) {
    const watched = new Map<number, () => void>()
    // Not at once: Node takes up to 1,000 calls of a thread in one turn of the event loop, and who is watched again and
    // is ready again at once would be called so often before anybody else (1.3 s of a flood's turns of 5 ms, seen).
    const started = addon.watcherOpen((fired) => void setImmediate(() => watched.get(fired)?.()))
    if (started < 0) return started
    shared.watched = watched
  }
  shared.watched.set(fd, ready)
  return addon.watchArm(fd, events)
}

/** Ends a watch; `ready` is not called any more. */
export function unwatch(fd: number): void {
  if (shared.watched?.delete(fd)) addon.watchEnd(fd)
}
