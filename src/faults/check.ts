// Checks of plain values that users give: each answers the value with its type, or refuses it by name.

import { invalid } from '../errors.js'

export type Fields = Readonly<Record<string, unknown>>

/** An object with no other keys than `keys`. `attribute` is what messages call it. */
export function fields(value: unknown, attribute: string, keys: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(
      `${attribute} must be an object, not ${show(value)}: its keys are ${keys.join(', ')}`,
      attribute,
    )
  }
  const unknown = Object.keys(value).find((key) => !keys.includes(key))
  if (unknown !== undefined) {
    throw invalid(`${attribute} has no "${unknown}": there is ${keys.join(', ')}`, `${attribute}.${unknown}`)
  }
  return value as Fields
}

export function whole(value: unknown, min: number, max: number, attribute: string): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
  throw invalid(`${attribute} must be a whole number from ${min} to ${max}, not ${show(value)}`, attribute)
}

/** A name of `table`, as its number, or a number up to `max`. */
export function named(
  value: unknown,
  table: Readonly<Record<string, number>>,
  max: number,
  attribute: string,
): number {
  if (typeof value !== 'string') return whole(value, 0, max, attribute)
  if (Object.hasOwn(table, value)) return table[value] as number
  const names = Object.keys(table).join(', ')
  throw invalid(`${attribute} ${show(value)} is not known: give a number, or one of ${names}`, attribute)
}

/** A value as a message shows it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return String(value)
}
