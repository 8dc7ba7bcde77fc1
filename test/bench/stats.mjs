// Median, quantiles and ratios of small sets of samples. report.mjs and targets.mjs use them.
// Pure functions; they must not read clocks, files or options. Nothing measured is undefined, never 0:
// a ratio with a missing or zero side is undefined too, so that no table shows a made-up number.

/**
 * @param {readonly number[]} samples in any order
 * @param {number} q 0 to 1; between two samples the value is interpolated linearly
 * @returns {number | undefined}
 */
export function quantile(samples, q) {
  if (samples.length === 0) return undefined
  if (!(q >= 0 && q <= 1)) throw new RangeError(`quantile ${q} is not between 0 and 1`)
  const sorted = [...samples].sort((left, right) => left - right)
  const at = q * (sorted.length - 1)
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

/** @param {readonly number[]} samples */
export function median(samples) {
  return quantile(samples, 0.5)
}

/**
 * @param {readonly number[]} samples
 * @returns {{ count: number, median: number | undefined, min: number | undefined, max: number | undefined }}
 */
export function summarize(samples) {
  return {
    count: samples.length,
    median: median(samples),
    min: quantile(samples, 0),
    max: quantile(samples, 1),
  }
}

/**
 * @param {number | undefined} of
 * @param {number | undefined} to
 * @returns {number | undefined}
 */
export function ratio(of, to) {
  return of === undefined || to === undefined || to === 0 ? undefined : of / to
}
