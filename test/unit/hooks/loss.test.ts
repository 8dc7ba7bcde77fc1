// Which frames an impairment loses: how many, in what runs, and always the same ones.

import { describe, expect, test } from 'vitest'
import { Impaired, lost, numbers } from '../../support/impaired.js'
import { sum, withinBinomial, withinMean } from '../../support/statistics.js'

const FRAMES = 100_000

function lostOf(loss: unknown, frames = FRAMES, seed = 1): number[] {
  return numbers(new Impaired({ loss, seed }).send(frames), lost)
}

/** Lengths of the runs of lost frames; the last one, which may be cut short, is left out. */
function runs(frames: readonly number[]): number[] {
  const lengths: number[] = []
  frames.forEach((number, i) => {
    if (i > 0 && number === (frames[i - 1] as number) + 1) lengths[lengths.length - 1]!++
    else lengths.push(1)
  })
  return lengths.slice(0, -1)
}

describe('independent loss', () => {
  test.each([0.1, 1, 10, 50, 99])('of %d %', (percent) => {
    withinBinomial(lostOf(percent).length, FRAMES, percent / 100)
  })

  test('0 % never, 100 % always', () => {
    expect(lostOf(0)).toHaveLength(0)
    expect(lostOf(100)).toHaveLength(FRAMES)
    expect(lostOf({ random: 100, correlation: 50 })).toHaveLength(FRAMES)
  })

  test('comes in runs as long as chance makes them', () => {
    withinMean(runs(lostOf(30)), 1 / 0.7)
  })

  test('more loss loses the same frames and more', () => {
    const two = new Set(lostOf(2))
    expect(lostOf(1).every((number) => two.has(number))).toBe(true)
  })

  test('the cause is loss, and nothing else happens to the frame', () => {
    const [fate] = new Impaired({ loss: 100, corrupt: 100, delay: 5 }).send(1)
    expect(fate).toEqual({ dropped: 'loss', delay: 0, copies: 0, damage: [], reason: undefined })
  })
})

describe('correlated loss', () => {
  test('of 50 % stays 50 %, in longer runs', () => {
    const frames = lostOf({ random: 50, correlation: 80 })
    expect(frames.length / FRAMES).toBeCloseTo(0.5, 1)
    expect(sum(runs(frames)) / runs(frames).length).toBeGreaterThan(3)
  })

  test("rare loss becomes rarer, as with netem's own draws", () => {
    const frames = lostOf({ random: 10, correlation: 25 })
    // x(n) = 0.75 u + 0.25 x(n-1) is below 0.1 when u < (0.1 - 0.25 x(n-1)) / 0.75.
    let expected = 0
    let x = 0.5
    for (let seed = 1, i = 0; i < 1e6; i++) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      x = (seed / 2 ** 32) * 0.75 + x * 0.25
      if (x < 0.1) expected++
    }
    expect(frames.length / FRAMES).toBeCloseTo(expected / 1e6, 2)
    expect(frames.length / FRAMES).toBeLessThan(0.07)
  })
})

describe('Gilbert-Elliott', () => {
  test('two numbers: the simple Gilbert model, bad loses all', () => {
    const frames = lostOf({ gemodel: { p: 1, r: 20 } })
    // A run ends with probability r after each frame.
    withinMean(runs(frames), 1 / 0.2)
    // Runs, not frames, are independent: a frame's variance grows by (1 + q) / (1 - q), q = 1 - p - r.
    expect(frames.length / FRAMES).toBeCloseTo(1 / 21, 2)
  })

  test('bad and good states that lose a part', () => {
    const frames = lostOf({ gemodel: { p: 5, r: 15, h: 40, k: 99 } })
    // In state bad p / (p + r) = 1/4 of the time.
    expect(frames.length / FRAMES).toBeCloseTo(0.25 * 0.6 + 0.75 * 0.01, 2)
  })

  test('one number: r is 1 - p, and then each frame is lost for itself', () => {
    const frames = lostOf({ gemodel: { p: 10 } })
    withinBinomial(frames.length, FRAMES, 0.1)
    withinMean(runs(frames), 1 / 0.9)
  })

  test('a frame and the state that it leaves behind are drawn apart', () => {
    // Either state follows either one, and 1/2 or all is lost in them: 3/4, each frame for itself.
    const frames = lostOf({ gemodel: { p: 50, r: 50, h: 0, k: 50 } })
    withinBinomial(frames.length, FRAMES, 0.75)
    withinMean(runs(frames), 1 / 0.25)
  })

  test('the first frame meets a good link', () => {
    expect(lostOf({ gemodel: { p: 100, r: 0 } }, 5)).toEqual([1, 2, 3, 4])
  })

  test('h and k of 0 and 100', () => {
    expect(lostOf({ gemodel: { p: 50, r: 50, h: 100, k: 100 } })).toHaveLength(0)
    expect(lostOf({ gemodel: { p: 50, r: 50, h: 0, k: 0 } })).toHaveLength(FRAMES)
  })
})

describe('four states', () => {
  test('one number: single frames and runs of p13', () => {
    const frames = lostOf({ state: { p13: 10 } })
    // To "lost" with p13, back with p31 = 1 - p13: each frame for itself.
    withinBinomial(frames.length, FRAMES, 0.1)
  })

  test('bursts with frames that get through, and single losses between them', () => {
    const state = { p13: 1, p31: 10, p32: 30, p23: 10, p14: 2 }
    const frames = lostOf({ state })
    // The chain's balance: visits of (1, 2, 3, 4) with pi3 = 1.
    const pi1 = 0.1 / 0.01
    const pi2 = 0.3 / 0.1
    const pi4 = pi1 * 0.02
    const share = (1 + pi4) / (pi1 + pi2 + 1 + pi4)
    expect(frames.length / FRAMES).toBeCloseTo(share, 2)
    // A run in state 3 ends with p31 + p32; single losses are runs of one.
    const starts3 = pi1 * 0.01 + pi2 * 0.1
    withinMean(runs(frames), (starts3 * (1 / 0.4) + pi4) / (starts3 + pi4))
  })

  test('p14 alone: single losses only', () => {
    const frames = lostOf({ state: { p13: 0, p14: 30 } })
    expect(Math.max(...runs(frames))).toBe(1)
    withinMean(
      frames.slice(1).map((number, i) => number - (frames[i] as number)),
      1 + 1 / 0.3,
    )
  })
})
