// One direction while it is inspected: the frames' way through the chain of hooks. forward.ts hands over a
// burst that was received; loop.ts asks for what is held and due. Nothing here allocates for a frame.
//
//   forward(burst) -> frames as they came, the wire frames of each super-frame described -> chain -> verdicts
//       dropped: counted by cause        pass: sent at once, from the slab, in runs (wire.ts)
//       held: copied (held.ts)           -> release(now) -> sent when its time has come

import type { ImpairPlan } from '../faults/impair-plan.js'
import { Burst } from '../frame/burst.js'
import { finishChecksum, isSendable } from '../frame/segment.js'
import { BURST, HEADROOM, SLAB_BYTES, SLOTS_OFFSET, type Slab, VNET_HDR_LEN } from '../frame/slab.js'
import { SuperFrame } from '../frame/super-frame.js'
import { load, type Place } from '../frame/words.js'
import type { Hook } from '../hooks/hook.js'
import type { Impairment, ImpairState } from '../hooks/impairment.js'
import { Rules, type RulesState } from '../hooks/rule.js'
import { type Watcher, Watches, type WatchState } from '../hooks/watch.js'
import type { CapturePlan } from './adjust.js'
import * as count from './counters.js'
import type { Held } from './held.js'
import type { LaneWiring } from './lane.js'
import { Lanes, type LanesState } from './lanes.js'
import { MOMENT } from './patience.js'
import type { Port } from './port.js'
import { Probe } from './probe.js'
import { Probes } from './probes.js'
import { Sender } from './sender.js'
import { type ScheduleState, type StepDone, Timeline } from './timeline.js'
import { Wire } from './wire.js'

/** What an inspector is wired to. */
export interface Wiring extends LaneWiring {
  /** Where frames go, by number of the queue. */
  readonly ports: readonly Port[]
  readonly state: count.StateWords
  /** Place in `state` of the receiving end's MTU. */
  readonly mtu: Place<'state'>
  /** A slab of this thread for frames that are made: of super-frames that are cut, and frames put in. */
  readonly scratch: Slab
  readonly watcher: Watcher
  /** A schedule has begun, or came to a step. */
  readonly stepped: (end: 0 | 1, done: StepDone) => void
}

/** What a direction is in the middle of. Plain data: part of a pair's dossier (pair/dossier.ts). */
export interface Progress extends LanesState {
  /** performance.timeOrigin of the thread that it comes from: times are of its clock. */
  origin: number
  /** Of the next frame. */
  number: number
}

/** What another thread goes on from: the progress, and what is wanted. */
export interface InspectorState {
  progress: Progress
  watches: WatchState[]
  rules: RulesState
  impair: ImpairPlan | undefined
  schedule: ScheduleState | undefined
  captures: CapturePlan[]
}

export class Inspector {
  readonly watches: Watches
  readonly probes: Probes
  readonly rules = new Rules()
  /** Users' hooks. */
  hooks: readonly Hook[] = []
  /** Where it is in its schedule. */
  timeline: Timeline | undefined
  /** A schedule, of either end, has pulled the plug: the link thread will hear of it. */
  cut = false
  /** Frames that the next burst may have. */
  most = BURST
  readonly #wiring: Wiring
  readonly #burst = new Burst()
  readonly #whole = new SuperFrame()
  #chain: readonly Hook[] = []
  /** Captures want frames as they were sent, and a hook of the chain may change them. */
  #keeps = false
  /** Was there carrier when the burst came? */
  #linked = true
  /** Number of the next frame. */
  #number = 0
  /** The tables of a burst that was received; the slab's own are needed for sending. */
  readonly #starts = new Int32Array(BURST)
  readonly #lengths = new Int32Array(BURST)
  readonly #sender: Sender
  readonly #wire: Wire
  readonly #lanes: Lanes

  /** `heldOf`: makes what keeps the frames that are held. */
  constructor(wiring: Wiring, heldOf?: () => Held) {
    this.#wiring = wiring
    this.watches = new Watches(wiring.watcher)
    this.probes = new Probes(wiring)
    this.#sender = new Sender(wiring, this.probes)
    this.#lanes = new Lanes(wiring, this.#sender, this.rules, heldOf)
    this.#wire = new Wire(wiring, this.#sender, this.rules.taken)
  }

  /** The end's own: for the frames that no rule takes. */
  get impairment(): Impairment | undefined {
    return this.#lanes.own.impairment
  }

  /** `from`: what it goes on from. */
  impair(plan: ImpairPlan | null, from?: ImpairState): void {
    this.#lanes.own.impair(plan, from)
  }

  /** What the end is to be at which time; it begins, or goes on, now. null: nothing. */
  schedule(state: ScheduleState | null): void {
    this.timeline = state === null ? undefined : new Timeline(state)
    if (this.timeline !== undefined) this.#step(this.timeline, performance.now())
  }

  #step(timeline: Timeline, now: number): void {
    const done = timeline.take(now)
    if (done.plan !== undefined) this.impair(done.plan)
    this.compose()
    this.#wiring.stepped(this.#wiring.end, done)
  }

  /** To be called after every change of the parts: composes the chain. */
  compose(): void {
    this.#lanes.follow()
    const { watches, rules, hooks } = this
    const parts = [watches.count > 0 && watches, rules.count > 0 && rules, ...hooks]
    this.#chain = parts.filter((part) => part !== false)
    const alters = rules.alters || hooks.length > 0 || this.#lanes.alters
    this.#keeps = alters && this.probes.count > 0
  }

  /** Nothing is inspected and nothing held: the direction needs it no more. */
  get idle(): boolean {
    const { impairment, holding } = this.#lanes.own
    const chained = this.#chain.length > 0 || this.probes.count > 0
    if (this.cut || (this.timeline?.due ?? Number.POSITIVE_INFINITY) < Number.POSITIVE_INFINITY) return false
    return !chained && impairment === undefined && holding.count === 0
  }

  /** It will not be asked for a while: memory of what it held is given back. */
  rest(): void {
    this.#lanes.clear()
  }

  /** ms (performance.now()) when release() has something to do; Infinity: not before another burst. */
  get due(): number {
    return this.timeline === undefined ? this.#lanes.due : Math.min(this.#lanes.due, this.timeline.due)
  }

  /** Frames that the last forward() could not send, since the peer is down. */
  get down(): number {
    return this.#sender.down
  }

  /** Is a capture that has fallen behind waited for? Then nothing is to be received now (patience.ts). */
  waits(): boolean {
    return this.probes.count > 0 && this.#carrier() && this.probes.wait()
  }

  /** Carries a burst of `received` frames that was read from queue `queue` into `slab`. How many bytes that were. */
  forward(slab: Slab, received: number, queue: number): number {
    let bytes = -received * VNET_HDR_LEN
    for (let slot = 0; slot < received; slot++) bytes += slab.lengths[slot]
    this.#sender.down = 0
    this.#linked = this.#carrier()
    this.#starts.set(slab.starts)
    this.#lengths.set(slab.lengths)
    const began = performance.now()
    let now = began
    // What is due goes first: a frame that is not held must not overtake it.
    while (this.release(now) > 0) now = performance.now()
    this.#burst.begin(slab, now)
    for (let slot = 0; slot < received; slot++) {
      const start = this.#starts[slot]
      const length = this.#lengths[slot] - VNET_HDR_LEN
      if (this.#whole.read(slab.bytes, start, length)) {
        this.#conclude(slab, queue)
        if (this.#whole.divisible) this.#divide(slab, queue, now)
        else this.#cut(queue, now)
        this.#burst.begin(slab, now)
      } else {
        if (!isSendable(slab.bytes, start, length)) finishChecksum(slab.bytes, start, length)
        this.#take(start, length)
      }
    }
    this.#conclude(slab, queue)
    this.#pace(received, performance.now() - began)
    return bytes
  }

  /** After a burst of so many frames, which took `spent` ms. */
  #pace(received: number, spent: number): void {
    // With a chain that needs more it is a smaller burst.
    if (spent > MOMENT) this.most = Math.max(1, Math.floor((received * MOMENT) / spent))
    else if (received >= this.most) this.most = Math.min(BURST, 2 * this.most)
  }

  /** Puts a frame on the cable as if the end's kernel had sent it. */
  inject(frame: Uint8Array): void {
    const { counters, scratch } = this.#wiring
    counters[count.INJECTED]++
    this.#linked = this.#carrier()
    const start = SLOTS_OFFSET + HEADROOM
    scratch.bytes.fill(0, SLOTS_OFFSET, start)
    scratch.bytes.set(frame, start)
    this.#burst.begin(scratch, performance.now())
    this.#burst.push(start, frame.length, this.#number++)
    this.#conclude(scratch, 0)
  }

  /** Does the step that is due, and sends what is. How many frames that were. */
  release(now: number): number {
    if (this.timeline !== undefined && this.timeline.due <= now) this.#step(this.timeline, now)
    const released = this.#lanes.release(now)
    if (released > 0) this.probes.flush()
    return released
  }

  /** Carrier comes on: what was sent before is not to be delivered. */
  discard(): void {
    this.#lanes.discard()
    this.probes.flush()
  }

  /** Ends: what another thread needs to go on from here; what is held goes with it. */
  state(): InspectorState {
    // The other queues of a pair that nothing looks into are served elsewhere from now on.
    if (this.impairment === undefined) this.#lanes.own.holding.hasten(performance.now(), true, undefined)
    return {
      progress: {
        origin: performance.timeOrigin,
        number: this.#number,
        ...this.#lanes.state(),
      },
      watches: this.watches.state(),
      rules: this.rules.state(),
      impair: this.impairment?.plan,
      schedule: this.timeline?.state,
      captures: this.probes.list.map(({ plan }) => plan),
    }
  }

  /** Goes on where another thread stopped. */
  resume({ progress, watches, rules, impair, schedule, captures }: InspectorState): void {
    const { origin, number, ...lanes } = progress
    this.#number = number
    for (const { id, match, ring, matched } of watches) this.watches.add(id, match, ring, matched)
    this.rules.resume(rules)
    this.probes.list = captures.map((plan) => new Probe(plan))
    this.#lanes.resume(impair, lanes, origin - performance.timeOrigin)
    if (schedule !== undefined) this.schedule(schedule)
  }

  #carrier(): boolean {
    return !this.cut && load(this.#wiring.state, count.CARRIER) !== 0
  }

  #take(start: number, length: number): void {
    this.#wiring.counters[count.RECEIVED]++
    this.#wiring.counters[count.RECEIVED_BYTES] += length
    this.#burst.push(start, length, this.#number++)
  }

  /** A super-frame: its wire frames are judged where it stands, as many at a time as a burst has. */
  #divide(slab: Slab, queue: number, now: number): void {
    const { counters } = this.#wiring
    const burst = this.#burst
    for (let first = 0; first < this.#whole.count; first += BURST) {
      burst.begin(slab, now, this.#whole, first)
      counters[count.RECEIVED_BYTES] += burst.pushWhole(this.#number)
      counters[count.RECEIVED] += burst.count
      this.#number += burst.count
      this.#conclude(slab, queue)
    }
  }

  /** The cold path: a super-frame that cannot be described anew for a run. */
  #cut(queue: number, now: number): void {
    const { scratch } = this.#wiring
    const burst = this.#burst
    const whole = this.#whole
    burst.begin(scratch, now)
    let at = SLOTS_OFFSET
    for (let index = 0; index < whole.count; index++) {
      // A segment is no longer than the whole of it.
      if (burst.count === BURST || at + HEADROOM + whole.length > SLAB_BYTES) {
        this.#conclude(scratch, queue)
        burst.begin(scratch, now)
        at = SLOTS_OFFSET
      }
      const size = whole.cut(index, scratch.bytes, at + HEADROOM)
      this.#take(at + HEADROOM, size)
      at = Math.ceil((at + HEADROOM + size) / 64) * 64
    }
    this.#conclude(scratch, queue)
  }

  /** The chain judges the burst; then its frames are dropped, sent or held. */
  #conclude(slab: Slab, queue: number): void {
    const burst = this.#burst
    if (burst.count === 0) return
    if (this.#linked) this.#judge(queue)
    else for (let frame = 0; frame < burst.count; frame++) burst.drop(frame, 'carrier')
    this.probes.sent(burst)
    this.#wire.send(burst, slab, queue)
    this.probes.flush()
  }

  #judge(queue: number): void {
    if (this.#keeps) this.#burst.keep()
    for (const hook of this.#chain) hook.judge(this.#burst)
    this.#lanes.judge(this.#burst)
    this.#wire.settle(this.#burst, queue, this.#lanes.all)
  }
}
