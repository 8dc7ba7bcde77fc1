// The types of what orders carry, which come from the shapes (wishes/), and of what answers show. Part of the table of
// operations (ops.ts).

import type { BriefStats, CarrierMode, EndState, ImpairPlan, RuleStats, ScheduleView } from '../index.js'
import type { CAPTURE_QUERY } from '../wishes/capture.js'
import type { END_CHANGE, END_WISH, PAIR_CHANGE, PAIR_WISH } from '../wishes/end.js'
import type { IMPAIR, IMPAIR_PATCH } from '../wishes/impair.js'
import type { SHIM_LINE } from '../wishes/line.js'
import type { REPLAY_QUERY } from '../wishes/replay.js'
import type { RULE } from '../wishes/rule.js'
import type { SCHEDULE } from '../wishes/schedule.js'
import type { Given } from '../wishes/shape.js'
import type { FLAP } from '../wishes/times.js'

export type EndWish = Given<typeof END_WISH>
export type EndChange = Given<typeof END_CHANGE>
export type PairWish = Given<typeof PAIR_WISH>
export type PairChange = Given<typeof PAIR_CHANGE>
export type ImpairWish = Given<typeof IMPAIR>
export type ImpairPatch = Given<typeof IMPAIR_PATCH>
export type ScheduleWish = Given<typeof SCHEDULE>
export type RuleWish = Given<typeof RULE>
export type FlapOrder = Given<typeof FLAP>
export type ShimLine = Given<typeof SHIM_LINE>
export type CaptureQuery = Given<typeof CAPTURE_QUERY>
export type ReplayQuery = Given<typeof REPLAY_QUERY>

/** An end as answers show it: as the kernel has it, and what is done to the frames that it sends. */
export interface EndView extends EndState {
  /** In its normal form; null for none. */
  impair: ImpairPlan | null
  /** Null for none. */
  schedule: ScheduleView | null
  rules: RuleStats[]
}

/**
 * What is to become of a line of `ip` or `tc`: the real one answers it (`pass`); it is carried out, and this is said;
 * or the real one has to `run` something, line by line until one fails, and `next` comes back with its exit code. What
 * they print as JSON arrays is one array where it is to `merge`; where it is to `tell`, what they print comes back, too, in
 * place of being shown.
 */
export type ShimAnswer =
  | { pass: true }
  | { code: number; stdout: string; stderr: string }
  | { run: string[][]; merge?: true; tell?: true; next?: string }

/** The counters of all pairs at one moment. */
export interface Counted {
  /** ms, of a clock of the daemon that only goes forward. */
  at: number
  pairs: ({ id: string; carrier: boolean } & BriefStats)[]
}

/** A pair as answers show it. */
export interface PairView {
  id: string
  carrier: boolean
  /** What it was set to; a flap leaves it. */
  carrierMode: CarrierMode
  queues: number
  quiet: boolean
  a: EndView
  b: EndView
}
