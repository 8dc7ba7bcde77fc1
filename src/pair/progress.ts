// What the directions of a pair are in the middle of, as JSON: a part of the dossier (dossier.ts), which alone uses it. Held
// frames are bytes in memory and base64 here. Knows no thread and no file.

import type { Progress } from '../datapath/inspector.js'
import type { LaneState } from '../datapath/lane.js'
import type { RateState } from '../hooks/rate.js'
import { SEED } from '../wishes/impair.js'
import { every, list, object, type Shape, text, value, whole } from '../wishes/shape.js'

const COUNT = whole(0, Number.MAX_SAFE_INTEGER)
const FRACTION = value<number>('a number', {}, (given) =>
  Number.isFinite(given) ? (given as number) : undefined,
)
export const BASE64 = value<string, Uint8Array>('base64', {}, (given) => {
  const bytes = Buffer.from(String(given), 'base64')
  return bytes.toString('base64') === given ? new Uint8Array(bytes) : undefined
})

const TRACE = every({ began: FRACTION, next: COUNT, left: FRACTION, of: text('a text') })
const RATE: Shape<RateState> = {
  schema: {},
  read: (given, attribute) => (typeof given === 'object' ? TRACE : FRACTION).read(given, attribute),
}

/** As those who draw leave it (hooks/impairment.ts). */
const IMPAIRMENT = object(
  {
    seed: SEED,
    number: COUNT,
    loss: every({ model: text('a text'), state: FRACTION }),
    duplicate: FRACTION,
    corrupt: FRACTION,
    reorder: every({ last: FRACTION, counted: COUNT }),
    delay: FRACTION,
    rate: RATE,
    slot: every({ slots: COUNT, next: FRACTION, packets: FRACTION, bytes: FRACTION }),
  },
  ['seed', 'number'],
)

const HELD = every({
  frame: BASE64,
  wait: FRACTION,
  least: FRACTION,
  number: COUNT,
  queue: COUNT,
  delay: FRACTION,
})

const LANE = { impairment: IMPAIRMENT, held: list('an array', HELD, true) }

export const PROGRESS = object(
  {
    origin: FRACTION,
    number: COUNT,
    ...LANE,
    rules: list('an array', object({ id: COUNT, ...LANE }, ['id', 'held']), true),
  },
  ['origin', 'number', 'held'],
)

export function writeProgress({ rules, ...own }: Progress): object {
  return { ...writeLane(own), ...(rules && { rules: rules.map(writeLane) }) }
}

function writeLane({ held, ...rest }: LaneState): object {
  return {
    ...rest,
    held: held.map(({ frame, ...about }) => ({ ...about, frame: Buffer.from(frame).toString('base64') })),
  }
}

/** For other devices: what is held is lost. */
export function withoutHeld({ rules, ...own }: Progress): Progress {
  return { ...own, held: [], ...(rules && { rules: rules.map((rule) => ({ ...rule, held: [] })) }) }
}
