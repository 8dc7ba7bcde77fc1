// A rate in simulated time: how much gets through, in which order, and what the burst allows.

import { describe, expect, test } from 'vitest'
import { type Fate, Impaired } from '../../support/impaired.js'

/** Bits per second between the first and the last frame that arrives; frames come `every` ms, one by one. */
function throughput(options: object, frames: number, every: number, length = 1250): number {
  const due = arrivals(
    new Impaired({ limit: 1e6, ...options }).send(frames, { burst: 1, every, length }),
    every,
  )
  return ((frames - 1) * length * 8000) / ((due.at(-1) as number) - (due[0] as number))
}

/** ms at which each frame gets through. */
function arrivals(fates: readonly Fate[], every: number): number[] {
  return fates.map((fate, i) => i * every + fate.delay)
}

describe('a rate', () => {
  test.each([1e5, 1e6, 1e7, 1e9])('of %d bit/s lets through just that much', (rate) => {
    expect(throughput({ rate }, 2_000, 0) / rate).toBeCloseTo(1, 2)
  })

  test('leaves slower traffic alone but for its own time', () => {
    // 10,000 bits at 10 Mbit/s take 1 ms; frames come every 5 ms.
    const fates = new Impaired({ rate: 1e7 }).send(100, { burst: 1, every: 5, length: 1250 })
    for (const { delay } of fates) expect(delay).toBeCloseTo(1, 6)
  })

  test('makes frames wait for each other, also within a burst', () => {
    const fates = new Impaired({ rate: 1e7 }).send(5, { length: 1250 })
    expect(fates.map(({ delay }) => Math.round(delay * 1000) / 1000)).toEqual([1, 2, 3, 4, 5])
  })

  test('begins when the delay is over', () => {
    const fates = new Impaired({ rate: 1e7, delay: 20 }).send(3, { length: 1250 })
    expect(fates.map(({ delay }) => Math.round(delay * 1000) / 1000)).toEqual([21, 22, 23])
  })

  test('keeps the order that jitter would break', () => {
    const jitter = { delay: { time: 10, jitter: 9 }, limit: 1e6, seed: 3 }
    const turns = (options: object) => {
      const due = arrivals(new Impaired(options).send(5_000, { burst: 1, every: 0.1 }), 0.1)
      return due.filter((time, i) => i > 0 && time < (due[i - 1] as number)).length
    }
    expect(turns(jitter)).toBeGreaterThan(0)
    expect(turns({ ...jitter, rate: 1e9 })).toBe(0)
  })

  test('counts the copies of a frame as well', () => {
    const options = { rate: 1e7, duplicate: 100, limit: 1e6 }
    const fates = new Impaired(options).send(3, { length: 1250 })
    expect(fates.map(({ delay }) => Math.round(delay * 1000) / 1000)).toEqual([2, 4, 6])
  })

  test('does not count what is lost', () => {
    const fates = new Impaired({ rate: 1e7, loss: 50, seed: 4 }).send(64, { length: 1250 })
    const through = fates.filter((fate) => fate.dropped === undefined)
    expect(through.length).toBeLessThan(64)
    expect(through.at(-1)?.delay).toBeCloseTo(through.length, 6)
  })

  test('does not count what there was no room for', () => {
    const impaired = new Impaired({ rate: 1e7, limit: 10 })
    const fates = impaired.send(64, { length: 1250 })
    expect(fates.filter((fate) => fate.dropped === 'limit')).toHaveLength(54)
    const [next] = impaired.send(1, { length: 1250, start: 10 })
    expect(next?.delay).toBeCloseTo(1, 6)
  })
})

describe('what a frame counts', () => {
  const tx = (options: object, length: number) =>
    (new Impaired({ rate: { rate: 8e6, ...options } }).send(1, { length })[0] as Fate).delay * 1000

  test.each([
    [{}, 100, 100],
    [{ overhead: 24 }, 100, 124],
    [{ overhead: -14 }, 100, 86],
    [{ overhead: -200 }, 100, 0],
    // ATM: cells of 48 bytes with 5 more each.
    [{ cellSize: 48, cellOverhead: 5 }, 96, 106],
    [{ cellSize: 48, cellOverhead: 5 }, 97, 159],
    [{ overhead: 8, cellSize: 48, cellOverhead: 5 }, 97, 159],
    [{ cellSize: 48 }, 1, 48],
  ])('%j: %d bytes as %d', (options, length, counted) => {
    expect(tx(options, length)).toBeCloseTo(counted, 6)
  })
})

describe('a burst', () => {
  const options = { rate: { rate: 1e7, burst: 12_500 }, limit: 1e6 }

  test('goes at once after a pause, and no more than that', () => {
    const fates = new Impaired(options).send(20, { length: 1250, start: 1000 })
    expect(fates.filter(({ delay }) => delay < 1e-6)).toHaveLength(10)
    expect(fates.slice(10).map(({ delay }) => Math.round(delay))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('goes with the delay, not before', () => {
    const fates = new Impaired({ ...options, delay: 20 }).send(12, { length: 1250, start: 1000 })
    expect(fates.slice(0, 10).map(({ delay }) => delay)).toEqual(new Array(10).fill(20))
    expect(fates[11]?.delay).toBeCloseTo(22, 6)
  })

  test('is there again only after as long as it takes', () => {
    const impaired = new Impaired(options)
    impaired.send(10, { length: 1250, start: 1000 })
    const half = impaired.send(10, { length: 1250, start: 1005 })
    expect(half.filter(({ delay }) => delay < 1e-6)).toHaveLength(5)
    const whole = impaired.send(20, { length: 1250, start: 1025 })
    expect(whole.filter(({ delay }) => delay < 1e-6)).toHaveLength(10)
  })

  test('does not raise the rate in the long run', () => {
    expect(throughput(options, 3_000, 0) / 1e7).toBeCloseTo(1, 2)
    // Frames at 1.6 times the rate, with the burst used up by the first of them.
    expect(throughput(options, 3_000, 0.625) / 1e7).toBeCloseTo(1, 2)
  })

  test('is not given back by frames that count less than nothing', () => {
    const impaired = new Impaired({ rate: { rate: 8e6, burst: 1000, overhead: -200 } })
    impaired.send(1, { length: 1200, start: 1000 })
    impaired.send(10, { length: 100, start: 1000 })
    expect(impaired.send(1, { length: 1200, start: 1000 })[0]?.delay).toBeCloseTo(1, 6)
  })
})
