// Do two samples come from one source? Each answers the chance that two that do differ so much, or more. Approximations for
// a hundred values or more. Used by measures.mjs. Pure: no clock, no file, no randomness.

/** @typedef {ArrayLike<number> & Iterable<number>} Values */

/**
 * The means of two samples of independent values.
 * @param {Values} one
 * @param {Values} other
 */
export function sameMean(one, other) {
  const apart = mean(one) - mean(other)
  const error = Math.sqrt(variance(one) / one.length + variance(other) / other.length)
  if (apart === 0) return 1
  return error > 0 ? twoSided(apart / error) : 0
}

/**
 * How often something happens, when what happens to one frame may depend on those just before it: by the counts of blocks
 * that are long against that.
 * @param {Values} one 1 for a frame that it happened to
 * @param {Values} other
 */
export function sameShare(one, other) {
  return sameMean(blocks(one), blocks(other))
}

/**
 * The whole distribution, by Kolmogorov and Smirnov's distance; values may be apart by `tolerance` without counting. The
 * fewer of them are independent, the less a distance means.
 * @param {Values} one in their order
 * @param {Values} other
 * @param {number} tolerance
 */
export function sameDistribution(one, other, tolerance) {
  const [n, m] = [independent(one), independent(other)]
  const apart = Math.max(distance(one, other, tolerance), distance(other, one, tolerance))
  const scaled = apart * Math.sqrt((n * m) / (n + m))
  return Math.min(1, 2 * Math.exp(-2 * scaled * scaled))
}

/**
 * How much of a value is in the next one (Fisher's z).
 * @param {Values} one in their order
 * @param {Values} other
 */
export function sameCorrelation(one, other) {
  const error = Math.sqrt(1 / (one.length - 3) + 1 / (other.length - 3))
  return twoSided((Math.atanh(correlation(one, 1)) - Math.atanh(correlation(other, 1))) / error)
}

/** @param {Values} values */
export function mean(values) {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

/**
 * @param {Values} values
 * @param {number} q 0 to 1
 */
export function quantile(values, q) {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.round(q * (sorted.length - 1))] ?? Number.NaN
}

/**
 * Of a value with that `lag` places later.
 * @param {Values} values
 * @param {number} lag
 */
export function correlation(values, lag) {
  const centre = mean(values)
  let [both, all] = [0, 0]
  for (let at = 0; at < values.length; at++) {
    const off = values[at] - centre
    all += off * off
    if (at + lag < values.length) both += off * (values[at + lag] - centre)
  }
  return all === 0 ? 0 : both / all
}

/** @param {Values} values */
function variance(values) {
  const centre = mean(values)
  let sum = 0
  for (const value of values) sum += (value - centre) ** 2
  return sum / Math.max(1, values.length - 1)
}

const BLOCKS = 40

/** @param {Values} flags */
function blocks(flags) {
  const counts = new Float64Array(BLOCKS)
  for (let at = 0; at < flags.length; at++) counts[Math.floor((at * BLOCKS) / flags.length)] += flags[at]
  return counts.map((count) => (count * BLOCKS) / flags.length)
}

/** Below this, one value says nothing of another. */
const FAINT = 0.05

/**
 * As many independent values say as much as these.
 * @param {Values} values
 */
function independent(values) {
  let times = 1
  for (let lag = 1; lag < values.length / 4; lag++) {
    const share = correlation(values, lag)
    if (share < FAINT) break
    times += 2 * share
  }
  return values.length / times
}

/**
 * How far the share of `one` below a value is above that of `other` below the value and `tolerance`, at most.
 * @param {Values} one
 * @param {Values} other
 * @param {number} tolerance
 */
function distance(one, other, tolerance) {
  const [left, right] = [Float64Array.from(one).sort(), Float64Array.from(other).sort()]
  let [farthest, below] = [0, 0]
  for (let at = 0; at < left.length; at++) {
    while (below < right.length && right[below] <= left[at] + tolerance) below++
    farthest = Math.max(farthest, (at + 1) / left.length - below / right.length)
  }
  return farthest
}

/**
 * Of the standard normal distribution, beyond `z` on either side (Abramowitz and Stegun 26.2.17).
 * @param {number} z
 */
function twoSided(z) {
  const x = Math.abs(z)
  const t = 1 / (1 + 0.2316419 * x)
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return Math.min(1, 2 * series * Math.exp((-x * x) / 2) * 0.3989422804014327)
}
