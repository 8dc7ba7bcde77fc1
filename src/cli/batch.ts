// `uveth -batch FILE`: many orders in one process, one after the other, in the
// format of `ip -batch`: a line is an order, `#` begins a comment, a backslash at its end continues it,
// quotes keep white space together. The first failure ends it, with -force it goes on; either way 1.

import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { ordersOf, splitWords } from '../iproute/batch-lines.js'
import { expand } from '../iproute/words.js'
import { exitCodeOf, sentenceOf } from './failure.js'
import { addShort, link } from './link/link.js'
import { Progress } from './progress.js'
import type { Session } from './session.js'
import { stats } from './stats.js'
import { UsageError } from './usage.js'

const VERBS = { link, add: addShort, stats } as const
const VERB_NAMES = ['link', 'add', 'stats'] as const

/** `file` is a path, or `-` for stdin. */
export async function batch(session: Session, file: string): Promise<number> {
  const { lines, total } = open(file)
  const progress = new Progress(process.stderr, total)
  let code = 0
  try {
    for await (const { text, line } of ordersOf(lines)) {
      const failed = await give(session, text, () => progress.clear())
      if (failed) {
        code = 1
        process.stderr.write(`Command failed ${file}:${line}\n`)
        if (!session.globals.force) break
      }
      progress.step()
    }
  } finally {
    progress.clear()
  }
  return code
}

/** Carries out one order, and says what went wrong. */
async function give(session: Session, text: string, beforeOutput: () => void): Promise<boolean> {
  try {
    const words = splitWords(text)
    const verb = expand(words[0] ?? '', VERB_NAMES)
    if (verb === undefined)
      throw new UsageError(`"${words[0]}" is no order for a batch: link, add and stats are`)
    return (await VERBS[verb](session, words.slice(1))) !== 0
  } catch (error) {
    beforeOutput()
    process.stderr.write(`${sentenceOf(error)}\n`)
    return exitCodeOf(error) !== 0
  }
}

/** A file is read at once, so that its length is known; stdin line by line, as it comes. */
function open(file: string): { lines: AsyncIterable<string> | Iterable<string>; total?: number } {
  if (file === '-') return { lines: createInterface({ input: process.stdin }) }
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`cannot open file "${file}" for reading: ${(error as Error).message}`)
  }
  const lines = text.split('\n')
  return { lines, total: lines.filter((line) => /^\s*[^#\s]/.test(line)).length }
}
