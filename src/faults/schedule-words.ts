// Schedules as files have them, and as people read them. Called by the command, and by whoever plans a lab's file. It
// reads no file itself.

import { invalid } from '../errors.js'
import { SCHEDULE_FILE } from '../wishes/schedule.js'
import { at } from '../wishes/shape.js'
import { formatTime } from '../wishes/units.js'
import { fromWords, type ReadText } from '../wishes/words.js'
import type { ImpairPlan } from './impair-plan.js'
import { formatImpair, parseImpairWords } from './impair-words.js'
import { planSchedule, type ScheduleOptions, type SchedulePlan, type StepPlan } from './schedule-plan.js'

/** What a file describes, checked, as it is ordered: seeds are there where they were given. */
export function parseSchedule(given: unknown, attribute: string, readText?: ReadText): ScheduleOptions {
  SCHEDULE_FILE.read(given, attribute)
  const whole = (Array.isArray(given) ? { steps: given } : given) as { steps: { impair?: unknown }[] }
  const steps = whole.steps.map((step, number) => {
    const name = at(attribute, `steps.${number}.impair`)
    const parse = (words: string[]) => (words[0] === 'none' ? none(words) : parseImpairWords(words, readText))
    return step.impair === undefined ? step : { ...step, impair: fromWords(step.impair, name, parse) }
  })
  const options = { ...whole, steps } as unknown as ScheduleOptions
  planSchedule(options, attribute)
  return options
}

function none([, more]: string[]): null {
  if (more !== undefined) throw invalid(`"none" takes no words, not "${more}"`)
  return null
}

interface Come {
  done: number
  missed: number
  over: boolean
}

/** `3 steps, period 20s, repeat 5`. */
export function formatRounds({ steps, repeat, period }: SchedulePlan): string {
  return [
    `${steps.length} step${steps.length === 1 ? '' : 's'}`,
    ...(period === undefined ? [] : [`period ${formatTime(period)}`]),
    ...(typeof repeat === 'number' ? [`repeat ${repeat}`] : []),
  ].join(', ')
}

/** `3 steps, period 20s, done 4, missed 1`. */
export function formatSchedule({ done, missed, over, ...plan }: SchedulePlan & Come): string {
  return [
    formatRounds(plan),
    over ? 'over' : `done ${done}`,
    ...(missed > 0 ? [`missed ${missed}`] : []),
  ].join(', ')
}

/** `5s impair delay 10ms seed 7 carrier off`. */
export function formatStep({ at: time, ...step }: StepPlan): string {
  return [formatTime(time), ...stepWords(step)].join(' ')
}

export function stepWords(step: { impair?: ImpairPlan | null; carrier?: string }): string[] {
  return [
    ...(step.impair === undefined
      ? []
      : [`impair ${step.impair === null ? 'none' : formatImpair(step.impair)}`]),
    ...(step.carrier === undefined ? [] : [`carrier ${step.carrier}`]),
  ]
}
