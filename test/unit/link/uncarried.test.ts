// The kernel's one counter of drops, told apart by carrier: src/link/uncarried.ts.

import { expect, test } from 'vitest'
import { Uncarried } from '../../../src/link/uncarried.js'

test('born without carrier: what is dropped then is no matter of the queue', () => {
  const drops = new Uncarried()
  expect(drops.uncarried(7)).toBe(7)
  drops.end(7)
  expect(drops.uncarried(20)).toBe(7)
})

test('what is dropped with carrier is not counted; each time without is', () => {
  const drops = new Uncarried()
  drops.end(0)
  drops.begin(10)
  expect(drops.uncarried(13)).toBe(3)
  drops.end(15)
  drops.begin(20)
  drops.end(21)
  expect(drops.uncarried(100)).toBe(6)
})

test('said twice, or without a number, changes nothing', () => {
  const drops = new Uncarried()
  drops.end(undefined)
  drops.end(2)
  drops.begin(undefined)
  expect(drops.uncarried(9)).toBe(2)
  drops.begin(10)
  drops.begin(12)
  drops.end(13)
  drops.end(50)
  expect(drops.uncarried(99)).toBe(5)
})
