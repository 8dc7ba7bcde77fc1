// The attribute codec: exact bytes, bounds, flags, the sticky fault, round trips.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AttributeDecoder, AttributeWriter, align, DecodeError } from '../../../src/netlink/attribute.js'
import { expectRobust, hex } from './bytes.js'

const all = [
  '05 00', // nla_len
  '01 00', // nla_type
  '7f', // u8
  '00 00 00', // padding
  '06 00',
  '02 00',
  '34 12', // u16
  '00 00',
  '08 00',
  '03 00',
  '78 56 34 12', // u32
  '0c 00',
  '04 00',
  'ff ff ff ff ff ff 1f 00', // u64: 2^53 - 1
  '07 00',
  '05 00',
  '76 30 00', // "v0" and its NUL
  '00',
  '04 00',
  '06 00', // flag
  '08 00',
  '07 00',
  'ff ff ff ff', // s32: -1
  '0c 00',
  '08 80', // nested
  '05 00', // inner nla_len
  '01 00',
  '09',
  '00 00 00',
]

function writeAll(): Uint8Array {
  return new AttributeWriter()
    .u8(1, 0x7f)
    .u16(2, 0x1234)
    .u32(3, 0x12345678)
    .u64(4, Number.MAX_SAFE_INTEGER)
    .string(5, 'v0')
    .flag(6)
    .s32(7, -1)
    .nested(8, (inner) => inner.u8(1, 9))
    .finish()
}

/** Reads every type with its own getter. */
function readAll(bytes: Uint8Array): Record<string, unknown> {
  const read: Record<string, unknown> = {}
  const attributes = new AttributeDecoder(bytes)
  while (attributes.next()) {
    if (attributes.type === 1) read.u8 = attributes.u8()
    else if (attributes.type === 2) read.u16 = attributes.u16()
    else if (attributes.type === 3) read.u32 = attributes.u32()
    else if (attributes.type === 4) read.u64 = attributes.u64()
    else if (attributes.type === 5) read.string = attributes.string()
    else if (attributes.type === 6) read.flag = attributes.bytes().length
    else if (attributes.type === 7) read.s32 = attributes.s32()
    else if (attributes.type === 8) {
      attributes.nested((inner) => {
        while (inner.next()) read.nested = inner.u8()
      })
    }
  }
  attributes.end()
  return read
}

test.each([
  [0, 0],
  [1, 4],
  [4, 4],
  [5, 8],
])('align(%i) is %i', (length, aligned) => {
  expect(align(length)).toBe(aligned)
})

describe('writer', () => {
  test('lays out every type', () => {
    expect(writeAll()).toEqual(hex(...all))
  })

  test('puts the fixed header in front', () => {
    const header = hex('01 02 03 04')
    expect(new AttributeWriter(header).flag(9).finish()).toEqual(hex('01 02 03 04', '04 00', '09 00'))
  })

  test.each<[string, (writer: AttributeWriter) => unknown]>([
    ['a u8 of 256', (w) => w.u8(1, 256)],
    ['a u16 of 65536', (w) => w.u16(1, 65536)],
    ['a u32 of 2^32', (w) => w.u32(1, 2 ** 32)],
    ['a u64 of 2^53', (w) => w.u64(1, 2 ** 53)],
    ['a negative u32', (w) => w.u32(1, -1)],
    ['a fraction', (w) => w.u32(1, 1.5)],
    ['NaN', (w) => w.u32(1, Number.NaN)],
    ['an s32 of 2^31', (w) => w.s32(1, 2 ** 31)],
    ['a NUL inside a text', (w) => w.string(1, 'a\0b')],
    ['a payload that the length field cannot count', (w) => w.bytes(1, new Uint8Array(65532))],
  ])('refuses %s', (_, write) => {
    expect(() => write(new AttributeWriter())).toThrow(RangeError)
  })

  test('takes the longest payload', () => {
    expect(new AttributeWriter().bytes(1, new Uint8Array(65531)).finish().length).toBe(65536)
  })
})

describe('decoder', () => {
  test('reads every type', () => {
    expect(readAll(hex(...all))).toEqual({
      u8: 0x7f,
      u16: 0x1234,
      u32: 0x12345678,
      u64: Number.MAX_SAFE_INTEGER,
      string: 'v0',
      flag: 0,
      s32: -1,
      nested: 9,
    })
  })

  test('stands anything', () => {
    expectRobust(readAll, hex(...all))
  })

  test.each<[string, string[]]>([
    ['a length below the header', ['03 00', '01 00']],
    ['a length of zero', ['00 00', '01 00']],
    ['a length past the end', ['09 00', '01 00', '00 00 00 00']],
    ['a tail shorter than a header', ['04 00', '06 00', '00 00']],
    ['a u8 of two bytes', ['06 00', '01 00', '00 00 00 00']],
    ['a u32 of three bytes', ['07 00', '03 00', '00 00 00 00']],
    ['an empty u32', ['04 00', '03 00']],
    ['a u64 of four bytes', ['08 00', '04 00', '00 00 00 00']],
    ['a fault inside a nest', ['08 00', '08 00', '09 00', '01 00']],
  ])('refuses %s', (_, fields) => {
    expect(() => readAll(hex(...fields))).toThrow(DecodeError)
  })

  test('refuses bytes that are shorter than the fixed header', () => {
    const attributes = new AttributeDecoder(hex('00 00 00'), 4)
    expect(attributes.next()).toBe(false)
    expect(() => attributes.end()).toThrow(DecodeError)
  })

  test('pads the fixed header, as a struct of one byte is', () => {
    const attributes = new AttributeDecoder(hex('00 ff ff ff', '05 00', '01 00', '07'), 1)
    expect(attributes.next()).toBe(true)
    expect(attributes.u8()).toBe(7)
  })

  test('does without the padding of the last attribute', () => {
    expect(readAll(hex('05 00', '01 00', '07'))).toEqual({ u8: 7 })
  })

  test('strips the flags, and reads network byte order', () => {
    const attributes = new AttributeDecoder(
      hex('06 00', '02 40', '12 34', '00 00', '06 00', '02 80', '34 12'),
    )
    attributes.next()
    expect([attributes.type, attributes.u16()]).toEqual([2, 0x1234])
    attributes.next()
    expect([attributes.type, attributes.u16()]).toEqual([2, 0x1234])
  })

  test('the first fault sticks', () => {
    const attributes = new AttributeDecoder(hex('05 00', '01 00', '07 00 00 00', '05 00', '01 00', '08'))
    attributes.next()
    expect(attributes.u32()).toBe(0)
    const { fault } = attributes
    expect(fault).toContain('attribute 1')
    expect([attributes.next(), attributes.u8(), attributes.string()]).toEqual([false, 0, ''])
    expect(attributes.fault).toBe(fault)
    expect(() => attributes.end()).toThrow(fault)
  })

  test.each<[string, string, string]>([
    ['up to the NUL', '76 30 00 78', 'v0'],
    ['without a NUL: the whole payload', '76 30', 'v0'],
    ['empty', '', ''],
    ['a byte order mark stays', 'ef bb bf 61', '\ufeffa'],
  ])('a text %s', (_, payload, text) => {
    const length = 4 + hex(payload).length
    const attributes = new AttributeDecoder(hex(`0${length} 00`, '05 00', payload))
    attributes.next()
    expect(attributes.string()).toBe(text)
  })

  test('reads a view that does not begin at its buffer', () => {
    const bytes = hex('ff ff ff', ...all)
    expect(readAll(bytes.subarray(3))).toHaveProperty('u32', 0x12345678)
  })
})

test('what is written is read', () => {
  const attribute = fc.oneof(
    fc.record({ kind: fc.constant('u8' as const), value: fc.nat({ max: 0xff }) }),
    fc.record({ kind: fc.constant('u16' as const), value: fc.nat({ max: 0xffff }) }),
    fc.record({ kind: fc.constant('u32' as const), value: fc.nat({ max: 0xffffffff }) }),
    fc.record({ kind: fc.constant('s32' as const), value: fc.integer() }),
    fc.record({ kind: fc.constant('u64' as const), value: fc.maxSafeNat() }),
    fc.record({
      kind: fc.constant('string' as const),
      value: fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
    }),
    fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array() }),
  )
  const list = fc.array(fc.tuple(fc.nat({ max: 0x3fff }), attribute))
  fc.assert(
    fc.property(list, list, (outer, inner) => {
      const write = (writer: AttributeWriter, attributes: typeof outer) => {
        for (const [type, { kind, value }] of attributes)
          (writer[kind] as (t: number, v: unknown) => void).call(writer, type, value)
      }
      const read = (attributes: AttributeDecoder, expected: typeof outer) => {
        for (const [type, { kind, value }] of expected) {
          expect(attributes.next()).toBe(true)
          expect(attributes.type).toBe(type)
          expect(attributes[kind]()).toEqual(value)
        }
      }
      const writer = new AttributeWriter()
      write(writer, outer)
      writer.nested(1, (nested) => write(nested, inner))
      const attributes = new AttributeDecoder(writer.finish())
      read(attributes, outer)
      expect(attributes.next()).toBe(true)
      attributes.nested((nested) => read(nested, inner))
      expect(attributes.next()).toBe(false)
      attributes.end()
    }),
  )
})
