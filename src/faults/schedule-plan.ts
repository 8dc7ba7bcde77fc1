// Makes the plan of a schedule: checks that its steps go together (each part is checked by its shape, wishes/schedule.ts),
// and brings it into one normal form: complete, plain data, each step a finished plan with a seed that is drawn once.
// Called where options come in; datapath/timeline.ts works from plans.

import { invalid } from '../errors.js'
import type { CARRIER_MODES } from '../wishes/names.js'
import { SCHEDULE } from '../wishes/schedule.js'
import { at, type Given } from '../wishes/shape.js'
import { formatTime } from '../wishes/units.js'
import { type ImpairPlan, planImpair } from './impair-plan.js'

export type ScheduleOptions = Given<typeof SCHEDULE>

export interface StepPlan {
  /** ms since the round began. */
  at: number
  /** What it does not have stays as it is; null takes the impairment away. */
  impair?: ImpairPlan | null
  carrier?: (typeof CARRIER_MODES)[number]
}

/** Without `repeat` and `period` it is one round. */
export interface SchedulePlan {
  steps: readonly StepPlan[]
  repeat?: true | number
  /** ms. */
  period?: number
}

/** ms between two steps: each is told to whoever owns the pair. */
const LEAST = 1

/** Checks `options`; `attribute` is what messages call them. */
export function planSchedule(options: unknown, attribute: string): SchedulePlan {
  const { steps, repeat, period } = SCHEDULE.read(options, attribute)
  const name = at(attribute, 'steps')
  const given = (options as ScheduleOptions).steps
  const planned = steps.map((step, number): StepPlan => {
    const own = at(name, String(number))
    const before = steps[number - 1]?.at
    if (before !== undefined && step.at < before + LEAST)
      throw invalid(
        `${own}.at must be behind that of the step before it (${formatTime(before)})`,
        `${own}.at`,
      )
    if (step.impair === undefined && step.carrier === undefined)
      throw invalid(`${own}: a step has impair, carrier or both`, own)
    const { impair } = given[number] as { impair?: unknown }
    return {
      at: step.at,
      ...(impair !== undefined && { impair: impair === null ? null : planImpair(impair, `${own}.impair`) }),
      ...(step.carrier && { carrier: step.carrier }),
    }
  })
  const last = (planned.at(-1) as StepPlan).at
  return { steps: planned, ...planRounds(repeat, period, last, attribute) }
}

function planRounds(
  repeat: true | number | undefined,
  period: number | undefined,
  last: number,
  attribute: string,
): Pick<SchedulePlan, 'repeat' | 'period'> {
  const of = (key: 'repeat' | 'period') => at(attribute, key)
  if (repeat === undefined && period === undefined) return {}
  if (period === undefined) throw invalid(`${of('period')} is missing: how long a round is`, of('period'))
  if (repeat === undefined) throw invalid(`${of('period')} goes with repeat`, of('period'))
  if (period < last + LEAST)
    throw invalid(
      `${of('period')} must be longer than the last step is at (${formatTime(last)})`,
      of('period'),
    )
  return { repeat, period }
}

/** Whether a step sets it. */
export function sets(
  key: 'impair' | 'carrier',
  { steps }: Pick<SchedulePlan | ScheduleOptions, 'steps'>,
): boolean {
  return steps.some((step) => step[key] !== undefined)
}

/** Steps of all rounds. */
export function stepsInAll({ steps, repeat = 1 }: SchedulePlan): number {
  return steps.length * (repeat === true ? Number.POSITIVE_INFINITY : repeat)
}
