// How an input becomes another: bytes, words of a line, or the tree of a JSON text. All draws are from one seeded
// Random, so that a run can be had again. Used by fuzz.ts.

import type { Random } from '../support/random.js'

export type Kind = 'bytes' | 'words' | 'json'

/** What an input is made from, beside itself. */
export interface Stock {
  random: Random
  /** Words that mean something to the target. */
  words: readonly string[]
  /** Another input. */
  other: Uint8Array
}

const LONGEST = 4096
const NUMBERS = [0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 28, 32, 63, 64, 127, 128, 255, 256, 4095, 4096]
const EDGES = [0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff]
const TEXTS = [
  '',
  ' ',
  '\0',
  '\n',
  '"',
  '%d',
  '-',
  '-1',
  '1e9',
  '1e400',
  '0x10',
  'é',
  '\u{1f50c}',
  '__proto__',
]
const VALUES = [null, true, false, 0, -0, -1, 0.5, 1e300, 2 ** 53, 2 ** 53 - 1, [], {}, [[]], '', '1']

export function mutate(kind: Kind, input: Uint8Array, stock: Stock): Uint8Array {
  const { random } = stock
  let next = input
  // Most of the time a step or two, so that what the input was is still there; now and then many.
  for (let steps = 1 + random.below(random.below(8) + 1); steps > 0; steps--) {
    if (kind === 'json' && random.below(8) > 0) next = mutateJson(next, stock)
    else if (kind === 'words' && random.below(4) > 0) next = mutateWords(next, stock)
    else next = mutateBytes(next, stock)
  }
  return next.subarray(0, LONGEST)
}

function mutateBytes(input: Uint8Array, stock: Stock): Uint8Array {
  const { random, other, words } = stock
  const at = random.below(input.length + 1)
  const length = random.below(Math.min(input.length - at, 64) + 1)
  const changed = new Uint8Array(input)
  switch (random.below(8)) {
    case 0:
      if (at < input.length) changed[at] = changed[at]! ^ (1 << random.below(8))
      return changed
    case 1:
      if (at < input.length) changed[at] = random.below(256)
      return changed
    case 2:
      return put(changed, at, number(random))
    case 3:
      return spliced(input, at, length, new Uint8Array(0))
    case 4:
      return spliced(input, at, 0, input.subarray(at, at + length))
    case 5:
      return spliced(input, at, random.below(2) * length, Buffer.from(word(words, random)))
    case 6: {
      const from = random.below(other.length + 1)
      return spliced(input, at, random.below(2) * (input.length - at), other.subarray(from))
    }
    default:
      return spliced(
        input,
        at,
        length,
        Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256)),
      )
  }
}

/** A number in 1, 2 or 4 bytes, in either order. */
function number(random: Random): Uint8Array {
  const value = random.pick(random.below(2) === 0 ? NUMBERS : EDGES)
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  const short = bytes.subarray(0, random.pick([1, 2, 4]))
  return random.below(2) === 0 ? short : short.reverse()
}

function put(bytes: Uint8Array, at: number, value: Uint8Array): Uint8Array {
  bytes.set(value.subarray(0, bytes.length - at), at)
  return bytes
}

function spliced(bytes: Uint8Array, at: number, out: number, into: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), into, bytes.subarray(at + out)])
}

function word(words: readonly string[], random: Random): string {
  return random.pick(words.length > 0 && random.below(4) > 0 ? words : TEXTS)
}

function mutateWords(input: Uint8Array, { random, words, other }: Stock): Uint8Array {
  const line = Buffer.from(input).toString().split(' ')
  const at = random.below(line.length + 1)
  const others = Buffer.from(other).toString().split(' ')
  const from = random.below(others.length)
  const out = random.below(3)
  const into = [
    [],
    [word(words, random)],
    [random.pick(line)],
    [String(random.pick([...NUMBERS, ...EDGES]))],
    others.slice(from, from + 1 + random.below(4)),
  ]
  line.splice(at, out, ...random.pick(into))
  return Buffer.from(line.join(' '))
}

/** Changes one place of the tree; what is no JSON is changed as bytes. */
function mutateJson(input: Uint8Array, stock: Stock): Uint8Array {
  const tree = parsed(input)
  if (tree === undefined) return mutateBytes(input, stock)
  const { random } = stock
  const root = { tree }
  const places = placesOf(root)
  const [holder, key] = random.pick(places)
  const others = placesOf({ tree: parsed(stock.other) })
  const [from, name] = random.pick(others)
  switch (random.below(6)) {
    case 0:
      if (holder !== root) Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key]
      break
    case 1:
      set(holder, random.below(2) === 0 ? word(stock.words, random) : name, from[name])
      break
    case 2:
      holder[key] = structuredClone(from[name])
      break
    case 3:
      holder[key] = random.pick(VALUES)
      break
    case 4:
      holder[key] = random.pick([...NUMBERS, ...EDGES, 2 ** 53, 1e21])
      break
    default:
      holder[key] = word(stock.words, random)
  }
  return Buffer.from(JSON.stringify(root.tree) ?? 'null')
}

type Holder = Record<string, unknown>

/** As JSON.parse would have it: `__proto__` is a key like others. */
function set(holder: Holder, key: string, value: unknown): void {
  if (Array.isArray(holder)) holder.push(value)
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })
}

function parsed(text: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(text).toString())
  } catch {
    return undefined
  }
}

/** Every value in the tree, by what holds it. */
function placesOf(holder: object): [Holder, string][] {
  return Object.entries(holder).flatMap(([key, value]) => [
    [holder as Holder, key] as [Holder, string],
    ...(typeof value === 'object' && value !== null ? placesOf(value) : []),
  ])
}
