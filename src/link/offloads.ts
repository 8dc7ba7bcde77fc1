// The sending end of a direction that is inspected: its offloads are off, so that hooks see wire frames
// with finished checksums. Called by tap.ts. Afterwards they are as they were, a user's own
// `ethtool -K` included. The queue's length stays: changing it under traffic loses frames (test/kernel/25).

import { UvethError } from '../errors.js'
import { tunSetOffload } from '../native.js'
import { getFeatures, setFeatures } from '../netlink/ethtool.js'
import type { NetlinkSocket } from '../netlink/socket.js'

type Named = ReadonlyMap<string, boolean>

/** What of a TAP is needed. */
export interface Offloading {
  readonly fds: readonly number[]
  /** TUN_F_*: the offloads that the kernel took. */
  readonly offloads: number
  readonly state: { ifindex: number }
  /** Runs `use` with a socket for ethtool's questions. */
  withGeneric<T>(use: (socket: NetlinkSocket) => T): T
}

/** Features by name: which were active before, and which were wanted once the offloads were off. */
export interface Features {
  before: Named
  inspected: Named
}

/** Begins; answers what `stopInspecting` is to put back. */
export function startInspecting(tap: Offloading): Features {
  const before = featuresOf(tap, 'active')
  setOffloads(tap, 0)
  return { before, inspected: featuresOf(tap, 'wanted') }
}

export function stopInspecting(tap: Offloading, { before, inspected }: Features): void {
  // What somebody has asked for meanwhile holds.
  const asked = [...featuresOf(tap, 'wanted')].filter(([name, wanted]) => inspected.get(name) !== wanted)
  setOffloads(tap, tap.offloads)
  // The mask wants every feature that it has: what the user had switched off goes off again.
  const now = featuresOf(tap, 'active')
  const changed = [...new Map([...before, ...asked])].filter(([name, on]) => now.get(name) !== on)
  if (changed.length > 0) {
    tap.withGeneric((socket) => setFeatures(socket, tap.state.ifindex, Object.fromEntries(changed)))
  }
}

function setOffloads(tap: Offloading, mask: number): void {
  for (const fd of tap.fds) tunSetOffload(fd, mask)
}

/** A kernel without ethtool's netlink family tells none; then there is nothing to put back. */
function featuresOf(tap: Offloading, kind: 'active' | 'wanted'): Named {
  try {
    const features = tap.withGeneric((socket) => getFeatures(socket, tap.state.ifindex))
    return new Map([...features].map(([name, feature]) => [name, feature[kind]]))
  } catch (error) {
    if (error instanceof UvethError) return new Map()
    throw error
  }
}
