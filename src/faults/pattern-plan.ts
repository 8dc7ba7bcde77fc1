// The bytes of a Match: [offset, mask, value] in every way that users may write them, as hexadecimal digits.

import { invalid } from '../errors.js'
import { show, whole } from './check.js'

const MAX_OFFSET = 65_535
/** Bytes that one pattern may cover. */
const MAX_BYTES = 128
const HEX = /^(0x)?((?:[0-9a-f]{2})+)$/i

export function planPatterns(value: unknown, attribute: string): [number, string, string][] {
  if (!Array.isArray(value))
    throw invalid(`${attribute} must be an array of [offset, mask, value]`, attribute)
  if (value.length === 0) throw invalid(`${attribute} is empty: give some [offset, mask, value]`, attribute)
  return value.map((pattern, index) => planPattern(pattern, `${attribute}[${index}]`))
}

function planPattern(pattern: unknown, attribute: string): [number, string, string] {
  if (!Array.isArray(pattern) || pattern.length !== 3) {
    throw invalid(`${attribute} must be [offset, mask, value]`, attribute)
  }
  const [offset, givenMask, givenValue] = pattern as unknown[]
  const width = widthOf(givenMask, attribute) ?? widthOf(givenValue, attribute) ?? widthOfNumber(givenMask)
  const mask = digits(givenMask, width, `${attribute}[1]`, attribute)
  const value = digits(givenValue, width, `${attribute}[2]`, attribute)
  const bits = Buffer.from(mask, 'hex')
  if (Buffer.from(value, 'hex').some((byte, index) => (byte & ~(bits[index] as number)) !== 0)) {
    throw invalid(
      `${attribute} can never match: its value 0x${value} has bits that its mask 0x${mask} has not`,
      attribute,
    )
  }
  return [whole(offset, 0, MAX_OFFSET, `${attribute}[0]`), mask, value]
}

/** Bytes; undefined for a number, which takes what the other one has. */
function widthOf(given: unknown, attribute: string): number | undefined {
  if (typeof given === 'number') return undefined
  const length = given instanceof Uint8Array ? given.length : (HEX.exec(String(given))?.[2] ?? '').length >> 1
  if (length > 0 && length <= MAX_BYTES && (typeof given === 'string' || given instanceof Uint8Array))
    return length
  throw invalid(
    `${attribute} has ${show(given)} where a number, whole bytes in hexadecimal ("0800") or a Uint8Array is meant, of up to ${MAX_BYTES} bytes`,
    attribute,
  )
}

function widthOfNumber(mask: unknown): number {
  return Math.max(1, Math.ceil((32 - Math.clz32(Number(mask))) / 8))
}

function digits(given: unknown, width: number, what: string, attribute: string): string {
  if (typeof given === 'number') {
    const max = width >= 4 ? 0xffffffff : 256 ** width - 1
    return whole(given, 0, max, what)
      .toString(16)
      .padStart(2 * width, '0')
  }
  const text = given instanceof Uint8Array ? Buffer.from(given).toString('hex') : HEX.exec(String(given))?.[2]
  if (text?.length !== 2 * width) {
    throw invalid(`mask and value of ${attribute} must have the same number of bytes`, attribute)
  }
  return text.toLowerCase()
}
