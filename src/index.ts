// The public API. Everything that users import stands here.

export type { CaptureResult, Rotation } from './capture/setup.js'
export type { InspectedCount } from './datapath/counters.js'
export { type ErrorFields, UvethError } from './errors.js'
export type { ImpairOptions, ImpairPlan } from './faults/impair-plan.js'
export type { Match } from './faults/match-plan.js'
export type { RuleOptions } from './faults/rule-plan.js'
export type { ScheduleOptions } from './faults/schedule-plan.js'
export type { Burst } from './frame/burst.js'
export type { Cause } from './frame/cause.js'
export type { Judge } from './hooks/guard.js'
export { configure } from './link/link.js'
export { type MemoryUse, memoryUse } from './link/memory.js'
export type { CarrierMode, ClosedReason, EndState } from './link/protocol.js'
export type { Capture } from './pair/captures.js'
export type { RuleStats } from './pair/chain.js'
export type { End } from './pair/end.js'
export type { PairEvents } from './pair/events.js'
export type {
  CaptureStreamWish,
  CaptureTarget,
  CaptureWish,
  EndOptions,
  EndSettings,
  PairOptions,
  SightingsWish,
  WaitOptions,
} from './pair/options.js'
export { createPair, type Pair } from './pair/pair.js'
export type { ReplayOptions, ReplayResult } from './pair/replay.js'
export type { Rule } from './pair/rule.js'
export type { ScheduleView } from './pair/schedules.js'
export type {
  BriefStats,
  EndCounters,
  EndStats,
  InterfaceCounters,
  PairCounters,
  PairStats,
} from './pair/stats.js'
export { defineHook, type UserHook } from './pair/user-hook.js'
export type { RingStream, Sighting } from './ring/stream.js'
export type { Logger, Netns } from './wishes/end.js'
export type { RuleAction } from './wishes/rule.js'
