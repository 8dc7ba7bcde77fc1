// Bytes of expected messages, one field per line, and the checks that every decoder must stand. Used
// by the netlink tests only.

import fc from 'fast-check'
import { expect } from 'vitest'
import { DecodeError } from '../../../src/netlink/attribute.js'

/** hex('04 00', '0a 00 00 01'): the bytes of all fields in a row. */
export function hex(...fields: string[]): Uint8Array {
  return new Uint8Array(Buffer.from(fields.join('').replaceAll(' ', ''), 'hex'))
}

/** A little-endian u64 as text for hex(). */
export function u64(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes.toString('hex')
}

function decodesOrRefuses(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    decode(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
  }
}

/** Cut short at any length, with any byte changed, or replaced by noise: a value or a DecodeError. */
export function expectRobust(decode: (bytes: Uint8Array) => unknown, sample: Uint8Array): void {
  for (let length = 0; length < sample.length; length++) decodesOrRefuses(decode, sample.slice(0, length))
  const anyByte = fc.nat({ max: Math.max(0, sample.length - 1) })
  fc.assert(
    fc.property(fc.array(fc.tuple(anyByte, fc.nat({ max: 255 })), { maxLength: 4 }), (changes) => {
      const bytes = sample.slice()
      for (const [at, value] of changes) bytes[at] = value
      decodesOrRefuses(decode, bytes)
    }),
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => decodesOrRefuses(decode, bytes)))
}
