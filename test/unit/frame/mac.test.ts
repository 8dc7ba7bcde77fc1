// MAC addresses as text and bytes, and which of them an interface may have: src/frame/mac.ts.
// Strict: what `ip` would take besides (dashes, dots, single digits) is refused.
// options.test.ts shows with which error.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatMac, isUnicast, parseMac } from '../../../src/frame/mac.js'

test.each([
  ['', 'nothing'],
  ['02:00:00:00:00', 'five bytes'],
  ['02:00:00:00:00:00:01', 'seven bytes'],
  ['02-00-00-00-00-01', 'dashes'],
  ['0200.0000.0001', 'dots'],
  ['020000000001', 'no colons'],
  ['2:0:0:0:0:1', 'single digits'],
  ['02:00:00:00:00:0g', 'no digit'],
  [' 02:00:00:00:00:01', 'a space'],
  ['02:00:00:00:00:01\n', 'a line end'],
])('refuses %j (%s)', (text) => {
  expect(parseMac(text)).toBeUndefined()
})

test('takes small and capital letters, and writes small ones', () => {
  const mac = parseMac('0A:bC:de:F0:12:34')
  expect(mac).toEqual(Uint8Array.of(0x0a, 0xbc, 0xde, 0xf0, 0x12, 0x34))
  expect(formatMac(mac!)).toBe('0a:bc:de:f0:12:34')
})

test('text and bytes go both ways', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (mac) => {
      expect(parseMac(formatMac(mac))).toEqual(mac)
    }),
  )
})

test.each([
  ['02:00:00:00:00:01', true],
  ['00:00:00:00:00:01', true],
  ['fe:ff:ff:ff:ff:ff', true],
  ['00:00:00:00:00:00', false],
  ['ff:ff:ff:ff:ff:ff', false],
  ['01:00:5e:00:00:01', false],
  ['33:33:00:00:00:01', false],
])('may an interface have %s: %s', (text, allowed) => {
  expect(isUnicast(parseMac(text)!)).toBe(allowed)
})
