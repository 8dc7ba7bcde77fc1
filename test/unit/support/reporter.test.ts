// The summary that scripts/test adds up, of runs in which tests end in every way they can; and skip.ts with it.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url))
const fixture = fileURLToPath(new URL('fixture', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'uveth-reporter-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs one file of the fixture in a vitest of its own; answers its exit status and the summary. */
function run(file: string): { status: number | null; summary: unknown } {
  const path = join(folder, `${file}.json`)
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--root', fixture, file], {
    env: { ...process.env, UVETH_TEST_SUMMARY: path },
  })
  return { status, summary: JSON.parse(readFileSync(path, 'utf8')) }
}

test('every way to end is counted, and each reason for skipping', () => {
  expect(run('outcomes')).toEqual({
    status: 1,
    summary: {
      passed: 3,
      // the test, the hook, and the test that was never reached because of the hook
      failed: 3,
      skipped: {
        'no reason given': 1,
        'found out late': 1,
        'needs kernel 99.0, no-such-tool': 4,
        'the reason of its suite': 1,
      },
      failures: [
        'outcomes.fixture.ts > a suite that cannot be set up',
        'outcomes.fixture.ts > fails',
        'outcomes.fixture.ts > a suite that cannot be set up > inside',
      ],
      flaky: ['outcomes.fixture.ts > passes at the second try'],
    },
  })
})

test('a file that does not load is a failure', () => {
  expect(run('broken')).toEqual({
    status: 1,
    summary: { passed: 0, failed: 1, skipped: {}, failures: ['broken.fixture.ts'], flaky: [] },
  })
})
