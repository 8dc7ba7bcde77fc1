// How scripts/netem tells two samples apart: each way of comparing lets through what comes from one source and finds what
// does not. Needs no root and no other kernel; draws from fixed seeds, so that it passes always or never.

import { describe, expect, test } from 'vitest'
import { FORMS } from '../netem/forms.mjs'
import { MEASURES, type Measure } from '../netem/measures.mjs'
import { readSample, type Sample } from '../netem/sample.mjs'
import { sameCorrelation, sameDistribution, sameMean, sameShare } from '../netem/statistics.mjs'
import { Impaired } from '../support/impaired.js'
import { Random } from '../support/random.js'

const FRAMES = 4_000
/** As compare.mjs: less is a difference. */
const ALARM = 1e-4

/** Draws that depend on the one before; 0: not at all. */
function draws(seed: number, correlation = 0, shift = 0): Float64Array {
  const random = new Random(seed)
  const next = () => random.below(2 ** 32) / 2 ** 32
  let last = next()
  return Float64Array.from({ length: FRAMES }, () => {
    last = next() * (1 - correlation) + last * correlation
    return last + shift
  })
}

const flags = (values: Float64Array, share: number) => values.map((value) => Number(value < share))

describe('one source is let through, and another one found', () => {
  test.each([1, 2, 3, 4, 5])('with seed %d', (seed) => {
    const other = seed + 100
    expect(sameMean(draws(seed), draws(other))).toBeGreaterThan(ALARM)
    expect(sameMean(draws(seed), draws(other, 0, 0.05))).toBeLessThan(ALARM)
    expect(sameShare(flags(draws(seed), 0.1), flags(draws(other), 0.1))).toBeGreaterThan(ALARM)
    expect(sameShare(flags(draws(seed), 0.1), flags(draws(other), 0.15))).toBeLessThan(ALARM)
    expect(sameDistribution(draws(seed), draws(other), 0)).toBeGreaterThan(ALARM)
    expect(sameDistribution(draws(seed), draws(other, 0.3), 0)).toBeLessThan(ALARM)
    expect(sameCorrelation(draws(seed, 0.5), draws(other, 0.5))).toBeGreaterThan(ALARM)
    expect(sameCorrelation(draws(seed, 0.5), draws(other, 0.3))).toBeLessThan(ALARM)
  })

  test('values that depend on each other count for fewer', () => {
    const [one, other] = [draws(1, 0.95), draws(2, 0.95)]
    expect(sameDistribution(one, other, 0)).toBeGreaterThan(ALARM)
    expect(sameShare(flags(one, 0.5), flags(other, 0.5))).toBeGreaterThan(ALARM)
  })

  test('a shift within what is tolerated is none', () => {
    expect(sameDistribution(draws(1), draws(1, 0, 0.2), 0.2)).toBe(1)
    expect(sameDistribution(draws(1), draws(1, 0, 0.2), 0)).toBeLessThan(ALARM)
  })

  test('what does not vary is the same or is not', () => {
    expect(sameMean([4, 4, 4], [4, 4, 4])).toBe(1)
    expect(sameMean([4, 4, 4], [5, 5, 5])).toBe(0)
  })
})

/** What flow.c would write if an impairment stood between both sides. */
function written(options: object): Sample {
  const start = 1_700_000_000_000_000_000n
  const lines = [...new Array(FRAMES).keys()].map(
    (number) => `S ${number} 60 ${start + BigInt(number) * 1_000_000n}`,
  )
  const fates = new Impaired({ limit: 1e6, ...options }).send(FRAMES, { burst: 1, every: 1 })
  const arrivals = fates.flatMap(({ dropped, delay, copies, damage }, number) => {
    if (dropped !== undefined) return []
    const time = start + BigInt(number) * 1_000_000n + BigInt(Math.round(delay * 1e6))
    const line = `R ${number} 60 ${time} ${damage.length} ${damage[0] ?? -1}`
    return new Array<{ time: bigint; line: string }>(1 + copies).fill({ time, line })
  })
  arrivals.sort((one, other) => Number(one.time - other.time))
  return readSample([...lines, ...arrivals.map(({ line }) => line)].join('\n'))
}

describe('a measure lets through the same words, and finds others', () => {
  test.each<[string, object, object]>([
    ['lost', { loss: 5 }, { loss: 9 }],
    ['lossRuns', { loss: { gemodel: { p: 5, r: 30 } } }, { loss: 14 }],
    ['dropped', { loss: { state: { p13: 100, p31: 100 } } }, { loss: 20 }],
    ['doubled', { duplicate: 10 }, { duplicate: 20 }],
    ['doubleRuns', { duplicate: { probability: 50, correlation: 50 } }, { duplicate: 50 }],
    ['corrupted', { corrupt: 10 }, { corrupt: 20 }],
    ['corruptRuns', { corrupt: { probability: 50, correlation: 50 } }, { corrupt: 50 }],
    ['bits', { corrupt: 10 }, { loss: 10 }],
    ['jumped', { delay: 20, reorder: 25 }, { delay: 20, reorder: 35 }],
    ['jumpGaps', { delay: 20, reorder: { probability: 50, gap: 5 } }, { delay: 20, reorder: 17 }],
    ['late', { delay: 20, reorder: 25 }, { delay: 10, reorder: 10 }],
    [
      'delay',
      { delay: { time: 30, jitter: 10 } },
      { delay: { time: 30, jitter: 10, distribution: 'normal' } },
    ],
    ['serial', { delay: { time: 30, jitter: 10, correlation: 50 } }, { delay: { time: 30, jitter: 10 } }],
    ['throughput', { rate: 400_000 }, { rate: 420_000 }],
  ])('%s', (name, words, others) => {
    const { take, same, show } = MEASURES[name] as Measure
    const [one, again, other] = [
      { ...words, seed: 1 },
      { ...words, seed: 2 },
      { ...others, seed: 3 },
    ].map((options) => take(written(options)))
    expect(same(one!, again!), `${show(one!)} and ${show(again!)}`).toBeGreaterThan(ALARM)
    expect(same(one!, other!), `${show(one!)} and ${show(other!)}`).toBeLessThan(ALARM)
  })

  test('every form names measures that there are, and gives reasons for its own alone', () => {
    for (const { words, compare, reasons = {} } of FORMS) {
      expect(Object.keys(MEASURES), words).toEqual(expect.arrayContaining([...compare]))
      expect(compare, words).toEqual(expect.arrayContaining(Object.keys(reasons)))
    }
  })
})
