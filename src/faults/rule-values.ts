// Reads the words of a rule one by one, and the values among them: for rule-words.ts. A reader answers undefined
// for a word that is no such value.

import { invalid } from '../errors.js'
import type { Span } from '../wishes/match.js'

/** Takes words one by one; `what` is what messages say may stand there. */
export class Words {
  readonly #words: readonly string[]
  #at = 0

  constructor(words: readonly string[]) {
    this.#words = words
  }

  next(): string | undefined {
    return this.#words[this.#at++]
  }

  /** The next word, if it is one of those that are meant. */
  take(meant: (word: string) => boolean): string | undefined {
    const word = this.#words[this.#at]
    if (word === undefined || !meant(word)) return undefined
    this.#at++
    return word
  }

  /** The value of `keyword`. */
  value<T>(keyword: string, what: string, read: (word: string) => T | undefined): T {
    const word = this.next()
    if (word === undefined) throw invalid(`${keyword} is not complete: it takes ${what}`)
    const value = read(word)
    if (value === undefined) throw invalid(`"${word}" is wrong: ${keyword} takes ${what}`)
    return value
  }
}

export const NUMBER = /^(?:\d{1,16}|0x[0-9a-f]{1,12})$/i
export const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i

export function number(word: string): number | undefined {
  return NUMBER.test(word) ? Number(word) : undefined
}

export function numberOrName(word: string): number | string {
  return number(word) ?? word
}

export function range(word: string): Span | undefined {
  const [first = '', last, ...more] = word.split('-')
  const from = number(first)
  const to = last === undefined ? from : number(last)
  if (from === undefined || to === undefined || more.length > 0) return undefined
  return last === undefined ? from : [from, to]
}

export function lengths(word: string): { min?: number; max?: number } | undefined {
  const [first = '', last = first, ...more] = word.split('-')
  const min = number(first)
  const max = number(last)
  if (more.length > 0 || (min ?? max) === undefined) return undefined
  if ((min === undefined && first !== '') || (max === undefined && last !== '')) return undefined
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
}

export function pattern(word: string): [number, number | string, number | string] | undefined {
  const [first = '', second = '', third = '', ...more] = word.split(':')
  const offset = number(first)
  const bytes = (text: string) => (/^0x/i.test(text) ? text : number(text))
  const mask = bytes(second)
  const value = bytes(third)
  if (offset === undefined || mask === undefined || value === undefined || more.length > 0) return undefined
  return [offset, mask, value]
}
