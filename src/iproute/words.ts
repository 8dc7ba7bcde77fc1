// The words of a line as iproute2 reads them: keywords may be shortened, values follow their keyword. Used by
// everything that speaks its grammar: this folder, the command's verbs, the shim's front end. Pure.

import { UsageError } from './usage.js'

/**
 * iproute2's matches(): `word` is the beginning of `keyword`. Where several keywords begin with it, the
 * first one that the caller asks about wins, so the order of a table is part of the grammar.
 */
export function matches(word: string, keyword: string): boolean {
  return word !== '' && keyword.startsWith(word)
}

/** The first of `keywords` that `word` is short for. */
export function expand<T extends string>(word: string, keywords: readonly T[]): T | undefined {
  return keywords.find((keyword) => matches(word, keyword))
}

/** iproute2's invarg(). */
export function wrong(argument: string, why: string, exitCode?: number): UsageError {
  return new UsageError(`argument "${argument}" is wrong: ${why}`, exitCode)
}

/** iproute2's duparg2(). */
export function garbage(word: string): UsageError {
  return new UsageError(`either "dev" is duplicate, or "${word}" is garbage`)
}
