// The test kit for an ordinary user: all of its own tests inside of `uveth sandbox`, with the device as distributions
// have it; vitest-setup, by which a plain `npx vitest` starts again in one; what the kit says where that cannot work.

import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect } from 'vitest'
import { COMMAND } from '../support/daemon.js'
import { run, until } from '../support/netns.js'
import { ordinary } from '../support/ordinary.js'
import { patient } from '../support/pace.js'
import { processesWith } from '../support/processes.js'
import { Program } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping', 'unshare', 'setpriv')
const withIperf = needs('root', 'tun', 'netns', 'ip', 'ping', 'iperf3', 'unshare', 'setpriv')
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const VITEST = `${ROOT}node_modules/vitest/vitest.mjs`
const FIXTURES = fileURLToPath(new URL('fixtures/testing-kit', import.meta.url))
/** ms */
const PATIENCE = patient(400_000)

let folder: string

beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/uveth-917-`)
  cpSync(FIXTURES, `${folder}/project`, { recursive: true })
  symlinkSync(`${ROOT}node_modules`, `${folder}/project/node_modules`)
  writeFileSync(`${folder}/project/vitest.config.ts`, CONFIG)
  writeFileSync(`${folder}/project/package.json`, '{ "type": "module" }')
  run('chown', '-R', '65534:65534', folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

const CONFIG = `
import { defineConfig } from 'vitest/config'
export default defineConfig({
  test: {
    include: ['*.fixture.ts'],
    cache: false,
    globalSetup: ['${ROOT}dist/testing/vitest-setup.js'],
    server: { deps: { external: [/\\/dist\\//] } },
    alias: { 'uveth/testing/vitest': '${ROOT}dist/testing/vitest.js' },
  },
})
`

/** The tree is root's here, and an ordinary user's own elsewhere: vitest may write where it puts its configuration. */
function owner(mode?: number): string[] {
  const place = `${ROOT}node_modules/.vite-temp`
  const script = `mkdir -p ${place} && mount -t tmpfs -o mode=1777 none ${place} && exec "$0" "$@"`
  return ['unshare', '-m', '--propagation', 'slave', 'sh', '-c', script, ...ordinary(mode)]
}

/** What a runner is given; nothing of the vitest that this test runs in. */
function environment(more: Record<string, string> = {}): Record<string, string> {
  const none = {
    VITEST: '',
    VITEST_POOL_ID: '',
    VITEST_WORKER_ID: '',
    UVETH_TEST_SUMMARY: '',
    UVETH_SEED: '',
  }
  return {
    ...none,
    NO_COLOR: '1',
    HOME: folder,
    TMPDIR: folder,
    UVETH_ARTIFACTS: `${folder}/artifacts`,
    ...more,
  }
}

function fixtures(files: string, mode = 0o666): Program {
  const words = [process.execPath, VITEST, 'run', '--root', `${folder}/project`, files]
  const env = environment({ UVETH_TEST_NOTES: `${folder}/notes-${files}` })
  return new Program(words, { prefix: owner(mode), env })
}

test('the kit’s own tests pass, every one of them', { timeout: PATIENCE }, async () => {
  const files = ['910', '913', '914', '915', '920'].map((number) => `test/integration/${number}`)
  const vitest = [
    process.execPath,
    VITEST,
    'run',
    '--configLoader',
    'runner',
    '--project',
    'integration',
    ...files,
  ]
  const env = environment()
  await using program = new Program([process.execPath, COMMAND, 'sandbox', ...vitest], {
    prefix: owner(),
    env,
  })
  const { code, stdout, stderr } = await program.end(PATIENCE)
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Test Files\s+5 passed \(5\)/)
  // There is nobody else in there whom a test could be.
  expect(stdout).toMatch(/Tests\s+\d+ passed \| 1 skipped \(\d+\)/)
})

test('plain vitest with vitest-setup: it says that it starts again in a sandbox, once', {
  timeout: PATIENCE,
}, async () => {
  await using program = fixtures('passes')
  const { code, stdout, stderr } = await program.end(PATIENCE)
  expect({ code, stderr }, stdout).toEqual({
    code: 0,
    stderr: 'uveth: not root: the tests run in a sandbox (uveth sandbox)\n',
  })
  expect(stdout).toMatch(/Tests\s+10 passed \| 1 expected fail \(11\)/)
})

test('tests that fail in there: so does the run', { timeout: PATIENCE }, async () => {
  await using program = fixtures('fails')
  const { code, stdout } = await program.end(PATIENCE)
  expect(code, stdout).toBe(1)
  expect(stdout).toMatch(/Tests\s+5 failed \| 2 passed \(7\)/)
})

withIperf('./scripts/demo, the first thing that anybody starts', { timeout: PATIENCE }, async () => {
  const env = environment({ UVETH_IS_SET_UP: '1' })
  await using program = new Program([`${ROOT}scripts/demo`], { prefix: owner(), env })
  const { code, stdout, stderr } = await program.end(PATIENCE)
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/^Not root: all of this happens in a sandbox/)
  expect(stdout).toContain('3 received')
  expect(stdout).toContain('That was it')
})

test('where no sandbox can be made, tests are refused with the reason', { timeout: PATIENCE }, async () => {
  await using program = fixtures('passes', 0o600)
  const { code, stdout, stderr } = await program.end(PATIENCE)
  expect(code).toBe(1)
  expect(stdout + stderr).not.toContain('in a sandbox (uveth sandbox)\n')
  expect(stdout + stderr).toMatch(
    /run the tests as root \(sudo\), or in a sandbox \(uveth sandbox\) once this is mended: \/dev\/net\/tun cannot be opened: EACCES \(as root: chmod 0666/,
  )
})

test('vitest is ended: so is the sandbox, and all in it', { timeout: PATIENCE }, async () => {
  await using program = fixtures('hangs')
  await until('the test to hang', () => existsSync(`${folder}/notes-hangs`))
  expect(await program.stop('SIGTERM')).toMatchObject({ signal: 'SIGTERM' })
  await until('all to end', () => processesWith(`${folder}/project`).length === 0)
})
