// Making the TAP of an end: opened at home, brought to its place, named and set there, but down. On failure
// nothing is left. Called by linked-pair.ts, which has it from thread.ts as the way to open a device.

import { errno, systemError, UvethError } from '../errors.js'
import { getLink, setLink } from '../netlink/route.js'
import type { NetlinkSocket } from '../netlink/socket.js'
import { needSpare, type Target, withNetns } from '../netns/open.js'
import type { EndPlan } from './protocol.js'
import { indexTaken, moveTo } from './requests.js'
import { Tap } from './tap.js'

/** What an end that is bound for another namespace is called for the moment it spends at home. */
const TEMPORARY_NAME = '_uveth%d'

export function createTap(home: NetlinkSocket, plan: EndPlan, queues: number, quiet: boolean): Tap {
  return withNetns(plan.netns, (target) => {
    const name = target === undefined ? plan.name : TEMPORARY_NAME
    const tap = Tap.open(home, { name, queues, ifindex: indexAtHome(home, plan, target), quiet })
    try {
      place(home, tap, plan, target)
      needSpare() // whoever could not make a pair must be able to remove one
    } catch (error) {
      tap.discard()
      throw error
    }
    return tap
  })
}

function place(home: NetlinkSocket, tap: Tap, plan: EndPlan, target: Target | undefined): void {
  tap.look()
  const { ifindex } = tap.state
  setLink(home, { ifindex, address: plan.address, mtu: plan.mtu, txqlen: plan.txQueueLength })
  if (target !== undefined) moveTo(home, ifindex, { ...target, name: plan.name, newIfindex: plan.ifindex })
  const found = tap.look()
  if (found !== 'same' && found !== 'changed')
    throw new UvethError(`ENODEV: '${plan.name}' vanished`, { code: 'ENODEV' })
  if (plan.ifindex === undefined || tap.state.ifindex === plan.ifindex) return
  throw tap.state.netns === null ? indexTaken(plan.ifindex) : tooOld(plan.ifindex)
}

/** A process that may not be looked into may stand at home: then nothing moves, and the index is its for good. */
function indexAtHome(
  home: NetlinkSocket,
  { ifindex }: EndPlan,
  target: Target | undefined,
): number | undefined {
  if (ifindex === undefined || (target !== undefined && 'netnsFd' in target)) return undefined
  if (isFree(home, ifindex)) return ifindex
  if (target === undefined) throw indexTaken(ifindex)
  return undefined
}

function isFree(home: NetlinkSocket, ifindex: number): boolean {
  try {
    getLink(home, { ifindex })
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
