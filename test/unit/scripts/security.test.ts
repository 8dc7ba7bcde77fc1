// SECURITY.md says of each trust what holds it. Looked at here: that those tests and faults exist, that none of them is
// known to be open without a word, and that every fault has a line of its own in docs/reliability.md or there.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const text = (name: string) => readFileSync(join(root, name), 'utf8')

/** Names of faults, as their files have them: importing them would load the built package. */
const faults = ['frames', 'neighbours', 'life', 'files'].flatMap((subject) =>
  [...text(`test/faults/provoke-${subject}.mjs`).matchAll(/^ {4}name: '([^']+)'/gm)].map(([, name]) => name),
)
const pending = [...text('test/faults/pending.mjs').matchAll(/^ {2}'?([\w-]+)'?: '/gm)].map(
  ([, name]) => name,
)

describe('SECURITY.md', () => {
  const rows = text('SECURITY.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| who |'))
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()))

  test('has a line for each whom something is trusted to', () => {
    expect(cells.length).toBeGreaterThanOrEqual(8)
  })

  test.each(cells.map((row) => [row[1] ?? '', row[4] ?? '']))('%s: what holds it exists', (_, held) => {
    const named = [...held.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
    expect(named.length).toBeGreaterThan(0)
    for (const name of named) {
      const fault = /^faults: (.+)$/.exec(name)?.[1]
      if (fault !== undefined) expect(faults).toContain(fault)
      else expect(existsSync(join(root, 'test', `${name}.test.ts`)), name).toBe(true)
    }
  })
})

test('what is known to be open is a fault, and docs/reliability.md tells it', () => {
  for (const name of pending) {
    expect(faults).toContain(name)
    expect(text('docs/reliability.md')).toContain(`\`${name}\``)
  }
})
