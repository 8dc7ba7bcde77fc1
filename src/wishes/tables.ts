// Tables that stand in files: a distribution as iproute2 has them, a rate's trace as Mahimahi has them. A wish carries
// the numbers themselves, and the name that they are shown by. Tables only; faults/tables.ts reads the files' texts.

import { DISTRIBUTIONS } from './names.js'
import { object, oneOf, type Shape, text, value } from './shape.js'
import { DAY } from './times.js'

/** As many as the kernel's netem takes. */
export const MOST_ENTRIES = 16_384
export const ENTRY_RANGE = [-32_768, 32_767] as const
const [LEAST, MOST] = ENTRY_RANGE

const ENTRIES = value<readonly number[]>(
  `an array of 1 to ${MOST_ENTRIES} whole numbers from ${LEAST} to ${MOST}`,
  {
    type: 'array',
    items: { type: 'integer', minimum: LEAST, maximum: MOST },
    minItems: 1,
    maxItems: MOST_ENTRIES,
  },
  (given) => (Array.isArray(given) && isTable(given) ? given : undefined),
)

function isTable(given: readonly unknown[]): given is number[] {
  const fits = (one: unknown) => Number.isInteger(one) && (one as number) >= LEAST && (one as number) <= MOST
  return given.length > 0 && given.length <= MOST_ENTRIES && given.every(fits)
}

/** What it is shown by: the words of the command that mean it. */
const NAME = text('a name of 1 to 4096 characters', /^.{1,4096}$/)

/** Of equally likely places: in units of 1/8192 of the jitter, around the delay. */
const TABLE = object({ table: ENTRIES, name: NAME }, ['table'])
const NAMED = oneOf(...DISTRIBUTIONS)

export type DistributionTable = { table: readonly number[]; name?: string }
type Either = (typeof DISTRIBUTIONS)[number] | DistributionTable

/** One of tc's own, by its name, or a table. */
export const DISTRIBUTION: Shape<Either> = {
  schema: { anyOf: [NAMED.schema, TABLE.schema] },
  read: (given, attribute) =>
    (typeof given === 'object' && given !== null ? TABLE : NAMED).read(given, attribute) as Either,
}

/** Bytes: what may leave at each time of a trace. Mahimahi's MTU, without an Ethernet header. */
export const OPPORTUNITY = 1500
/** Some minutes of a fast link; with them an order is shorter than what servers/http.ts takes. */
export const MOST_OPPORTUNITIES = 262_144

const TIMES = value<readonly number[]>(
  `an array of 1 to ${MOST_OPPORTUNITIES} whole numbers of ms up to a day, none less than the one before it, the last above 0`,
  {
    type: 'array',
    items: { type: 'integer', minimum: 0, maximum: DAY },
    minItems: 1,
    maxItems: MOST_OPPORTUNITIES,
  },
  (given) => (Array.isArray(given) && isTrace(given) ? given : undefined),
)

function isTrace(given: readonly unknown[]): given is number[] {
  if (given.length === 0 || given.length > MOST_OPPORTUNITIES) return false
  let before = 0
  for (const time of given) {
    if (typeof time !== 'number' || !Number.isInteger(time) || time < before || time > DAY) return false
    before = time
  }
  return before > 0
}

/** Times, ms from its beginning, at each of which one MTU may leave; begun anew at the last. */
export const TRACE = object({ times: TIMES, name: NAME }, ['times'])
export type RateTrace = { times: readonly number[]; name?: string }

/** Bits per second, as a whole. */
export function meanRate({ times }: RateTrace): number {
  return (times.length * OPPORTUNITY * 8000) / (times.at(-1) as number)
}
