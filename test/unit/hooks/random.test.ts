// The draws behind impairments: the published function, uniform, and independent of each other.

import { describe, expect, test } from 'vitest'
import { DRAWS, draw, type Key, type Kind, keyOf } from '../../../src/hooks/random.js'
import type { Seed } from '../../../src/wishes/impair.js'
import { withinChiSquare } from '../../support/statistics.js'

const NUMBERS = 200_000
/** Of those that are numbers. */
const MAX_SEED = Number.MAX_SAFE_INTEGER
/** Of those that are texts. */
const [FIRST_LONG, LAST_LONG] = ['9007199254740992', '18446744073709551615']

/** Counts into `cells` cells what `cell` says of each number. */
function histogram(cells: number, numbers: number, cell: (number: number) => number): number[] {
  const counts = new Array<number>(cells).fill(0)
  for (let number = 0; number < numbers; number++) counts[cell(number)]!++
  return counts
}

const byte = (key: Key, number: number, shift: number, k = 0) => (draw(key, number, k) >>> shift) & 255

describe('Threefry-2x32-13', () => {
  // Known answers of the Random123 library's kat_vectors.
  test.each([
    [0, 0, 0, 0, 0x9d1c5ec6],
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xfd36d048],
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xba3e4725],
  ])('counter %x %x, key %x %x', (counter0, counter1, low, high, first) => {
    const number = (counter1 & 0x1fffff) * 2 ** 32 + counter0
    expect(draw({ low, high }, number, counter1 >>> 21).toString(16)).toBe(first.toString(16))
  })
})

describe('keys', () => {
  const seeds = [0, 1, 2 ** 32, MAX_SEED - 1, MAX_SEED, FIRST_LONG, '9223372036854775808', LAST_LONG]
  const all = seeds.flatMap((seed) =>
    ([0, 1] as const).flatMap((end) =>
      (['loss', 'duplicate', 'corrupt', 'reorder', 'delay', 'slot', 'rule'] as const).map(
        (kind): [Seed, 0 | 1, Kind] => [seed, end, kind],
      ),
    ),
  )

  test('every seed, end and kind has its own', () => {
    const keys = all.map(([seed, end, kind]) => JSON.stringify(keyOf(seed, end, kind)))
    expect(new Set(keys).size).toBe(all.length)
  })

  test('and other draws', () => {
    const draws = all.map(([seed, end, kind]) => draw(keyOf(seed, end, kind), 7))
    expect(new Set(draws).size).toBe(all.length)
  })
})

test('seeds that were always there have the keys that they had', () => {
  // As bits: seed 0 to 52, kind, end.
  expect(keyOf(42, 1, 'delay')).toEqual({ low: 42, high: (4 << 21) | (1 << 31) })
  expect(keyOf(MAX_SEED, 0, 'slot')).toEqual({ low: -1, high: 0x1fffff | (5 << 21) })
})

describe.each<Seed>([0, 42, MAX_SEED, LAST_LONG])('draws of seed %s', (seed) => {
  const key = keyOf(seed, 0, 'loss')

  test.each([0, 8, 16, 24])('bits from %i on are uniform', (shift) => {
    withinChiSquare(histogram(256, NUMBERS, (number) => byte(key, number, shift)))
  })

  test('one does not tell the next', () => {
    const pair = (number: number) => (byte(key, number, 24) << 8) | byte(key, number + 1, 24)
    withinChiSquare(histogram(65_536, 20 * 65_536, pair))
  })

  test.each([
    ['another kind', keyOf(seed, 0, 'delay'), 0],
    ['another end', keyOf(seed, 1, 'loss'), 0],
    ['another seed', keyOf(seed === 42 ? LAST_LONG : 42, 0, 'loss'), 0],
    ['another draw of the frame', key, 1],
  ])('%s is independent', (_, other, k) => {
    const pair = (number: number) => (byte(key, number, 28) << 4) | byte(other, number, 28, k)
    withinChiSquare(histogram(256, NUMBERS, pair))
  })

  test('numbers beyond 32 bits go on', () => {
    const far = 2 ** 32 * 3
    withinChiSquare(histogram(256, NUMBERS, (number) => byte(key, far - NUMBERS / 2 + number, 0)))
    expect(draw(key, far)).not.toBe(draw(key, 0))
  })

  test('all draws are whole, from 0 to below 2^32', () => {
    for (let number = 0; number < 10_000; number++) {
      const drawn = draw(key, number)
      if (!Number.isInteger(drawn) || drawn < 0 || drawn >= DRAWS) expect.fail(`${drawn}`)
    }
  })
})
