// The carrier rule: carrier(a) = carrier(b) = up(a) and up(b), unless the user forced it. Called by
// the link thread whenever an end's state may have changed.

import { CARRIER, type StateWords } from '../datapath/counters.js'
import { drain } from '../datapath/loop.js'
import { openPorts, type PortCouple } from '../datapath/port.js'
import { ServedPair } from '../datapath/served.js'
import { Slab } from '../frame/slab.js'
import { store } from '../frame/words.js'
import type { Device } from './device.js'
import { fallbackForced } from './fallback.js'
import type { CarrierMode } from './protocol.js'

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
  devices: readonly Device[],
  state: StateWords,
  on: boolean,
  drain: () => void,
): void {
  if (on) drain()
  store(state, CARRIER, on ? 1 : 0)
  for (const device of devices) device.setCarrier(on)
  for (const device of devices) settle(device, on)
}

/**
 * The kernel acts on a TAP's carrier up to 1 s late, but at once before it answers an RTM_GETLINK
 * (about 6.8 and later; test/kernel/08). Otherwise we wait for it. Looks are counted, not time: it may stand still.
 */
function settle(device: Device, on: boolean): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  if (fallbackForced('nudge')) Atomics.wait(sleeper, 0, 0, POLL)
  for (let look = 0; look * POLL < KERNEL_DELAY && !device.acted(on); look++) {
    Atomics.wait(sleeper, 0, 0, POLL)
  }
}

/** Drains a pair in this thread, while the one that forwards for it may wait for us: `most` frames, as Pool.drain(). */
export function drainHere(
  handle: number,
  counters: SharedArrayBuffer,
  queues: readonly PortCouple[],
  most: number,
): void {
  const scratch = new Slab()
  const setup = { handle, counters, index: 0, ports: openPorts(queues), port: undefined, hookOf: undefined }
  const { directions } = new ServedPair({ ...setup, scratch, inspected: new Set() })
  for (let left = most, piece = 1; left > 0 && piece > 0; left -= piece) piece = drain(directions, scratch)
}
