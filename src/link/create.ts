// Making the TAP of an end: opened at home, or in the workshop where it is bound for another namespace, set, and brought
// to its place, but down; for a namespace of this process's own it is opened there. On failure nothing is left. Called by
// linked-pair.ts, which has it from thread.ts as the way to open a device.

import { errno, pairClosed, systemError, UvethError } from '../errors.js'
import { closeFd, fdAdopt, tunGetIff } from '../native.js'
import { NETLINK_ROUTE } from '../netlink/constants.js'
import { getLink, setLink } from '../netlink/route.js'
import { NetlinkSocket } from '../netlink/socket.js'
import type { NetnsPlace } from '../netns/names.js'
import { needSpare, type Target, withNetns } from '../netns/open.js'
import { withoutGro } from './offloads.js'
import type { EndPlan } from './protocol.js'
import { indexTaken, moveTo } from './requests.js'
import { Tap } from './tap.js'
import { type Workshop, workshop } from './workshop.js'

/** Without a workshop: what an end that is bound for another namespace is called for the moment it spends at home. */
const TEMPORARY_NAME = '_uveth%d'

export function createTap(home: NetlinkSocket, plan: EndPlan, queues: number, quiet: boolean): Tap {
  if (!plan.ifFree) return create(home, plan, queues, quiet)
  try {
    return create(home, plan, queues, quiet)
  } catch {
    return create(home, { ...plan, ifindex: undefined }, queues, quiet) // if it is not that, it is refused again
  }
}

function create(home: NetlinkSocket, plan: EndPlan, queues: number, quiet: boolean): Tap {
  return withNetns(plan.netns, (target) => {
    if (target !== undefined && isOurs(plan.netns) && 'netnsFd' in target)
      return makeThere(home, plan, { queues, quiet }, target)
    const shop = target === undefined ? undefined : workshop()
    if (target === undefined || shop === undefined) return makeAtHome(home, plan, { queues, quiet }, target)
    if (!plan.name.includes('%d')) return makeIn(shop, home, plan, { queues, quiet }, target)
    // Which number is free over there must be known before it moves: the kernel would rename it once it is there.
    if ('netnsPid' in target) return makeAtHome(home, plan, { queues, quiet }, target)
    using there = NetlinkSocket.open(NETLINK_ROUTE, target.netnsFd)
    for (let number = 0; ; number++) {
      const name = plan.name.replace('%d', `${number}`)
      if (!isFree(there, { name })) continue
      try {
        return makeIn(shop, home, { ...plan, name }, { queues, quiet }, target)
      } catch (error) {
        // Somebody else was faster.
        if (!(error instanceof UvethError) || error.code !== 'EEXIST' || isFree(there, { name })) throw error
      }
    }
  })
}

/** The device of an end that is there already, by its descriptors: one for each queue. */
export function adoptTap(home: NetlinkSocket, fds: readonly number[], quiet: boolean): Tap {
  try {
    for (const fd of fds) {
      // A thread that was lost may have closed it before: the number is another file's then.
      const { errno: failed } = tunGetIff(fd)
      if (failed < 0 && failed !== errno.EBADFD) throw pairClosed()
      const adopted = fdAdopt(fd)
      if (adopted < 0) throw systemError(adopted, 'fcntl')
    }
    const tap = Tap.adopt(home, fds, quiet)
    if (!['same', 'changed'].includes(tap.look())) throw pairClosed()
    return tap
  } catch (error) {
    for (const fd of fds) closeFd(fd)
    throw error
  }
}

function isOurs(place: NetnsPlace): boolean {
  return place !== null && 'ours' in place
}

/**
 * Where it is to stand, in a namespace that this process has made and ends itself: its descriptor may keep that alive. To
 * move a link costs 15 to 40 ms, in which nobody else has RTNL: the kernel waits for RCU (rcu_barrier).
 */
function makeThere(home: NetlinkSocket, plan: EndPlan, kind: Kind, { netnsFd }: { netnsFd: number }): Tap {
  const { name, ifindex } = plan
  using there = NetlinkSocket.open(NETLINK_ROUTE, netnsFd)
  if (ifindex !== undefined && !isFree(there, { ifindex })) throw indexTaken(ifindex)
  const tap = Tap.open(home, { ...kind, name, ifindex, netnsFd })
  return finished(tap, plan, () => set(there, tap.state.name, plan, netnsFd))
}

type Kind = { queues: number; quiet: boolean }

/** Under its own name, so that the kernel refuses a taken one before it moves anything, and renames nothing. */
function makeIn(shop: Workshop, home: NetlinkSocket, plan: EndPlan, kind: Kind, target: Target): Tap {
  const { name } = plan
  const tap = Tap.open(home, { ...kind, name, ifindex: undefined, netnsFd: shop.netnsFd })
  return finished(tap, plan, () => {
    const ifindex = set(shop.socket, name, plan, shop.netnsFd)
    moveTo(shop.socket, ifindex, { ...target, name, newIfindex: plan.ifindex })
  })
}

function makeAtHome(home: NetlinkSocket, plan: EndPlan, kind: Kind, target: Target | undefined): Tap {
  const name = target === undefined ? plan.name : TEMPORARY_NAME
  const tap = Tap.open(home, { ...kind, name, ifindex: indexAtHome(home, plan, target) })
  return finished(tap, plan, () => {
    const ifindex = set(home, tap.state.name, plan)
    if (target !== undefined) moveTo(home, ifindex, { ...target, name: plan.name, newIfindex: plan.ifindex })
  })
}

/**
 * Sets it, and answers its index. The MAC address that the kernel has drawn is set, too, where no other is wished for:
 * it is seen from the start, and udev takes one that somebody has set for good.
 */
function set(socket: NetlinkSocket, name: string, plan: EndPlan, netnsFd?: number): number {
  const { address, mtu, txQueueLength: txqlen, alias } = plan
  const { ifindex, address: drawn } = getLink(socket, { name })
  setLink(socket, { ifindex, address: address ?? drawn, mtu, txqlen, alias })
  withoutGro(ifindex, netnsFd)
  return ifindex
}

/** Puts it where it belongs and sees that it is there; otherwise nothing is left. */
function finished(tap: Tap, plan: EndPlan, put: () => void): Tap {
  try {
    put()
    const found = tap.look()
    if (found !== 'same' && found !== 'changed')
      throw new UvethError(`ENODEV: '${plan.name}' vanished`, { code: 'ENODEV' })
    if (plan.ifindex !== undefined && tap.state.ifindex !== plan.ifindex)
      throw tap.state.netns === null ? indexTaken(plan.ifindex) : tooOld(plan.ifindex)
    needSpare() // whoever could not make a pair must be able to remove one
    return tap
  } catch (error) {
    tap.letGo()
    throw error
  }
}

/** A process that may not be looked into may stand at home: then nothing moves, and the index is its for good. */
function indexAtHome(
  home: NetlinkSocket,
  { ifindex }: EndPlan,
  target: Target | undefined,
): number | undefined {
  if (ifindex === undefined || (target !== undefined && 'netnsFd' in target)) return undefined
  if (isFree(home, { ifindex })) return ifindex
  if (target === undefined) throw indexTaken(ifindex)
  return undefined
}

function isFree(socket: NetlinkSocket, which: { ifindex: number } | { name: string }): boolean {
  try {
    getLink(socket, which)
    return false
  } catch (error) {
    if (error instanceof UvethError && error.code === 'ENODEV') return true
    throw error
  }
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
