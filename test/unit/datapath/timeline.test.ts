// Which step of a schedule is due when: src/datapath/timeline.ts, by a clock of the test's own. Compared with a list of
// all steps with their times.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ScheduleState, Timeline } from '../../../src/datapath/timeline.js'
import { planSchedule, type SchedulePlan, type StepPlan } from '../../../src/faults/schedule-plan.js'

type Options = Parameters<typeof planSchedule>[0]

const START = 1_000
const plan = (options: Options) => planSchedule(options, 'schedule')

function begun(options: Options, from: Partial<ScheduleState> = {}): Timeline {
  return new Timeline({ id: 1, plan: plan(options), next: 0, missed: 0, ...from }, START)
}

const OFF = { at: 0, carrier: 'off' }
const ON = { at: 30, carrier: 'auto' }
const LOSS = { at: 10, impair: { loss: 1, seed: 7 } }

/** Steps so far, missed among them, what was set. */
function taken(timeline: Timeline, now: number) {
  const { state, plan, carrier } = timeline.take(now)
  return [state.next, state.missed, plan === null ? 'none' : plan?.seed, carrier]
}

describe('one round', () => {
  test('each step at its time, and no sooner; then nothing is due', () => {
    const timeline = begun({ steps: [OFF, LOSS, { ...ON, impair: null }] })
    expect(timeline.due).toBe(START)
    expect(taken(timeline, START)).toEqual([1, 0, undefined, 'off'])
    expect([timeline.due, timeline.cut]).toEqual([START + 10, true])
    expect(taken(timeline, START + 9.999)).toEqual([1, 0, undefined, undefined])
    expect(taken(timeline, START + 10)).toEqual([2, 0, 7, undefined])
    expect(timeline.cut).toBe(true)
    expect(taken(timeline, START + 31)).toEqual([3, 0, 'none', 'auto'])
    expect([timeline.due, timeline.cut]).toEqual([Number.POSITIVE_INFINITY, false])
    expect(taken(timeline, START + 1e9)).toEqual([3, 0, undefined, undefined])
  })

  test('nothing is due before the first step', () => {
    const timeline = begun({ steps: [LOSS] })
    expect(taken(timeline, START)).toEqual([0, 0, undefined, undefined])
    expect([timeline.due, timeline.cut]).toEqual([START + 10, false])
  })

  test('what was missed is counted, and what it has set last is set', () => {
    const timeline = begun({ steps: [OFF, LOSS, ON, { at: 40, carrier: 'on' }] })
    expect(taken(timeline, START + 35)).toEqual([3, 2, 7, 'auto'])
    expect(taken(timeline, START + 1e6)).toEqual([4, 2, undefined, 'on'])
  })
})

describe('rounds', () => {
  const forever = { steps: [OFF, LOSS, ON], repeat: true, period: 50 } as const

  test('do not drift, however late each step was done', () => {
    const timeline = begun(forever)
    for (let round = 0; round < 10_000; round++) {
      for (const at of [0, 10, 30]) {
        expect(timeline.due).toBe(START + 50 * round + at)
        timeline.take(timeline.due + 3)
      }
    }
    expect(timeline.take(START).state).toMatchObject({ next: 30_000, missed: 0 })
  })

  test('are so many', () => {
    const timeline = begun({ ...forever, repeat: 3 })
    expect(taken(timeline, START + 100)).toEqual([7, 6, 7, 'off'])
    expect(taken(timeline, START + 1e9)).toEqual([9, 7, 7, 'auto'])
    expect(timeline.due).toBe(Number.POSITIVE_INFINITY)
  })

  test('are passed over at once, if a machine has stood still for a year', () => {
    const timeline = begun({
      steps: [
        { at: 0, carrier: 'off' },
        { at: 1, carrier: 'on' },
      ],
      repeat: true,
      period: 2,
    })
    timeline.take(START)
    const year = 365 * 86_400_000
    expect(taken(timeline, START + year)).toEqual([year + 1, year - 1, undefined, 'off'])
    expect(timeline.due).toBe(START + year + 1)
  })

  test('go on in another thread, whose clock is another one', () => {
    const timeline = begun(forever)
    timeline.take(START + 12)
    const other = new Timeline(JSON.parse(JSON.stringify(timeline.state)), 5)
    expect(other.due).toBeCloseTo(START + 30, 2)
    expect(other.state).toMatchObject({ id: 1, next: 2, missed: 1 })
    expect(other.cut).toBe(true)
  })
})

test('as a list of all steps has it, whenever it is asked', () => {
  const step = fc.record(
    {
      gap: fc.integer({ min: 1, max: 30 }),
      seed: fc.nat(999),
      carrier: fc.constantFrom('on', 'off', 'auto'),
    },
    { requiredKeys: ['gap'] },
  )
  const wish = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    rounds: fc.integer({ min: 1, max: 5 }),
    rest: fc.integer({ min: 1, max: 20 }),
    waits: fc.array(fc.oneof(fc.nat(40), fc.nat(400)), { maxLength: 20 }),
  })
  fc.assert(
    fc.property(wish, ({ steps, rounds, rest, waits }) => {
      let at = -1
      const all: StepPlan[] = steps.map(({ gap, seed, carrier = seed === undefined ? 'on' : undefined }) => {
        at += gap
        return {
          at,
          ...(seed !== undefined && { impair: { seed } }),
          ...(carrier && { carrier }),
        } as StepPlan
      })
      const period = at + rest
      const list = Array.from({ length: rounds }, (_, round) =>
        all.map((one) => ({ ...one, at: START + round * period + one.at })),
      ).flat()
      const planned: SchedulePlan = { steps: all, repeat: rounds, period }
      const timeline = new Timeline({ id: 1, plan: planned, next: 0, missed: 0 }, START)
      let now = START
      let done = 0
      let missed = 0
      for (const wait of waits) {
        now += wait
        const fresh = list.slice(done).filter((one) => one.at <= now)
        done += fresh.length
        missed += Math.max(0, fresh.length - 1)
        const last = (key: 'impair' | 'carrier') => fresh.findLast((one) => one[key] !== undefined)?.[key]
        const { state, plan, carrier } = timeline.take(now)
        expect([state.next, state.missed, plan, carrier]).toEqual([
          done,
          missed,
          last('impair'),
          last('carrier'),
        ])
        expect(timeline.due).toBe(list[done]?.at ?? Number.POSITIVE_INFINITY)
        const pulled = list.slice(0, done).findLast((one) => one.carrier !== undefined)?.carrier === 'off'
        expect(timeline.cut).toBe(pulled)
      }
    }),
  )
})
