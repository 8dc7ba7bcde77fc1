// The carrier rule: carrier(a) = carrier(b) = up(a) and up(b), unless the user forced it. Called by
// the link thread whenever an end's state may have changed.

import { CARRIER } from '../datapath/counters.js'
import { IF_OPER_UP } from '../netlink/constants.js'
import type { NetlinkSocket } from '../netlink/socket.js'
import { fallbackForced } from './fallback.js'
import type { CarrierMode } from './protocol.js'
import type { Tap } from './tap.js'

export function wantedCarrier(mode: CarrierMode, upA: boolean, upB: boolean): boolean {
  return mode === 'auto' ? upA && upB : mode === 'on'
}

/** ms. Kernels act on a carrier change within a second by themselves. */
const KERNEL_DELAY = 1_500
const POLL = 5

/**
 * Puts carrier on both ends, and returns when the kernel has acted on it. `drain` must leave nothing
 * unread. The shared word, which workers read after each receive, is off for as long as something
 * may be read that was sent without carrier.
 */
export function setCarrier(
  home: NetlinkSocket,
  taps: [Tap, Tap],
  state: Int32Array,
  on: boolean,
  drain: () => void,
): void {
  if (on) drain()
  Atomics.store(state, CARRIER, on ? 1 : 0)
  for (const tap of taps) tap.setCarrier(on)
  for (const tap of taps) settle(home, tap, on)
}

/**
 * The kernel acts on a TAP's carrier up to 1 s late, but at once before it answers an RTM_GETLINK
 * (about 6.8 and later; test/kernel/08). Otherwise we wait for it.
 */
function settle(home: NetlinkSocket, tap: Tap, on: boolean): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  const deadline = performance.now() + KERNEL_DELAY
  if (fallbackForced('nudge')) Atomics.wait(sleeper, 0, 0, POLL)
  for (;;) {
    const link = tap.look(home)
    if (link === undefined || !tap.state.up) return
    // It shows UP a moment before the first queue takes frames: until then `noop` drops them.
    const acted = (link.operstate === IF_OPER_UP) === on && !(on && link.qdisc === 'noop')
    if (acted || performance.now() > deadline) return
    Atomics.wait(sleeper, 0, 0, POLL)
  }
}
