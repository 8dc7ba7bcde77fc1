// How long frames are delayed: the four distributions, correlation, and that jitter never makes time run
// backwards.

import { describe, expect, test } from 'vitest'
import { toQuantiles } from '../../../src/hooks/distribution.js'
import { DISTRIBUTIONS, type Distribution } from '../../../src/wishes/names.js'
import { Impaired } from '../../support/impaired.js'
import { sum, withinBinomial, withinKolmogorov, withinMean } from '../../support/statistics.js'

const FRAMES = 50_000

function delays(delay: unknown, seed = 1): number[] {
  return new Impaired({ delay, seed, limit: FRAMES }).send(FRAMES).map((fate) => fate.delay)
}

/** Where netem's tables end, in units of the jitter. */
const END = 4

/** The standard normal distribution function: the integral, by Simpson's rule. */
function phi(x: number): number {
  const steps = 100
  const width = x / steps
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI)
  let area = density(0) + density(x)
  for (let step = 1; step < steps; step++) area += (step % 2 === 0 ? 2 : 4) * density(step * width)
  return 0.5 + (area * width) / 3
}

/** Where `cdf`, which rises, reaches p. */
function inverse(cdf: (x: number) => number, p: number): number {
  let [below, above] = [-8, 8]
  for (let step = 0; step < 40; step++) {
    const x = (below + above) / 2
    if (cdf(x) < p) below = x
    else above = x
  }
  return below
}

/** What share of delays is below x, in units of the jitter, before the tables end. */
const CDF: Record<Distribution, (x: number) => number> = {
  uniform: (x) => Math.min(1, (x + 1) / 2),
  normal: phi,
  pareto: (x) => 1 - (0.75 * x + 1.5) ** -3,
  // There is no formula, but one of its inverse.
  paretonormal: byQuantiles(
    (u) => 0.25 * inverse(phi, u) + 0.75 * Math.min(END, ((1 - u) ** (-1 / 3) - 1.5) * (4 / 3)),
  ),
}

function byQuantiles(quantile: (u: number) => number, entries = 8192): (x: number) => number {
  const table = Array.from({ length: entries }, (_, i) => quantile((i + 0.5) / entries))
  return (x) => {
    let [below, above] = [0, entries]
    while (below < above) {
      const middle = (below + above) >> 1
      if ((table[middle] as number) < x) below = middle + 1
      else above = middle
    }
    return below / entries
  }
}

function quantile(distribution: Distribution, u: number): number {
  const values = Float64Array.of(u)
  toQuantiles(distribution, values, 1)
  return values[0] as number
}

describe('a delay', () => {
  test('without jitter is the same for all', () => {
    expect(new Set(delays(12.5))).toEqual(new Set([12.5]))
  })

  test('adds to what a rule asked for', () => {
    const [fate] = new Impaired({ delay: 10 }).send(1, { before: (burst) => burst.hold(0, 5) })
    expect(fate?.delay).toBe(15)
  })

  test('of less than nothing is none: jitter larger than the time', () => {
    const all = delays({ time: 1, jitter: 5 })
    expect(Math.min(...all)).toBe(0)
    expect(all.filter((delay) => delay === 0).length / FRAMES).toBeCloseTo(0.4, 1)
  })
})

describe.each(DISTRIBUTIONS)('jitter, %s', (distribution) => {
  const jittered = delays({ time: 100, jitter: 10, distribution })
  const units = jittered.map((delay) => (delay - 100) / 10)
  const cdf = CDF[distribution]
  const kept = units.filter((x) => x < END - 1e-9)

  test('is distributed so', () => {
    withinKolmogorov(kept, (x) => cdf(x) / cdf(END))
  })

  test('ends where the tables of netem end', () => {
    withinBinomial(FRAMES - kept.length, FRAMES, 1 - cdf(END))
    expect(Math.max(...units)).toBeLessThanOrEqual(END + 1e-9)
    const least = { uniform: -1, normal: -4, pareto: -2 / 3, paretonormal: -1.5 }[distribution]
    expect(Math.min(...units)).toBeGreaterThanOrEqual(least - 1e-9)
  })

  test('has its mean and its spread', () => {
    // The tail that the tables cut off pulls pareto's mean of 0 down; the integrals say by how much.
    const us = Array.from({ length: 100_000 }, (_, i) => (i + 0.5) / 100_000)
    const mean = sum(us.map((u) => quantile(distribution, u))) / us.length
    withinMean(units, mean)
    if (distribution === 'normal')
      withinMean(
        units.map((x) => x * x),
        1,
      )
    if (distribution === 'uniform')
      withinMean(
        units.map((x) => x * x),
        1 / 3,
      )
  })

  test('the same seed gives the same delays, another one others', () => {
    expect(delays({ time: 100, jitter: 10, distribution })).toEqual(jittered)
    expect(delays({ time: 100, jitter: 10, distribution }, 2)).not.toEqual(jittered)
  })
})

test('quantiles rise from end to end, and the middle of the symmetric ones is 0', () => {
  for (const distribution of DISTRIBUTIONS) {
    let last = Number.NEGATIVE_INFINITY
    for (let i = 0; i < 65_536; i++) {
      const x = quantile(distribution, i / 65_536)
      if (!(x >= last)) expect.fail(`${distribution} at ${i}: ${x} after ${last}`)
      last = x
    }
  }
  expect(quantile('normal', 0.5)).toBe(0)
  expect(quantile('uniform', 0.5)).toBe(0)
})

test('the normal quantile is right to six digits', () => {
  for (let i = 1; i < 1000; i++) {
    const error = phi(quantile('normal', i / 1000)) - i / 1000
    if (Math.abs(error) > 1e-6) expect.fail(`at ${i / 1000}: ${error}`)
  }
})

describe('correlation', () => {
  function autocorrelation(values: number[]): number {
    const mean = sum(values) / values.length
    const variance = sum(values.map((value) => (value - mean) ** 2))
    return sum(values.slice(1).map((value, i) => (value - mean) * ((values[i] as number) - mean))) / variance
  }

  test.each([0, 25, 50, 90])('of %d %: each delay depends so much on the one before', (correlation) => {
    const values = delays({ time: 100, jitter: 10, correlation })
    expect(autocorrelation(values)).toBeCloseTo(correlation / 100, 1)
    expect(sum(values) / values.length).toBeCloseTo(100, 0)
  })

  test.each(DISTRIBUTIONS)('leaves the distribution as it is: %s', (distribution) => {
    const few = delays({ time: 100, jitter: 10, distribution, correlation: 50 }).filter(
      (_, i) => i % 25 === 0,
    )
    const units = few.map((delay) => (delay - 100) / 10).filter((x) => x < END - 1e-9)
    withinKolmogorov(units, (x) => CDF[distribution](x) / CDF[distribution](END))
  })

  test('of 100 %: all are the same', () => {
    const values = delays({ time: 100, jitter: 10, correlation: 100 })
    expect(new Set(values).size).toBe(1)
  })
})

test('a table: its places are equally likely, in units of 1/8192 of the jitter', () => {
  const table = [8192, -8192, 0, 4096]
  const many = delays({ time: 100, jitter: 10, distribution: { table } })
  const counts = [110, 90, 100, 105].map((ms) => many.filter((delay) => delay === ms).length)
  expect(counts.reduce((sum, count) => sum + count)).toBe(many.length)
  for (const count of counts) expect(Math.abs(count / many.length - 0.25)).toBeLessThan(0.02)
  const values = Float64Array.of(0, 0.25, 0.5, 0.75, 1)
  toQuantiles(Int16Array.from(table), values, 5)
  expect([...values]).toEqual([1, -1, 0, 0.5, 0.5])
})
