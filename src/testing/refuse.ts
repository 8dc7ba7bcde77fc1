// Refuses what a test has misspelt, with what it could have meant. Used wherever the kit takes options.

import { invalid } from '../errors.js'

/** `where` is what messages call `options`; empty for those of the call itself. */
export function refuseUnknown(options: unknown, known: readonly string[], where = ''): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalid(`${where || 'options'} must be an object`, where || 'options')
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown === undefined) return
  const attribute = where === '' ? unknown : `${where}.${unknown}`
  throw invalid(`unknown option ${attribute}: there are ${known.join(', ')}`, attribute)
}

/** `from` and the like. */
export function refuseOtherEnd(end: unknown, attribute: string): void {
  if (end !== 'a' && end !== 'b') throw invalid(`${attribute} is 'a' or 'b', not ${String(end)}`, attribute)
}
