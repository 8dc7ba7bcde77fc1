// Shapes: one describes what a user may wish for, and everything that is said of such a wish comes from it: the
// check with its sentence, the type (Given), the JSON Schema, the lists of keys. The tables in this folder are made
// of them; faults/, pair/, contract/, cli/ and testing/ use those. Loads nothing but errors. A shape checks one value
// by itself: what goes together with what is said by whoever makes plans (faults/, pair/options.ts).

import { invalid } from '../errors.js'

/** A JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>

/** `Given` is what a user may write, `Read` what is read from it. */
export interface Shape<Given, Read = Given> {
  readonly schema: Schema
  /** Of an object: the shape of each of its keys. */
  readonly parts?: Parts | undefined
  /** Checks a value, and answers what it means. A refusal calls it `attribute`. */
  read(value: unknown, attribute: string): Read
  /** For the compiler only. */
  readonly given?: Given
}
export type Parts = Readonly<Record<string, Shape<unknown>>>
/** The shape of an object, whose parts are known one by one: what is made of some of them has no other keys. */
export interface ObjectShape<G, R, P> extends Omit<Shape<G, R>, 'parts'> {
  readonly parts: P
}

export type Given<S> = S extends { readonly given?: infer G } ? Exclude<G, undefined> : never
export type Read<S> = S extends { read(value: unknown, attribute: string): infer R } ? R : never

type Flat<T> = T extends unknown ? { [K in keyof T]: T[K] } : never
type GivenParts<P, Must> = Flat<
  { -readonly [K in keyof P as K extends Must ? never : K]?: Given<P[K]> } & {
    -readonly [K in keyof P as K extends Must ? K : never]: Given<P[K]>
  }
>
type ReadParts<P, Must> = Flat<
  { -readonly [K in keyof P as K extends Must ? never : K]?: Read<P[K]> } & {
    -readonly [K in keyof P as K extends Must ? K : never]: Read<P[K]>
  }
>

/** What messages call `key` of the object that they call `attribute`; that of the whole wish is ''. */
export function at(attribute: string, key: string): string {
  return attribute === '' ? key : `${attribute}.${key}`
}

/** THE sentence. */
export function wrong(attribute: string, what: string, value: unknown): Error {
  return invalid(`${attribute || 'the wish'} must be ${what}, not ${show(value)}`, attribute)
}

/** A value as a message shows it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array'
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'function') return 'a function'
  return String(value)
}

/** Checks without reading: the value itself, with its type. */
export function checked<G>(shape: Shape<G, unknown>, value: unknown, attribute = ''): G {
  shape.read(value, attribute)
  return value as G
}

/** One value: `read` answers undefined where it is not `what`. */
export function value<G, R = G>(
  what: string,
  schema: Schema,
  read: (value: unknown) => R | undefined,
): Shape<G, R> {
  return {
    schema,
    read(given, attribute) {
      const found = read(given)
      if (found === undefined) throw wrong(attribute, what, given)
      return found
    },
  }
}

export function whole(min: number, max: number, what = 'a whole number'): Shape<number> {
  return value(`${what} from ${min} to ${max}`, { type: 'integer', minimum: min, maximum: max }, (given) =>
    typeof given === 'number' && Number.isInteger(given) && given >= min && given <= max ? given : undefined,
  )
}

/** More than 0. */
export function above(max: number, what: string): Shape<number> {
  return value(what, { type: 'number', exclusiveMinimum: 0, maximum: max }, (given) =>
    typeof given === 'number' && given > 0 && given <= max ? given : undefined,
  )
}

export function flag(): Shape<boolean> {
  return value('true or false', { type: 'boolean' }, (given) =>
    typeof given === 'boolean' ? given : undefined,
  )
}

export function text(what: string, pattern = /^/): Shape<string> {
  const schema = pattern.source === '^' ? { type: 'string' } : { type: 'string', pattern: pattern.source }
  return value(what, schema, (given) =>
    typeof given === 'string' && pattern.test(given) ? given : undefined,
  )
}

export function oneOf<const T extends readonly (string | number | boolean)[]>(
  ...values: T
): Shape<T[number]> {
  return value(`one of ${values.join(', ')}`, { enum: values }, (given) =>
    values.find((one) => one === given),
  )
}

/** A name of `table`, read as its number, or a number up to `max`. */
export function named<const T extends Readonly<Record<string, number>>>(
  table: T,
  max: number,
): Shape<number | (keyof T & string), number> {
  const names = Object.keys(table)
  const number = whole(0, max)
  const schema = { anyOf: [number.schema, { enum: names }] }
  return value(`a whole number from 0 to ${max}, or one of ${names.join(', ')}`, schema, (given) => {
    if (typeof given === 'string') return Object.hasOwn(table, given) ? table[given] : undefined
    return typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= max
      ? given
      : undefined
  })
}

/** What cannot be described to a machine: a signal, a logger. */
export function opaque<T>(what: string, is: (given: unknown) => boolean): Shape<T> {
  return value(what, { not: {} }, (given) => (is(given) ? (given as T) : undefined))
}

/** An array, each item of which is `item`; messages call an item by its place, or by the array's name. */
export function list<G, R>(what: string, item: Shape<G, R>, placed = false): Shape<readonly G[], R[]> {
  return {
    schema: { type: 'array', items: item.schema },
    read(given, attribute) {
      if (!Array.isArray(given)) throw wrong(attribute, what, given)
      return given.map((one, place) => item.read(one, placed ? at(attribute, String(place)) : attribute))
    },
  }
}

/** One, or an array of at least one; read as an array. Messages call each by the array's name. */
export function oneOrSeveral<G, R>(what: string, one: Shape<G, R>): Shape<G | readonly G[], readonly R[]> {
  return {
    schema: { anyOf: [one.schema, { type: 'array', items: one.schema, minItems: 1 }] },
    read(given, attribute) {
      const several: readonly unknown[] = Array.isArray(given) ? given : [given]
      if (several.length === 0) throw wrong(attribute, what, given)
      return several.map((each) => one.read(each, attribute))
    },
  }
}

/**
 * An object with no other keys than those of `parts`, all of which but `must` may be left out. `nothing`: what counts
 * as left out, beside undefined.
 */
export function object<const P extends Parts, const Must extends keyof P & string = never>(
  parts: P,
  must: readonly Must[] = [],
  nothing: undefined | null = undefined,
): ObjectShape<GivenParts<P, Must>, ReadParts<P, Must>, P> {
  const properties = Object.fromEntries(Object.entries(parts).map(([key, { schema }]) => [key, schema]))
  const required = must.length > 0 && { required: must }
  return {
    schema: { type: 'object', additionalProperties: false, ...required, properties },
    parts,
    read(given, attribute) {
      const read: Record<string, unknown> = {}
      const keys = Object.keys(parts)
      const fields = fieldsOf(given, attribute, keys)
      for (const key of keys) {
        const field = Object.hasOwn(fields, key) ? fields[key] : undefined
        if (field !== undefined && field !== nothing)
          read[key] = (parts[key] as Shape<unknown>).read(field, at(attribute, key))
      }
      for (const key of must) {
        if ((fields[key] ?? undefined) === undefined)
          throw invalid(`${at(attribute, key)} is missing`, at(attribute, key))
      }
      return read as ReadParts<P, Must>
    },
  }
}

/** An object all of whose keys are to be there. */
export function every<const P extends Parts>(parts: P) {
  return object(parts, Object.keys(parts) as (keyof P & string)[])
}

function fieldsOf(given: unknown, attribute: string, keys: readonly string[]): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given) || ArrayBuffer.isView(given)) {
    throw wrong(attribute, 'an object', given)
  }
  const unknown = Object.keys(given).find((key) => !keys.includes(key))
  if (unknown === undefined) return given as Record<string, unknown>
  const name = at(attribute, unknown)
  throw invalid(`unknown attribute ${name}: there are ${keys.join(', ') || 'none'}`, name)
}

/** An object with keys of its writer's choice, each of which is `item`. */
export function table<G, R>(
  what: string,
  key: RegExp,
  item: Shape<G, R>,
): Shape<{ readonly [key: string]: G | undefined }, Record<string, R>> {
  return {
    schema: { type: 'object', propertyNames: { pattern: key.source }, additionalProperties: item.schema },
    read(given, attribute) {
      if (typeof given !== 'object' || given === null || Array.isArray(given))
        throw wrong(attribute, 'an object', given)
      const rows = Object.entries(given).filter(([, row]) => row !== undefined)
      for (const [name] of rows)
        if (!key.test(name)) throw invalid(`${attribute}: ${show(name)} is not ${what}`, attribute)
      return Object.fromEntries(rows.map(([name, row]) => [name, item.read(row, at(attribute, name))]))
    },
  }
}

/** An object that may be written shorter: a value that is none stands for an object with only `key`. */
export function short<
  S extends Shape<unknown> & { readonly parts: Parts },
  K extends keyof S['parts'] & string,
>(whole: S, key: K): Shape<Given<S['parts'][K]> | Given<S>, Read<S>> & { readonly parts: S['parts'] } {
  return {
    schema: { anyOf: [(whole.parts[key] as Shape<unknown>).schema, whole.schema] },
    parts: whole.parts,
    read: (given, attribute) =>
      whole.read(typeof given === 'object' ? given : { [key]: given }, attribute) as Read<S>,
  }
}

/** In the words of the command line, or as an object. */
export function inWords<G, R>(shape: Shape<G, R>, like: string): Shape<string | G, string | R> {
  return {
    schema: { anyOf: [{ type: 'string', description: `words, like "${like}"` }, shape.schema] },
    read: (given, attribute) => (typeof given === 'string' ? given : shape.read(given, attribute)),
  }
}

/** The same, or null, which is read as null. */
export function orNull<G, R>(shape: Shape<G, R>): Shape<G | null, R | null> {
  return {
    schema: { anyOf: [shape.schema, { type: 'null' }] },
    parts: shape.parts,
    read: (given, attribute) => (given === null ? null : shape.read(given, attribute)),
  }
}

/** What the OpenAPI document says of a shape. */
export function about<S extends Shape<unknown>>(description: string, shape: S): S {
  return { ...shape, schema: { ...shape.schema, description } }
}

/** Of a JSON merge patch (RFC 7396) of what `schema` describes: nothing is required, and null removes. */
export function patchSchema(schema: Schema): Schema {
  const { required: _, properties, anyOf, ...rest } = schema
  const ofEach = (parts: object) =>
    Object.fromEntries(
      Object.entries(parts).map(([key, part]) => [key, { anyOf: [patchSchema(part), { type: 'null' }] }]),
    )
  return {
    ...rest,
    ...(Array.isArray(anyOf) && { anyOf: anyOf.map(patchSchema) }),
    ...(properties !== undefined && { properties: ofEach(properties as object) }),
  }
}

/** The text of a value that `shape` reads. */
export function queried<S extends Shape<unknown>>(
  shape: S,
  pattern: RegExp,
  parse: (text: string) => unknown,
): Shape<string, Read<S>> {
  const { description } = shape.schema
  return {
    schema: { type: 'string', ...(description !== undefined && { description }) },
    read: (given, attribute) =>
      shape.read(pattern.test(String(given)) ? parsed(String(given), parse) : given, attribute) as Read<S>,
  }
}

function parsed(text: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(text)
  } catch {
    return text
  }
}
