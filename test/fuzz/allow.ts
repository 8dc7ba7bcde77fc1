// What a target may throw, whatever it is given: our own errors, with a sentence and a code. Anything else is a find.

import { UsageError } from '../../src/cli/usage.js'
import { UvethError } from '../../src/errors.js'

/** The result, or undefined where `work` refused with an error of `code` (any, if none is given). */
export function refusing<T>(work: () => T, ...codes: string[]): T | undefined {
  try {
    return work()
  } catch (error) {
    checkRefusal(error, codes)
    return undefined
  }
}

export function checkRefusal(error: unknown, codes: readonly string[]): void {
  if (error instanceof UsageError && error.message !== '') return
  if (!(error instanceof UvethError)) throw error
  if (error.message === '' || /\n\s+at /.test(error.message)) throw error
  if (codes.length > 0 && !codes.includes(error.code)) throw error
}
