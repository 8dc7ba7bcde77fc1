// Recordings that are put on a cable again: of which frames, and how fast. Tables only; pair/replay.ts obeys.

import { about, object, queried, text, value } from './shape.js'
import { SIGNAL } from './times.js'

const FROM = about(
  'the sender of the frames that are meant: the name of an interface in the recording, or a MAC address; default: all of them',
  text('the name of an interface or a MAC address', /./),
)
export const SPEED = about(
  'default 1: as they were recorded; 2 is twice as fast; Infinity: as fast as the cable takes them',
  value<number>('a number above 0', { type: 'number', exclusiveMinimum: 0 }, (given) =>
    typeof given === 'number' && given > 0 ? given : undefined,
  ),
)

export const REPLAY = object({ from: FROM, speed: SPEED, signal: SIGNAL })
/** As a query has it: everything is text. */
export const REPLAY_QUERY = object({
  from: FROM,
  speed: queried(SPEED, /^(\d{1,9}(\.\d{1,9})?|Infinity)$/, Number),
})
