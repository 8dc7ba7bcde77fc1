// The arithmetic behind the benchmark's tables: medians, quantiles, ratios. Needs no root and measures nothing.
// Every number in the report passes through these functions, so a mistake here would be believed.
import { describe, expect, it } from 'vitest'
import { median, quantile, ratio, summarize } from '../bench/stats.mjs'

describe('quantile', () => {
  it('interpolates between neighbours and does not sort in place', () => {
    const samples = [40, 10, 30, 20]
    expect(quantile(samples, 0)).toBe(10)
    expect(quantile(samples, 0.5)).toBe(25)
    expect(quantile(samples, 0.9)).toBeCloseTo(37)
    expect(quantile(samples, 1)).toBe(40)
    expect(samples).toEqual([40, 10, 30, 20])
  })

  it('sorts by value, not as text', () => {
    expect(median([9, 100, 10])).toBe(10)
  })

  it('answers undefined for no samples', () => {
    expect(quantile([], 0.5)).toBeUndefined()
  })

  it('refuses a quantile outside 0 to 1', () => {
    expect(() => quantile([1], 50)).toThrow(RangeError)
    expect(() => quantile([1], Number.NaN)).toThrow(RangeError)
  })
})

describe('summarize', () => {
  it('gives count, median and extremes', () => {
    expect(summarize([3, 1, 2])).toEqual({ count: 3, median: 2, min: 1, max: 3 })
  })

  it('keeps nothing measured apart from zero', () => {
    expect(summarize([])).toEqual({ count: 0, median: undefined, min: undefined, max: undefined })
    expect(summarize([0]).median).toBe(0)
  })
})

describe('ratio', () => {
  it('divides, and is undefined when a side is missing or would divide by zero', () => {
    expect(ratio(3, 4)).toBe(0.75)
    expect(ratio(0, 4)).toBe(0)
    expect(ratio(undefined, 4)).toBeUndefined()
    expect(ratio(3, undefined)).toBeUndefined()
    expect(ratio(3, 0)).toBeUndefined()
  })
})
