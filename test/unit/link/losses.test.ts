// How often what is served again may be lost: src/link/losses.ts.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Losses } from '../../../src/link/losses.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

const count = (losses: Losses, times: number) => Array.from({ length: times }, () => losses.tooMany())
const EIGHT = Array(8).fill(false)

test('the ninth at once is too many', () => {
  expect(count(new Losses(), 9)).toEqual([...EIGHT, true])
})

test('one is forgiven with each minute, and all in the end', () => {
  const losses = new Losses()
  expect(count(losses, 8)).toEqual(EIGHT)
  vi.advanceTimersByTime(59_000)
  expect(losses.tooMany()).toBe(true)
  vi.advanceTimersByTime(121_000)
  expect(count(losses, 3)).toEqual([false, false, true])
  vi.advanceTimersByTime(3_600_000)
  expect(count(losses, 9)).toEqual([...EIGHT, true])
})

test('one in each minute may go on for ever', () => {
  const losses = new Losses()
  for (let minute = 0; minute < 1_000; minute++) {
    expect(losses.tooMany()).toBe(false)
    vi.advanceTimersByTime(60_000)
  }
})
