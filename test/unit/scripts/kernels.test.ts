// scripts/kernels as far as no kernel has to be booted for it: its words, and the table of what guests have left.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-guests-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function run(program: string, ...words: string[]) {
  return spawnSync(join(root, program), words, { encoding: 'utf8' })
}

function guest(kernel: string, files: Record<string, string>): void {
  mkdirSync(join(folder, 'results', kernel), { recursive: true })
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, 'results', kernel, name), `${text}\n`)
}

function table(...words: string[]) {
  return spawnSync(
    process.execPath,
    [join(root, 'test/guest/table.mjs'), join(folder, 'results'), ...words],
    {
      encoding: 'utf8',
    },
  )
}

test.each(['6.2', '--every', ''])('a word that is none is refused before anything is fetched: %j', (word) => {
  const { status, stderr } = run('scripts/kernels', word)
  expect(status).toBe(2)
  expect(stderr).toContain(`scripts/kernels: ${word} is neither an option nor 5.10, 6.1, 6.12 or newest`)
})

test('an option without its value is refused', () => {
  expect(run('scripts/kernels', '--results').stderr).toContain('--results needs a folder')
})

test('guests stand in the order of their kernels, with what failed and why tests were skipped', () => {
  const summary = {
    passed: 3,
    failed: 1,
    skipped: { 'needs kernel 6.8': 2 },
    failures: ['a > b'],
    flaky: ['c'],
  }
  guest('newest', { release: '7.3.4', seconds: '61', status: '0' })
  guest('5.10', { release: '5.10.0-32', seconds: '90', status: '1', 'summary.json': JSON.stringify(summary) })
  const { stdout, status } = table()
  expect(stdout.trim().split('\n')).toEqual([
    '| kernel | passed | failed | skipped | s |',
    '|---|---|---|---|---|',
    '| 5.10.0-32 | 3 | 1 | 2 | 90 |',
    '| 7.3.4 | 1 | 0 | 0 | 61 |',
    '',
    '5.10.0-32:',
    '- failed: a > b',
    '- passed at the second try: c',
    '- skipped 2: needs kernel 6.8',
  ])
  expect(status).toBe(1)
})

test.each([
  ['has left no status', {}, 'the guest did not come to its end'],
  [
    'has left another status than its tests',
    { status: '7', 'summary.json': '{"passed":4,"failed":0,"skipped":{}}' },
    'status 7',
  ],
])('a guest that %s has failed', (_, files, sentence) => {
  guest('6.1', { release: '6.1.0-50', seconds: '5', ...files })
  const { stdout, status } = table()
  expect(stdout).toContain(sentence)
  expect(status).toBe(1)
})

test('the table goes between its marks in a document', () => {
  const document = join(folder, 'kernels.md')
  writeFileSync(document, 'before\n<!-- begin: scripts/kernels --write -->\nold\n<!-- end -->\nafter\n')
  guest('6.12', { release: '6.12.117', seconds: '40', status: '0' })
  expect(table(document).status).toBe(0)
  const text = readFileSync(document, 'utf8')
  expect(text).toMatch(
    /^before\n.*begin.*\n\| kernel.*\n.*\n\| 6\.12\.117 \| 1 \| 0 \| 0 \| 40 \|\n\n<!-- end -->\nafter\n$/,
  )
})
