// Schedules as files have them, and as people read them: src/faults/schedule-words.ts, and the normal form that they come
// to (schedule-plan.ts).

import { describe, expect, test } from 'vitest'
import { planSchedule } from '../../../src/faults/schedule-plan.js'
import { formatSchedule, formatStep, parseSchedule } from '../../../src/faults/schedule-words.js'

const plan = (given: unknown) => planSchedule(parseSchedule(given, 'schedule'), 'schedule')

test('in words or as objects; steps alone are one round', () => {
  const steps = [
    { at: '0s', impair: 'delay 10ms  loss 1% seed 3' },
    { at: 10, impair: { rate: '1mbit', seed: 4 }, carrier: 'off' },
    { at: '20ms', impair: 'none', carrier: 'auto' },
    { at: '30ms', impair: null },
  ]
  const normal = [
    { at: 0, impair: { delay: { time: 10 }, loss: { random: 1 }, seed: 3 } },
    { at: 10, impair: { rate: { rate: 1_000_000 }, seed: 4 }, carrier: 'off' },
    { at: 20, impair: null, carrier: 'auto' },
    { at: 30, impair: null },
  ]
  expect(plan(steps)).toEqual({ steps: normal })
  expect(plan({ steps, repeat: 2, period: '1s' })).toEqual({ steps: normal, repeat: 2, period: 1000 })
  // As it is kept, and made again.
  expect(plan(plan({ steps, repeat: true, period: '1s' }))).toEqual({
    steps: normal,
    repeat: true,
    period: 1000,
  })
})

test('a seed that was not given is drawn once', () => {
  const [first, second] = plan([
    { at: 0, impair: 'loss 1%' },
    { at: 5, impair: { loss: 1 } },
  ]).steps
  expect(first?.impair?.seed).toEqual(expect.any(Number))
  expect(first?.impair?.seed).not.toBe(second?.impair?.seed)
})

describe('refused', () => {
  const OFF = { at: 5, carrier: 'off' }
  test.each([
    [null, 'schedule must be an object, not null'],
    [{}, 'schedule.steps is missing'],
    [{ steps: {} }, 'schedule.steps must be an array of 1 to 4096 steps, not an object'],
    [[], 'schedule.steps must be an array of 1 to 4096 steps, not an empty array'],
    [[7], 'schedule.steps.0 must be an object, not 7'],
    [[{ carrier: 'off' }], 'schedule.steps.0.at is missing'],
    [[{ at: 5 }], 'schedule.steps.0: a step has impair, carrier or both'],
    [[{ at: '5', carrier: 'off' }], 'schedule.steps.0.at must be a time up to a day'],
    [[OFF, OFF], 'schedule.steps.1.at must be behind that of the step before it (5ms)'],
    [[{ at: 0, impair: 'none at all' }], 'schedule.steps.0.impair: "none" takes no words, not "at"'],
    [[{ at: 0, impair: 'delai 1ms' }], 'schedule.steps.0.impair: what is "delai"?'],
    [[{ at: 0, impair: 'loss 101%' }], 'schedule.steps.0.impair.loss.random must be a number of percent'],
    [{ steps: [OFF], repeat: false, period: 9 }, 'schedule.repeat must be true, or a whole number of rounds'],
    [{ steps: [OFF], repeat: 2 }, 'schedule.period is missing: how long a round is'],
    [{ steps: [OFF], period: 9 }, 'schedule.period goes with repeat'],
    [
      { steps: [OFF], repeat: 2, period: 5.5 },
      'schedule.period must be longer than the last step is at (5ms)',
    ],
    [{ steps: [OFF], every: 9 }, 'unknown attribute schedule.every: there are steps, repeat, period'],
  ])('%j', (given, sentence) => {
    expect(() => plan(given)).toThrow(`EINVAL: ${sentence}`)
  })
})

test('is shown shortly, and step by step', () => {
  const steps = plan([
    { at: '90s', impair: 'loss 1% seed 3', carrier: 'on' },
    { at: '91s', impair: 'none' },
  ]).steps
  const come = { done: 3, missed: 0, over: false }
  expect(formatSchedule({ steps, repeat: true, period: 95_000, ...come })).toBe('2 steps, period 95s, done 3')
  expect(formatSchedule({ steps, repeat: 2, period: 95_000, done: 4, missed: 1, over: true })).toBe(
    '2 steps, period 95s, repeat 2, over, missed 1',
  )
  expect(formatSchedule({ steps: steps.slice(1), ...come })).toBe('1 step, done 3')
  expect(steps.map(formatStep)).toEqual(['90s impair loss 1% seed 3 carrier on', '91s impair none'])
})
