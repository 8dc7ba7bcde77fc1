// Rules: what is done to the frames that a match means. Tables only; defaults and what goes together are
// faults/rule-plan.ts.

import { IMPAIR, SEED } from './impair.js'
import { MATCH } from './match.js'
import {
  about,
  above,
  type Given,
  list,
  object,
  oneOf,
  type Parts,
  type Shape,
  whole,
  wrong,
} from './shape.js'

/** Bits of a frame that one rule flips at most. */
export const MAX_BITS = 64
/** Of one frame, so that several rules together stay below what a burst can count. */
const MAX_COPIES = 100
const MAX_OFFSET = 65_535
/** ms; an hour. */
const MAX_DELAY = 3_600_000

/** By the kind of an action, what goes with it. */
const ACTIONS = {
  drop: object({ kind: oneOf('drop') }, ['kind']),
  corrupt: about(
    'flips bits (default 1), drawn from seed and the number of the frame among those that match: behind the Ethernet header, or in the byte at offset; or those bits of that byte that mask has. Checksums stay as they are',
    object(
      {
        kind: oneOf('corrupt'),
        offset: whole(0, MAX_OFFSET),
        mask: whole(1, 0xff),
        bits: whole(1, MAX_BITS),
        seed: SEED,
      },
      ['kind'],
    ),
  ),
  delay: object(
    {
      kind: oneOf('delay'),
      ms: above(MAX_DELAY, `milliseconds, more than 0 and at most ${MAX_DELAY}`),
    },
    ['kind', 'ms'],
  ),
  duplicate: about(
    'sends so many more, right behind it; default 1',
    object({ kind: oneOf('duplicate'), copies: whole(1, MAX_COPIES) }, ['kind']),
  ),
  impair: about(
    "an impairment for these frames, in place of the end's own: with draws, rate, limit and held frames of its own. The first rule that impairs and matches takes a frame. With kind alone nothing is done to them",
    object({ kind: oneOf('impair'), ...IMPAIR.parts }, ['kind'], null),
  ),
} as const
export type RuleAction = { [K in keyof typeof ACTIONS]: Given<(typeof ACTIONS)[K]> }[keyof typeof ACTIONS]

const KIND = oneOf(...(Object.keys(ACTIONS) as (keyof typeof ACTIONS)[]))

export const ACTION: Shape<RuleAction> & { readonly parts: Parts } = {
  schema: { oneOf: Object.values(ACTIONS).map(({ schema }) => schema) },
  parts: Object.assign({}, ...Object.values(ACTIONS).map(({ parts }) => parts), { kind: KIND }),
  read(given, attribute) {
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw wrong(attribute, 'an object', given)
    const kind = KIND.read((given as { kind?: unknown }).kind, `${attribute}.kind`)
    return ACTIONS[kind].read(given, attribute)
  },
}

export const RULE = object(
  {
    action: ACTION,
    match: about('which frames, of those that the end sends; default: every frame', MATCH),
  },
  ['action'],
)

/** Whose frames an impairment is for. */
export const PART = object({ match: MATCH }, ['match'])

export const RULES = list('an array of rules', RULE, true)
