// Which of two versions is the newer one. src/version.ts.

import { expect, test } from 'vitest'
import { isNewer, version } from '../../src/version.js'

test.each([
  ['1.2.3', '1.2.2', true],
  ['1.10.0', '1.9.9', true],
  ['2.0.0', '1.99.99', true],
  ['1.2.3', '1.2.3', false],
  ['1.2.2', '1.2.3', false],
  ['1.2.3-rc.1', '1.2.3', false],
  ['1.2.3', 'a house', true],
])('is %s newer than %s: %s', (one, other, newer) => {
  expect(isNewer(one, other)).toBe(newer)
})

test('is three numbers', () => {
  expect(version()).toMatch(/^\d+\.\d+\.\d+/)
})
