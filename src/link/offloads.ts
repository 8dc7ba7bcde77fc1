// What a TAP's kernel may leave to us: checksums, and the cutting of super-frames. Called by tap-queue.ts and create.ts for a
// fresh one, and by tap.ts where the peer's kernel has begun to look at single frames (XDP) or has ceased to. What the user wants of
// them (`ethtool -K`) is kept.

import { errno, systemError, UvethError } from '../errors.js'
import { TUN_F_CSUM, TUN_F_TSO, TUN_F_USO, tunSetOffload } from '../native.js'
import { NETLINK_GENERIC } from '../netlink/constants.js'
import { wantedFeatures, wantFeatures } from '../netlink/ethtool.js'
import { NetlinkSocket } from '../netlink/socket.js'
import { fallbackForced } from './fallback.js'

/** All that the kernel takes (test/kernel/14: unknown bits are refused, so from most to least); not `whole`: no super-frames. */
export function offer(fd: number, name: string, whole: boolean): void {
  const uso = fallbackForced('uso') ? 0 : TUN_F_USO
  const cut = [TUN_F_CSUM, 0]
  const masks = whole ? [TUN_F_CSUM | TUN_F_TSO | uso, TUN_F_CSUM | TUN_F_TSO, ...cut] : cut
  if (masks.every((mask) => tunSetOffload(fd, mask) < 0))
    throw systemError(errno.EINVAL, 'ioctl(TUNSETOFFLOAD)', name)
}

/**
 * TUNSETOFFLOAD takes what is offered for what the user wants, so that is put back: what he has switched off stays off,
 * and what is not offered now shows as `off [requested on]`, as on kernel veth. `socket`: of NETLINK_GENERIC, where it is.
 */
export function offerAnew(socket: NetlinkSocket, ifindex: number, change: () => void): void {
  const before = wanted(socket, ifindex)
  change()
  const after = wanted(socket, ifindex)
  const changed = [...before, ...after].filter((feature) => before.has(feature) !== after.has(feature))
  if (changed.length === 0) return
  wantFeatures(socket, ifindex, new Map(changed.map((feature) => [feature, before.has(feature)])))
}

/**
 * A fresh TAP shows GRO as on, and aggregates nothing (test/kernel/28). As on kernel veth it is off until a user wants it.
 * `netnsFd`: where it is; undefined: home.
 */
export function withoutGro(ifindex: number, netnsFd: number | undefined): void {
  using socket = NetlinkSocket.open(NETLINK_GENERIC, netnsFd)
  ifKnown(() => wantFeatures(socket, ifindex, new Map([['rx-gro', false]])))
}

/** None where nothing is known of them: all is as we offer it then. */
function wanted(socket: NetlinkSocket, ifindex: number): Set<string> {
  return ifKnown(() => wantedFeatures(socket, ifindex)) ?? new Set()
}

/** Undefined where the kernel was built without that family (CONFIG_ETHTOOL_NETLINK), and before Linux 5.7. */
function ifKnown<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch (error) {
    if (error instanceof UvethError && error.code === 'ENOENT') return undefined
    throw error
  }
}
