// Takes the words of an order one by one: for every grammar, the command's own (cli/) and those of impairments and
// rules (faults/). What a value is worth is for its shape to judge: a word that cannot be read stays as it is
// written, and is refused in the sentence that everybody gets.

import { invalid, UvethError } from '../errors.js'

/** What "queues" goes to: the kernel gives a TAP no more (MAX_TAP_QUEUES). */
export const MAX_QUEUES = 256

/** Throws what the system says. */
export type ReadText = (path: string) => string

export class Words {
  readonly #words: readonly string[]
  readonly #refuse: (message: string) => Error
  /** The text of a file that a word names; undefined where files are not read. */
  readonly readText: ReadText | undefined
  #at = 0

  constructor(
    words: readonly string[],
    refuse: (message: string) => Error = invalid,
    readText?: ReadText | undefined,
  ) {
    this.#words = words
    this.#refuse = refuse
    this.readText = readText
  }

  /** The next word; undefined at the end. */
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

  /** The word behind `keyword`, which takes `what`. */
  value(keyword: string, what = 'a value'): string {
    const word = this.next()
    if (word === undefined) throw this.#refuse(`${keyword} is not complete: it takes ${what}`)
    return word
  }
}

export const NUMBER = /^(?:\d{1,16}|0x[0-9a-f]{1,12})$/i

/** A number, decimal or 0x…; anything else, and what no number has exactly, as it is written. */
export function written(word: string): number | string {
  return NUMBER.test(word) && Number.isSafeInteger(Number(word)) ? Number(word) : word
}

/** What a file has in words is parsed; what makes no sense is refused as what stands at `attribute`. The rest as it is. */
export function fromWords<T>(given: unknown, attribute: string, parse: (words: string[]) => T): T {
  if (typeof given !== 'string') return given as T
  try {
    return parse(given.split(/\s+/).filter((word) => word !== ''))
  } catch (error) {
    if (!(error instanceof UvethError)) throw error
    throw invalid(`${attribute}: ${error.message.replace(/^EINVAL: /, '')}`, attribute)
  }
}
