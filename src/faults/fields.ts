// Reads options objects that came from outside: each value is checked, with the option's name in the
// message. Used by impair-plan.ts. A value may be null, which counts as not given.

import { invalid } from '../errors.js'
import { fields, show } from './check.js'
import { parsePercent, parseRate, parseSize, parseTime } from './units.js'

const DAY = 86_400_000

export class Fields {
  readonly attribute: string
  readonly #values: Readonly<Record<string, unknown>>

  /** `keys` are all that there may be; `attribute` is what messages call the object. */
  constructor(value: unknown, attribute: string, keys: readonly string[]) {
    this.attribute = attribute
    this.#values = fields(value, attribute, keys)
  }

  /** What messages call one value. */
  at(key: string): string {
    return `${this.attribute}.${key}`
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined
  }

  /** The object under `key`; any other value there is short for an object that has only `short`. */
  fields(key: string, keys: readonly string[], short: string): Fields | undefined {
    const value = this.#get(key)
    if (value === undefined) return undefined
    return new Fields(typeof value === 'object' ? value : { [short]: value }, this.at(key), keys)
  }

  /** ms. */
  time(key: string): number | undefined {
    return this.#number(
      key,
      0,
      DAY,
      timeWithUnit,
      'a time up to a day: ms as a number, or a text like "10ms"',
    )
  }

  /** 0 to 100. */
  percent(key: string): number | undefined {
    return this.#number(key, 0, 100, parsePercent, 'a number of percent from 0 to 100, or a text like "1%"')
  }

  /** Bits per second. */
  rate(key: string): number | undefined {
    return this.#number(key, 0, 1e15, parseRate, 'a rate: bits per second, or a text like "10mbit"')
  }

  /** Bytes. */
  size(key: string): number | undefined {
    const what = 'a size: whole bytes, or a text like "32kb"'
    const size = this.#number(key, 0, 2 ** 32 - 1, parseSize, what)
    if (size === undefined || Number.isInteger(size)) return size
    throw this.#wrong(key, what)
  }

  whole(key: string, min: number, max: number): number | undefined {
    const what = `a whole number from ${min} to ${max}`
    const value = this.#number(key, min, max, () => undefined, what)
    if (value === undefined || Number.isInteger(value)) return value
    throw this.#wrong(key, what)
  }

  oneOf<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.#get(key)
    const word = words.find((candidate) => candidate === value)
    if (value === undefined || word !== undefined) return word
    throw this.#wrong(key, `one of ${words.join(', ')}`)
  }

  /** For a value that there must be. */
  must<T>(key: string, value: T | undefined): T {
    if (value !== undefined) return value
    throw invalid(`${this.at(key)} is missing`, this.at(key))
  }

  #get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? undefined) : undefined
  }

  #number(
    key: string,
    min: number,
    max: number,
    parse: (text: string) => number | undefined,
    what: string,
  ): number | undefined {
    const value = this.#get(key)
    if (value === undefined) return undefined
    const number = typeof value === 'string' ? parse(value) : value
    if (typeof number === 'number' && number >= min && number <= max) return number
    throw this.#wrong(key, what)
  }

  #wrong(key: string, what: string): Error {
    return invalid(`${this.at(key)} must be ${what}, not ${show(this.#get(key))}`, this.at(key))
  }
}

/** A bare number in a text would be microseconds to tc, but ms beside our numbers: it is refused. */
function timeWithUnit(text: string): number | undefined {
  return /[a-z]$/i.test(text) ? parseTime(text) : undefined
}

/** The same object without the keys that have no value. */
export function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
