// scripts/kernels as far as no kernel has to be booted for it: its words, and the table of what guests have left.

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

function guest(kernel: string, files: Record<string, string>, number = ''): void {
  const results = join(folder, 'results', `${kernel}${number}`)
  mkdirSync(results, { recursive: true })
  for (const [name, text] of Object.entries({ kernel, ...files }))
    writeFileSync(join(results, name), `${text}\n`)
}

function table(words: string[] = [], environment: Record<string, string> = {}) {
  return spawnSync(
    process.execPath,
    [join(root, 'test/guest/table.mjs'), join(folder, 'results'), ...words],
    { encoding: 'utf8', env: { ...process.env, CI: '', UVETH_TALLY: '', ...environment } },
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

test.each([
  ['kernels', '6.1'],
  ['machines', 'arm64'],
])('scripts/%s: a repository whose path a kernel cannot be told is refused', (script, word) => {
  for (const name of ['a b', 'a,b']) {
    const scripts = join(folder, name, 'scripts')
    mkdirSync(scripts, { recursive: true })
    for (const file of ['env.sh', script]) copyFileSync(join(root, 'scripts', file), join(scripts, file))
    const { status, stderr } = spawnSync('bash', [join(scripts, script), word], { encoding: 'utf8' })
    expect([status, stderr]).toEqual([
      1,
      `scripts/${script}: '${join(folder, name)}' has a space or a comma, which a kernel's command line and QEMU cannot take: put it elsewhere\n`,
    ])
  }
})

test('guests stand in the order of their kernels, with what failed and why tests were skipped', () => {
  const summary = {
    passed: 3,
    failed: 1,
    skipped: { 'needs kernel 6.8': 2 },
    failures: ['a > b'],
    flaky: ['c'],
  }
  guest('newest', { what: 'uname -r', release: '7.3.4', seconds: '61', status: '0' })
  guest('5.10', {
    what: 'test/kernel',
    release: '5.10.0-32',
    seconds: '90',
    status: '1',
    'summary.json': JSON.stringify(summary),
  })
  const { stdout, status } = table()
  expect(stdout.trim().split('\n')).toEqual([
    '| kernel | tests | passed | failed | skipped | s |',
    '|---|---|---|---|---|---|',
    '| 5.10 (5.10.0-32) | test/kernel | 3 | 1 | 2 | 90 |',
    '| newest (7.3.4) | uname -r | 1 | 0 | 0 | 61 |',
    '',
    '5.10, test/kernel:',
    '- failed: a > b',
    '- passed at the second try: c',
    '- skipped 2: needs kernel 6.8',
  ])
  expect(status).toBe(1)
})

test('several guests of a kernel have a row each', () => {
  guest('6.1', { what: 'test/integration/002', release: '6.1.0-50', seconds: '90', status: '0' }, '.2')
  guest('6.1', { what: 'test/kernel', release: '6.1.0-50', seconds: '61', status: '0' }, '.1')
  expect(table().stdout.split('\n').slice(2, 4)).toEqual([
    '| 6.1 (6.1.0-50) | test/integration/002 | 1 | 0 | 0 | 90 |',
    '| 6.1 (6.1.0-50) | test/kernel | 1 | 0 | 0 | 61 |',
  ])
})

test('guests that had a piece each of the same tests have one row', () => {
  const half = (passed: number, failures: string[]) => ({
    what: 'test/integration/7',
    release: '6.1.0-50',
    seconds: '90',
    status: failures.length > 0 ? '1' : '0',
    'summary.json': JSON.stringify({
      passed,
      failed: failures.length,
      failures,
      skipped: { 'needs kernel 6.8': 2 },
    }),
  })
  guest('6.1', half(3, []), '.1')
  guest('6.1', half(4, ['a > b']), '.2')
  guest('6.1', { what: 'test/integration/7', release: '6.1.0-50', seconds: '5' }, '.3')
  const { stdout, status } = table()
  expect(stdout.trim().split('\n').slice(2)).toEqual([
    '| 6.1 (6.1.0-50) | test/integration/7 | 7 | 2 | 4 | 185 |',
    '',
    '6.1, test/integration/7:',
    '- failed: a > b',
    '- failed: the guest did not come to its end',
    '- skipped 4: needs kernel 6.8',
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
  const tally = join(folder, 'tally.json')
  const { stdout, status } = table([], { UVETH_TALLY: tally })
  expect(stdout).toContain(sentence)
  expect(status).toBe(1)
  expect(JSON.parse(readFileSync(tally, 'utf8'))).toMatchObject({ failures: [`Linux 6.1: ${sentence}`] })
})

test.each([
  ['by hand', '', 1],
  ['in CI, which judges the reason', 'true', 0],
])('a kernel that could not be had is a skip: %s', (_, CI, wanted) => {
  guest('6.1', { what: 'test/kernel', skipped: "needs Debian's archive" })
  const tally = join(folder, 'tally.json')
  const { stdout, status } = table([], { CI, UVETH_TALLY: tally })
  expect(stdout).toContain("6.1, test/kernel:\n- skipped 1: needs Debian's archive\n")
  expect(status).toBe(wanted)
  expect(JSON.parse(readFileSync(tally, 'utf8'))).toMatchObject({
    passed: 0,
    failed: 0,
    skipped: { "Linux 6.1: needs Debian's archive": 1 },
  })
})

test('in CI a test may be skipped in a guest only for what the list of reasons has with its kernel', () => {
  const skipping = (reason: string) => ({
    what: 'test/kernel',
    release: '6.1.0-50',
    status: '0',
    'summary.json': JSON.stringify({ passed: 4, failed: 0, skipped: { [reason]: 2 } }),
  })
  guest('6.1', skipping('needs kernel 6.2'))
  expect(table([], { CI: 'true' }).status).toBe(0)
  guest('6.1', skipping('needs bond'))
  expect(table([], { CI: '' }).status).toBe(0)
  const { status, stdout } = table([], { CI: 'true' })
  expect(stdout).toContain('CI may not skip this: Linux 6.1: needs bond\n')
  expect(status).toBe(1)
})

test('in a document the table goes between its marks, and what other runs have left stays', () => {
  const document = join(folder, 'kernels.md')
  writeFileSync(document, 'before\n<!-- begin: scripts/kernels --write -->\nold\n<!-- end -->\nafter\n')
  const summary = '{"passed":4,"failed":0,"skipped":{"needs kernel 6.8":2}}'
  guest('newest', {
    what: 'test/kernel',
    release: '7.3.4',
    seconds: '61',
    status: '0',
    'summary.json': summary,
  })
  expect(table([document]).status).toBe(0)
  rmSync(join(folder, 'results'), { recursive: true })
  guest('5.10', {
    what: 'test/kernel',
    release: '5.10.0-32',
    seconds: '40',
    status: '0',
    'summary.json': summary,
  })
  expect(table([document]).status).toBe(0)
  guest('5.10', { what: 'test/kernel', release: '5.10.0-33', seconds: '50', status: '0' })
  expect(table([document]).status).toBe(0)
  rmSync(join(folder, 'results'), { recursive: true })
  guest('5.10', { what: 'test/integration/002', release: '5.10.0-33', seconds: '8', status: '0' })
  expect(table([document]).status).toBe(0)
  expect(readFileSync(document, 'utf8')).toBe(`before
<!-- begin: scripts/kernels --write -->
| kernel | tests | passed | failed | skipped | s |
|---|---|---|---|---|---|
| 5.10 (5.10.0-33) | test/integration/002 | 1 | 0 | 0 | 8 |
| 5.10 (5.10.0-33) | test/kernel | 4 | 0 | 2 | 50 |
| newest (7.3.4) | test/kernel | 4 | 0 | 2 | 61 |

5.10, test/kernel:
- skipped 2: needs kernel 6.8

newest, test/kernel:
- skipped 2: needs kernel 6.8

<!-- end -->
after
`)
})
