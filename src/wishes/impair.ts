// Impairments, in the words of tc-netem(8): what one direction of a pair does to its frames. Tables only; what goes
// together, and the normal form, are faults/impair-plan.ts. Values are numbers, or texts as tc has them.

import { about, flag, object, patchSchema, type Schema, type Shape, short, value, whole } from './shape.js'
import { DISTRIBUTION, TRACE } from './tables.js'
import { DAY } from './times.js'
import { parsePercent, parseRate, parseSize, parseTime } from './units.js'

const MAX_UINT = 2 ** 32 - 1
const MAX_INT = 2 ** 31 - 1
const MAX_RATE = 1e15

/** Of 64 bits, as netem's. Above 2^53 - 1 a text, since there are no such numbers in JSON and JavaScript. */
export type Seed = number | string
const MAX_SEED = 2n ** 64n - 1n

export const SEED = value<Seed>(
  `a whole number from 0 to ${MAX_SEED}, above ${Number.MAX_SAFE_INTEGER} as a text`,
  {
    anyOf: [
      { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      { type: 'string', pattern: '^\\d{1,20}$' },
    ],
  },
  (given) => {
    const exact = typeof given === 'string' ? /^\d{1,20}$/.test(given) : Number.isSafeInteger(given)
    const seed = exact ? BigInt(given as Seed) : -1n
    if (seed < 0n || seed > MAX_SEED) return undefined
    return seed <= Number.MAX_SAFE_INTEGER ? Number(seed) : String(seed)
  },
)

/** A number, or a text with a unit that `parse` understands. */
function measure(
  what: string,
  [min, max]: readonly [number, number],
  parse: (text: string) => number | undefined,
  pattern: string,
  type: 'number' | 'integer' = 'number',
): Shape<number | string, number> {
  const schema: Schema = {
    anyOf: [
      { type, minimum: min, maximum: max },
      { type: 'string', pattern },
    ],
  }
  return value(what, schema, (given) => {
    const number = typeof given === 'string' ? parse(given) : given
    if (typeof number !== 'number' || !(number >= min && number <= max)) return undefined
    return type === 'number' || Number.isInteger(number) ? number : undefined
  })
}

const NUMBER = '(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?'
/** ms. A bare number in a text would be microseconds to tc, but ms beside our numbers: it is refused. */
export const TIME = measure(
  'a time up to a day: ms as a number, or a text like "10ms"',
  [0, DAY],
  (text) => (/[a-z]$/i.test(text) ? parseTime(text) : undefined),
  `^${NUMBER}([mun]?[sS]|[mun]?secs?)$`,
)
const PERCENT = measure(
  'a number of percent from 0 to 100, or a text like "1%"',
  [0, 100],
  parsePercent,
  `^${NUMBER}%?$`,
)
const RATE = measure(
  'a rate: bits per second, or a text like "10mbit"',
  [0, MAX_RATE],
  parseRate,
  `^${NUMBER}([kmgtKMGT]?i?(bit|bps))?$`,
)
const SIZE = measure(
  'a size: whole bytes, or a text like "32kb"',
  [0, MAX_UINT],
  parseSize,
  `^${NUMBER}([bB]|[kmgKMG](b|B|bit)?)?$`,
  'integer',
)

const CHANCE = { probability: PERCENT, correlation: PERCENT }

/** Here null counts as left out, as it does in the merge patches that change an impairment. */
function set<
  const P extends Readonly<Record<string, Shape<unknown>>>,
  const M extends keyof P & string = never,
>(parts: P, must: readonly M[] = []) {
  return object(parts, must, null)
}

export const IMPAIR = set({
  delay: about(
    'how long frames travel: ms, or a text like "10ms"; correlation in percent',
    short(set({ time: TIME, jitter: TIME, correlation: PERCENT, distribution: DISTRIBUTION }), 'time'),
  ),
  loss: about(
    'frames that are lost: independently of each other, or by a Markov model: Gilbert-Elliott (h and k are the probabilities that a frame gets through in the bad and in the good state) or the one of four states',
    short(
      set({
        random: PERCENT,
        correlation: PERCENT,
        gemodel: set({ p: PERCENT, r: PERCENT, h: PERCENT, k: PERCENT }, ['p']),
        state: set({ p13: PERCENT, p31: PERCENT, p32: PERCENT, p23: PERCENT, p14: PERCENT }, ['p13']),
      }),
      'random',
    ),
  ),
  duplicate: about('frames that arrive twice', short(set(CHANCE, ['probability']), 'probability')),
  reorder: about(
    'frames that are sent at once while the others are delayed; with a gap N only every N-th may be',
    short(set({ ...CHANCE, gap: whole(1, MAX_UINT) }), 'probability'),
  ),
  corrupt: about(
    'frames that arrive with one bit flipped',
    short(set(CHANCE, ['probability']), 'probability'),
  ),
  rate: about(
    'bits per second, or a text like "10mbit". burst bytes may go at once after a pause; each frame counts overhead bytes more, and whole cells if there is a cellSize. In place of all that a trace: 1500 bytes, without Ethernet headers, may leave at each of its times (ms from the first frame), and it begins anew at the last',
    short(
      set({
        rate: RATE,
        burst: SIZE,
        overhead: whole(-MAX_INT, MAX_INT),
        cellSize: whole(0, MAX_INT),
        cellOverhead: whole(-MAX_INT, MAX_INT),
        trace: TRACE,
      }),
      'rate',
    ),
  ),
  limit: about(
    'how many frames may be held at a time; more are dropped. default: what is delayed meets no limit but that of the memory for frames that wait, and 1000 may wait for a rate, or for slots of so many frames or bytes',
    whole(0, MAX_UINT),
  ),
  slot: about(
    'frames leave together, in slots: packets frames or bytes in each; from min to max apart, or by a distribution',
    short(
      set({
        min: TIME,
        max: TIME,
        distribution: DISTRIBUTION,
        delay: TIME,
        jitter: TIME,
        packets: whole(0, MAX_INT),
        bytes: SIZE,
      }),
      'min',
    ),
  ),
  ecn: about(
    'frames that would be lost are marked instead (congestion experienced), where their sender takes part in ECN',
    flag(),
  ),
  seed: about('the same seed hits the same frames; default: random, of 32 bits', SEED),
})

type ImpairParts = typeof IMPAIR.parts
/**
 * A JSON merge patch of them, in which null removes. Only its keys are checked here: its values are, in what it makes
 * of what there is.
 */
export const IMPAIR_PATCH: Shape<{ [K in keyof ImpairParts]?: unknown }> = {
  ...object(
    Object.fromEntries(
      Object.keys(IMPAIR.parts).map((key) => [key, value<unknown>('anything', {}, (given) => given)]),
    ),
  ),
  schema: patchSchema(IMPAIR.schema),
}
