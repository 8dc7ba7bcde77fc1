// The seed of a test: where it comes from, and which orders of the ends draw from it.

import { afterEach, expect, test, vi } from 'vitest'
import type { End } from '../../../src/index.js'
import { chooseSeed, seedEnds, withSeed } from '../../../src/testing/seeded.js'

afterEach(() => vi.unstubAllEnvs())

test('the asked one, then that of the environment, then any', () => {
  vi.stubEnv('UVETH_SEED', '77')
  expect([chooseSeed(5), chooseSeed(0), chooseSeed(undefined)]).toEqual([5, 0, 77])
  vi.stubEnv('UVETH_SEED', '')
  const drawn = Array.from({ length: 5 }, () => chooseSeed(undefined))
  expect(new Set(drawn).size).toBeGreaterThan(1)
})

test.each([[-1], [1.5], [2 ** 53], [Number.NaN]])('%s is refused', (seed) => {
  expect(() => chooseSeed(seed)).toThrow(/seed must be a whole number/)
})

test.each(['x', '-1', '1e3', '99999999999999999999'])('UVETH_SEED=%s is refused', (text) => {
  vi.stubEnv('UVETH_SEED', text)
  expect(() => chooseSeed(undefined)).toThrow(/UVETH_SEED must be a whole number/)
})

test('a seed of its own stays', () => {
  expect(withSeed({ loss: 1 }, 9)).toEqual({ loss: 1, seed: 9 })
  expect(withSeed({ loss: 1, seed: 3 }, 9)).toEqual({ loss: 1, seed: 3 })
  expect(withSeed(null, 9)).toBe(null)
})

test('orders that draw get it, each corrupting rule another one, and all others none', () => {
  const given: unknown[] = []
  const note = (...wish: unknown[]) => void given.push(...wish)
  const end = { impairment: null, impair: note, patchImpairment: note, schedule: note, addRule: note }
  seedEnds([end as unknown as End], 100)
  const seeded = end as unknown as End
  void seeded.impair({ loss: 1 })
  void seeded.patchImpairment({ delay: 5 })
  void seeded.addRule({ kind: 'corrupt' })
  void seeded.addRule({ kind: 'corrupt' })
  void seeded.addRule({ kind: 'corrupt', seed: 1 })
  void seeded.addRule({ kind: 'drop' })
  end.impairment = { seed: 4 } as never
  void seeded.patchImpairment({ delay: 6 })
  expect(given.filter((wish) => wish !== undefined)).toEqual([
    { loss: 1, seed: 100 },
    { delay: 5, seed: 100 },
    { kind: 'corrupt', seed: 100 },
    { kind: 'corrupt', seed: 101 },
    { kind: 'corrupt', seed: 1 },
    { kind: 'drop' },
    { delay: 6 },
  ])
})
