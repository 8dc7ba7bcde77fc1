// Values among the words of a rule, for rule-words.ts and for a flap. What cannot be read is answered as it is
// written, for its shape to refuse.

import { invalid } from '../errors.js'
import { parseTime } from '../wishes/units.js'
import { NUMBER, written } from '../wishes/words.js'

export const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i

/** ms. To tc a bare number is microseconds, to our options milliseconds: here a time has to say. */
export function withUnit(keyword: string, word: string): number | string {
  const ms = parseTime(word)
  if (ms !== undefined && /\d\.?$/.test(word))
    throw invalid(`${keyword} takes a time with its unit, like ${word}ms`)
  return ms ?? word
}

/** `N` or `N-M`. */
export function range(word: string): unknown {
  const bounds = word.split('-')
  if (bounds.length > 2 || !bounds.every((bound) => NUMBER.test(bound))) return word
  return bounds.length === 1 ? Number(word) : bounds.map(Number)
}

/** Of these `N-` and `-M` too. */
export function lengths(word: string): { min?: number | string; max?: number | string } {
  const [first = '', last = first, ...more] = word.split('-')
  if (more.length > 0 || (first === '' && last === '')) return { min: word }
  return { ...(first !== '' && { min: written(first) }), ...(last !== '' && { max: written(last) }) }
}

/** Digits behind 0x are bytes as they stand in the frame. */
export function pattern(word: string): unknown {
  const parts = word.split(':')
  const [offset = '', mask = '', value = ''] = parts
  const bytes = (text: string) => (/^0x/i.test(text) ? text : Number(text))
  const numbers = NUMBER.test(offset) && [mask, value].every((part) => NUMBER.test(part) || /^0x/i.test(part))
  if (parts.length !== 3 || !numbers) return word
  return [Number(offset), bytes(mask), bytes(value)]
}
