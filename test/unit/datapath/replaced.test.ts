// A set of impairments is replaced, or taken away, while it holds frames: those that the new one judges do not
// overtake them, unless it reorders. src/datapath/inspector.ts and holding.ts with fake ports.
// Invariant 4.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { allocateRuleCounts } from '../../../src/hooks/rule.js'
import { balance } from '../../support/counts.js'
import { benchOf, type InspectedBench, impair, marked, marksOf } from '../../support/inspected.js'

const MINUTE = 60_000

function take(bench: InspectedBench): void {
  bench.inspector.impair(null)
  bench.inspector.compose()
}

function addDelay(bench: InspectedBench, ms: number, mark: number): void {
  const match = { bytes: [[59, 0xff, mark]] }
  const plan = { id: 1, ...planRule({ action: { kind: 'delay', ms }, match }, 'rule') }
  bench.inspector.rules.add(plan, new Float64Array(allocateRuleCounts()))
  bench.inspector.compose()
}

/** One that holds 1 and 2 for a minute. */
function holding(): InspectedBench {
  const bench = benchOf()
  impair(bench, { delay: MINUTE })
  bench.send(marked(1), marked(2))
  expect(bench.counts.inspected.held).toBe(2)
  return bench
}

describe('frames of the set before', () => {
  test('leave at once, in front of one that nothing holds', () => {
    const bench = holding()
    take(bench)
    expect(bench.delivered).toEqual([])
    bench.send(marked(3), marked(4))
    expect(marksOf(bench.delivered)).toEqual([1, 2, 3, 4])
    expect([bench.counts.inspected.held, bench.inspector.idle]).toEqual([0, true])
  })

  test('leave with one that is held for less', () => {
    const bench = holding()
    impair(bench, { delay: 10_000 })
    const before = performance.now()
    bench.send(marked(3))
    const { due } = bench.inspector
    expect(due - before).toBeGreaterThanOrEqual(10_000)
    expect(due - before).toBeLessThan(MINUTE / 2)
    expect(bench.inspector.release(due)).toBe(3)
    expect(marksOf(bench.delivered)).toEqual([1, 2, 3])
  })

  test('keep their time where nothing comes that would overtake them', () => {
    const bench = holding()
    const { due } = bench.inspector
    impair(bench, { delay: 2 * MINUTE })
    bench.send(marked(3))
    expect(bench.inspector.due).toBe(due)
    take(bench)
    expect(bench.inspector.due).toBe(due)
  })

  test('are overtaken where the new set reorders', () => {
    const bench = holding()
    impair(bench, { delay: 1_000, reorder: { probability: 100 } })
    bench.send(marked(3))
    expect(marksOf(bench.delivered)).toEqual([3])
    expect(bench.counts.inspected.held).toBe(2)
  })

  test('leave before a thread goes on that serves other queues', () => {
    const bench = holding()
    take(bench)
    expect(bench.inspector.state().progress.held).toEqual([])
    expect(marksOf(bench.delivered)).toEqual([1, 2])
  })

  test('and so do those that are due already, and were not sent yet', () => {
    const bench = benchOf()
    impair(bench, { delay: 0.01 })
    bench.send(marked(1), marked(2))
    const { due } = bench.inspector
    take(bench)
    while (performance.now() <= due);
    expect(bench.inspector.state().progress.held).toEqual([])
    expect(marksOf(bench.delivered)).toEqual([1, 2])
  })

  test('moved to another thread they still do', () => {
    const [one, other] = [holding(), benchOf()]
    const state = one.inspector.state()
    expect(state.progress.held).toHaveLength(2)
    other.inspector.resume(structuredClone({ ...state, impair: undefined }))
    other.inspector.compose()
    other.send(marked(3))
    expect(marksOf(other.delivered)).toEqual([1, 2, 3])
  })
})

test('what a rule holds is late by order: it stays for as long as the rule says', () => {
  const bench = benchOf()
  addDelay(bench, 30_000, 1)
  impair(bench, { delay: MINUTE })
  bench.send(marked(1), marked(2))
  const before = performance.now()
  take(bench)
  bench.send(marked(3))
  expect(marksOf(bench.delivered)).toEqual([2, 3])
  expect(bench.inspector.due - before).toBeGreaterThan(29_000)
  expect(bench.inspector.due - before).toBeLessThan(31_000)
})

test('whatever follows whatever, no frame overtakes one of an earlier set', () => {
  const sets = fc.constantFrom(
    null,
    { delay: 50 },
    { delay: { time: 40, jitter: 30 } },
    { rate: '10mbit' },
    { delay: 5_000, loss: 20 },
    { duplicate: 10 },
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(sets, fc.nat(4)), { minLength: 2, maxLength: 12 }), (steps) => {
      const bench = benchOf()
      for (const [at, [set, count]] of steps.entries()) {
        bench.inspector.impair(set === null ? null : planImpair({ seed: 1, ...set }, 'impair'))
        bench.inspector.compose()
        for (let n = 0; n < count; n++) bench.send(marked(at))
      }
      bench.releaseAll()
      const marks = marksOf(bench.delivered) as number[]
      expect(marks).toEqual([...marks].sort((one, other) => one - other))
      const [had, has] = balance(bench.counts)
      expect(has).toBe(had)
    }),
  )
})
