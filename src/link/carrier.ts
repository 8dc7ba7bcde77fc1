// The carrier of a pair: carrier(a) = carrier(b) = up(a) and up(b), unless the user forced it; and its way into force,
// step by step, so that no other pair waits for it. Used by linked-pair.ts in the link thread, which takes the steps in
// turns of that pair (turns.ts).
//
//                 set(on)                nothing unread             the kernel acts on it
//   at rest ------------------> draining ---------------> acting ------------------------> at rest
//      |                                                    ^     or was looked at often enough
//      +---------------------- set(off) --------------------+
//   While it is on its way, set() goes over to what is wanted now; what was on its way is not told.

import { CARRIER, type StateWords } from '../datapath/counters.js'
import { drain } from '../datapath/loop.js'
import { openPorts } from '../datapath/open-ports.js'
import type { PortCouple } from '../datapath/port.js'
import { ServedPair } from '../datapath/served.js'
import { FrameMemory } from '../frame/memory.js'
import { Slab } from '../frame/slab.js'
import { store } from '../frame/words.js'
import type { Device } from './device.js'
import { fallbackForced } from './fallback.js'
import type { CarrierMode } from './protocol.js'

export function wantedCarrier(mode: CarrierMode, upA: boolean, upB: boolean): boolean {
  return mode === 'auto' ? upA && upB : mode === 'on'
}

/** ms, in looks: time may stand still. Kernels act on a carrier change within a second by themselves. */
const KERNEL_DELAY = 1_500
/** ms. */
const POLL = 5

export interface CarrierSetup {
  devices: readonly Device[]
  state: StateWords
  /** Reads and drops a piece of what was sent before: frames, 0 when none are left; undefined: is still about it. */
  drain: () => number | undefined
  /** Frames that are drained at most: if more come, carrier is not off, and waiting would not end. */
  most: () => number
  /** Wants a turn, for a step. */
  errand: () => void
  /** It is in force, and was not before. */
  changed: (on: boolean) => void
}

export class Carrier {
  readonly #setup: CarrierSetup
  /** What was put on both ends last. */
  #on = false
  #told = false
  #way: 'at rest' | 'draining' | 'acting' = 'at rest'
  /** Frames that may still be drained, and looks that may still be taken. */
  #left = 0
  /** When the next step is due; it is. */
  #timer: NodeJS.Timeout | undefined
  #due = false
  #waiting: (() => void)[] = []

  constructor(setup: CarrierSetup) {
    this.#setup = setup
  }

  get on(): boolean {
    return this.#on
  }

  /** Begins at once, and goes as far as it gets without waiting. */
  set(on: boolean): void {
    if (on && this.#way === 'draining') return
    this.#way = on ? 'draining' : 'acting'
    if (on) this.#left = this.#setup.most()
    this.#go(on ? () => this.#drain() : () => this.#put(false))
  }

  /** It is so already: as others have left it, who may have looked for less long than the kernel takes. */
  goOn(on: boolean): void {
    const { state } = this.#setup
    store(state, CARRIER, on ? 1 : 0)
    this.#on = on
    this.#told = on
    this.#way = 'acting'
    this.#left = KERNEL_DELAY / POLL
    this.#later(POLL)
  }

  /**
   * An end is up that may not have been when carrier was put on it: others are told how it is, as far as that takes a nudge.
   * Nobody waits for the kernel, which before Linux 6.8 acts on its birth without carrier up to a second later.
   */
  tellAgain(): void {
    if (this.#way === 'at rest') for (const device of this.#setup.devices) device.acted(this.#on)
  }

  /** Goes on, if it is time. */
  step(): void {
    if (!this.#due) return
    this.#due = false
    if (this.#way === 'draining') this.#go(() => this.#drain())
    else if (this.#way === 'acting') this.#go(() => this.#look())
  }

  /** Resolves when it is at rest. */
  async settled(): Promise<void> {
    if (this.#way !== 'at rest') await new Promise<void>((settled) => this.#waiting.push(settled))
  }

  /** The pair ends: nobody waits any more. */
  end(): void {
    this.#rest()
  }

  #later(delay: number): void {
    if (this.#timer !== undefined || this.#due) return
    const due = () => {
      this.#timer = undefined
      this.#due = true
      this.#setup.errand()
    }
    if (delay === 0) due()
    else this.#timer = setTimeout(due, delay)
  }

  #go(how: () => void): void {
    try {
      how()
    } catch (error) {
      this.#rest()
      throw error
    }
  }

  #drain(): void {
    const piece = this.#setup.drain()
    this.#left -= piece ?? 0
    if (piece !== 0 && this.#left > 0) this.#later(piece === undefined ? POLL : 0)
    else this.#put(true)
  }

  /**
   * The shared word, which workers read after each receive, is off for as long as something may be read that was sent
   * without carrier.
   */
  #put(on: boolean): void {
    const { state, devices } = this.#setup
    store(state, CARRIER, on ? 1 : 0)
    this.#on = on
    for (const device of devices) device.setCarrier(on)
    this.#way = 'acting'
    this.#left = KERNEL_DELAY / POLL
    if (fallbackForced('nudge')) this.#later(POLL)
    else this.#look()
  }

  /**
   * The kernel acts on a TAP's carrier up to 1 s late, but at once before it answers an RTM_GETLINK
   * (about 6.8 and later; test/kernel/08). Otherwise it is looked at until it has.
   */
  #look(): void {
    const { devices, changed } = this.#setup
    const acted = devices.every((device) => device.acted(this.#on))
    if (!acted && this.#left-- > 0) return this.#later(POLL)
    if (this.#told !== this.#on) changed(this.#on)
    this.#told = this.#on
    this.#rest()
  }

  #rest(): void {
    this.#way = 'at rest'
    this.#due = false
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const settled of this.#waiting.splice(0)) settled()
  }
}

/** Drains a pair in this thread, piece by piece: as CarrierSetup.drain. */
export function drainHere(
  handle: number,
  counters: SharedArrayBuffer,
  queues: readonly PortCouple[],
): () => number {
  let opened: { directions: ServedPair['directions']; scratch: Slab } | undefined
  const open = () => {
    const scratch = new Slab()
    const setup = {
      handle,
      counters,
      index: 0,
      port: undefined,
      hookOf: undefined,
      memory: new FrameMemory(), // nothing is held
      inspected: new Set<never>(),
    }
    return { directions: new ServedPair({ ...setup, scratch, ports: openPorts(queues) }).directions, scratch }
  }
  return () => {
    opened ??= open()
    const piece = drain(opened.directions, opened.scratch)
    if (piece === 0) opened = undefined
    return piece
  }
}
