// What is wanted for the frames that one end sends: planned from the wishes that a pair is made with, and as
// inspection.ts keeps it.

import { invalid } from '../errors.js'
import { type ImpairPlan, planImpair } from '../faults/impair-plan.js'
import type { Match } from '../faults/match.js'
import { planRule, type RulePlan } from '../faults/rule-plan.js'
import type { EndOptions } from './options.js'

/** 0 for a. */
export type EndIndex = 0 | 1
export const ENDS = [0, 1] as const

/** What an end begins with. */
export interface ChainPlan {
  impair: ImpairPlan | null
  rules: Omit<RulePlan, 'id'>[]
}

/** Checks it; `end` is what messages call the end. */
export function planChain({ impair, rules = [] }: EndOptions, end: string): ChainPlan {
  if (!Array.isArray(rules)) throw invalid(`${end}.rules must be an array of rules`, `${end}.rules`)
  return {
    impair: impair == null ? null : planImpair(impair, `${end}.impair`),
    rules: rules.map((rule, at) => planRule(rule, `${end}.rules.${at}`)),
  }
}

/** What is wanted for the frames of one end. */
export class Wanted {
  impair: ImpairPlan | null = null
  readonly rules = new Map<number, { plan: RulePlan; counts: SharedArrayBuffer }>()
  readonly watches = new Map<number, { match: Match; ring?: SharedArrayBuffer }>()
  /** Users' hooks: the URL of each, empty for a function. */
  readonly hooks = new Map<number, string>()

  /** The rules in their order, with what they have met. */
  ruleStats(): RuleStats[] {
    return [...this.rules.values()].map(({ plan, counts }) => {
      const [matched = 0, hits = 0] = new Float64Array(counts)
      return { id: plan.id, action: plan.action, match: plan.match as Match, matched, hits }
    })
  }

  get nothing(): boolean {
    return this.impair === null && this.rules.size + this.watches.size + this.hooks.size === 0
  }
}

/** A rule of an end, and what it has met so far. */
export interface RuleStats {
  id: number
  /** What it does, and to which frames. */
  action: RulePlan['action']
  match: Match
  /** Frames that its match fits; of these, frames that it acted on (nth, every, first). */
  matched: number
  hits: number
}
