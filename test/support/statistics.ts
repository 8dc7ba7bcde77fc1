// Bounds that a right implementation keeps in 99.99 % of all runs. The tests that use them draw from fixed
// seeds, so that they pass always or never.

import { expect } from 'vitest'

/** Two-sided, 99.99 %, of the standard normal distribution. */
const Z = 3.891

/** `hits` of `trials` fit the probability `p`. */
export function withinBinomial(hits: number, trials: number, p: number): void {
  const expected = trials * p
  const slack = Z * Math.sqrt(expected * (1 - p)) + 1
  expect(hits).toBeGreaterThanOrEqual(expected - slack)
  expect(hits).toBeLessThanOrEqual(expected + slack)
}

/** The mean of `values` fits `mean`, if they are independent. */
export function withinMean(values: readonly number[], mean: number): void {
  const average = sum(values) / values.length
  const variance = sum(values.map((value) => (value - average) ** 2)) / (values.length - 1)
  const slack = Z * Math.sqrt(variance / values.length)
  expect(average).toBeGreaterThan(mean - slack)
  expect(average).toBeLessThan(mean + slack)
}

/** Cells that are equally likely (or as likely as `shares` says) have been met evenly: neither too little nor too well. */
export function withinChiSquare(counts: readonly number[], shares?: readonly number[]): void {
  const total = sum(counts)
  const expected = (cell: number) => total * (shares?.[cell] ?? 1 / counts.length)
  const statistic = sum(counts.map((count, cell) => (count - expected(cell)) ** 2 / expected(cell)))
  const freedom = counts.length - 1
  // Wilson and Hilferty: the cube root of chi-square over its degrees of freedom is about normal.
  const spread = 2 / (9 * freedom)
  const z = (Math.cbrt(statistic / freedom) - (1 - spread)) / Math.sqrt(spread)
  expect(Math.abs(z), `chi-square ${statistic} of ${freedom} degrees`).toBeLessThan(Z)
}

/** Kolmogorov and Smirnov: independent `values` fit the cumulative distribution function `cdf`. */
export function withinKolmogorov(values: readonly number[], cdf: (x: number) => number): void {
  const sorted = Float64Array.from(values).sort()
  let distance = 0
  sorted.forEach((value, i) => {
    const p = cdf(value)
    distance = Math.max(distance, p - i / sorted.length, (i + 1) / sorted.length - p)
  })
  // 2 exp(-2 t^2) = 0.0001
  expect(distance * Math.sqrt(sorted.length), `distance ${distance}`).toBeLessThan(2.226)
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
