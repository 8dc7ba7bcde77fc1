// THE hot loop: carries one burst of one direction. Called by loop.ts for every direction that has
// something to read. It never blocks, never throws for an expected condition, and allocates nothing.

import { DROPPED } from '../frame/cause.js'
import { isSuperFrame, isTooLong, MTU_OVERHEAD } from '../frame/ethernet.js'
import { BURST, type Slab, VNET_HDR_LEN } from '../frame/slab.js'
import { load } from '../frame/words.js'
import * as count from './counters.js'
import type { Direction, Met } from './direction.js'

/** Forwards one burst. How many frames were received (0: idle), or a negative errno (EBADFD: gone). */
export function forward(direction: Direction, slab: Slab, met: Met): number {
  const { rx, tx, state, counters } = direction
  met.bytes = 0
  met.down = 0
  if (direction.inspector?.waits()) return 0
  const received = rx.receive(slab, direction.inspector === undefined ? BURST : direction.inspector.most)
  if (received <= 0) return received
  // Read after the receive: a rule that was armed before a frame was sent finds it.
  if (load(state, count.ADJUSTED) !== direction.adjustable.adjusted) direction.adjustable.adjust()
  const { inspector } = direction
  if (inspector !== undefined) {
    met.bytes = inspector.forward(slab, received, direction.queue)
    met.down = inspector.down
    // The last of what was held may have gone, with nothing left to inspect.
    if (inspector.idle) direction.adjustable.follow()
    return received
  }
  // Read after the receive: what was sent before carrier came on is never delivered (carrier.ts). The
  // kernel itself would still take a write without carrier (test/kernel/10), and of any length (11).
  const carrier = load(state, count.CARRIER)
  const limit = load(state, direction.mtu) + MTU_OVERHEAD + VNET_HDR_LEN
  const lengths = slab.lengths
  let bytes = -received * VNET_HDR_LEN
  let dropped = 0
  let droppedBytes = 0
  for (let slot = 0; slot < received; slot++) {
    const length = lengths[slot]
    bytes += length
    if (length > limit && isRefused(slab, slot, length - limit)) {
      lengths[slot] = 0
      dropped++
      droppedBytes += length - VNET_HDR_LEN
    }
  }
  met.bytes = bytes
  counters[count.RECEIVED] += received
  counters[count.RECEIVED_BYTES] += bytes
  if (carrier === 0) {
    counters[count.DROPPED_CARRIER] += received
    return received
  }
  const sent = tx.transmit(slab, received)
  counters[count.SENT] += sent
  counters[count.DROPPED_MTU] += dropped
  if (sent + dropped === received) counters[count.SENT_BYTES] += bytes - droppedBytes
  else met.down = tally(slab, received, counters)
  return received
}

function isRefused(slab: Slab, slot: number, excess: number): boolean {
  const start = slab.starts[slot]
  return !isSuperFrame(slab.bytes, start - VNET_HDR_LEN) && isTooLong(slab.bytes, start, excess)
}

/** The cold path: the kernel refused frames; their lengths hold the errno (test/kernel/24). For how many the peer was down. */
function tally(slab: Slab, received: number, counters: count.Counters): number {
  let down = 0
  for (let slot = 0; slot < received; slot++) {
    const length = slab.lengths[slot]
    if (length > 0) counters[count.SENT_BYTES] += length - VNET_HDR_LEN
    else if (length < 0) {
      const verdict = count.refusal(length)
      counters[count.dropsOf(verdict)]++
      if (verdict === DROPPED.down) down++
    }
  }
  return down
}
