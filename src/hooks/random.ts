// Random numbers by place instead of by turn: the draw for frame N is a function of (seed, end, kind, N),
// so that one impairment never shifts what another one decides, and a run can be repeated from any frame.
// Used by everything in this folder that draws. Pure; allocates nothing.
//
// The function is Threefry-2x32 with 13 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as
// easy as 1, 2, 3", SC 2011), a counter-based generator that passes BigCrush: additions, rotations and
// exclusive ors of 32-bit words only. Its first word is used.

import type { Seed } from '../wishes/impair.js'

/** What is drawn for. Each has numbers of its own; new ones go to the end. */
const KINDS = ['loss', 'duplicate', 'corrupt', 'reorder', 'delay', 'slot', 'rule'] as const
export type Kind = (typeof KINDS)[number]

/** How many different numbers a draw can be: 0 to 2^32 - 1. */
export const DRAWS = 2 ** 32

/** The two words of a Threefry key. */
export interface Key {
  readonly low: number
  readonly high: number
}

//   low:  seed, bits 0 to 31
//   high: seed, bits 32 to 52 | kind << 21 | end << 31
const SEED_BITS_IN_HIGH = 21

/**
 * The key of one kind of draw in the direction that starts at `end`. A seed of more than 53 bits, a text, leaves no room
 * for the rest: then the key is drawn, with the seed itself as the key.
 */
export function keyOf(seed: Seed, end: 0 | 1, kind: Kind): Key {
  if (typeof seed === 'string') {
    const [low, high] = [Number(BigInt(seed) & 0xffffffffn), Number(BigInt(seed) >> 32n)]
    const own = KINDS.indexOf(kind) * 2 + end
    return { low: threefry(low, high, own, 0), high: threefry(low, high, own, 1) }
  }
  const high = Math.floor(seed / DRAWS) | (KINDS.indexOf(kind) << SEED_BITS_IN_HIGH) | (end << 31)
  return { low: seed | 0, high }
}

/** The `k`-th draw (0 to 2047) for frame `number` (whole, up to 2^53 - 1): 0 to 2^32 - 1, uniform. */
export function draw(key: Key, number: number, k = 0): number {
  return threefry(key.low, key.high, number | 0, highOf(number, k)) >>> 0
}

/**
 * The `k`-th draws for `count` frames from frame `number`. Into an array, because a fraction or a large number
 * that a function returns is boxed unless the call is inlined.
 */
export function drawAll(key: Key, number: number, count: number, k: number, draws: Float64Array): void {
  for (let i = 0; i < count; i++) {
    draws[i] = threefry(key.low, key.high, (number + i) | 0, highOf(number + i, k)) >>> 0
  }
}

function highOf(number: number, k: number): number {
  return Math.floor(number / DRAWS) | (k << SEED_BITS_IN_HIGH)
}

const ROUNDS = 13
const PARITY = 0x1bd11bda
const ROTATIONS = Int32Array.of(13, 15, 26, 6, 17, 29, 16, 24)

/** The first word of Threefry-2x32-13, signed: a 32-bit integer is returned without being boxed. */
function threefry(key0: number, key1: number, counter0: number, counter1: number): number {
  let a = key0 | 0
  let b = key1 | 0
  let c = PARITY ^ key0 ^ key1
  let x = (counter0 + a) | 0
  let y = (counter1 + b) | 0
  for (let round = 0; round < ROUNDS; round++) {
    const turn = ROTATIONS[round & 7]
    x = (x + y) | 0
    y = ((y << turn) | (y >>> (32 - turn))) ^ x
    if ((round & 3) === 3) {
      const first = a
      a = b
      b = c
      c = first
      x = (x + a) | 0
      y = (y + b + ((round + 1) >> 2)) | 0
    }
  }
  return x
}
