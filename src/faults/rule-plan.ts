// What users ask of a rule, and the checks that refuse bad wishes; the answer is plain data that crosses
// threads and is shown by whoever lists rules.

import { invalid } from '../errors.js'
import { type Fields, fields, show, whole } from './check.js'
import type { Match } from './match.js'
import { type MatchPlan, planMatch } from './match-plan.js'
import { MAX_SEED } from './seed.js'

export type RuleAction =
  | { kind: 'drop' }
  /**
   * Flips `bits` bits (default 1), drawn from `seed` and the number of the frame among those that match:
   * behind the Ethernet header, or in the byte at `offset`; or those bits of the byte at `offset` that
   * `mask` has. Checksums stay as they are.
   */
  | { kind: 'corrupt'; offset?: number; mask?: number; bits?: number; seed?: number }
  | { kind: 'delay'; ms: number }
  /** Sends so many more, right behind it; default 1. */
  | { kind: 'duplicate'; copies?: number }

export interface RuleOptions {
  action: RuleAction
  /** Default: every frame. */
  match?: Match
}

/** The bits of a mask, in the byte at an offset; or drawn ones, in the byte at an offset or anywhere. */
export type CorruptPlan =
  | { kind: 'corrupt'; offset: number; mask: number }
  | { kind: 'corrupt'; offset?: number; bits: number; seed: number }

export type ActionPlan =
  | { kind: 'drop' }
  | CorruptPlan
  | { kind: 'delay'; ms: number }
  | { kind: 'duplicate'; copies: number }

export interface RulePlan {
  id: number
  action: ActionPlan
  match: MatchPlan
}

/** Bits of a frame that one rule flips at most. */
export const MAX_BITS = 64
/** Of one frame, so that several rules together stay below what a burst can count. */
const MAX_COPIES = 100
const MAX_OFFSET = 65_535
/** ms; an hour. */
const MAX_DELAY = 3_600_000
const KINDS = {
  drop: [],
  corrupt: ['offset', 'mask', 'bits', 'seed'],
  delay: ['ms'],
  duplicate: ['copies'],
} as const

/** Checks what a rule is to do, and to which frames; messages call it `attribute`. */
export function planRule(options: unknown, attribute: string): Omit<RulePlan, 'id'> {
  const given = fields(options, attribute, ['action', 'match'])
  return {
    action: planAction(given.action, `${attribute}.action`),
    match: planMatch(given.match === undefined ? {} : given.match, `${attribute}.match`),
  }
}

function planAction(action: unknown, attribute: string): ActionPlan {
  const kind = (action as { kind?: unknown } | null | undefined)?.kind
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) {
    const kinds = Object.keys(KINDS).join(', ')
    throw invalid(`${attribute}.kind must be one of ${kinds}, not ${show(kind)}`, `${attribute}.kind`)
  }
  const given = fields(action, attribute, ['kind', ...KINDS[kind as keyof typeof KINDS]])
  switch (kind as keyof typeof KINDS) {
    case 'drop':
      return { kind: 'drop' }
    case 'corrupt':
      return planCorrupt(given, attribute)
    case 'delay':
      return { kind: 'delay', ms: delay(given.ms, `${attribute}.ms`) }
    case 'duplicate':
      return { kind: 'duplicate', copies: whole(given.copies ?? 1, 1, MAX_COPIES, `${attribute}.copies`) }
  }
}

function planCorrupt(given: Fields, attribute: string): CorruptPlan {
  const at = (key: string) => `${attribute}.${key}`
  const offset = given.offset === undefined ? undefined : whole(given.offset, 0, MAX_OFFSET, at('offset'))
  if (given.mask !== undefined) {
    if (offset === undefined)
      throw invalid(`${at('mask')} needs an offset: the byte whose bits it flips`, at('mask'))
    const idle = (['bits', 'seed'] as const).find((key) => given[key] !== undefined)
    if (idle === undefined) return { kind: 'corrupt', offset, mask: whole(given.mask, 1, 0xff, at('mask')) }
    throw invalid(`${at(idle)} has no meaning beside a mask, which says which bits to flip`, at(idle))
  }
  return {
    kind: 'corrupt',
    ...(offset === undefined ? {} : { offset }),
    bits: whole(given.bits ?? 1, 1, offset === undefined ? MAX_BITS : 8, at('bits')),
    seed: whole(given.seed ?? Math.floor(Math.random() * 2 ** 32), 0, MAX_SEED, at('seed')),
  }
}

function delay(value: unknown, attribute: string): number {
  if (typeof value === 'number' && value > 0 && value <= MAX_DELAY) return value
  throw invalid(
    `${attribute} must be milliseconds, more than 0 and at most ${MAX_DELAY}, not ${show(value)}`,
    attribute,
  )
}
