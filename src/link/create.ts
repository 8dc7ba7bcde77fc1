// Making the two TAPs of a pair: validate everything, create, publish last; on failure unwind in
// reverse and leave nothing behind. Called by thread.ts; also holds what a change of an end shares
// with its creation (move, addresses).

import { errno, systemError, UvethError } from '../errors.js'
import { IN6_ADDR_GEN_MODE_NONE } from '../netlink/constants.js'
import { addAddress, getLink, setLink } from '../netlink/route.js'
import type { NetlinkSocket } from '../netlink/socket.js'
import type { NetnsPath } from '../netns/names.js'
import { HOME_PATH, withNetns, withNetnsDescriptor } from '../netns/open.js'
import type { EndChange, EndPlan, PairPlan } from './protocol.js'
import { Tap } from './tap.js'

/** What an end that is bound for another namespace is called for the moment it spends at home. */
const TEMPORARY_NAME = '_uveth%d'

/** Both TAPs, where and as the plan wants them, but down. `made` gets each as soon as it exists. */
export function createTaps(home: NetlinkSocket, plan: PairPlan, made: Tap[]): [Tap, Tap] {
  for (const end of plan.ends) {
    withNetns(end.netns, (fd) => {
      const here = fd < 0
      if (here && end.ifindex !== undefined) refuseTaken(home, end.ifindex)
      const tap = Tap.open(here ? end.name : TEMPORARY_NAME, plan.queues, here ? end.ifindex : undefined)
      made.push(tap)
      tap.refresh(home)
      const { ifindex } = tap.state
      setLink(home, { ifindex, address: end.address, mtu: end.mtu, txqlen: end.txQueueLength })
      if (!here) moveTo(home, ifindex, fd, end.name, end.ifindex)
      if (tap.refresh(home) === 'gone')
        throw new UvethError(`ENODEV: '${end.name}' vanished`, { code: 'ENODEV' })
      if (end.ifindex !== undefined && tap.state.ifindex !== end.ifindex) throw tooOld(end.ifindex)
    })
  }
  return made as [Tap, Tap]
}

/** The kernel itself says EBUSY, as it does for a name. */
function refuseTaken(home: NetlinkSocket, ifindex: number): void {
  try {
    getLink(home, { ifindex })
  } catch (error) {
    if (error instanceof UvethError && error.code === 'ENODEV') return
    throw error
  }
  throw taken(ifindex)
}

function taken(ifindex: number): UvethError {
  return systemError(errno.EEXIST, 'ioctl(TUNSETIFINDEX)', `ifindex ${ifindex}`)
}

/** Before Linux 5.13 a move has no index (test/kernel/12). */
function tooOld(ifindex: number): UvethError {
  return systemError(
    errno.EOPNOTSUPP,
    'RTM_SETLINK',
    `ifindex ${ifindex}`,
    'in another namespace from Linux 5.13',
  )
}

/** Brings an end that was just made to what was asked for: quiet, up, addresses. */
export function bringUp(home: NetlinkSocket, tap: Tap, plan: EndPlan, quiet: boolean, alias: string): void {
  const { ifindex } = tap.state
  tap.withRoute(home, (socket) => {
    setLink(socket, { ifindex, alias })
    if (quiet) setQuiet(socket, ifindex)
    if (plan.up) setLink(socket, { ifindex, up: true })
    addAddresses(socket, ifindex, plan)
  })
  tap.refresh(home)
}

/**
 * No IPv6 address of the kernel's own, so no chatter (test/kernel/19). Without IPv6, as below MTU 1280,
 * it is quiet already. A move forgets it.
 */
export function setQuiet(socket: NetlinkSocket, ifindex: number): void {
  try {
    setLink(socket, { ifindex, addrGenMode: IN6_ADDR_GEN_MODE_NONE })
  } catch (error) {
    const absent: (number | undefined)[] = [errno.EOPNOTSUPP, errno.EAFNOSUPPORT]
    const noIpv6 = error instanceof UvethError && absent.includes(error.errno)
    if (!noIpv6) throw error
  }
}

/** Without duplicate address detection an IPv6 address can be bound at once (test/kernel/21). */
export function addAddresses(socket: NetlinkSocket, ifindex: number, wish: EndChange): void {
  for (const cidr of wish.addresses ?? []) addAddress(socket, ifindex, cidr, wish.dad !== true)
}

/**
 * Moves a TAP that is in use: it is down and has no addresses then. Without a new name it keeps its
 * own, and EEXIST leaves it where it was; with one, the kernel may have moved it before it refuses.
 */
export function moveTap(home: NetlinkSocket, tap: Tap, path: NetnsPath, name: string | undefined): void {
  withNetnsDescriptor(path ?? HOME_PATH, (fd) => {
    tap.withRoute(home, (socket) => moveTo(socket, tap.state.ifindex, fd, name))
  })
}

/** Namespace and name in one request, so that EEXIST and `%d` are judged over there (test/kernel/12). */
function moveTo(
  socket: NetlinkSocket,
  ifindex: number,
  netnsFd: number,
  name: string | undefined,
  newIfindex?: number,
): void {
  try {
    setLink(socket, { ifindex, netnsFd, name, newIfindex })
  } catch (error) {
    const isTaken = newIfindex !== undefined && error instanceof UvethError && error.code === 'EBUSY'
    throw isTaken ? taken(newIfindex) : error
  }
}
