// Captures: which frames are recorded, how much of each, and into what. Tables only; pair/captures.ts makes plans.

import { invalid } from '../errors.js'
import { LARGEST_RING } from '../ring/ring.js'
import { MATCH } from './match.js'
import { about, above, at, flag, object, oneOf, queried, short, text, whole } from './shape.js'
import { SIGNAL } from './times.js'

export const BYTES = whole(1, LARGEST_RING, 'a number of bytes')

/** A match of frames that are not counted: those of a capture, an observation, an expectation. */
export const FILTER: typeof MATCH = {
  ...MATCH,
  read(given, attribute) {
    const read = MATCH.read(given, attribute)
    const counting = (['nth', 'every', 'first'] as const).find((key) => read[key] !== undefined)
    if (counting === undefined) return read
    throw invalid(
      `${at(attribute, counting)} counts frames: here stands which of them are meant`,
      at(attribute, counting),
    )
  },
}

const CAPTURE_PARTS = {
  end: about(
    'capture at one end only, what it sends and what is delivered to it; default: what both send, each frame once, at its sender',
    oneOf('a', 'b'),
  ),
  both: about('each frame at its receiver, too: once as it was sent, once as it was delivered', flag()),
  match: about('only frames that match, without nth, every and first', FILTER),
  snaplen: about('bytes kept of each frame; default: all', BYTES),
  ringBytes: about(
    'bytes that may wait for the file, default 4 MiB; what finds no room is lost, and counted',
    BYTES,
  ),
}

export const CAPTURE = object(CAPTURE_PARTS)
const { both: _, ...sightingParts } = CAPTURE_PARTS
/** Records for a program, at both ends of their way. */
export const SIGHTINGS = object(sightingParts)
export const CAPTURE_STREAM = object({ ...CAPTURE_PARTS, signal: SIGNAL })

const MANY = Number.MAX_SAFE_INTEGER

const ROTATION_PARTS = object({
  bytes: about('a file is at most so long, unless one frame is longer', whole(1, MANY)),
  seconds: about(
    'a file covers at most so many seconds, from its beginning; one without frames is not ended',
    above(Number.MAX_VALUE, 'a number above 0'),
  ),
  files: about('only so many files are kept, the oldest is removed; default: all', whole(1, MANY)),
})

/** A ring of files by size or time. */
export const ROTATION: typeof ROTATION_PARTS = {
  ...ROTATION_PARTS,
  read(given, attribute) {
    const read = ROTATION_PARTS.read(given, attribute)
    if (read.bytes !== undefined || read.seconds !== undefined) return read
    throw invalid(`${attribute} needs bytes or seconds: when does the next file begin?`, attribute)
  },
}

/** Into a file, which is replaced, or a named pipe. */
export const TARGET = short(
  object(
    {
      path: about('a file, which is replaced, or a named pipe', text('the path of a file', /./)),
      ...CAPTURE_PARTS,
      rotate: about('a ring of files by size or time', ROTATION),
    },
    ['path'],
  ),
  'path',
)

/** As a query has it: everything is text. */
export const CAPTURE_QUERY = object({
  end: CAPTURE_PARTS.end,
  both: queried(CAPTURE_PARTS.both, /^(true|false)$/, JSON.parse),
  snaplen: queried(BYTES, /^\d{1,15}$/, Number),
  match: queried(FILTER, /^\{/, JSON.parse),
})
