// Rates: what happened between two answers of stats.list, each second.

import { expect, test } from 'vitest'
import type { Counted } from '../../../src/contract/ops.js'
import { ratesOf } from '../../../src/contract/rates.js'

type End = Counted['pairs'][number]['a']

const end = (packets: number, drops: End['drops'] = {}): End => ({
  rx_packets: 0,
  rx_bytes: 0,
  tx_packets: packets,
  tx_bytes: packets * 100,
  drops,
  inspected: {},
})
const counted = (at: number, ...pairs: [id: string, a: End, b: End][]): Counted => ({
  at,
  pairs: pairs.map(([id, a, b]) => ({ id, carrier: true, a, b })),
})

test('of the first answer nothing is known', () => {
  expect(ratesOf(undefined, counted(1000, ['x', end(5), end(5)]))).toEqual(new Map())
})

test('frames, bits and drops of each second, of what each end sends', () => {
  const before = counted(1000, ['x', end(10, { loss: 1 }), end(0)])
  const now = counted(1500, ['x', end(30, { loss: 4, rule: 1, carrier: 0 }), end(1)])
  expect(ratesOf(before, now).get('x')).toEqual({
    a: { packets: 40, bits: 32_000, dropped: 8, drops: { loss: 6, rule: 2 } },
    b: { packets: 2, bits: 1600, dropped: 0, drops: {} },
  })
})

test('a pair that was not there before, or has begun anew, has no rate yet', () => {
  const before = counted(1000, ['old', end(10), end(0)], ['gone', end(1), end(1)])
  const now = counted(2000, ['old', end(3), end(0)], ['new', end(9), end(0)])
  expect([...ratesOf(before, now).keys()]).toEqual([])
})

test('of answers at one time, or of another daemon, nothing is said', () => {
  const one = counted(1000, ['x', end(1), end(1)])
  expect(ratesOf(one, counted(1000, ['x', end(2), end(2)])).size).toBe(0)
  expect(ratesOf(one, counted(20, ['x', end(9), end(9)])).size).toBe(0)
})

test('a count of the kernel that comes late is no negative rate', () => {
  const before = counted(0, ['x', end(1, { queue: 9 }), end(0)])
  const rates = ratesOf(before, counted(1000, ['x', end(1, { queue: 8 }), end(0)])).get('x')
  expect(rates?.a).toEqual({ packets: 0, bits: 0, dropped: 0, drops: {} })
})
