// Reads a file of YAML, or JSON, which is YAML too. What is wrong in it is told with its line. The YAML library is loaded
// here only, where it is needed. Called by `uveth apply` and `link set … schedule`.

import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { ofNode, UvethError } from '../errors.js'
import type { ReadText } from '../wishes/words.js'
import { readText } from './read-text.js'
import { UsageError } from './usage.js'

/** What `plan` makes of it; a file that the file names is read from where it stands. "-" is standard input. */
export async function readYaml<T>(given: string, plan: (given: unknown, beside: ReadText) => T): Promise<T> {
  const piped = given === '-'
  // By a batch, for its orders.
  if (piped && process.stdin.readableFlowing !== null)
    throw new UsageError('standard input has the orders: give a file')
  const path = piped ? 'stdin' : given
  const reading = piped ? textOf(process.stdin) : readFile(path, 'utf8')
  const text = await reading.catch((error: unknown) => {
    throw ofNode(error, path)
  })
  const { LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [wrong] = document.errors
  if (wrong !== undefined) throw at(path, lines.linePos(wrong.pos[0]).line, wrong.message)
  try {
    return plan(document.toJS(), (named) => readText(resolve(dirname(path), named)))
  } catch (error) {
    if (!(error instanceof UvethError)) throw error
    const sentence = error.message.replace(/^EINVAL: /, '').replace(/^the wish /, 'the file ')
    throw at(path, lines.linePos(offsetOf(document, error.attribute ?? '')).line, sentence)
  }
}

function at(path: string, line: number, sentence: string): UvethError {
  return new UvethError(`EINVAL: ${path}:${Math.max(line, 1)}: ${sentence}`, {
    code: 'EINVAL',
    attribute: 'file',
  })
}

/** Of what stands at `attribute`, or of what it would stand in. */
function offsetOf(document: { getIn(path: string[], keepScalar: true): unknown }, attribute: string): number {
  for (let path = attribute.split('.'); path.length > 0; path = path.slice(0, -1)) {
    // Steps may stand alone.
    const alone = path[0] === 'steps' && document.getIn(['steps'], true) === undefined
    const node = document.getIn(alone ? path.slice(1) : path, true) as
      | { range?: [number, number, number] | null }
      | undefined
    if (node?.range) return node.range[0]
  }
  return 0
}
