// A rate by a trace, against a reference that walks through every opportunity, as Mahimahi's link queue does.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { shifted } from '../../../src/hooks/impairment.js'
import { type Fate, Impaired } from '../../support/impaired.js'

const HEADER = 14
const MTU = 1500

interface Arrival {
  at: number
  /** Of the payload. */
  bytes: number
}

/** When each frame leaves; the first comes at 0. Frames in a queue, opportunities one by one. */
function reference(times: readonly number[], arrivals: readonly Arrival[]): number[] {
  const left: number[] = []
  const waiting: { number: number; bytes: number }[] = []
  const coming = arrivals.map((arrival, number) => ({ ...arrival, number }))
  for (let base = 0; coming.length + waiting.length > 0; base += times.at(-1) as number) {
    for (const time of times) {
      while (coming[0] !== undefined && coming[0].at <= base + time)
        waiting.push(coming.shift() as (typeof coming)[number])
      for (let room = MTU; room > 0 && waiting[0] !== undefined; ) {
        const [first] = waiting
        const sent = Math.min(room, first.bytes)
        first.bytes -= sent
        room -= sent
        if (first.bytes === 0) left[(waiting.shift() as { number: number }).number] = base + time
      }
    }
  }
  return left
}

function through(times: readonly number[], arrivals: readonly Arrival[], start = 0): number[] {
  const impaired = new Impaired({ rate: { trace: { times } }, limit: 1e6 })
  return arrivals.map(({ at, bytes }) => {
    const [fate] = impaired.send(1, { length: bytes + HEADER, start: start + at })
    return at + (fate as Fate).delay
  })
}

const trace = fc
  .array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 8 })
  .map((gaps) => {
    let time = 0
    return gaps.map((gap) => {
      time += gap
      return time
    })
  })
  .filter((times) => (times.at(-1) as number) > 0)
// In quarters of a ms, so that sums are exact.
const arrivals = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 4000 })), {
    minLength: 1,
    maxLength: 40,
  })
  .map((frames) => {
    let at = 0
    return frames.map(([gap, bytes], i) => {
      if (i > 0) at += gap / 4
      return { at, bytes }
    })
  })

describe('a trace', () => {
  test('lets each frame go when the reference does', () => {
    fc.assert(
      fc.property(trace, arrivals, (times, frames) => {
        expect(through(times, frames)).toEqual(reference(times, frames))
      }),
      { seed: 16, numRuns: 500 },
    )
  })

  test('serves one MTU at each time, several at a time that stands there twice, and begins anew at the last', () => {
    const full = new Array(8).fill({ at: 0, bytes: MTU })
    expect(through([2, 5, 5, 9], full)).toEqual([2, 5, 5, 9, 11, 14, 14, 18])
    expect(through([0, 4], full.slice(4))).toEqual([0, 4, 4, 8])
  })

  test('serves several small frames at one time, and one large at several', () => {
    expect(
      through(
        [3],
        [100, 1400, 1].map((bytes) => ({ at: 0, bytes })),
      ),
    ).toEqual([3, 3, 6])
    expect(
      through(
        [3],
        [4500, 1].map((bytes) => ({ at: 0, bytes })),
      ),
    ).toEqual([9, 12])
  })

  test('gives nothing back: a time that nobody waited for is gone', () => {
    const frames = [0, 9, 9.5].map((at) => ({ at, bytes: 1000 }))
    // The half that the second leaves of 10 serves the third; what comes at 10.5 waits for 12.
    expect(through([2], [...frames, { at: 10.5, bytes: 1 }])).toEqual([0 + 2, 10, 12, 12])
  })

  test('begins with its first frame, whenever that comes', () => {
    expect(through([2, 7], [{ at: 0, bytes: MTU }], 123_456)).toEqual([2])
  })

  test('does not drift: a year on it is where it was', () => {
    const year = 365 * 24 * 3_600_000
    const times = [1, 4, 7]
    const frames = [0, 7 * Math.floor(year / 7) + 2].map((at) => ({ at, bytes: MTU }))
    expect(through(times, frames)[1]).toBe((frames[1] as Arrival).at + 2)
  })

  test('comes behind the delay, and a thousand may wait beside what is delayed', () => {
    const options = { delay: 20, rate: { trace: { times: [10] } } }
    const fates = new Impaired(options).send(2, { length: MTU + HEADER })
    expect(fates.map(({ delay }) => delay)).toEqual([20 + 10, 20 + 20])
    const { limit } = new Impaired(options).impairment
    expect(limit).toBe(1000 + Math.ceil((MTU / 10 / 64) * 20))
    expect(new Impaired({ ...options, limit: 5 }).impairment.limit).toBe(5)
  })

  test('does not count what there was no room for', () => {
    const impaired = new Impaired({ rate: { trace: { times: [10] } }, limit: 1 })
    const fates = impaired.send(3, { length: MTU + HEADER })
    expect(fates.map(({ dropped }) => dropped)).toEqual([undefined, 'limit', 'limit'])
    expect(impaired.send(1, { length: MTU + HEADER, start: 10 })[0]?.delay).toBe(10)
  })
})

describe('where a trace is', () => {
  const options = { rate: { trace: { times: [2, 7] } } }
  const used = new Impaired(options)
  used.send(1, { length: 1014, start: 50 })
  const state = used.impairment.state()

  test('is plain data, with which another thread goes on', () => {
    expect(state.rate).toEqual({ began: 50, next: 0, left: 500, of: '2/7/9' })
    const next = (from: typeof state, start: number) =>
      new Impaired(options, 0, from).send(2, { length: 514, start }).map(({ delay }) => delay)
    expect(next(JSON.parse(JSON.stringify(state)), 51)).toEqual([1, 6])
    expect(next(shifted(state, 1000), 1051)).toEqual([1, 6])
  })

  test('is none before a frame has come, and not that of another trace, or of a rate', () => {
    expect(new Impaired(options).impairment.state().rate).toBeUndefined()
    const other = (plan: object) => new Impaired(plan, 0, state).send(1, { length: 514, start: 51 })[0]?.delay
    expect(other({ rate: { trace: { times: [3, 7] } } })).toBe(3)
    expect(other({ rate: { trace: { times: [3, 8] } } })).toBe(3)
    expect(other({ rate: 4e6 })).toBeCloseTo(1.028, 6)
    const steady = new Impaired({ rate: 1e3 })
    steady.send(1, { start: 50 })
    const after = new Impaired(options, 0, steady.impairment.state()).send(1, { length: 514, start: 51 })
    expect(after[0]?.delay).toBe(2)
  })
})
