// One queue of one direction of a pair, and the pair behind it, as the hot loop knows them: forward.ts carries a
// burst of a direction, loop.ts says which is next. served.ts makes them, unit tests make others. Types, and the one
// object that forward() writes its answer into.

import type { Place } from '../frame/words.js'
import type { Counters, StateWords } from './counters.js'
import type { Inspector } from './inspector.js'
import type { Port, WatchedPort } from './port.js'

/** Queue q of one end to queue q of its peer. */
export interface Direction {
  readonly rx: Port
  readonly tx: Port
  /** Shared words that the link thread writes: carrier, MTU. */
  readonly state: StateWords
  /** Place in `state` of the receiving end's MTU. */
  readonly mtu: Place<'state'>
  /** This worker's block of counters. */
  readonly counters: Counters
  /** Number of the queue. */
  readonly queue: number
  /** Takes what was posted to the pair: what is to be inspected from now on, and how. */
  readonly adjustable: Adjustable
  /** The hook chain of the direction, and all that goes with it; undefined while there is none. */
  inspector: Inspector | undefined
}

export interface Adjustable {
  /** Adjustments taken so far, as counted in the shared word. */
  readonly adjusted: number
  adjust(): void
  /** Directions with nothing to inspect do without their inspector. */
  follow(): void
}

/** A direction that a loop serves. */
export interface LoopedDirection extends Direction {
  readonly rx: WatchedPort
  readonly pair: LoopedPair
  /** The sending end: 0 for a. */
  readonly end: 0 | 1
  /** Its port has answered that the device is gone for good. */
  gone: boolean
  /** It was told that the peer is down; once until the next drain. */
  toldDown: boolean
}

/** A pair, as far as a loop needs it. */
export interface LoopedPair {
  readonly handle: number
  readonly directions: readonly LoopedDirection[]
  /** Has something been posted to it that was not taken yet? */
  readonly waiting: boolean
  /** ms (performance.now()) when release() has something to do; Infinity: not before another burst. */
  readonly due: number
  adjust(): void
  /** Sends what is due; how many frames. */
  release(now: number): number
  /** Drops what is held. */
  discard(): void
}

/** What forward() met, beside the frames that it answers. The caller's; filled anew by each call. */
export class Met {
  /** Bytes received. */
  bytes = 0
  /** Frames that could not be written, since the peer is down. */
  down = 0
}
