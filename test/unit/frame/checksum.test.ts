// The Internet checksum: RFC 1071's own example, and any bytes against the slow way.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checksum, onesSum, writeU16 } from '../../../src/frame/checksum.js'
import { naiveChecksum } from './layers.js'

test('the example of RFC 1071, section 3', () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)
  expect(onesSum(bytes, 0, 8)).toBe(0xddf2)
  expect(checksum(bytes, 0, 8)).toBe(0x220d)
})

test('any bytes, at any place, on top of any sum', () => {
  const any = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(65_535).fill(0xff)))
  fc.assert(
    fc.property(any, fc.nat(9), fc.nat(0x2ffff), (bytes, start, initial) => {
      const memory = new Uint8Array(start + bytes.length + 5).fill(0x33)
      memory.set(bytes, start)
      const folded = (initial & 0xffff) + (initial >> 16)
      const head = Uint8Array.of(folded >> 16, folded >> 16, (folded >> 8) & 0xff, folded & 0xff)
      const carry = folded > 0xffff ? Uint8Array.of(0, 1) : new Uint8Array(0)
      const naive = naiveChecksum(Buffer.concat([head.subarray(2), carry, bytes]))
      // 0 and 0xffff are the same number in one's complement.
      expect(checksum(memory, start, bytes.length, initial) % 0xffff).toBe(naive % 0xffff)
    }),
  )
})

test('writes big-endian, the low 16 bits', () => {
  const bytes = new Uint8Array(4)
  writeU16(bytes, 1, 0x1_2345)
  expect([...bytes]).toEqual([0, 0x23, 0x45, 0])
})
