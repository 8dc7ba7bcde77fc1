// The lines of a batch in iproute2's format: a line is an order, `#` begins a comment, a backslash at its end
// continues it, quotes keep white space together. Used by the command's -batch and by the shim's.

import { UsageError } from './usage.js'

/** The text of an order and the number of its last line. */
interface BatchLine {
  text: string
  line: number
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
