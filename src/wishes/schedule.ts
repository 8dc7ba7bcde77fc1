// Schedules: what an end's impairment and the pair's carrier are to be at which time. Tables only; what goes together, and
// the normal form, are faults/schedule-plan.ts. In a file impairments may be in words, and steps stand alone.

import { IMPAIR, TIME } from './impair.js'
import { CARRIER_MODES } from './names.js'
import {
  about,
  type Given,
  inWords,
  list,
  object,
  oneOf,
  orNull,
  type Read,
  type Shape,
  value,
  wrong,
} from './shape.js'

/** Each is a set of impairments that is kept ready. */
const MOST_STEPS = 4096
const MOST_ROUNDS = 1_000_000

const IMPAIR_AT = 'replaces what is done to frames that the end sends, from then on; null: nothing is'

function stepsOf<I extends Shape<unknown>>(impair: I) {
  const step = object(
    {
      at: about(
        'since the round began: ms, or a text like "5s"; 1 ms behind the step before it, or more',
        TIME,
      ),
      impair,
      carrier: about('of both ends, from then on', oneOf(...CARRIER_MODES)),
    },
    ['at'],
  )
  const what = `an array of 1 to ${MOST_STEPS} steps`
  const steps = list(what, step, true)
  const counted: typeof steps = {
    schema: { ...steps.schema, minItems: 1, maxItems: MOST_STEPS },
    read(given, attribute) {
      if (Array.isArray(given) && (given.length < 1 || given.length > MOST_STEPS))
        throw wrong(attribute, what, given)
      return steps.read(given, attribute)
    },
  }
  return counted
}

function scheduleOf<S extends Shape<unknown>>(steps: S) {
  return object(
    {
      steps: about('in the order of their times; what the last one has set stays', steps),
      repeat: about(
        'true: round after round; or how many rounds. default: one',
        value<true | number>(
          `true, or a whole number of rounds from 1 to ${MOST_ROUNDS}`,
          { anyOf: [{ const: true }, { type: 'integer', minimum: 1, maximum: MOST_ROUNDS }] },
          (given) =>
            given === true || (Number.isInteger(given) && Number(given) >= 1 && Number(given) <= MOST_ROUNDS)
              ? (given as true | number)
              : undefined,
        ),
      ),
      period: about('how long a round is, of a schedule that repeats', TIME),
    },
    ['steps'],
  )
}

const STEPS = stepsOf(about(IMPAIR_AT, orNull(IMPAIR)))
export const SCHEDULE = scheduleOf(STEPS)
const FILE_STEPS = stepsOf(about(IMPAIR_AT, orNull(inWords(IMPAIR, 'delay 100ms loss 1%'))))
const FILE_SCHEDULE = scheduleOf(FILE_STEPS)
type InFile = Given<typeof FILE_SCHEDULE>

/** As a file has it: steps alone are one round of them. */
export const SCHEDULE_FILE: Shape<InFile | InFile['steps'], Read<typeof FILE_SCHEDULE>> = {
  schema: { anyOf: [FILE_SCHEDULE.schema, FILE_STEPS.schema] },
  read: (given, attribute) => FILE_SCHEDULE.read(Array.isArray(given) ? { steps: given } : given, attribute),
}
