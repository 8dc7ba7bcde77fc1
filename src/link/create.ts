// Making the TAP of an end: opened at home, brought to its place, named and set there, but down. On failure
// nothing is left. Called by linked-pair.ts, which has it from thread.ts as the way to open a device.

import { errno, systemError, UvethError } from '../errors.js'
import { getLink, setLink } from '../netlink/route.js'
import type { NetlinkSocket } from '../netlink/socket.js'
import { withNetns } from '../netns/open.js'
import type { EndPlan } from './protocol.js'
import { indexTaken, moveTo } from './requests.js'
import { Tap } from './tap.js'

/** What an end that is bound for another namespace is called for the moment it spends at home. */
const TEMPORARY_NAME = '_uveth%d'

export function createTap(home: NetlinkSocket, plan: EndPlan, queues: number, quiet: boolean): Tap {
  return withNetns(plan.netns, (fd) => {
    const here = fd < 0
    if (here && plan.ifindex !== undefined) refuseTaken(home, plan.ifindex)
    const [name, index] = here ? [plan.name, plan.ifindex] : [TEMPORARY_NAME, undefined]
    const tap = Tap.open(home, { name, queues, ifindex: index, quiet })
    try {
      place(home, tap, plan, here ? undefined : fd)
    } catch (error) {
      tap.discard()
      throw error
    }
    return tap
  })
}

function place(home: NetlinkSocket, tap: Tap, plan: EndPlan, netnsFd: number | undefined): void {
  tap.look()
  const { ifindex } = tap.state
  setLink(home, { ifindex, address: plan.address, mtu: plan.mtu, txqlen: plan.txQueueLength })
  if (netnsFd !== undefined) moveTo(home, ifindex, { netnsFd, name: plan.name, newIfindex: plan.ifindex })
  const found = tap.look()
  if (found !== 'same' && found !== 'changed')
    throw new UvethError(`ENODEV: '${plan.name}' vanished`, { code: 'ENODEV' })
  if (plan.ifindex !== undefined && tap.state.ifindex !== plan.ifindex) throw tooOld(plan.ifindex)
}

function refuseTaken(home: NetlinkSocket, ifindex: number): void {
  try {
    getLink(home, { ifindex })
  } catch (error) {
    if (error instanceof UvethError && error.code === 'ENODEV') return
    throw error
  }
  throw indexTaken(ifindex)
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
