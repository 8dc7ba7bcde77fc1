// What the shim's front end (line.ts and its neighbours) answers a client: contract/wishes.ts says what each means.

import type { ShimAnswer } from '../../contract/ops.js'
import type { Caller } from '../../orders/caller.js'
import type { PairRegistry } from '../../orders/handlers.js'

/** Who gives the line, and to which pairs. */
export interface Place {
  registry: PairRegistry
  caller: Caller
}

/** The real tool answers it. */
export const PASS: ShimAnswer = { pass: true }

/** Carried out, or refused. */
export function done(code = 0, stderr = '', stdout = ''): ShimAnswer {
  return { code, stdout, stderr }
}
