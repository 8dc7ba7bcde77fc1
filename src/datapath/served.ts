// A pair as the thread that forwards for it keeps it: its directions, and the inspectors that adjustments
// make and take away. Made by worker.ts, and by inline.ts for a pair that is looped in its owner's thread; loop.ts
// serves it.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { type FrameMemory, Share } from '../frame/memory.js'
import type { Slab } from '../frame/slab.js'
import { load } from '../frame/words.js'
import { GuardedHook, type HookOf, type Judge, messageOf } from '../hooks/guard.js'
import type { Watcher } from '../hooks/watch.js'
import type { Adjustment, AdjustNotice } from './adjust.js'
import { Cells } from './cells.js'
import * as count from './counters.js'
import type { Adjustable, LoopedDirection, LoopedPair } from './direction.js'
import { Held } from './held.js'
import { Inspector, type InspectorState } from './inspector.js'
import type { WatchedPort } from './port.js'
import { Probe } from './probe.js'
import type { StepDone } from './timeline.js'

export interface ServedSetup {
  handle: number
  counters: SharedArrayBuffer
  /** Number of this thread's block of counters. */
  index: number
  /** Of the queues that this thread serves. */
  ports: readonly (readonly [a: WatchedPort, b: WatchedPort])[]
  /** Where adjustments come from; absent in a thread that serves other queues of the pair only. */
  port: MessagePort | undefined
  scratch: Slab
  /** Of the process, for what is held. */
  memory: FrameMemory
  /** Loads a user's hook; a thread that serves several pairs has none. */
  hookOf: HookOf | undefined
  /** Pairs of this thread that are inspected or hold frames: kept up to date by each. */
  inspected: Set<LoopedPair>
}

/** What a pair's inspection is, for the thread that goes on with it. */
export type PairState = [a: InspectorState, b: InspectorState] | []

const ENDS = [0, 1] as const

export class ServedPair implements LoopedPair, Adjustable, Watcher {
  readonly handle: number
  readonly directions: LoopedDirection[] = []
  readonly port: MessagePort | undefined
  adjusted = 0
  readonly #setup: ServedSetup
  readonly #state: count.StateWords
  readonly #inspectors: Inspector[] = []
  readonly #share: Share

  constructor(setup: ServedSetup) {
    this.handle = setup.handle
    this.port = setup.port
    this.#setup = setup
    this.#state = count.stateOf(setup.counters)
    this.#share = new Share(setup.memory, count.shareOf(setup.counters))
    setup.ports.forEach((ports, queue) => {
      for (const end of ENDS) this.directions.push(this.#direction(end, queue, ports))
    })
  }

  /** Has something been posted that was not taken yet? */
  get waiting(): boolean {
    return load(this.#state, count.ADJUSTED) !== this.adjusted
  }

  /** Takes what was posted. */
  adjust(): void {
    this.adjusted = load(this.#state, count.ADJUSTED)
    const { port } = this
    if (port === undefined) return
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
      this.apply(next.message as Adjustment)
    }
    this.compose()
  }

  /** What is held of both directions and due next, in ms; Infinity for nothing. */
  get due(): number {
    const [ab, ba] = this.#inspectors
    return ab === undefined || ba === undefined ? Number.POSITIVE_INFINITY : Math.min(ab.due, ba.due)
  }

  /** Sends what is due; how many frames. */
  release(now: number): number {
    let released = 0
    for (const inspector of this.#inspectors) released += inspector.release(now)
    if (released > 0) this.follow()
    return released
  }

  /** Carrier is about to come on: nothing that is held may be delivered. */
  discard(): void {
    for (const inspector of this.#inspectors) inspector.discard()
  }

  /** The inspector of what `end` sends; made at first use. */
  inspector(end: 0 | 1): Inspector {
    if (this.#inspectors.length === 0) this.#inspectors.push(this.#inspect(0), this.#inspect(1))
    return this.#inspectors[end] as Inspector
  }

  /** The pair is being closed: what is held will not be sent. */
  close(): void {
    this.discard()
    for (const inspector of this.#inspectors) inspector.rest()
    this.port?.close()
  }

  /** Leaves the pair to another thread: what that needs to go on. */
  surrender(): PairState {
    const [ab, ba] = this.#inspectors
    return ab === undefined || ba === undefined ? [] : [ab.state(), ba.state()]
  }

  /** Goes on where another thread stopped. */
  resume(state: PairState): void {
    for (const end of ENDS) if (state[end] !== undefined) this.inspector(end).resume(state[end])
    this.compose()
  }

  /** After a change of what is inspected: the chains, and who needs one. */
  compose(): void {
    for (const inspector of this.#inspectors) inspector.compose()
    this.#cut()
    this.follow()
  }

  /** A pulled plug is one of both directions. */
  #cut(): void {
    const cut = this.#inspectors.some(({ timeline }) => timeline?.cut === true)
    for (const inspector of this.#inspectors) inspector.cut = cut
  }

  #stepped(end: 0 | 1, done: StepDone): void {
    this.#cut()
    this.follow()
    this.tell({ event: 'step', end, ...done })
  }

  /** Directions with nothing to inspect, and nothing held, do without their inspector, and its memory. */
  follow(): void {
    let busy = false
    for (const inspector of this.#inspectors) if (inspector.idle) inspector.rest()
    for (const direction of this.directions) {
      const inspector = this.#inspectors[direction.end]
      direction.inspector = inspector === undefined || inspector.idle ? undefined : inspector
      if (direction.inspector !== undefined) busy = true
    }
    if (busy) this.#setup.inspected.add(this)
    else this.#setup.inspected.delete(this)
  }

  tell(notice: AdjustNotice): void {
    this.port?.postMessage(notice)
  }

  frame(id: number, frame: Uint8Array): void {
    this.tell({ event: 'frame', id, frame })
  }

  frames(id: number): void {
    this.tell({ event: 'frames', id })
  }

  apply(adjustment: Adjustment): void {
    switch (adjustment.op) {
      case 'wake':
        return
      case 'sync':
        return this.tell({ event: 'done', id: adjustment.id })
      case 'capture': {
        const probe = new Probe(adjustment.plan)
        for (const end of ENDS) {
          const inspector = this.inspector(end)
          inspector.probes.list = [...inspector.probes.list, probe]
        }
        return
      }
      case 'uncapture': {
        for (const end of ENDS) {
          const inspector = this.inspector(end)
          inspector.probes.list = inspector.probes.list.filter(({ plan }) => plan.id !== adjustment.id)
        }
        return
      }
      default:
        return this.#applyTo(this.inspector(adjustment.end), adjustment)
    }
  }

  #applyTo(
    inspector: Inspector,
    adjustment: Exclude<Adjustment, { op: 'wake' | 'sync' | 'capture' | 'uncapture' }>,
  ): void {
    switch (adjustment.op) {
      case 'impair':
        return inspector.impair(
          adjustment.plan,
          adjustment.restart ? undefined : inspector.impairment?.state(),
        )
      case 'schedule':
        return inspector.schedule(adjustment.schedule)
      case 'rule':
        return inspector.rules.add(adjustment.plan, new Float64Array(adjustment.counts))
      case 'unrule':
        return inspector.rules.remove(adjustment.id)
      case 'watch':
        return inspector.watches.add(adjustment.id, adjustment.match, adjustment.ring)
      case 'unwatch':
        return inspector.watches.remove(adjustment.id)
      case 'hook':
        return this.#hook(inspector, adjustment)
      case 'unhook':
        inspector.hooks = inspector.hooks.filter((hook) => (hook as GuardedHook).id !== adjustment.id)
        return
      case 'inject': {
        // What was posted before it is in force for it.
        this.compose()
        return inspector.inject(adjustment.frame)
      }
    }
  }

  #hook(inspector: Inspector, { id, url, options, end }: Extract<Adjustment, { op: 'hook' }>): void {
    const fail = (error: unknown) => {
      this.#hookFailed(end, id)
      this.tell({ event: 'hook-failed', id, message: messageOf(error) })
    }
    const { hookOf } = this.#setup
    if (hookOf === undefined) return fail(new Error('this thread serves other pairs too'))
    hookOf(url, options).then((judge) => {
      inspector.hooks = [...inspector.hooks, new GuardedHook(id, judge, fail)]
      this.compose()
      this.tell({ event: 'hook-ready', id })
    }, fail)
  }

  /** A function of this thread's own as a hook. */
  use(end: 0 | 1, id: number, judge: Judge, failed: (error: unknown) => void): void {
    const inspector = this.inspector(end)
    const fail = (error: unknown) => {
      this.#hookFailed(end, id)
      failed(error)
    }
    inspector.hooks = [...inspector.hooks, new GuardedHook(id, judge, fail)]
    this.compose()
  }

  /** Counted, and out of the chain. */
  #hookFailed(end: 0 | 1, id: number): void {
    const { counters, index } = this.#setup
    const block = count.blockOf(counters, index, end)
    block[count.HOOK_ERRORS]++
    const inspector = this.inspector(end)
    inspector.hooks = inspector.hooks.filter((hook) => (hook as GuardedHook).id !== id)
    this.compose()
  }

  #direction(end: 0 | 1, queue: number, ports: readonly [WatchedPort, WatchedPort]): LoopedDirection {
    const { counters, index } = this.#setup
    const peer = end === 0 ? 1 : 0
    const direction = {
      pair: this,
      adjustable: this,
      inspector: undefined,
      end,
      queue,
      rx: ports[end],
      tx: ports[peer],
      state: this.#state,
      mtu: count.MTU[peer],
      counters: count.blockOf(counters, index, end),
      gone: false,
      toldDown: false,
    }
    ports[end].serves?.(direction)
    return direction
  }

  #inspect(end: 0 | 1): Inspector {
    const { counters, index, scratch } = this.#setup
    const mine = this.directions.filter((direction) => direction.end === end)
    const wiring = {
      end,
      ports: mine.map(({ tx }) => tx),
      state: this.#state,
      mtu: count.MTU[end === 0 ? 1 : 0],
      counters: count.blockOf(counters, index, end),
      effects: count.effectsOf(counters, index, end),
      scratch,
      watcher: this,
      stepped: (end: 0 | 1, done: StepDone) => this.#stepped(end, done),
    }
    return new Inspector(wiring, () => new Held(new Cells({ share: this.#share })))
  }
}
