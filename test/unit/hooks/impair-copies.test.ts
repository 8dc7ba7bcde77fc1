// What an impairment does to the duplicates that it makes: each has a fate of its own, and changes none.

import { describe, expect, test } from 'vitest'
import type { ImpairOptions } from '../../../src/faults/impair-plan.js'
import { type Fate, Impaired, lost, numbers } from '../../support/impaired.js'
import { withinBinomial, withinKolmogorov, withinMean } from '../../support/statistics.js'

const FRAMES = 20_000
const copied = (fate: Fate) => fate.copies > 0
const jumped = (fate: Fate) => fate.delay === 0

function fates(options: object, frames = FRAMES, traffic = {}): Fate[] {
  return new Impaired({ limit: 1e9, ...options }).send(frames, traffic)
}

test.each<ImpairOptions['loss']>([
  { random: 40, correlation: 50 },
  { gemodel: { p: 30, r: 30, h: 20, k: 90 } },
  { state: { p13: 30, p31: 20, p32: 20, p23: 40, p14: 5 } },
])('duplicates are lost as the frames behind them are, and change nothing for those: %j', (loss) => {
  const alone = fates({ loss, seed: 1 })
  const both = fates({ loss, duplicate: 100, seed: 1 })
  // Of two, one is left where the frame is lost; the copy comes in the place of the next frame.
  expect(numbers(both, (fate) => lost(fate))).toHaveLength(0)
  const kept = alone.filter((fate) => !lost(fate)).length
  const followed = alone.filter((fate, i) => !lost(fate) && !lost(alone[i + 1] ?? fate)).length
  const single = numbers(both, (fate) => fate.copies === 0)
  expect(numbers(alone, lost).every((number) => single.includes(number))).toBe(true)
  withinBinomial(numbers(both, copied).length, kept, followed / kept)
})

describe('duplicates of what jitters', () => {
  const delay = { time: 30, jitter: 10, correlation: 50 }
  const all = fates({ delay, duplicate: 50, seed: 1 })
  const twice = all.filter(copied)

  test('have a time of their own, as frames have, and change none', () => {
    expect(all.map((fate) => fate.delay)).toEqual(fates({ delay, seed: 1 }).map((fate) => fate.delay))
    expect(twice.every(({ delay: one, copyDelay }) => copyDelay !== undefined && copyDelay !== one)).toBe(
      true,
    )
    const few = twice.filter((_, i) => i % 10 === 0)
    withinKolmogorov(
      few.map(({ copyDelay = 0 }) => copyDelay),
      (ms) => (ms - 20) / 20,
    )
    // As much of a frame's delay is in that of its copy as in that of the next frame: half of it, and 1/12 is the
    // variance of what is uniform from 0 to 1.
    withinMean(
      few.map(({ delay: one, copyDelay = 0 }) => ((one - 30) / 20) * ((copyDelay - 30) / 20)),
      0.483 / 12,
    )
  })

  test('go with frames that jump the queue', () => {
    const jumping = fates({ delay, duplicate: 100, reorder: 50, seed: 1 }).filter(jumped)
    expect(jumping.every(({ copies, copyDelay }) => copies === 1 && copyDelay === undefined)).toBe(true)
  })

  test('are held for next to nothing when they do not wait, and take their place in a rate', () => {
    const none = fates({ delay: { time: 0, jitter: 1 }, duplicate: 100, seed: 1 }, 1000)
    expect(none.every(({ copyDelay = 0 }) => copyDelay > 0 && copyDelay <= 1)).toBe(true)
    const [one] = fates({ delay: { time: 5, jitter: 1e-3 }, rate: 1e6, duplicate: 100 }, 1, { length: 125 })
    expect(one?.delay).toBeCloseTo(6, 2)
    expect(one?.copyDelay).toBeCloseTo(7, 2)
  })

  test('count for the limit', () => {
    const outcomes = new Impaired({ delay, duplicate: 100, limit: 3 })
      .send(3)
      .map((fate) => fate.dropped ?? fate.copies)
    expect(outcomes).toEqual([1, 0, 'limit'])
  })
})
