// Makes the plan of a rule: checks that what a user wrote goes together (each part is checked by its shape,
// wishes/rule.ts) and puts the defaults in. Plain data that crosses threads and is shown by whoever lists rules.

import { invalid } from '../errors.js'
import type { Seed } from '../wishes/impair.js'
import { RULE, type RuleAction } from '../wishes/rule.js'
import { at, type Given, whole } from '../wishes/shape.js'
import { type ImpairPlan, planImpair } from './impair-plan.js'
import { type MatchPlan, type NormalMatch, planMatch } from './match-plan.js'

export type RuleOptions = Given<typeof RULE>

/** The bits of a mask, in the byte at an offset; or drawn ones, in the byte at an offset or anywhere. */
export type CorruptPlan =
  | { kind: 'corrupt'; offset: number; mask: number }
  | { kind: 'corrupt'; offset?: number; bits: number; seed: Seed }

export type ActionPlan =
  | { kind: 'drop' }
  | CorruptPlan
  | { kind: 'delay'; ms: number }
  | { kind: 'duplicate'; copies: number }
  /** In place of the end's own impairment. With a seed alone, nothing is done to its frames. */
  | ({ kind: 'impair' } & ImpairPlan)

export interface RulePlan {
  id: number
  action: ActionPlan
  match: MatchPlan
}

/** The normal form of a rule: what it is told as, and one that can be ordered. */
export interface NormalRule {
  action: ActionPlan
  match: NormalMatch
}

/** Checks what a rule is to do, and to which frames; messages call it `attribute`. */
export function planRule(options: unknown, attribute: string): Omit<RulePlan, 'id'> {
  const { action } = RULE.read(options, attribute)
  const { match = {} } = options as RuleOptions
  return {
    action: planAction(action, at(attribute, 'action')),
    match: planMatch(match, at(attribute, 'match')),
  }
}

function planAction(action: RuleAction, attribute: string): ActionPlan {
  switch (action.kind) {
    case 'corrupt':
      return planCorrupt(action, attribute)
    case 'duplicate':
      return { copies: 1, ...action }
    case 'impair':
      return planPart(action, attribute)
    default:
      return action
  }
}

/** One that does nothing draws nothing: its seed is always the same. */
function planPart(
  { kind, ...options }: Extract<RuleAction, { kind: 'impair' }>,
  attribute: string,
): ActionPlan {
  const plan = planImpair(options, attribute)
  const idle = Object.keys(plan).length === 1 && options.seed === undefined
  return { kind, ...plan, ...(idle && { seed: 0 }) }
}

/** In one byte there are fewer bits. */
const BITS_OF_A_BYTE = whole(1, 8)

function planCorrupt(action: Extract<RuleAction, { kind: 'corrupt' }>, attribute: string): CorruptPlan {
  const { kind, offset, mask, bits = 1, seed = Math.floor(Math.random() * 2 ** 32) } = action
  if (mask !== undefined) {
    if (offset === undefined) {
      const name = at(attribute, 'mask')
      throw invalid(`${name} needs an offset: the byte whose bits it flips`, name)
    }
    const idle = (['bits', 'seed'] as const).find((key) => action[key] !== undefined)
    if (idle === undefined) return { kind, offset, mask }
    const name = at(attribute, idle)
    throw invalid(`${name} has no meaning beside a mask, which says which bits to flip`, name)
  }
  if (offset !== undefined) BITS_OF_A_BYTE.read(bits, at(attribute, 'bits'))
  return { kind, ...(offset === undefined ? {} : { offset }), bits, seed }
}
