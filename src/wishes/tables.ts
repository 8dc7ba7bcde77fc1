// Tables that stand in files for tc: a distribution as iproute2 has them. A wish carries the numbers themselves, and the
// name that they are shown by. Tables only; faults/tables.ts reads the files' texts.

import { DISTRIBUTIONS } from './names.js'
import { object, oneOf, type Shape, text, value } from './shape.js'

/** As many as the kernel's netem takes. */
const MOST_ENTRIES = 16_384
const [LEAST, MOST] = [-32_768, 32_767]

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
