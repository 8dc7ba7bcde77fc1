// What is asked of the kernel, over rtnetlink, to bring an end to what is wanted: first as a list (a pure function),
// then request by request. Called by create.ts and tap.ts, which know where the link is.

import { errno, systemError, UvethError } from '../errors.js'
import { IN6_ADDR_GEN_MODE_NONE } from '../netlink/constants.js'
import { addAddress, addAltname, setLink } from '../netlink/route.js'
import { giveRoute } from '../netlink/routes.js'
import type { LinkChange } from '../netlink/rtnl.js'
import type { NetlinkSocket } from '../netlink/socket.js'
import type { Target } from '../netns/open.js'
import type { EndChange } from './protocol.js'

export type Setting = Omit<LinkChange, 'ifindex'>

/**
 * Settings of a link, in their order, for a change of its end. A move is behind us then, and took a new name along;
 * it has forgotten that the link is quiet. Up comes last: nothing of the rest may be seen half done.
 */
export function settingsOf(change: EndChange, quiet: boolean): Setting[] {
  const { address, mtu, txQueueLength: txqlen, up } = change
  const moved = change.netns !== undefined
  const settings: Setting[] = []
  if (moved && quiet) settings.push({ addrGenMode: IN6_ADDR_GEN_MODE_NONE })
  if (!moved && change.name !== undefined) settings.push({ name: change.name })
  if ([address, mtu, txqlen].some((value) => value !== undefined)) settings.push({ address, mtu, txqlen })
  if (up !== undefined) settings.push({ up })
  return settings
}

/** Makes the settings, then adds the addresses. */
export function carryOut(
  socket: NetlinkSocket,
  ifindex: number,
  settings: Setting[],
  { addresses = [], dad }: Pick<EndChange, 'addresses' | 'dad'>,
): void {
  for (const setting of settings) {
    if (setting.addrGenMode === undefined) setLink(socket, { ifindex, ...setting })
    else setQuiet(socket, ifindex)
  }
  // Without duplicate address detection an IPv6 address can be bound at once (test/kernel/21).
  for (const cidr of addresses) addAddress(socket, ifindex, cidr, dad !== true)
}

/**
 * No IPv6 address of the kernel's own, so no chatter (test/kernel/19). Without IPv6, as below MTU 1280,
 * it is quiet already. A move forgets it.
 */
function setQuiet(socket: NetlinkSocket, ifindex: number): void {
  try {
    setLink(socket, { ifindex, addrGenMode: IN6_ADDR_GEN_MODE_NONE })
  } catch (error) {
    const absent: (number | undefined)[] = [errno.EOPNOTSUPP, errno.EAFNOSUPPORT]
    const noIpv6 = error instanceof UvethError && absent.includes(error.errno)
    if (!noIpv6) throw error
  }
}

/**
 * Namespace and name in one request, so that EEXIST and `%d` are judged over there (test/kernel/12). Without a new
 * name it keeps its own, and EEXIST leaves it where it was; with one, the kernel may have moved it before it refuses.
 */
export function moveTo(
  socket: NetlinkSocket,
  ifindex: number,
  move: Target & { name?: string | undefined; newIfindex?: number | undefined },
): void {
  try {
    setLink(socket, { ifindex, ...move })
  } catch (error) {
    const { newIfindex } = move
    const isTaken = newIfindex !== undefined && error instanceof UvethError && error.code === 'EBUSY'
    throw isTaken ? indexTaken(newIfindex) : error
  }
}

/** Those that are free: whoever has one now keeps it. */
export function giveAltnames(socket: NetlinkSocket, ifindex: number, altnames: readonly string[]): void {
  for (const altname of altnames) ifFree(() => addAltname(socket, ifindex, altname))
}

/** The same, and those for which it is as it was. */
export function giveRoutes(socket: NetlinkSocket, ifindex: number, routes: readonly Uint8Array[]): void {
  for (const route of routes) ifFree(() => giveRoute(socket, ifindex, route))
}

function ifFree(give: () => void): void {
  try {
    give()
  } catch (error) {
    if (!(error instanceof UvethError)) throw error
  }
}

/** The kernel itself says EBUSY, as it does for a name. */
export function indexTaken(ifindex: number): UvethError {
  return systemError(errno.EEXIST, 'ioctl(TUNSETIFINDEX)', `ifindex ${ifindex}`)
}
