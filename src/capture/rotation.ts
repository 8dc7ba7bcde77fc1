// Checks how a user wants a capture's files to follow each other. pair/captures.ts calls it.

import { invalid } from '../errors.js'
import type { Rotation } from './setup.js'

const KEYS = ['bytes', 'seconds', 'files']

/** The same, checked; `attribute` is the option's name. */
export function planRotation(rotation: unknown, attribute: string): Rotation {
  if (typeof rotation !== 'object' || rotation === null) {
    throw invalid(`${attribute} must be an object with bytes or seconds`, attribute)
  }
  const unknown = Object.keys(rotation).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) {
    throw invalid(
      `unknown option ${attribute}.${unknown}: there are ${KEYS.join(', ')}`,
      `${attribute}.${unknown}`,
    )
  }
  const { bytes, seconds, files } = rotation as Rotation
  if (bytes === undefined && seconds === undefined) {
    throw invalid(`${attribute} needs bytes or seconds: when does the next file begin?`, attribute)
  }
  atLeastOne(bytes, `${attribute}.bytes`)
  atLeastOne(files, `${attribute}.files`)
  if (seconds !== undefined && !(Number.isFinite(seconds) && seconds > 0)) {
    throw invalid(`${attribute}.seconds must be a number above 0, not ${seconds}`, `${attribute}.seconds`)
  }
  return { bytes, seconds, files }
}

function atLeastOne(value: number | undefined, attribute: string): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1)) return
  throw invalid(`${attribute} must be a whole number, 1 or more, not ${value}`, attribute)
}
