// `uveth -batch FILE`: many orders in one process and over one connection, one after the other, in the
// format of `ip -batch`: a line is an order, `#` begins a comment, a backslash at its end continues it,
// quotes keep white space together. The first failure ends it, with -force it goes on; either way 1.

import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { exitCodeOf, sentenceOf } from './failure.js'
import { addShort, link } from './link/link.js'
import { Progress } from './progress.js'
import type { Session } from './session.js'
import { stats } from './stats.js'
import { UsageError } from './usage.js'
import { expand } from './words.js'

/** The text of an order and the number of its last line. */
interface BatchLine {
  text: string
  line: number
}

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

/** Joins continued lines, drops comments and blank lines. */
export async function* ordersOf(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<BatchLine, void> {
  let joined = ''
  let line = 0
  for await (const text of lines) {
    line++
    const [bare = ''] = text.split('#', 1)
    if (bare.endsWith('\\')) {
      joined += bare.slice(0, -1)
      continue
    }
    const order = (joined + bare).trim()
    joined = ''
    if (order !== '') yield { text: order, line }
  }
  if (joined.trim() !== '') yield { text: joined.trim(), line }
}

/** As iproute2's makeargs(): a quote opens at the beginning of a word only, and nothing escapes it. */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let rest = line.trimStart()
  while (rest !== '') {
    const quote = rest[0] as string
    const quoted = quote === '"' || quote === "'"
    const end = quoted ? rest.indexOf(quote, 1) : rest.search(/\s|$/)
    if (end < 0) throw new UsageError('unterminated quoted string')
    words.push(rest.slice(quoted ? 1 : 0, end))
    rest = rest.slice(quoted ? end + 1 : end).trimStart()
  }
  return words
}
