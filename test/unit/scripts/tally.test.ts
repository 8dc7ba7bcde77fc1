// How scripts/test adds up its steps and judges them.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { add, reasonsIn, report } from '../../../scripts/tally.js'

const two = add([
  { passed: 3, failed: 0, skipped: { 'needs root': 2 }, flaky: ['13 > ping'] },
  { passed: 1, failed: 1, skipped: { 'needs root': 1, 'needs iperf3': 1 }, failures: ['12 > carrier'] },
])

test('the closing line is the sum of all steps, after what failed and each reason for skipping', () => {
  expect(report(two, [], false)).toEqual({
    lines: [
      'failed: 12 > carrier',
      'passed at the second try: 13 > ping',
      'skipped 3: needs root',
      'skipped 1: needs iperf3',
      '4 passed, 1 failed, 4 skipped',
    ],
    ok: false,
  })
})

test('skips are no failure on a developer machine', () => {
  expect(report({ passed: 1, failed: 0, skipped: { 'needs root': 9 } }, [], false).ok).toBe(true)
})

test('in CI a skip fails unless its reason is listed', () => {
  const sum = { passed: 1, failed: 0, skipped: { 'needs root': 1, 'needs bridge': 1 } }
  const { lines, ok } = report(sum, ['needs bridge'], true)
  expect(ok).toBe(false)
  expect(lines).toContain('CI may not skip this: needs root')
  expect(lines).not.toContain('CI may not skip this: needs bridge')
  expect(lines.at(-1)).toBe('1 passed, 0 failed, 2 skipped')
  expect(report(sum, ['needs bridge', 'needs root'], true).ok).toBe(true)
})

test('nothing passed is a failure', () => {
  expect(report({ passed: 0, failed: 0, skipped: {} }, [], false).ok).toBe(false)
})

test('the list of allowed reasons has comments and empty lines', () => {
  expect(reasonsIn('# why\nneeds bridge\n\nneeds kernel 6.8\n')).toEqual(['needs bridge', 'needs kernel 6.8'])
})

test('the sum can be a summary itself, for the next who adds up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uvt-tally-'))
  try {
    const [summaries, sum] = [join(folder, 'summaries'), join(folder, 'sum.json')]
    mkdirSync(summaries)
    writeFileSync(
      join(summaries, '1.json'),
      JSON.stringify({ passed: 2, failed: 0, skipped: { 'needs x': 1 } }),
    )
    writeFileSync(join(summaries, '2.json'), JSON.stringify({ passed: 3, failed: 0, skipped: {} }))
    writeFileSync(join(folder, 'allowed'), '')
    const script = fileURLToPath(new URL('../../../scripts/tally.js', import.meta.url))
    const env = { ...process.env, CI: '', UVETH_TALLY: sum }
    const printed = execFileSync(process.execPath, [script, summaries, join(folder, 'allowed')], { env })
    expect(String(printed)).toBe('skipped 1: needs x\n5 passed, 0 failed, 1 skipped\n')
    expect(JSON.parse(readFileSync(sum, 'utf8'))).toEqual({
      passed: 5,
      failed: 0,
      skipped: { 'needs x': 1 },
      failures: [],
      flaky: [],
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
