// What the shim's front end (line.ts and its neighbours) answers a client: contract/wishes.ts says what each means.

import type { ShimAnswer } from '../../contract/ops.js'
import type { Orders } from '../../orders/handlers.js'

/** Who gives the line, and to which pairs. */
export type Place = Orders

/** The real tool answers it. */
export const PASS: ShimAnswer = { pass: true }

/** Carried out, or refused. */
export function done(code = 0, stderr = '', stdout = ''): ShimAnswer {
  return { code, stdout, stderr }
}
