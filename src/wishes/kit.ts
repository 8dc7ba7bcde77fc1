// What the test kit takes beside what a pair takes. Tables only; testing/ works from them.

import { CAUSES } from '../frame/cause.js'
import { BYTES, FILTER } from './capture.js'
import { END, PAIR } from './end.js'
import { LAB } from './lab.js'
import { about, flag, object, oneOf, oneOrSeveral, opaque, type Shape, text, whole } from './shape.js'
import { SIGNAL, TIMEOUT } from './times.js'

const { netns: _netns, ...endParts } = END.parts
/** Of an end in a namespace of its own. */
export const TEST_END = object(endParts)

const { a: _a, b: _b, capture: _capture, signal: _signal, ...pairParts } = PAIR.parts
/** A cable's own is counted on from it. */
export const TEST_SEED = whole(0, Number.MAX_SAFE_INTEGER)

const TEST = {
  seed: about(
    'for everything that draws and has no seed of its own; default: $UVETH_SEED, or random',
    TEST_SEED,
  ),
  name: about(
    'what the test is called, in the artifacts; default: file and line of the call',
    text('a text'),
  ),
  capture: about(
    "capture from the first frame, and keep the file when the test fails, or always; false: none; default 'on-failure'",
    oneOf('on-failure', 'always', false),
  ),
  both: about('the capture has each frame at its receiver, too', flag()),
  artifacts: about(
    'the folder for captures; default: $UVETH_ARTIFACTS, or uveth-artifacts here',
    text('the path of a folder'),
  ),
  signal: SIGNAL,
}
export const TESTBED = object({
  a: about('as in createPair; up and with addresses unless this says otherwise', TEST_END),
  b: TEST_END,
  ...TEST,
  ...pairParts,
})
/** The part of a lab's options that is the test's; the other part is the lab (wishes/lab.ts). */
export const LAB_TEST = object(TEST)
export const LAB_OF_TEST = object({ ...LAB.parts, ...TEST }, ['nodes', 'cables'])

/** Frames of a pair that are kept, for assertions about them. */
export const OBSERVE = object({
  match: about('only these frames are kept, without nth, every and first', FILTER),
  bytes: about('bytes of frames that are kept; default 32 MiB', BYTES),
})

const CAUSE = oneOf(...CAUSES)
const SOME_CAUSES = oneOrSeveral('a cause or several: leave it out for any', CAUSE)

/** `client:eth0`, or the name of a tunnel. Which there are is known to the one who is asked. */
const LAB_END = text('NODE:INTERFACE of a lab', /^[^\s:]+:\S+$/) as Shape<LabEndName>
const SOME_END = text('a, b, or NODE:INTERFACE of a lab', /^([ab]|[^\s:]+:\S+)$/) as Shape<
  'a' | 'b' | LabEndName
>
type LabEndName = `${string}:${string}`

const CARRIED_PARTS = {
  from: about('the end that sent them: a, b, or client:eth0 of a lab; default: any', SOME_END),
  at: about('of a lab: only what crosses the cable of this end, in either direction', LAB_END),
  times: about('exactly so many; default: one or more', whole(0, Number.MAX_SAFE_INTEGER)),
  within: about('milliseconds that they may still be on their way; default 1000', TIMEOUT),
}
/** What a test expects of frames that arrived. */
export const CARRIED = object(CARRIED_PARTS)
/** What it expects of those that did not. */
export const DROPPED = object({
  ...CARRIED_PARTS,
  cause: about('why; default: any cause', SOME_CAUSES),
  match: about('which frames, without nth, every and first; default: all', FILTER),
})

const SPAWN_PARTS = {
  env: about('added to the environment', opaque<Record<string, string>>('an object', isObject)),
  cwd: text('the path of a folder'),
}
/** How a program of a test is started. */
export const SPAWN = object(SPAWN_PARTS)
export const EXEC = object({
  ...SPAWN_PARTS,
  input: about('what it reads from stdin', opaque<string | Uint8Array>('a text or bytes', isInput)),
  timeout: about('milliseconds, after which it is killed and the call rejects; default: none', TIMEOUT),
  signal: about('kills it', SIGNAL),
  allowFailure: about('resolve, whatever its exit code is', flag()),
})

function isObject(given: unknown): boolean {
  return typeof given === 'object' && given !== null
}

function isInput(given: unknown): boolean {
  return typeof given === 'string' || given instanceof Uint8Array
}
