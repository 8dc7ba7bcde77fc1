// Options of impairments: what is refused and why, the normal form, and changes as merge patches.

import { describe, expect, test } from 'vitest'
import { UvethError } from '../../../src/errors.js'
import { type ImpairOptions, mergeImpair, planImpair } from '../../../src/faults/impair-plan.js'

const ALWAYS = { seed: 42 }
const plan = (options: unknown) => planImpair({ seed: 42, ...(options as object) }, 'impair')

function refusal(call: () => unknown): UvethError {
  try {
    call()
  } catch (error) {
    expect(error).toBeInstanceOf(UvethError)
    return error as UvethError
  }
  throw new Error('it was accepted')
}

/** Of those that are numbers. */
const MAX_SEED = Number.MAX_SAFE_INTEGER

describe('refused, with the option and what to give', () => {
  test.each<[unknown, string, RegExp]>([
    [7, 'impair', /must be an object, not 7/],
    [null, 'impair', /must be an object, not null/],
    [[], 'impair', /must be an object, not an empty array/],
    [{ lose: 1 }, 'impair.lose', /unknown attribute [\w.]*\blose: there are delay, loss/],
    [
      { delay: '10' },
      'impair.delay.time',
      /a time up to a day: ms as a number, or a text like "10ms", not "10"/,
    ],
    [{ delay: -1 }, 'impair.delay.time', /not -1/],
    [{ delay: Number.NaN }, 'impair.delay.time', /not NaN/],
    [{ delay: Number.POSITIVE_INFINITY }, 'impair.delay.time', /not Infinity/],
    [{ delay: true }, 'impair.delay.time', /not true/],
    [{ delay: { time: 1, wobble: 2 } }, 'impair.delay.wobble', /there are time, jitter/],
    [
      { delay: { time: 1, jitter: 1, distribution: 'flat' } },
      'impair.delay.distribution',
      /one of uniform, normal/,
    ],
    [
      { delay: { time: 1, distribution: 'normal' } },
      'impair.delay.distribution',
      /no delay and jitter values/,
    ],
    [
      { delay: { jitter: 1, distribution: 'normal' } },
      'impair.delay.distribution',
      /no delay and jitter values/,
    ],
    [
      { delay: { time: 1, jitter: 1, distribution: { table: [] } } },
      'impair.delay.distribution.table',
      /an array of 1 to 16384 whole numbers from -32768 to 32767, not an empty array/,
    ],
    [
      { delay: { time: 1, jitter: 1, distribution: { table: [32_768] } } },
      'impair.delay.distribution.table',
      /whole numbers from -32768 to 32767/,
    ],
    [{ delay: { time: 1, jitter: 1, distribution: {} } }, 'impair.delay.distribution.table', /missing/],
    [{ loss: 101 }, 'impair.loss.random', /percent from 0 to 100/],
    [{ loss: '1.5x' }, 'impair.loss.random', /not "1\.5x"/],
    [{ ecn: true }, 'impair.ecn', /ecn specified without loss/],
    [{ loss: 1, ecn: 'yes' }, 'impair.ecn', /true or false/],
    [{ loss: {} }, 'impair.loss', /one of random, gemodel and state/],
    [{ loss: { random: 1, gemodel: { p: 1 } } }, 'impair.loss', /one of random, gemodel and state/],
    [{ loss: { gemodel: {} } }, 'impair.loss.gemodel.p', /missing/],
    [{ loss: { gemodel: { p: 1, q: 1 } } }, 'impair.loss.gemodel.q', /there are p, r, h, k/],
    [{ loss: { gemodel: { p: 1 }, correlation: 5 } }, 'impair.loss.correlation', /with random only/],
    [{ loss: { state: { p31: 1 } } }, 'impair.loss.state.p13', /missing/],
    [{ loss: { state: { p13: 60, p14: 60 } } }, 'impair.loss.state.p14', /more than 100%/],
    [{ loss: { state: { p13: 10, p32: 50 } } }, 'impair.loss.state.p32', /more than 100%/],
    [{ duplicate: { correlation: 1 } }, 'impair.duplicate.probability', /missing/],
    [{ corrupt: { probability: 1, correlation: 101 } }, 'impair.corrupt.correlation', /from 0 to 100/],
    [{ reorder: 25 }, 'impair.reorder', /reordering not possible without specifying some delay/],
    [{ reorder: { gap: 5 }, delay: 1 }, 'impair.reorder.gap', /gap specified without reorder probability/],
    [{ reorder: { probability: 5, gap: 0 }, delay: 1 }, 'impair.reorder.gap', /a whole number from 1/],
    [{ rate: 'fast' }, 'impair.rate.rate', /bits per second, or a text like "10mbit"/],
    [{ rate: { burst: 100 } }, 'impair.rate.rate', /missing/],
    [{ rate: { rate: 1, burst: 1.5 } }, 'impair.rate.burst', /whole bytes/],
    ...[[], [0], [2, 1], [0.5], [-1, 1], ['1'], [86_400_001], new Array(262_145).fill(1)].map(
      (times): [object, string, RegExp] => [
        { rate: { trace: { times } } },
        'impair.rate.trace.times',
        /an array of 1 to 262144 whole numbers of ms up to a day, none less than the one before/,
      ],
    ),
    [{ rate: { trace: {} } }, 'impair.rate.trace.times', /missing/],
    [{ rate: { trace: 'a.trace' } }, 'impair.rate.trace', /must be an object, not "a.trace"/],
    [{ rate: { rate: 5, trace: { times: [1] } } }, 'impair.rate.rate', /does not go with a trace/],
    [{ rate: { burst: 5, trace: { times: [1] } } }, 'impair.rate.burst', /does not go with a trace/],
    [
      { rate: { rate: 1, cellSize: 48, cellOverhead: -50 } },
      'impair.rate.cellOverhead',
      /less than no bytes/,
    ],
    [{ limit: 1.5 }, 'impair.limit', /a whole number from 0 to 4294967295/],
    [{ slot: { min: 10, max: 5 } }, 'impair.slot.max', /min delay greater than max delay/],
    [{ slot: { packets: 5 } }, 'impair.slot.min', /missing/],
    [{ slot: { distribution: 'normal', delay: 10 } }, 'impair.slot.jitter', /missing/],
    [{ slot: { distribution: 'normal', delay: 10, jitter: 0 } }, 'impair.slot.jitter', /more than 0/],
    [
      { slot: { distribution: 'normal', delay: 1, jitter: 1, min: 1 } },
      'impair.slot.min',
      /min or distribution/,
    ],
    [{ seed: -1 }, 'impair.seed', /a whole number from 0/],
    [
      { seed: 2 ** 53 },
      'impair.seed',
      /a whole number from 0 to 18446744073709551615, above 9007199254740991 as a text, not 9007199254740992/,
    ],
    [{ seed: '18446744073709551616' }, 'impair.seed', /not "18446744073709551616"/],
    [{ seed: '0x10' }, 'impair.seed', /a whole number from 0/],
    [{ seed: ['5'] }, 'impair.seed', /a whole number from 0/],
    [{ seed: '' }, 'impair.seed', /a whole number from 0/],
  ])('%j', (options, attribute, message) => {
    const error = refusal(() => planImpair(options, 'impair'))
    expect(error).toMatchObject({ code: 'EINVAL', attribute })
    expect(error.message).toMatch(message)
  })

  test('a name that every object has is none of ours', () => {
    expect(refusal(() => planImpair({ constructor: 1 }, 'impair')).attribute).toBe('impair.constructor')
    expect(plan(Object.create({ loss: 5 }))).toEqual(ALWAYS)
  })
})

describe('the normal form', () => {
  test.each<[ImpairOptions, object]>([
    [{}, {}],
    [{ delay: 10 }, { delay: { time: 10 } }],
    [{ delay: '1.5s' }, { delay: { time: 1500 } }],
    [{ delay: { time: '10ms', jitter: '200us' } }, { delay: { time: 10, jitter: 0.2 } }],
    [{ delay: { jitter: 3, correlation: '25%' } }, { delay: { time: 0, jitter: 3, correlation: 25 } }],
    [
      { delay: { time: 1, jitter: 1, distribution: 'pareto' } },
      { delay: { time: 1, jitter: 1, distribution: 'pareto' } },
    ],
    [{ delay: { time: 1, jitter: 1, distribution: 'uniform' } }, { delay: { time: 1, jitter: 1 } }],
    [
      { delay: { time: 1, jitter: 1, distribution: { table: [-1, 1], name: 'x' } } },
      { delay: { time: 1, jitter: 1, distribution: { table: [-1, 1], name: 'x' } } },
    ],
    [{ loss: '1%' }, { loss: { random: 1 } }],
    [
      { loss: '1%', ecn: true },
      { loss: { random: 1 }, ecn: true },
    ],
    [{ loss: '1%', ecn: false }, { loss: { random: 1 } }],
    [{ loss: { random: 1, correlation: 25 } }, { loss: { random: 1, correlation: 25 } }],
    [{ loss: { gemodel: { p: 1 } } }, { loss: { gemodel: { p: 1, r: 99, h: 0, k: 100 } } }],
    [{ loss: { gemodel: { p: 0.1, h: 50 } } }, { loss: { gemodel: { p: 0.1, r: 99.9, h: 50, k: 100 } } }],
    [{ loss: { state: { p13: 2 } } }, { loss: { state: { p13: 2, p31: 98, p32: 0, p23: 100, p14: 0 } } }],
    [{ duplicate: 1 }, { duplicate: { probability: 1 } }],
    [{ corrupt: { probability: '0.1%' } }, { corrupt: { probability: 0.1 } }],
    [
      { reorder: 25, delay: 1 },
      { delay: { time: 1 }, reorder: { probability: 25, gap: 1 } },
    ],
    [{ rate: '10mbit' }, { rate: { rate: 1e7 } }],
    [{ rate: { rate: '1kbps', burst: '32kb' } }, { rate: { rate: 8000, burst: 32768 } }],
    [
      { rate: { rate: 1e6, overhead: -4, cellSize: 48 } },
      { rate: { rate: 1e6, overhead: -4, cellSize: 48 } },
    ],
    [
      { rate: { trace: { times: [0, 0, 4], name: 'x' } } },
      { rate: { trace: { times: [0, 0, 4], name: 'x' } } },
    ],
    [{ limit: 5 }, { limit: 5 }],
    [{ slot: 10 }, { slot: { min: 10, max: 10 } }],
    [
      { slot: { min: '1ms', max: '2ms', packets: 5, bytes: '1k' } },
      { slot: { min: 1, max: 2, packets: 5, bytes: 1024 } },
    ],
    [{ seed: MAX_SEED }, { seed: MAX_SEED }],
    [{ seed: '18446744073709551615' }, { seed: '18446744073709551615' }],
    [{ seed: '9007199254740992' }, { seed: '9007199254740992' }],
    [{ seed: '0042' }, { seed: 42 }],
  ])('%j', (options, expected) => {
    expect(plan(options)).toEqual({ ...ALWAYS, ...expected })
  })

  test('is its own normal form', () => {
    const full = plan({
      delay: { time: 10, jitter: 1, correlation: 5, distribution: 'normal' },
      loss: { gemodel: { p: 1 } },
      duplicate: 1,
      reorder: { probability: 5, gap: 3 },
      corrupt: 1,
      rate: { rate: 1e6, burst: 5000 },
      slot: 5,
    })
    expect(plan(full)).toEqual(full)
    expect(JSON.parse(JSON.stringify(full))).toEqual(full)
  })

  test.each<ImpairOptions>([
    { loss: 0 },
    { loss: { random: 0, correlation: 5 } },
    { delay: 0 },
    { duplicate: '0%' },
    { corrupt: { probability: 0 } },
    { reorder: 0 },
    { rate: 0 },
    { slot: 0 },
    { loss: null as never },
  ])('%j does nothing, and is left out', (options) => {
    expect(plan(options)).toEqual(ALWAYS)
  })

  test('without a seed there is one, of 32 bits, and each time another', () => {
    const seeds = Array.from({ length: 50 }, () => planImpair({}, 'impair').seed)
    expect(new Set(seeds).size).toBeGreaterThan(45)
    expect(seeds.every((seed) => Number.isInteger(seed) && Number(seed) >= 0 && Number(seed) < 2 ** 32)).toBe(
      true,
    )
  })
})

describe('a change', () => {
  const before = plan({ delay: { time: 10, jitter: 2 }, loss: 1, rate: { rate: 1e6, burst: 5000 } })
  const change = (patch: unknown) => mergeImpair(before, patch, 'impair')

  test.each<[unknown, object]>([
    [{}, {}],
    [{ loss: 2 }, { loss: { random: 2 } }],
    [{ loss: { correlation: 10 } }, { loss: { random: 1, correlation: 10 } }],
    [{ loss: { gemodel: { p: 1 } } }, { loss: { gemodel: { p: 1, r: 99, h: 0, k: 100 } } }],
    [{ delay: { jitter: 5 } }, { delay: { time: 10, jitter: 5 } }],
    [{ delay: { jitter: null } }, { delay: { time: 10 } }],
    [{ delay: '20ms' }, { delay: { time: 20 } }],
    [{ rate: { rate: '2mbit' } }, { rate: { rate: 2e6, burst: 5000 } }],
    [{ reorder: 5 }, { reorder: { probability: 5, gap: 1 } }],
    [{ limit: 7 }, { limit: 7 }],
    [{ seed: 43 }, { seed: 43 }],
  ])('%j', (patch, expected) => {
    expect(change(patch)).toEqual({ ...before, ...expected })
  })

  test('null takes it away', () => {
    const { loss: _, ...rest } = before
    expect(change({ loss: null })).toEqual(rest)
    expect(mergeImpair({ ...before, limit: 5 }, { limit: null }, 'impair')).toEqual(before)
  })

  test('a part of one model is a part of that model', () => {
    const after = mergeImpair(
      change({ loss: { gemodel: { p: 1 } } }),
      { loss: { gemodel: { r: 20 } } },
      'impair',
    )
    expect(after.loss).toEqual({ gemodel: { p: 1, r: 20, h: 0, k: 100 } })
    expect(mergeImpair(after, { loss: { random: 3 } }, 'impair').loss).toEqual({ random: 3 })
  })

  test('slots change from one form to the other', () => {
    const shaped = { slot: { distribution: 'normal', delay: 10, jitter: 1 } }
    const after = mergeImpair(plan({ slot: { min: 1, packets: 5 } }), shaped, 'impair')
    expect(after.slot).toEqual({ ...shaped.slot, packets: 5 })
    expect(mergeImpair(after, { slot: { min: 2 } }, 'impair').slot).toEqual({ min: 2, max: 2, packets: 5 })
  })

  test('a trace takes the place of a rate, and a rate that of a trace', () => {
    const trace = { times: [1, 3] }
    const steady = plan({ rate: { rate: 5, burst: 3 } })
    const traced = mergeImpair(steady, { rate: { trace } }, 'impair')
    expect(traced.rate).toEqual({ trace })
    expect(mergeImpair(traced, { rate: { rate: 7 } }, 'impair').rate).toEqual({ rate: 7 })
    expect(mergeImpair(traced, { rate: '7bit' }, 'impair').rate).toEqual({ rate: 7 })
    expect(mergeImpair(traced, { loss: 5 }, 'impair').rate).toEqual({ trace })
    expect(() => mergeImpair(steady, { rate: { trace, burst: 3 } }, 'impair')).toThrow(
      /does not go with a trace/,
    )
  })

  test('of nothing makes a plan', () => {
    expect(mergeImpair(null, { loss: 1, delay: null, seed: 42 }, 'impair')).toEqual({
      ...ALWAYS,
      loss: { random: 1 },
    })
    const { seed } = mergeImpair(null, { loss: { random: 1, correlation: null } }, 'impair')
    expect(seed).toBeGreaterThanOrEqual(0)
  })

  test('is refused as a whole, and changes nothing', () => {
    const copy = structuredClone(before)
    for (const patch of [{ lose: 1 }, { loss: 101 }, 5, null, { delay: null, reorder: 5 }]) {
      expect(refusal(() => change(patch)).code).toBe('EINVAL')
    }
    expect(before).toEqual(copy)
  })

  test('refuses what needs something that is taken away', () => {
    const reordering = plan({ delay: 10, reorder: 5 })
    expect(refusal(() => mergeImpair(reordering, { delay: null }, 'impair')).attribute).toBe('impair.reorder')
  })
})
