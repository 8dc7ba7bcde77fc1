// What the thread that owns a pair says to the one that forwards for it, and what it hears: rules,
// impairments, captures and hooks, while traffic flows. Each pair has a port of its own, which moves with
// it from worker to worker. An adjustment is posted, then the shared word ADJUSTED is raised, which
// forward.ts reads after each receive: so it acts on every frame that is sent after the post returned.
// An empty one follows, which wakes a worker that sleeps.

import type { ImpairPlan } from '../faults/impair-plan.js'
import type { MatchPlan } from '../faults/match-plan.js'
import type { RulePlan } from '../faults/rule-plan.js'
import { add } from '../frame/words.js'
import { ADJUSTED, type StateWords } from './counters.js'
import type { ScheduleState, StepDone } from './timeline.js'

/** What is captured; plain data, crosses threads. */
export interface CapturePlan {
  id: number
  /** Of createRing(). */
  ring: SharedArrayBuffer
  /** Whose frames are recorded: those that they send, with their fate, */
  ends: { a: boolean; b: boolean }
  /** and those that are delivered to them, too. */
  delivered: boolean
  /** Only frames that it matches, without nth, every and first; null for all. */
  match: MatchPlan | null
  /** Bytes recorded of each frame at most. */
  snaplen: number
}

/** `end` is the end whose frames are concerned: 0 for a, those that it sends. */
export type Adjustment =
  | { op: 'impair'; end: 0 | 1; plan: ImpairPlan | null; restart: boolean }
  /** null: the end has none any more. Its steps are told as they are done, its beginning too. */
  | { op: 'schedule'; end: 0 | 1; schedule: ScheduleState | null }
  | { op: 'rule'; end: 0 | 1; plan: RulePlan; counts: SharedArrayBuffer }
  | { op: 'unrule'; end: 0 | 1; id: number }
  /** With a ring: every matching frame goes into it. Without: the first one is told, and that is all. */
  | { op: 'watch'; end: 0 | 1; id: number; match: MatchPlan; ring?: SharedArrayBuffer }
  | { op: 'unwatch'; end: 0 | 1; id: number }
  | { op: 'capture'; plan: CapturePlan }
  | { op: 'uncapture'; id: number }
  /** A module whose default export makes a hook of its options. Only in a worker of the pair's own. */
  | { op: 'hook'; end: 0 | 1; id: number; url: string; options: unknown }
  | { op: 'unhook'; end: 0 | 1; id: number }
  | { op: 'inject'; end: 0 | 1; frame: Uint8Array }
  /** Answered when everything posted before it is in force. */
  | { op: 'sync'; id: number }
  | { op: 'wake' }

export type AdjustNotice =
  | { event: 'done'; id: number }
  /** The frame that was waited for. */
  | { event: 'frame'; id: number; frame: Uint8Array }
  /** A schedule has begun, or came to a step, or several. */
  | ({ event: 'step'; end: 0 | 1 } & StepDone)
  /** A ring that was empty has something in it. */
  | { event: 'frames'; id: number }
  | { event: 'hook-ready'; id: number }
  /** It threw, when it was loaded or later; it is not in the chain any more. */
  | { event: 'hook-failed'; id: number; message: string }

/** What of a MessagePort is needed. */
interface Poster {
  postMessage(message: unknown): void
}

/** Posts an adjustment; `state` is the pair's shared words. */
export function post(port: Poster, state: StateWords, adjustment: Adjustment): void {
  port.postMessage(adjustment)
  add(state, ADJUSTED, 1)
  const wake: Adjustment = { op: 'wake' }
  port.postMessage(wake)
}
