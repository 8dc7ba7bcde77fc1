// An impairment that goes on where another one stopped: in another thread, or with a changed plan.

import { describe, expect, test } from 'vitest'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { Impairment, shifted } from '../../../src/hooks/impairment.js'
import { type Fate, Impaired, lost, numbers } from '../../support/impaired.js'

const HELD = { limit: 1e9 }
const copied = (fate: Fate) => fate.copies > 0
const jumped = (fate: Fate) => fate.delay === 0

describe('going on', () => {
  const options = {
    loss: { state: { p13: 5, p31: 20, p32: 30, p23: 50, p14: 2 } },
    duplicate: { probability: 50, correlation: 50 },
    corrupt: { probability: 50, correlation: 50 },
    reorder: { probability: 50, correlation: 50, gap: 3 },
    delay: { time: 20, jitter: 5, correlation: 50 },
    seed: 7,
    ...HELD,
  }
  const [first, second] = [777, 1000]
  const whole = new Impaired(options).send(first + second)

  test('in another thread: as if nothing had happened', () => {
    const one = new Impaired(options)
    one.send(first)
    const state = JSON.parse(JSON.stringify(one.impairment.state()))
    expect(new Impaired(options, 0, state).send(second)).toEqual(whole.slice(first))
  })

  test('with another plan of the same seed: what stays in it goes on', () => {
    const one = new Impaired(options)
    one.send(first)
    const { loss, duplicate, seed } = options
    const two = new Impaired({ ...HELD, loss, duplicate, seed }, 0, one.impairment.state()).send(second)
    expect(numbers(two, lost)).toEqual(numbers(whole.slice(first), lost))
    expect(numbers(two, copied)).toEqual(numbers(whole.slice(first), copied))
  })

  test('a gap goes on', () => {
    const jumping = { delay: 1, reorder: { probability: 100, gap: 5 }, seed: 7 }
    const one = new Impaired(jumping)
    one.send(3)
    const two = new Impaired(jumping, 0, one.impairment.state())
    expect(numbers(two.send(10), jumped)).toEqual([1, 6])
  })

  test('a bad link stays bad', () => {
    const gemodel = { p: 100, r: 0, h: 0, k: 100 }
    const one = new Impaired({ loss: { gemodel }, seed: 7 })
    expect(one.send(2).map(lost)).toEqual([false, true])
    expect(new Impaired({ loss: { gemodel }, seed: 7 }, 0, one.impairment.state()).send(1).map(lost)).toEqual(
      [true],
    )
  })

  test('with another model of loss: that one begins', () => {
    const one = new Impaired({ loss: { gemodel: { p: 100, r: 0 } }, seed: 7 })
    one.send(2)
    // A burst would be left with a loss, but none begins.
    const state = { p13: 0, p31: 0, p32: 100, p23: 100, p14: 0 }
    const two = new Impaired({ loss: { state }, seed: 7 }, 0, one.impairment.state())
    expect(two.send(second).some(lost)).toBe(false)
  })

  test('with another seed: from the first frame', () => {
    const one = new Impaired({ ...options, seed: 8 })
    one.send(first)
    expect(new Impaired(options, 0, one.impairment.state()).send(first + second)).toEqual(whole)
  })

  test('a rate goes on from its clock, in the clock of the other thread', () => {
    const plan = { rate: 1e6, limit: 1e6 }
    const one = new Impaired(plan)
    one.send(100, { length: 125, start: 1000 })
    // 100 frames of 1 ms each: the link is free at 1100, which the other thread calls 600.
    const two = new Impaired(plan, 0, shifted(one.impairment.state(), -500))
    expect(two.send(1, { length: 125, start: 500 })[0]?.delay).toBeCloseTo(101, 6)
  })

  test('slots go on from theirs', () => {
    const counters = new Float64Array(5)
    const plan = planImpair({ slot: { min: 10, packets: 1 }, seed: 1 }, 'impair')
    const one = new Impairment(plan, 0, counters)
    expect(one.slot?.allows(Float64Array.of(1000, 1000), 60)).toBe(false)
    const two = new Impairment(plan, 0, counters, shifted(one.state(), -500))
    expect(two.slot?.next).toBe(510)
    expect(two.slot?.allows(Float64Array.of(510, 500), 60)).toBe(true)
    expect(two.slot?.allows(Float64Array.of(510, 500), 60)).toBe(false)
  })
})
