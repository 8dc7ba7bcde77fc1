// Reads a lab's file. What is wrong in it is told with its line. The YAML library is loaded here only: no other verb
// needs it. Called by apply.ts.

import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ofNode, UvethError } from '../../errors.js'
import { type FilePlan, planFile } from '../../labs/file-plan.js'
import type { ReadText } from '../../wishes/words.js'
import { readText } from '../read-text.js'

export async function readLabFile(path: string): Promise<FilePlan> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw ofNode(error)
  })
  const { LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [wrong] = document.errors
  if (wrong !== undefined) throw at(path, lines.linePos(wrong.pos[0]).line, wrong.message)
  try {
    return planFile(document.toJS(), besideFile(path))
  } catch (error) {
    if (!(error instanceof UvethError)) throw error
    const sentence = error.message.replace(/^EINVAL: /, '').replace(/^the wish /, 'the file ')
    throw at(path, lines.linePos(offsetOf(document, error.attribute ?? '')).line, sentence)
  }
}

/** A path in the file starts from the file's folder. */
function besideFile(path: string): ReadText {
  return (named) => readText(resolve(dirname(path), named))
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
    const node = document.getIn(path, true) as { range?: [number, number, number] | null } | undefined
    if (node?.range) return node.range[0]
  }
  return 0
}
