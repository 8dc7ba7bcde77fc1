// The carrier rule of src/link/carrier.ts as a table: the user's mode and whether each end is up. Pure
// values, no device: that the kernel does what is wanted is test/kernel/08-carrier-nudge.test.ts's business,
// that both ends follow is the integration tests'.

import { expect, test } from 'vitest'
import { wantedCarrier } from '../../../src/link/carrier.js'

test.each([
  ['auto', false, false, false],
  ['auto', true, false, false],
  ['auto', false, true, false],
  ['auto', true, true, true],
  ['on', false, false, true],
  ['on', true, false, true],
  ['on', false, true, true],
  ['on', true, true, true],
  ['off', false, false, false],
  ['off', true, false, false],
  ['off', false, true, false],
  ['off', true, true, false],
] as const)('%s, a up %s, b up %s: %s', (mode, upA, upB, carrier) => {
  expect(wantedCarrier(mode, upA, upB)).toBe(carrier)
})
