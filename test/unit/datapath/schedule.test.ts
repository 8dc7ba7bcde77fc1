// A schedule of one direction: its steps are done between bursts, by the clock, and do to the frames behind them what the
// same impairments do that are set by hand there. src/datapath/inspector.ts and served.ts with fake ports and a clock of
// the test's own.

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CARRIER } from '../../../src/datapath/counters.js'
import { type ScheduleOptions as Options, planSchedule } from '../../../src/faults/schedule-plan.js'
import { balance } from '../../support/counts.js'
import { InspectedBench, marked, marksOf } from '../../support/inspected.js'

type Step = Options['steps'][number]

let now: number
beforeEach(() => {
  now = 5_000
  vi.spyOn(performance, 'now').mockImplementation(() => now)
})
afterEach(() => vi.restoreAllMocks())

function scheduled(options: Options): InspectedBench {
  const bench = new InspectedBench()
  bench.inspector.schedule({ id: 4, plan: planSchedule(options, 'schedule'), next: 0, missed: 0 })
  return bench
}

const LOST = { loss: 100, seed: 1 }

describe('a step', () => {
  test('at 0 is in force for the first frame, and is told', () => {
    const bench = scheduled({ steps: [{ at: 0, impair: LOST }] })
    bench.send(marked(1))
    expect(bench.delivered).toEqual([])
    expect(bench.counts.drops.loss).toBe(1)
    expect(bench.steps).toMatchObject([{ state: { id: 4, next: 1, missed: 0 }, plan: LOST && { seed: 1 } }])
  })

  test('is done when a burst comes, or when nothing does', () => {
    const bench = scheduled({
      steps: [
        { at: 10, impair: LOST },
        { at: 20, impair: null },
      ],
    })
    bench.send(marked(1))
    expect([bench.inspector.idle, bench.inspector.due, bench.steps.length]).toEqual([false, 5_010, 1])
    now += 10
    bench.send(marked(2))
    now += 9.5
    bench.send(marked(3))
    expect(bench.inspector.due).toBe(5_020)
    now += 1
    expect(bench.inspector.release(now)).toBe(0)
    expect(bench.steps.map(({ state }) => state.next)).toEqual([0, 1, 2])
    expect([bench.inspector.idle, bench.inspector.due]).toEqual([true, Number.POSITIVE_INFINITY])
    bench.send(marked(4))
    expect(marksOf(bench.delivered)).toEqual([1, 4])
  })

  test('lets what is held go on, and nothing overtakes it', () => {
    const bench = scheduled({
      steps: [
        { at: 0, impair: { delay: 50 } },
        { at: 10, impair: { delay: 5 } },
      ],
    })
    bench.send(marked(1))
    now += 10
    bench.send(marked(2))
    now += 5
    bench.inspector.release(now)
    expect(marksOf(bench.delivered)).toEqual([1, 2])
  })

  test('may be the end of it: what it has set stays', () => {
    const bench = scheduled({ steps: [{ at: 5, impair: LOST }] })
    now += 5
    bench.inspector.release(now)
    bench.inspector.schedule(null)
    bench.send(marked(1))
    expect(bench.counts.drops.loss).toBe(1)
  })

  test('that pulls the plug is told; both directions drop from then on, whatever the shared word says', () => {
    const bench = scheduled({
      steps: [
        { at: 0, carrier: 'off' },
        { at: 10, carrier: 'auto' },
      ],
    })
    expect(bench.steps[0]).toMatchObject({ carrier: 'off' })
    expect(bench.inspector.timeline?.cut).toBe(true)
    bench.inspector.cut = true // as served.ts says to both
    bench.send(marked(1))
    expect([bench.state[CARRIER], bench.counts.drops.carrier]).toEqual([1, 1])
    now += 10
    bench.inspector.release(now)
    expect(bench.inspector.timeline?.cut).toBe(false)
  })
})

test('another thread goes on: no step twice, none left out', () => {
  const bench = scheduled({
    steps: [
      { at: 0, impair: { seed: 3, loss: 50 } },
      { at: 10, impair: LOST },
    ],
    repeat: true,
    period: 20,
  })
  bench.send(...[1, 2, 3, 4, 5, 6].map(marked))
  const state = JSON.parse(JSON.stringify(bench.inspector.state()))
  const next = new InspectedBench()
  next.inspector.resume({ ...state, rules: [], watches: [], captures: [] })
  expect(next.steps.map(({ state, ...set }) => [state.next, set])).toEqual([[1, {}]])
  expect(next.inspector.impairment?.plan).toEqual({ seed: 3, loss: { random: 50 } })
  now += 10.01
  next.send(marked(7))
  expect(next.counts.drops.loss).toBe(1)
  now += 10
  next.send(marked(8))
  expect(next.steps.at(-1)).toMatchObject({ state: { next: 3, missed: 0 }, plan: { seed: 3 } })
})

const percent = fc.integer({ min: 1, max: 90 })
const anyImpair = fc.option(
  fc.record(
    {
      loss: percent,
      duplicate: percent,
      corrupt: percent,
      delay: fc.integer({ min: 1, max: 30 }),
      rate: fc.constantFrom('1mbit', '10mbit'),
      seed: fc.nat(99),
    },
    { requiredKeys: ['seed'] },
  ),
)

test('the same fates as by hand', () => {
  const steps = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 20 }), impair: anyImpair }), {
    minLength: 1,
    maxLength: 5,
  })
  const bursts = fc.array(fc.record({ wait: fc.nat(15), frames: fc.integer({ min: 0, max: 20 }) }), {
    maxLength: 25,
  })
  fc.assert(
    fc.property(steps, bursts, fc.boolean(), (given, sent, repeats) => {
      now = 5_000
      let at = -1
      const wish = given.map(({ gap, impair }): Step => {
        at += gap
        return { at, impair }
      })
      const period = at + 7
      const bench = scheduled({ steps: wish, ...(repeats && { repeat: true as const, period }) })
      const { steps } = planSchedule({ steps: wish }, 'schedule')
      const byHand = new InspectedBench()
      const rounds = repeats ? Math.ceil(400 / period) : 1
      const list = Array.from({ length: rounds }, (_, round) =>
        steps.map(({ at, impair }) => ({ at: 5_000 + round * period + at, impair })),
      ).flat()
      let mark = 0
      for (const { wait, frames } of [{ wait: 0, frames: 1 }, ...sent]) {
        now += wait
        // The last one that is due: those before it had no frames.
        const due = list.filter((step) => step.at <= now)
        list.splice(0, due.length)
        const last = due.at(-1)
        if (last !== undefined) byHand.inspector.impair(last.impair ?? null)
        byHand.inspector.compose()
        const burst = Array.from({ length: frames }, () => marked(mark++ & 0xff))
        for (const one of [bench, byHand]) {
          if (frames > 0) one.send(...burst)
          one.inspector.release(now)
        }
      }
      bench.inspector.schedule(null)
      for (const one of [bench, byHand]) one.releaseAll()
      expect(bench.delivered).toEqual(byHand.delivered)
      expect(bench.counts).toEqual(byHand.counts)
      balance(bench.counts)
    }),
    { numRuns: 50 },
  )
})
