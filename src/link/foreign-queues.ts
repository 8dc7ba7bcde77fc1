// Queues of a TAP that others have attached: kept out where the kernel can, counted, and gone with the TAP. Only one that
// was made with several queues takes them. Called by tap.ts.

import { UvethError } from '../errors.js'
import { tunSetOwner, tunSetPersist } from '../native.js'
import type { NetlinkSocket } from '../netlink/socket.js'
import { delLink, getQueues } from '../netlink/tun.js'

/** No user has the highest number that there is. */
const NO_USER = 0xfffffffe

/** Where the TAP is, as `home` knows it. */
interface Where {
  ifindex: number
  nsid: number | undefined
}

/**
 * Until it has an owner, it takes a queue from whoever can open /dev/net/tun in its namespace; from then on, from who
 * has CAP_NET_ADMIN there (test/kernel/18). In a user namespace there are fewer users.
 */
export function closeToOthers(fd: number): void {
  if (tunSetOwner(fd, NO_USER) < 0) tunSetOwner(fd, process.geteuid?.() ?? 0)
}

/** How many there are beside `own`; undefined where it is not to be found out now. */
export function foreignQueuesOf(
  home: NetlinkSocket,
  where: Where,
  own: readonly number[],
): number | undefined {
  if (own.length === 1) return 0
  try {
    return Math.max(0, getQueues(home, where) - own.length)
  } catch (error) {
    if (error instanceof UvethError) return undefined // not where it was
    throw error
  }
}

/** A queue of somebody else would keep it, or a copy of a descriptor, as would TUNSETPERSIST: so it is not left to our last descriptor. */
export function removeForAll(home: NetlinkSocket, where: Where, fd: number): void {
  tunSetPersist(fd, false)
  try {
    delLink(home, where)
  } catch (error) {
    if (!(error instanceof UvethError)) throw error // its namespace is going
  }
}
