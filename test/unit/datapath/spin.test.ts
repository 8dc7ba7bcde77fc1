// How long a worker asks before it sleeps: grows when frames come soon, stays while it pays, ends when they
// do not. src/datapath/spin.ts; called by loop.ts after each wait. Times are in ns. What it is good for is
// measured by the benchmark, not here.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextSpin } from '../../../src/datapath/spin.js'

const us = 1_000
const FIRST = 20 * us
const MAX_SPIN = 100 * us

test.each([
  ['a first frame that came soon: it begins', 0, 50 * us, FIRST],
  ['a frame after the spin, but soon: it doubles', FIRST, 50 * us, 2 * FIRST],
  ['a frame within the spin: it stays', 40 * us, 40 * us, 40 * us],
  ['near the upper limit: no further', 80 * us, 100 * us, MAX_SPIN],
  ['at the upper limit and within it: it stays', MAX_SPIN, 100 * us, MAX_SPIN],
  ['nothing for longer than it could ever ask: no asking', MAX_SPIN, MAX_SPIN + 1, 0],
  ['idle for a second: no asking', 0, 1e9, 0],
])('%s', (_, spin, waited, next) => {
  expect(nextSpin(spin, waited)).toBe(next)
})

test('an idle pair soon costs nothing: one long wait is enough', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: MAX_SPIN }),
      fc.integer({ min: MAX_SPIN + 1, max: 1e9 }),
      (spin, waited) => {
        expect(nextSpin(spin, waited)).toBe(0)
      },
    ),
  )
})

test('it is 0, or between the first and the greatest', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 300 * us })), (waits) => {
      let spin = 0
      for (const waited of waits) {
        spin = nextSpin(spin, waited)
        expect(spin === 0 || (spin >= FIRST && spin <= MAX_SPIN)).toBe(true)
      }
    }),
  )
})

test('a steady rhythm is found within a few waits, and kept', () => {
  let spin = 0
  for (let n = 0; n < 5; n++) spin = nextSpin(spin, 70 * us)
  expect(spin).toBeGreaterThanOrEqual(70 * us)
  expect(nextSpin(spin, 70 * us)).toBe(spin)
})
