// What can be compared of two runs with the same words: each measure takes what it needs of a run, says how it is shown, and
// how likely it is that two that mean the same differ so much. forms.mjs names them, compare.mjs asks. Pure.
import {
  correlation,
  mean,
  quantile,
  sameCorrelation,
  sameDistribution,
  sameMean,
  sameShare,
} from './statistics.mjs'

/** @typedef {import('./sample.mjs').Sample} Sample */
/** @typedef {import('./statistics.mjs').Values} Values */

/**
 * @typedef {object} Measure
 * @property {string} title
 * @property {(sample: Sample) => Values} take
 * @property {(values: Values) => string} show
 * @property {(one: Values, other: Values) => number} same 0 to 1
 */

/** ms: a hop through a program takes longer than one through the kernel. */
const HOP = 1
/** ms: frames that are less apart left together. */
const TOGETHER = 3
/** ms: a frame that took less has jumped the queue; every delay that is compared so is longer. */
const AT_ONCE = 10
/** What does not depend on chance may be apart so much: frames are not sent at quite the same times. */
const EXACT = 0.02

/** @type {Readonly<Record<string, Measure>>} */
export const MEASURES = {
  lost: share('lost', ({ of }) => of.map((arrivals) => Number(arrivals.length === 0))),
  lossRuns: runs('losses in a row', ({ of }) => of.map((arrivals) => Number(arrivals.length === 0))),
  dropped: exact('lost', ({ of }) => [of.filter((arrivals) => arrivals.length === 0).length], 0),
  doubled: share('twice', ({ of }) => of.map((arrivals) => Number(arrivals.length > 1))),
  doubleRuns: runs('doubles in a row', ({ of }) => of.map((arrivals) => Number(arrivals.length > 1))),
  apart: {
    title: 'ms between both',
    take: ({ of }) =>
      of.filter(({ length }) => length > 1).map(([one, other]) => (other?.time ?? 0) - (one?.time ?? 0)),
    show: quantiles,
    same: (one, other) => sameDistribution(one, other, HOP),
  },
  corrupted: share('damaged', ({ arrivals }) => arrivals.map(({ flipped }) => Number(flipped > 0))),
  corruptRuns: runs('damaged in a row', ({ arrivals }) => arrivals.map(({ flipped }) => Number(flipped > 0))),
  bits: exact(
    'bits flipped, at most',
    ({ arrivals }) => [Math.max(...arrivals.map(({ flipped }) => flipped))],
    0,
  ),
  places: {
    title: 'where, of the frame',
    take: ({ arrivals }) =>
      arrivals.filter(({ flipped }) => flipped > 0).map(({ bit, length }) => bit / (8 * length)),
    show: quantiles,
    same: (one, other) => sameDistribution(one, other, 0),
  },
  alike: share('both damaged alike', ({ of }) =>
    of.filter(({ length }) => length > 1).map(([one, other]) => Number(one?.bit === other?.bit)),
  ),
  jumped: share('sent at once', ({ arrivals }) => arrivals.map(({ delay }) => Number(delay < AT_ONCE))),
  jumpGaps: {
    title: 'frames from one of those to the next',
    take: ({ of }) => {
      const numbers = of.flatMap(([arrival], number) => (arrival && arrival.delay < AT_ONCE ? [number] : []))
      return numbers.slice(1).map((number, at) => number - (numbers[at] ?? 0))
    },
    show: quantiles,
    same: (one, other) => Math.min(1, 2 * Math.min(sameMean(one, other), sameDistribution(one, other, 0))),
  },
  late: share('behind one that was sent later', ({ arrivals }) => {
    let newest = -1
    return arrivals.map(({ number }) => {
      newest = Math.max(newest, number)
      return Number(number < newest)
    })
  }),
  delay: {
    title: 'ms on the way',
    take: ({ of }) => of.flatMap(([arrival]) => (arrival ? [arrival.delay] : [])),
    show: quantiles,
    same: (one, other) => sameDistribution(one, other, HOP),
  },
  serial: {
    title: 'correlation of a delay with the next',
    take: ({ of }) => of.flatMap(([arrival]) => (arrival ? [arrival.delay] : [])),
    show: (delays) => correlation(delays, 1).toFixed(2),
    same: sameCorrelation,
  },
  throughput: exact(
    'ms from the first to the last',
    ({ arrivals }) => [(arrivals.at(-1)?.time ?? 0) - (arrivals[0]?.time ?? 0)],
    0,
  ),
  groups: {
    title: 'frames in a slot',
    take: (sample) => slots(sample).map(({ frames }) => frames),
    show: quantiles,
    same: (one, other) => sameDistribution(one, other, 1),
  },
  groupGaps: {
    title: 'ms from slot to slot',
    take: (sample) => {
      const all = slots(sample)
      return all.slice(1).map(({ time }, at) => time - (all[at]?.time ?? 0))
    },
    show: quantiles,
    same: (one, other) => sameDistribution(one, other, HOP),
  },
}

/**
 * @param {string} title
 * @param {(sample: Sample) => Values} take
 * @returns {Measure}
 */
function share(title, take) {
  return { title, take, show: (flags) => `${(100 * mean(flags)).toFixed(1)} %`, same: sameShare }
}

/**
 * @param {string} title
 * @param {(sample: Sample) => Values} flags
 * @returns {Measure}
 */
function runs(title, flags) {
  return {
    title,
    take: (sample) => lengthsOfRuns(flags(sample)),
    show: (lengths) => mean(lengths).toFixed(2),
    same: sameMean,
  }
}

/**
 * @param {string} title
 * @param {(sample: Sample) => Values} take one value
 * @param {number} digits
 * @returns {Measure}
 */
function exact(title, take, digits) {
  return {
    title,
    take,
    show: ([value = Number.NaN]) => value.toFixed(digits),
    same: ([one = Number.NaN], [other = Number.NaN]) =>
      Number(Math.abs(one - other) <= EXACT * Math.max(one, other)),
  }
}

/** @param {Values} values */
function quantiles(values) {
  if (values.length === 0) return 'none'
  return [0.05, 0.5, 0.95].map((q) => quantile(values, q).toPrecision(3)).join(' / ')
}

/** @param {Values} flags */
function lengthsOfRuns(flags) {
  /** @type {number[]} */
  const lengths = []
  let length = 0
  for (const flag of flags) {
    if (flag === 0 && length > 0) lengths.push(length)
    length = flag === 0 ? 0 : length + 1
  }
  return lengths
}

/** @param {Sample} sample */
function slots({ arrivals }) {
  /** @type {{ time: number, frames: number }[]} */
  const all = []
  let before = Number.NEGATIVE_INFINITY
  for (const { time } of arrivals) {
    if (time - before > TOGETHER) all.push({ time, frames: 0 })
    all[all.length - 1].frames++
    before = time
  }
  // The first begins, and the last ends, when the traffic does.
  return all.slice(1, -1)
}
