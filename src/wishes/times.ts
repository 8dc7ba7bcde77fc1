// Times that are wished for beside an impairment's: how long a plug is pulled, and how long is waited. Tables only.

import { about, above, object, opaque, value, whole } from './shape.js'

/** ms. The longest time of an impairment, a flap and a wait for carrier. */
export const DAY = 86_400_000
const MAX_FLAPS = 1_000_000

export const FLAP = object(
  {
    ms: about(
      'milliseconds without carrier, and between two times',
      above(DAY, 'milliseconds, more than 0 and at most a day'),
    ),
    times: about('default 1', whole(1, MAX_FLAPS)),
  },
  ['ms'],
)

/** Also one of another realm. */
function isSignal(given: unknown): boolean {
  return 'aborted' in Object(given) && typeof (given as AbortSignal).addEventListener === 'function'
}

export const SIGNAL = about('ends it', opaque<AbortSignal>('an AbortSignal', isSignal))

/** ms; 0 or Infinity: no end. */
export const TIMEOUT = about(
  'milliseconds, default 5000; 0 or Infinity: no end',
  value<number>('milliseconds, 0 or more', { type: 'number', minimum: 0 }, (given) =>
    typeof given === 'number' && given >= 0 ? given : undefined,
  ),
)

export const WAIT = object({ timeout: TIMEOUT, signal: SIGNAL })
