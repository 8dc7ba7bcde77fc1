// How `-human-readable` writes numbers: src/cli/link/format.ts. Values as ip 6.1 has them.

import { expect, test } from 'vitest'
import { countText } from '../../../../src/cli/link/format.js'

test.each<[number, string, string]>([
  [0, '0', '0'],
  [999, '999', '999'],
  [1000, '1.00k', '1000'],
  [1024, '1.02k', '1.00ki'],
  [4098, '4.10k', '4.00ki'],
  [12_345, '12.3k', '12.1ki'],
  [123_456, '123k', '121ki'],
  [999_999, '1000k', '977ki'],
  [2_320_050, '2.32M', '2.21Mi'],
  [5e18, '5.00E', '4.34Ei'],
])('%d is %s, and of 1024 %s', (count, human, iec) => {
  expect(countText(count, {})).toBe(String(count))
  expect(countText(count, { iec: true })).toBe(String(count))
  expect(countText(count, { human: true })).toBe(human)
  expect(countText(count, { human: true, iec: true })).toBe(iec)
})
