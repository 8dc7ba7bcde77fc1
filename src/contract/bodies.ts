// What each operation of the table (ops.ts) carries, as the shape that checks it and describes it in the OpenAPI
// document. Used by the server; the client takes the types alone (wishes.ts).

import { CAPTURE_QUERY } from '../wishes/capture.js'
import { END_CHANGE, PAIR_CHANGE, PAIR_WISH } from '../wishes/end.js'
import { IMPAIR, IMPAIR_PATCH } from '../wishes/impair.js'
import { SHIM_LINE } from '../wishes/line.js'
import { REPLAY_QUERY } from '../wishes/replay.js'
import { RULE } from '../wishes/rule.js'
import { SCHEDULE } from '../wishes/schedule.js'
import { object, type Shape } from '../wishes/shape.js'
import { FLAP } from '../wishes/times.js'
import type { OpName } from './ops.js'

export const BODIES = {
  'pair.add': PAIR_WISH,
  'pair.put': PAIR_WISH,
  'pair.set': PAIR_CHANGE,
  'end.set': END_CHANGE,
  'impair.set': IMPAIR,
  'impair.patch': IMPAIR_PATCH,
  'schedule.set': SCHEDULE,
  'rule.add': RULE,
  'rule.set': RULE,
  'pair.flap': FLAP,
  shim: SHIM_LINE,
} as const satisfies { [K in OpName]?: Shape<unknown> }

const NO_QUERY = object({})
const QUERIES: { [K in OpName]?: Shape<unknown> } = {
  'pair.capture': CAPTURE_QUERY,
  'end.replay': REPLAY_QUERY,
}

export function bodyOf(name: OpName): Shape<unknown> | undefined {
  return name in BODIES ? BODIES[name as keyof typeof BODIES] : undefined
}

export function queryOf(name: OpName): Shape<unknown> {
  return QUERIES[name] ?? NO_QUERY
}

/** What refusals call a body that is a part of a wish; of the others they name the attributes alone. */
export function calledIn(name: OpName): string {
  return name.startsWith('impair.') ? 'impair' : name === 'schedule.set' ? 'schedule' : ''
}
