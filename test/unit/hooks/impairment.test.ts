// How the parts of an impairment play together: netem's order, independent and repeatable decisions,
// and the limit.

import { describe, expect, test } from 'vitest'
import { type ImpairOptions, planImpair } from '../../../src/faults/impair-plan.js'
import type { Burst } from '../../../src/frame/burst.js'
import { Impairment } from '../../../src/hooks/impairment.js'
import { type Fate, Impaired, lost, numbers, type Traffic } from '../../support/impaired.js'
import { withinBinomial, withinChiSquare, withinMean } from '../../support/statistics.js'

const FRAMES = 20_000
const HELD = { limit: 1e9 }

const copied = (fate: Fate) => fate.copies > 0
const damaged = (fate: Fate) => fate.damage.length > 0
const jumped = (fate: Fate) => fate.delay === 0

function fates(options: object, frames = FRAMES, traffic: Traffic = {}): Fate[] {
  return new Impaired({ ...HELD, ...options }).send(frames, traffic)
}

describe('duplicates', () => {
  test.each([0, 1, 30, 100])('of %d %', (percent) => {
    withinBinomial(numbers(fates({ duplicate: percent, seed: 1 }), copied).length, FRAMES, percent / 100)
  })

  test('one frame more by duplication and one less by loss is one frame', () => {
    const both = fates({ duplicate: 30, loss: 30, seed: 1 })
    withinBinomial(numbers(both, lost).length, FRAMES, 0.3 * 0.7)
    // The copy is judged for loss on its own.
    withinBinomial(numbers(both, copied).length, FRAMES, 0.3 * 0.7 * 0.7)
    expect(
      numbers(fates({ duplicate: 100, loss: 100 }), (fate) => fate.copies === 0 && !lost(fate)),
    ).toHaveLength(FRAMES)
  })

  test('come on top of the copies that others asked for, as far as there is a word for them', () => {
    const asked = (copies: number): Traffic => ({ before: (burst) => burst.duplicate(0, copies) })
    expect(fates({ duplicate: 100 }, 1, asked(2))[0]?.copies).toBe(3)
    expect(fates({ duplicate: 100 }, 1, asked(255))[0]?.copies).toBe(255)
  })
})

describe('corruption', () => {
  test.each([0, 1, 30, 100])('of %d %: that many frames have one bit flipped', (percent) => {
    const all = fates({ corrupt: percent, seed: 1 })
    withinBinomial(numbers(all, damaged).length, FRAMES, percent / 100)
    expect(all.every((fate) => fate.damage.length <= 1)).toBe(true)
    expect(numbers(all, (fate) => fate.reason === 'corrupted')).toEqual(numbers(all, damaged))
  })

  test.each([100, 10])('of %d % hits every bit of the frame alike', (percent) => {
    const counts = new Array<number>(480).fill(0)
    for (const { damage } of fates({ corrupt: percent, seed: 2 }, 100_000)) {
      for (const bit of damage) counts[bit]!++
    }
    withinChiSquare(counts)
  })

  test('touches nothing beside the frame', () => {
    const memory: Uint8Array[] = []
    const before = (burst: { bytes: Uint8Array }) => memory.push(burst.bytes.slice(), burst.bytes)
    fates({ corrupt: 100, seed: 3 }, 64, { length: 61, before })
    const [clean, now] = memory as [Uint8Array, Uint8Array]
    const changed = [...now.keys()].filter((at) => now[at] !== clean[at])
    expect(changed).toHaveLength(64)
    expect(changed.every((at) => (at - 4096) % 128 >= 64 && (at - 4096) % 128 < 64 + 61)).toBe(true)
  })

  test('leaves lost frames alone', () => {
    expect(numbers(fates({ corrupt: 100, loss: 50 }), (fate) => lost(fate) && damaged(fate))).toHaveLength(0)
  })
})

describe('reordering', () => {
  const delay = 10

  test.each([1, 25, 100])('of %d %: so many frames go at once, the others are delayed', (probability) => {
    const all = fates({ delay, reorder: { probability }, seed: 1 })
    withinBinomial(numbers(all, jumped).length, FRAMES, probability / 100)
    expect(all.every((fate) => fate.delay === 0 || fate.delay === delay)).toBe(true)
  })

  test('of 100 % with gap 5: every fifth', () => {
    const all = fates({ delay, reorder: { probability: 100, gap: 5 } }, 23)
    expect(numbers(all, jumped)).toEqual([4, 9, 14, 19])
  })

  test('of 50 % with gap 5: after four, each has the same chance', () => {
    const jumps = numbers(fates({ delay, reorder: { probability: 50, gap: 5 }, seed: 1 }), jumped)
    const gaps = jumps.slice(1).map((number, i) => number - (jumps[i] as number))
    expect(Math.min(...gaps)).toBe(5)
    withinMean(gaps, 4 + 1 / 0.5)
  })

  test('what a rule delays it delays still', () => {
    const [fate] = fates({ delay, reorder: 100 }, 1, { before: (burst) => burst.hold(0, 3) })
    expect(fate?.delay).toBe(3)
  })

  test('takes nothing of the rate for a frame that there was no room for', () => {
    const options = { delay: 1, rate: 1e6, limit: 1, reorder: { probability: 100, gap: 3 } }
    const impaired = new Impaired(options)
    const all = impaired.send(3, { length: 1250 })
    expect(all.map((fate) => fate.dropped ?? fate.delay)).toEqual([11, 'limit', 'limit'])
    expect(impaired.send(1, { length: 1250, start: 11 })[0]?.delay).toBe(11)
  })

  test('takes nothing of the rate', () => {
    const all = fates({ delay, rate: 1e6, reorder: { probability: 100, gap: 2 } }, 4, { length: 125 })
    expect(all.map((fate) => fate.delay)).toEqual([11, 0, 12, 0])
  })
})

describe('decisions', () => {
  const everything = {
    loss: { gemodel: { p: 2, r: 20 } },
    duplicate: { probability: 5, correlation: 20 },
    corrupt: { probability: 5, correlation: 20 },
    reorder: { probability: 25, correlation: 50, gap: 3 },
    delay: { time: 30, jitter: 5, correlation: 25, distribution: 'normal' },
    seed: 42,
  }
  const all = fates(everything)

  test('are the same with the same seed, and others with another', () => {
    expect(fates(everything)).toEqual(all)
    expect(fates({ ...everything, seed: 43 })).not.toEqual(all)
  })

  test('are others from the other end', () => {
    expect(new Impaired({ ...HELD, ...everything }, 1).send(FRAMES)).not.toEqual(all)
  })

  test.each([1, 7, 63])('do not depend on bursts: of %d', (burst) => {
    expect(fates(everything, FRAMES, { burst })).toEqual(all)
  })

  test('do not depend on time', () => {
    expect(fates(everything, FRAMES, { every: 0.37, start: 1e6 })).toEqual(all)
  })

  test.each(['loss', 'duplicate', 'corrupt', 'reorder', 'delay'] as const)(
    'do not depend on each other: without %s',
    (without) => {
      const { [without]: _, ...rest } = everything
      const fewer = fates(without === 'delay' ? { ...rest, delay: 20 } : rest)
      const same = (fits: (fate: Fate) => boolean, but: string[]) => {
        if (!but.includes(without)) expect(numbers(fewer, fits)).toEqual(numbers(all, fits))
      }
      // What is lost has no other fate, and a duplicate that is lost is neither.
      same((fate) => lost(fate), ['loss', 'duplicate'])
      if (without === 'loss') return
      same((fate) => copied(fate), ['duplicate'])
      if (without === 'duplicate') return
      same((fate) => damaged(fate), ['corrupt'])
      same((fate) => jumped(fate), ['reorder'])
      if (without === 'reorder' || without === 'delay') return
      expect(fewer.map((fate) => fate.delay)).toEqual(all.map((fate) => fate.delay))
    },
  )

  test('belong to numbers: a frame that a rule drops counts', () => {
    const before = (burst: { count: number; drop(i: number, cause: 'rule'): void }) => {
      for (let i = 0; i < burst.count; i += 2) burst.drop(i, 'rule')
    }
    const half = fates(everything, FRAMES, { before })
    const odd = (_: Fate, number: number) => number % 2 === 1
    expect(half.filter(odd)).toEqual(all.filter(odd))
    expect(
      half
        .filter((_, number) => number % 2 === 0)
        .every((fate) => fate.dropped === 'rule' && fate.copies === 0),
    ).toBe(true)
  })

  test('are counted', () => {
    const impaired = new Impaired({ ...HELD, ...everything })
    const counted = impaired.send(FRAMES)
    const passing = counted.filter((fate) => !lost(fate))
    expect(impaired.counts).toEqual({
      delayed: passing.filter((fate) => fate.delay > 0).length,
      duplicated: passing.filter(copied).length,
      corrupted: passing.filter(damaged).length,
      reordered: passing.filter(jumped).length,
      marked: 0,
    })
  })
})

test('what only a rule delays is not counted as delayed', () => {
  const before = (burst: Burst) => burst.hold(0, 5)
  const jumping = new Impaired({ delay: 1, reorder: 100 })
  jumping.send(1, { before })
  expect(jumping.counts).toMatchObject({ delayed: 0, reordered: 1 })
  const losing = new Impaired({ loss: 0 })
  losing.send(1, { before })
  expect(losing.counts.delayed).toBe(0)
})

describe('the limit', () => {
  test('drops what would be held beyond it, and nothing else', () => {
    const impaired = new Impaired({ delay: 10, limit: 100 })
    const first = impaired.send(150)
    expect(numbers(first, (fate) => fate.dropped === 'limit')).toEqual(
      Array.from({ length: 50 }, (_, i) => 100 + i),
    )
    expect(impaired.send(1, { start: 5 })[0]?.dropped).toBe('limit')
    expect(impaired.send(101, { start: 10 }).filter((fate) => fate.dropped === 'limit')).toHaveLength(1)
  })

  test.each<[ImpairOptions, number]>([
    [{ delay: 10 }, Number.POSITIVE_INFINITY],
    [{ delay: { time: 10, jitter: 5 }, limit: 7 }, 7],
    [{ slot: 10 }, Number.POSITIVE_INFINITY],
    // What waits is 1000; what 10 Mbit/s have on their way in 20 ms are 25,000 bytes, of 64 and more each.
    [{ rate: '10mbit' }, 1000],
    [{ rate: '10mbit', delay: 20 }, 1391],
    [{ rate: '10mbit', delay: { time: 12, jitter: 2 } }, 1391],
    [{ slot: { min: 10, packets: 5 } }, 1000],
    [{ slot: { min: 10, bytes: 640 }, delay: 100 }, 1100],
    [{ slot: { min: 0, packets: 5 } }, Number.POSITIVE_INFINITY],
  ])('of %j is %d', (options, limit) => {
    expect(new Impairment(planImpair(options, 'impair'), 0, new Float64Array(5)).limit).toBe(limit)
  })

  test('is none for a delay alone', () => {
    expect(new Impaired({ delay: 10 }).send(5000).every((fate) => fate.dropped === undefined)).toBe(true)
  })

  test('lets through what is not held while there is room, and nothing when there is none', () => {
    const outcomes = (options: object) =>
      new Impaired(options).send(4).map((fate) => fate.dropped ?? fate.delay)
    expect(outcomes({ loss: 0, limit: 1 })).toEqual([0, 0, 0, 0])
    expect(outcomes({ loss: 0, limit: 0 })).toEqual(['limit', 'limit', 'limit', 'limit'])
    const reorder = { probability: 100, gap: 2 }
    expect(outcomes({ delay: 10, reorder, limit: 2 })).toEqual([10, 0, 10, 'limit'])
  })

  test('counts copies, and cuts them before it drops a frame', () => {
    const impaired = new Impaired({ delay: 10, duplicate: 100, limit: 5 })
    const all = impaired.send(4)
    expect(all.map((fate) => fate.dropped ?? fate.copies)).toEqual([1, 1, 0, 'limit'])
    expect(impaired.counts).toMatchObject({ delayed: 3, duplicated: 2 })
  })

  test('counts what rules delay', () => {
    const [, second] = new Impaired({ duplicate: 0, limit: 1 }).send(2, {
      before: (burst) => {
        burst.hold(0, 5)
        burst.hold(1, 5)
      },
    })
    expect(second?.dropped).toBe('limit')
  })
})

describe('slots', () => {
  test('hold every frame, for next to nothing', () => {
    const all = fates({ slot: 10 }, 10)
    expect(all.every((fate) => fate.delay > 0 && fate.delay < 0.001)).toBe(true)
  })

  test('do not hold what jumps the queue', () => {
    const all = fates({ slot: 10, delay: 5, reorder: 100 }, 10)
    expect(all.every(jumped)).toBe(true)
  })
})
