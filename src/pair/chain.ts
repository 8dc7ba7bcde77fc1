// What is wanted for the frames of a pair, as values that are never changed: a change makes another one. Planned
// here from the wishes that a pair is made with; kept by inspection.ts; two of them are compared by
// reconfigure.ts. Knows neither threads nor devices.

import type { CapturePlan } from '../datapath/adjust.js'
import type { Progress } from '../datapath/inspector.js'
import type { ScheduleState } from '../datapath/timeline.js'
import { invalid } from '../errors.js'
import { type ImpairPlan, planImpair } from '../faults/impair-plan.js'
import type { MatchPlan } from '../faults/match-plan.js'
import { type NormalRule, planRule, type RulePlan } from '../faults/rule-plan.js'
import { planSchedule, sets } from '../faults/schedule-plan.js'
import { PART_COUNTS, type PartCount } from '../hooks/impairment.js'
import { allocateRuleCounts, RULE_COUNTS } from '../hooks/rule.js'
import { keepTo } from '../wishes/limits.js'
import type { EndOptions } from './options.js'

/** 0 for a. */
export type EndIndex = 0 | 1
export const ENDS = [0, 1] as const

/** A rule, and what it has met: shared memory, which the thread that forwards writes. */
export interface CountedRule {
  readonly plan: RulePlan
  readonly counts: SharedArrayBuffer
}

/** What is wanted for the frames that one end sends; each by its number, in the order of the numbers. */
export interface Chain {
  /** `restart`: it begins anew. Otherwise it goes on as the one before it. */
  readonly impair: { readonly plan: ImpairPlan; readonly restart: boolean } | null
  /** What it is to be at which time, and how far that has come; one that is over stays until something else is ordered. */
  readonly schedule: ScheduleState | null
  readonly rules: ReadonlyMap<number, CountedRule>
  readonly watches: ReadonlyMap<number, { readonly match: MatchPlan; readonly ring?: SharedArrayBuffer }>
  /** Users' hooks; null for a function, which is of this thread. */
  readonly hooks: ReadonlyMap<number, { readonly url: string; readonly options: unknown } | null>
}

export interface Wanted {
  readonly ends: readonly [a: Chain, b: Chain]
  readonly captures: ReadonlyMap<number, CapturePlan>
}

const EMPTY: Chain = { impair: null, schedule: null, rules: new Map(), watches: new Map(), hooks: new Map() }
export const NOTHING: Wanted = { ends: [EMPTY, EMPTY], captures: new Map() }

/** What an end begins with. */
export interface ChainPlan {
  impair: ImpairPlan | null
  schedule: ScheduleState | null
  rules: readonly CountedRule[]
}

/** What each direction is in the middle of; nothing, of a pair that is forwarded, or has no hook. */
export type Progresses = readonly [] | readonly [a: Progress, b: Progress]

/** What a pair begins with. */
export interface Start {
  chains: readonly [a: ChainPlan, b: ChainPlan]
  /** Armed: each with its ring. */
  captures?: readonly CapturePlan[]
  progress?: Progresses
  /** The highest number that a rule had. */
  lastRule?: number
}

/** Checks what the ends are to begin with; the rules of both are numbered in one row. */
export function planChains(ends: { a?: EndOptions; b?: EndOptions }): readonly [a: ChainPlan, b: ChainPlan] {
  let last = 0
  const plan = (end: 'a' | 'b'): ChainPlan => {
    const { impair, schedule, rules = [] } = ends[end] ?? {}
    keepTo('rules', rules.length)
    const planned = rules.map((rule, at) => planRule(rule, `${end}.rules.${at}`))
    return {
      impair: impair == null ? null : planImpair(impair, `${end}.impair`),
      schedule:
        schedule === undefined
          ? null
          : { id: 0, plan: planSchedule(schedule, `${end}.schedule`), next: 0, missed: 0 },
      rules: planned.map((rule) => countedRule({ id: ++last, ...rule })),
    }
  }
  const [a, b] = [plan('a'), plan('b')]
  if ([a, b].every(({ schedule }) => schedule !== null && sets('carrier', schedule.plan)))
    throw invalid('carrier is of both ends: the schedule of one of them sets it', 'b.schedule')
  return [a, b]
}

/** What a rule has met so far. */
export interface RuleMet {
  /** Frames that its match fits; of these, frames that it acted on (nth, every, first). */
  matched: number
  hits: number
  /** Of one that impairs: frames that it has lost, had no room for (`limit`), holds now, has delayed and so on. */
  impaired?: Record<PartCount, number>
}

/** A rule that has met so many frames already. */
export function countedRule(plan: RulePlan, met: RuleMet = { matched: 0, hits: 0 }): CountedRule {
  const counts = allocateRuleCounts()
  const { impaired, ...rest } = met
  const words: Partial<Record<(typeof RULE_COUNTS)[number], number>> = { ...rest, ...impaired }
  new Float64Array(counts).set(RULE_COUNTS.map((name) => words[name] ?? 0))
  return { plan, counts }
}

/** The same, but for one end. */
export function withChain({ ends, captures }: Wanted, end: EndIndex, change: Partial<Chain>): Wanted {
  const [a, b] = ends
  return { captures, ends: end === 0 ? [{ ...a, ...change }, b] : [a, { ...b, ...change }] }
}

export function withEntry<V>(map: ReadonlyMap<number, V>, id: number, value: V): Map<number, V> {
  return new Map(map).set(id, value)
}

export function without<V>(map: ReadonlyMap<number, V>, id: number): Map<number, V> {
  const rest = new Map(map)
  rest.delete(id)
  return rest
}

/** A rule of an end in its normal form, and what it has met so far. */
export interface RuleStats extends NormalRule, RuleMet {
  id: number
}

export function ruleStats({ plan, counts }: CountedRule): RuleStats {
  const [matched = 0, hits = 0, ...part] = new Float64Array(counts)
  const { id, action, match } = plan
  const stats = { id, action, match: match.normal, matched, hits }
  if (action.kind !== 'impair') return stats
  const impaired = PART_COUNTS.map((name, at) => [name, part[at] ?? 0])
  return { ...stats, impaired: Object.fromEntries(impaired) as Record<PartCount, number> }
}
