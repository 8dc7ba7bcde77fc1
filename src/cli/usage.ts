// How a verb reads its options: util.parseArgs, with its complaints made into one line.

import { type ParseArgsConfig, parseArgs } from 'node:util'

/** Wrong use of the command: one line on stderr, exit code 1. */
export class UsageError extends Error {}

export function misused(message: string): UsageError {
  return new UsageError(message)
}

/** A word that iproute2 takes, and uveth does not. */
export class UnsupportedError extends UsageError {}

export type OptionTable = NonNullable<ParseArgsConfig['options']>

/** Options and positional words of `uveth VERB …`. */
export function parseVerb<T extends OptionTable>(
  verb: string,
  args: string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T; allowPositionals: true; strict: true }>> {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (error) {
    const sentence = (error as Error).message.split(/\.\s/)[0] ?? ''
    throw new UsageError(`${sentence}: try uveth ${verb} --help`)
  }
}
