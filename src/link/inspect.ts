// The sending end of a direction that is inspected: its offloads are off, so that hooks see wire frames
// with finished checksums, and its queue is longer if there is time for that. Called by linked-pair.ts.
// Afterwards the offloads are as they were, a user's own `ethtool -K` included.
//
// The queue of an end that is up stays as it is: the kernel drops what is sent for some ms while it changes
// the length (130 frames of a stream here; test/kernel/25), and nothing may be lost by looking.

import { UvethError } from '../errors.js'
import { tunSetOffload } from '../native.js'
import { getFeatures, setFeatures } from '../netlink/ethtool.js'
import { setLink } from '../netlink/route.js'
import type { NetlinkSocket } from '../netlink/socket.js'
import { INSPECTED_TX_QUEUE_LENGTH, type Tap } from './tap.js'

/** Features that were active before, by name. */
export type Features = ReadonlyMap<string, boolean>

/** Begins; answers what `stopInspecting` is to put back. */
export function startInspecting(home: NetlinkSocket, tap: Tap): Features {
  const before = activeFeatures(tap)
  setOffloads(tap, 0)
  const { ifindex, txQueueLength, up } = tap.state
  if (!up && txQueueLength < INSPECTED_TX_QUEUE_LENGTH) {
    setTxQueueLength(home, tap, ifindex, INSPECTED_TX_QUEUE_LENGTH)
    tap.keptTxQueueLength = txQueueLength
  }
  return before
}

export function stopInspecting(home: NetlinkSocket, tap: Tap, before: Features): void {
  setOffloads(tap, tap.offloads)
  // The mask wants every feature that it has: what the user had switched off goes off again.
  const now = activeFeatures(tap)
  const changed = [...before].filter(([name, active]) => now.get(name) !== active)
  if (changed.length > 0) {
    tap.withGeneric((socket) => setFeatures(socket, tap.state.ifindex, Object.fromEntries(changed)))
  }
  tap.refresh(home)
  const kept = tap.keptTxQueueLength
  if (kept === undefined || tap.state.up) return
  tap.keptTxQueueLength = undefined
  setTxQueueLength(home, tap, tap.state.ifindex, kept)
}

function setOffloads(tap: Tap, mask: number): void {
  for (const fd of tap.fds) tunSetOffload(fd, mask)
}

function setTxQueueLength(home: NetlinkSocket, tap: Tap, ifindex: number, txqlen: number): void {
  tap.withRoute(home, (socket) => setLink(socket, { ifindex, txqlen }))
}

/** A kernel without ethtool's netlink family tells none; then there is nothing to put back. */
function activeFeatures(tap: Tap): Features {
  try {
    const features = tap.withGeneric((socket) => getFeatures(socket, tap.state.ifindex))
    return new Map([...features].map(([name, { active }]) => [name, active]))
  } catch (error) {
    if (error instanceof UvethError) return new Map()
    throw error
  }
}
