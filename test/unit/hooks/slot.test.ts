// When a slot lets frames go: those that wait go together, those that come later wait for the next.

import { describe, expect, test } from 'vitest'
import { planImpair, type SlotPlan } from '../../../src/faults/impair-plan.js'
import { keyOf } from '../../../src/hooks/random.js'
import { Slot } from '../../../src/hooks/slot.js'

function slotOf(options: unknown, seed = 1): Slot {
  return new Slot(planImpair({ slot: options, seed }, 'impair').slot as SlotPlan, keyOf(seed, 0, 'slot'))
}

/** Releases frames that are due at `dues`, as whoever holds them does; answers when each went. */
function release(slot: Slot, dues: readonly number[], length = 100): number[] {
  let now = 0
  return dues.map((due) => {
    now = Math.max(now, due)
    while (!slot.allows(Float64Array.of(now, due), length)) {
      expect(slot.next).toBeGreaterThan(now)
      now = slot.next
    }
    return now
  })
}

describe('a slot', () => {
  test('opens some time after the first frame, and takes all that have come by then', () => {
    expect(release(slotOf(10), [100, 103, 110, 111, 119])).toEqual([110, 110, 110, 121, 121])
  })

  test('takes so many packets', () => {
    expect(release(slotOf({ min: 10, packets: 2 }), [1, 1, 1, 1, 1])).toEqual([11, 11, 21, 21, 31])
  })

  test('takes so many bytes: the frame that uses them up still goes', () => {
    expect(release(slotOf({ min: 10, bytes: 250 }), [1, 1, 1, 1, 1])).toEqual([11, 11, 11, 21, 21])
  })

  test('of just as many bytes as come is used up by them', () => {
    expect(release(slotOf({ min: 10, bytes: 200 }), [1, 1, 1, 1, 1])).toEqual([11, 11, 21, 21, 31])
  })

  test('comes between min and max, evenly', () => {
    const times = release(slotOf({ min: 10, max: 30, packets: 1 }), new Array(2_000).fill(1))
    const gaps = times.slice(1).map((time, i) => time - (times[i] as number))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(10)
    expect(Math.max(...gaps)).toBeLessThan(30)
    expect((times.at(-1) as number) / times.length).toBeCloseTo(20, 0)
  })

  test('comes after a time of a distribution', () => {
    const slot = slotOf({ distribution: 'normal', delay: 100, jitter: 10, packets: 1 })
    const times = release(slot, new Array(2_000).fill(1))
    const gaps = times.slice(1).map((time, i) => time - (times[i] as number) - 100)
    const variance = gaps.reduce((sum, gap) => sum + gap * gap, 0) / gaps.length
    expect(Math.sqrt(variance)).toBeCloseTo(10, 0)
  })

  test('begins anew whenever it would open before the next frame is due', () => {
    const slot = slotOf(20)
    const next = (now: number, due: number) => {
      slot.look(Float64Array.of(now, due))
      return slot.next
    }
    expect([next(1000, 1030), next(1004, 1030), next(1011, 1030)]).toEqual([1020, 1024, 1031])
    expect([next(1012, 1030), next(1030, 1030)]).toEqual([1031, 1031])
    expect(slot.allows(Float64Array.of(1031, 1030), 60)).toBe(true)
    // The next slot is so far from this one, and not from when its first frame is due.
    expect([next(1031, 1033), slot.allows(Float64Array.of(1033, 1033), 60), slot.next]).toEqual([
      1051,
      false,
      1051,
    ])
  })

  test('with the same seed comes at the same times', () => {
    const dues = Array.from({ length: 100 }, (_, i) => i * 7)
    const options = { min: 1, max: 30 }
    expect(release(slotOf(options), dues)).toEqual(release(slotOf(options), dues))
    expect(release(slotOf(options, 2), dues)).not.toEqual(release(slotOf(options), dues))
  })
})
