// The test kit in test runners, each run as users run it: vitest with the fixtures of uveth/testing/vitest,
// and node:test. What failing tests say and keep; that nothing else is left, whatever happens to the runner.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect } from 'vitest'
import { run, until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { Program } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
const withTshark = needs('root', 'tun', 'netns', 'ip', 'ping', 'tshark')
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const PROJECT = fileURLToPath(new URL('fixtures/testing-kit', import.meta.url))
/** ms; a busy machine takes a while to start a runner and its workers. */
const PATIENCE = patient(200_000)

interface Note {
  netns: { a: string; b: string }
  seed: number
  server?: number
}

/** Holds the artifacts, the notes of the tests and their temporary files. */
let folder: string

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/uveth-114-`)
})
afterEach(() => rmSync(folder, { recursive: true }))

function runner(words: string[], env: Record<string, string> = {}): Program {
  const temporary = mkdtempSync(`${folder}/tmp-`)
  const given = {
    NO_COLOR: '1',
    TMPDIR: temporary,
    UVETH_ARTIFACTS: `${folder}/artifacts`,
    UVETH_SEED: '',
    UVETH_TEST_NOTES: `${folder}/notes`,
    UVETH_TEST_SUMMARY: '',
    VITEST: '',
  }
  return new Program([process.execPath, ...words], { env: { ...given, ...env } })
}

function vitest(files: string[], env: Record<string, string> = {}): Program {
  return runner([VITEST, 'run', '--root', PROJECT, ...files], env)
}

function notes(): Note[] {
  const file = `${folder}/notes`
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
  return lines.map((line) => JSON.parse(line))
}

async function expectNothingLeft(): Promise<void> {
  const names = notes().flatMap(({ netns: { a, b } }) => [a, b])
  expect(new Set(names).size).toBe(names.length)
  // Also those that no test was given: the names begin with the process that made them.
  const owners = new Set(names.map((name) => name.replace(/[^-]*-[ab]$/, '')))
  const left = () => readdirSync('/run/netns').filter((name) => owners.has(name.replace(/[^-]*-[ab]$/, '')))
  await until('the namespaces to go', () => left().length === 0)
  const servers = notes().flatMap(({ server }) => server ?? [])
  await until('the servers to end', () => servers.every((pid) => !existsSync(`/proc/${pid}`)))
  const temporary = readdirSync(folder).filter((name) => name.startsWith('tmp-'))
  const captures = () =>
    temporary.flatMap((name) => readdirSync(`${folder}/${name}`).filter((file) => file.startsWith('uveth-')))
  await until('the captures to go', () => captures().length === 0)
}

test.each(['forks', 'threads'])(
  'vitest, pool %s: two files at a time pass, and nothing is left',
  { timeout: PATIENCE },
  async (pool) => {
    await using program = vitest(['passes', '--pool', pool])
    const { code, stdout, stderr } = await program.end(PATIENCE)
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/Test Files\s+2 passed \(2\)/)
    expect(stdout).toMatch(/Tests\s+10 passed \| 1 expected fail \(11\)/)
    expect(notes()).toHaveLength(8)
    expect(existsSync(`${folder}/artifacts`)).toBe(false)
    await expectNothingLeft()
  },
)

withTshark(
  'vitest: failing tests say how to repeat them, and keep captures',
  { timeout: PATIENCE },
  async () => {
    await using program = vitest(['fails'], { UVETH_SEED: '4711' })
    const { code, stdout, stderr } = await program.end(PATIENCE)
    const said = stdout + stderr
    expect(code).toBe(1)
    expect(said).toMatch(/Tests\s+5 failed \| 2 passed \(7\)/)

    const name = 'fails.fixture.ts-an-expectation-fails-frames-were-not-carried'
    expect(said).toContain('expected the pair to have carried `icmp type 8` from a; it has carried 0 frames')
    expect(said).toContain('impair delay 1ms loss 100% seed 4711')
    expect(said).toContain(`capture: ${folder}/artifacts/${name}.pcapng`)
    expect(
      run('tshark', '-r', `${folder}/artifacts/${name}.pcapng`, '-T', 'fields', '-e', 'frame.comment'),
    ).toContain('dropped: loss')

    expect(said).toMatch(/Test timed out in 3000ms\.[\s\S]*seed: 4711, to repeat: UVETH_SEED=4711/)
    expect(said).toMatch(/EEXIST: .*'lo'/)
    expect(said.match(/to repeat: UVETH_SEED=4711/g)?.length).toBeGreaterThanOrEqual(2)

    const thrown = 'fails.fixture.ts-something-is-thrown-that-is-no-error'
    expect(said).toMatch(
      /\{ some: 'object' \}\n\nuveth, the pair of this test:\n {2}seed: 4711, to repeat: UVETH_SEED=4711\n/,
    )
    expect(said).toContain(`capture: ${folder}/artifacts/${thrown}.pcapng`)

    const retried = 'fails.fixture.ts-the-third-attempt-passes'
    const kept = [name, thrown, 'fails.fixture.ts-time-runs-out', retried, `${retried}-2`]
    expect(readdirSync(`${folder}/artifacts`).sort()).toEqual(
      kept.flatMap((file) => [`${file}.pcapng`, `${file}.txt`]).sort(),
    )
    await expectNothingLeft()
  },
)

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'vitest: ended by %s in the middle of a test, nothing is left',
  { timeout: PATIENCE },
  async (signal) => {
    await using program = vitest(['hangs'])
    await until('the test to run', () => notes().length === 1, PATIENCE)
    program.kill(signal)
    await program.end(PATIENCE)
    await expectNothingLeft()
  },
)

test('node:test: passes, fails with the report, and ends by its signal', { timeout: PATIENCE }, async () => {
  await using program = runner(['--test-reporter=tap', '--test', `${PROJECT}/node-test.mjs`], {
    UVETH_SEED: '42',
  })
  const { code, stdout } = await program.end(PATIENCE)
  expect(code).toBe(1)
  expect(stdout).toMatch(/^\s*ok 1 - passes$/m)
  expect(stdout).toMatch(/^\s*not ok 2 - fails$/m)
  expect(stdout).toMatch(/^\s*not ok 3 - runs out of time$/m)
  expect(stdout).toContain('expected the pair to have carried `tcp`; it has carried 0 frames')
  expect(stdout).toContain('seed: 42, to repeat: UVETH_SEED=42')
  expect(stdout).toContain(`capture: ${folder}/artifacts/timed-out.pcapng`)
  expect(readdirSync(`${folder}/artifacts`).sort()).toEqual([
    'fails.pcapng',
    'fails.txt',
    'timed-out.pcapng',
    'timed-out.txt',
  ])
  expect(readFileSync(`${folder}/artifacts/timed-out.txt`, 'utf8')).toContain('UVETH_SEED=42')
  await expectNothingLeft()
})
