// How a verb reads its options: util.parseArgs, with its complaints made into one line.

import type { ParseArgsConfig, parseArgs } from 'node:util'
import { util } from '../builtins.js'
import { UsageError } from '../iproute/usage.js'

export { UsageError }

export type OptionTable = NonNullable<ParseArgsConfig['options']>

/** A command of its own. */
export const EXTCAP = 'uveth-extcap'

/** Options and positional words of `uveth VERB …`. */
export function parseVerb<T extends OptionTable>(
  verb: string,
  args: string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T; allowPositionals: true; strict: true }>> {
  try {
    return util.parseArgs({ args: joined(args, options), options, allowPositionals: true, strict: true })
  } catch (error) {
    const sentence = (error as Error).message.split(/\.\s/)[0] ?? ''
    throw new UsageError(`${sentence}: try ${verb === EXTCAP ? verb : `uveth ${verb}`} --help`)
  }
}

/** A number below 0 is a value, for whoever reads it to refuse: Node's sentence would be about options. */
function joined(args: readonly string[], options: OptionTable): string[] {
  const read: string[] = []
  for (const word of args) {
    const before = read.at(-1) ?? ''
    const takes = before.startsWith('--') && options[before.slice(2)]?.type === 'string'
    if (takes && /^-[\d.]/.test(word) && !read.includes('--')) read[read.length - 1] = `${before}=${word}`
    else read.push(word)
  }
  return read
}

/** Options of a verb that takes no words; undefined where its help was asked for, and written. */
export function parseAlone<T extends OptionTable>(
  verb: string,
  args: string[],
  options: T,
  help: string,
): ReturnType<typeof parseVerb<T>>['values'] | undefined {
  const { values, positionals } = parseVerb(verb, args, options)
  if ((values as { help?: boolean }).help) process.stdout.write(help)
  else if (positionals.length === 0) return values
  else throw new UsageError(`what is '${positionals[0]}'? Try uveth ${verb} --help`)
  return undefined
}
