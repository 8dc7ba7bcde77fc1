// Memory for frames that wait, of all pairs of a process together: what configure() and the options of `uveth daemon`
// and `uveth run` may say of it. link/memory.ts has what holds otherwise.

import { MOST_MEMORY } from '../frame/memory.js'
import { value } from './shape.js'
import { parseSize } from './units.js'

/** Bytes. A pair that is alone may have the half: the ring of a capture, and held frames. */
const LEAST_MEMORY = 16 * 2 ** 20

/** Bytes, or a size as tc writes it: `512mb`. */
export const MEMORY = value<number | string, number>(
  'a size of 16 MiB or more: bytes, or like 512mb',
  { anyOf: [{ type: 'integer', minimum: LEAST_MEMORY }, { type: 'string' }] },
  (given) => {
    const bytes = typeof given === 'string' ? parseSize(given) : given
    return typeof bytes === 'number' &&
      Number.isInteger(bytes) &&
      bytes >= LEAST_MEMORY &&
      bytes <= MOST_MEMORY
      ? bytes
      : undefined
  },
)
