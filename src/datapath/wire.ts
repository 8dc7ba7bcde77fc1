// Carries out what the chain has said of a burst: drops, holds, and sends in runs. inspector.ts calls settle(), shows
// the burst to captures, then calls send(). Neighbouring wire frames of one super-frame with one fate make one run:
// a whole super-frame leaves as it came, another run behind headers of its own, which are written over the end of the
// frame in front of it. That one is gone then, or stands elsewhere: a run is never followed by another one.
// Nothing of the payload is copied for it, no checksum is computed. Nothing here allocates for a frame.

import type { Burst } from '../frame/burst.js'
import { PASS } from '../frame/cause.js'
import { isTooLong, MTU_OVERHEAD } from '../frame/ethernet.js'
import { BURST, type Slab } from '../frame/slab.js'
import type { SuperFrame } from '../frame/super-frame.js'
import { load, type Place } from '../frame/words.js'
import * as count from './counters.js'
import type { Lane } from './lane.js'
import type { Sender } from './sender.js'

/** What it is wired to. */
export interface WireWiring {
  readonly state: count.StateWords
  /** Place in `state` of the receiving end's MTU. */
  readonly mtu: Place<'state'>
  readonly counters: count.Counters
}

export class Wire {
  readonly #wiring: WireWiring
  readonly #sender: Sender
  /** By frame of a burst, the number of its lane. */
  readonly #taken: Uint32Array
  /** Of the burst that is settled. */
  #lanes: readonly Lane[] = []

  constructor(wiring: WireWiring, sender: Sender, taken: Uint32Array) {
    this.#wiring = wiring
    this.#sender = sender
    this.#taken = taken
  }

  /** What is to wait is held now, in its lane. What the cable does not take is dropped: too long, or more than can be held. */
  settle(burst: Burst, queue: number, lanes: readonly Lane[]): void {
    this.#lanes = lanes
    const limit = load(this.#wiring.state, this.#wiring.mtu) + MTU_OVERHEAD
    for (let frame = 0; frame < burst.count; frame++) {
      const excess = burst.lengths[frame] - limit
      if (excess > 0 && burst.passes(frame) && isTooLong(burst.memory, startOf(burst, frame), excess))
        burst.drop(frame, 'mtu')
    }
    for (let frame = 0; frame < burst.count; ) frame += this.#wait(burst, frame, queue)
    for (const { holding } of lanes) holding.flush()
  }

  /** Sends what passes and is not held, by queue `queue`, and counts what became of all of them. */
  send(burst: Burst, slab: Slab, queue: number): void {
    for (let frame = 0; frame < burst.count; ) frame += this.#route(burst, frame, slab, queue)
    if (this.#sender.staged > 0) this.#sender.send(slab, queue)
  }

  /** Holds a frame, or a run that begins with it, if it is to wait. How many frames that were; one that does not wait is one. */
  #wait(burst: Burst, frame: number, queue: number): number {
    if (!burst.passes(frame)) return 1
    const gone = this.#waitAlone(burst, frame, queue)
    if (burst.copyDelays[frame] > 0 && burst.passes(frame)) this.#waitCopy(burst, frame, queue)
    return gone
  }

  /** The same, but for a copy with a time of its own. */
  #waitAlone(burst: Burst, frame: number, queue: number): number {
    const lane = this.#laneOf(frame)
    const { holding, impairment } = lane
    const delay = burst.delays[frame]
    if (holding.overtakes(burst.now + delay)) holding.hasten(burst.now + delay, delay === 0, impairment?.slot)
    if (delay === 0) return 1
    const ruled = impairment?.ruled
    // A slot counts frames.
    const run = Math.min(runOf(burst, frame, ruled, this.#taken), impairment?.slot === undefined ? BURST : 1)
    if (run === 0) {
      if (!holding.hold(burst, frame, queue, ruled)) lane.refuse(burst, frame)
      return 1
    }
    const held = holding.holdRun(burst, frame, run, queue, ruled)
    for (let refused = held; refused < run; refused++) lane.refuse(burst, frame + refused)
    return run
  }

  #waitCopy(burst: Burst, frame: number, queue: number): void {
    const { holding, impairment } = this.#laneOf(frame)
    const due = burst.now + burst.copyDelays[frame]
    if (holding.overtakes(due)) holding.hasten(due, false, impairment?.slot)
    holding.holdCopy(burst, frame, queue, impairment?.ruled)
  }

  #laneOf(frame: number): Lane {
    return this.#lanes[this.#taken[frame]] as Lane
  }

  /** How many frames have gone the way of this one. */
  #route(burst: Burst, frame: number, slab: Slab, queue: number): number {
    const { counters } = this.#wiring
    const verdict = burst.verdicts[frame]
    if (verdict !== PASS) {
      counters[count.dropsOf(verdict)]++
      return 1
    }
    const copies = burst.copies[frame]
    if (copies > 0) counters[count.COPIED] += copies
    if (burst.delays[frame] > 0) return 1 // held
    const run = runOf(burst, frame)
    if (run > 0 && copies === 0 && burst.whole !== undefined) {
      const { whole } = burst
      const index = burst.first + frame
      const payload = whole.payload(index, run)
      const start = placeRun(burst, whole, index, run)
      this.#stage(slab, queue, start, whole.headers + payload)
      this.#describe(burst, frame, run, payload + run * whole.headers)
      return run
    }
    const start = burst.alone(frame)
    const length = burst.lengths[frame]
    const last = burst.copyDelays[frame] > 0 ? copies - 1 : copies
    for (let copy = 0; copy <= last; copy++) {
      this.#stage(slab, queue, start, length)
      this.#describe(burst, frame, 1, length)
    }
    return 1
  }

  #stage(slab: Slab, queue: number, start: number, length: number): void {
    if (this.#sender.staged === BURST) this.#sender.send(slab, queue)
    this.#sender.stage(slab, start, length)
  }

  /** What was staged last. */
  #describe(burst: Burst, frame: number, frames: number, bytes: number): void {
    const sender = this.#sender
    const at = sender.staged - 1
    sender.numbers[at] = burst.numbers[frame]
    sender.delays[at] = 0
    sender.frames[at] = frames
    sender.bytes[at] = bytes
  }
}

/** Where the Ethernet header stands that says whether a frame is tagged. */
function startOf(burst: Burst, frame: number): number {
  const { whole } = burst
  return whole !== undefined && burst.isPart(frame) ? whole.start : burst.alone(frame)
}

/**
 * How many neighbours from `frame` travel as one: parts of a super-frame that pass, without copies, for the same time;
 * with `ruled`, for the same time by rules, too; with `taken`, in the same lane. 0 or 1 for a frame that travels alone.
 */
function runOf(burst: Burst, frame: number, ruled?: Float64Array, taken?: Uint32Array): number {
  if (burst.whole === undefined) return 0
  const { verdicts, delays, copies } = burst
  const delay = delays[frame]
  let next = frame
  while (
    next < burst.count &&
    verdicts[next] === PASS &&
    delays[next] === delay &&
    copies[next] === 0 &&
    burst.isPart(next) &&
    (ruled === undefined || ruled[next] === ruled[frame]) &&
    (taken === undefined || taken[next] === taken[frame])
  )
    next++
  return next - frame
}

/** Where a run stands behind its headers: a whole super-frame where it came. */
function placeRun(burst: Burst, whole: SuperFrame, index: number, run: number): number {
  if (run === whole.count) return whole.start
  const start = whole.payloadAt(index) - whole.headers
  whole.write(burst.memory, start, index, run)
  return start
}
