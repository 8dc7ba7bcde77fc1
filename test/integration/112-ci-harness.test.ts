// The example project examples/ci-harness, run as its users run it: a copy with the package in its
// node_modules, and `npm test`. It passes; with a client that does not ask again it fails and says why.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect } from 'vitest'
import { Program } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip')
const withTshark = needs('root', 'tun', 'netns', 'ip', 'tshark')
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const EXAMPLE = `${ROOT}examples/ci-harness`
/** ms */
const PATIENCE = 90_000

let folder: string

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/uveth-112-`)
  cpSync(EXAMPLE, folder, {
    recursive: true,
    filter: (path) => !/node_modules|uveth-artifacts/.test(path.slice(EXAMPLE.length)),
  })
  install()
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What `npm install` would make, without a registry: the package itself is a copy, the others are links. */
function install(): void {
  const modules = `${folder}/node_modules`
  mkdirSync(modules)
  for (const name of readdirSync(`${ROOT}node_modules`)) {
    if (!name.startsWith('.')) symlinkSync(`${ROOT}node_modules/${name}`, `${modules}/${name}`)
  }
  mkdirSync(`${modules}/uveth`)
  for (const name of ['package.json', 'dist']) {
    cpSync(`${ROOT}${name}`, `${modules}/uveth/${name}`, { recursive: true })
  }
  const addon = (path: string) => !/native\/(src|target)/.test(path)
  cpSync(`${ROOT}native`, `${modules}/uveth/native`, { recursive: true, filter: addon })
}

function npmTest(env: Record<string, string> = {}): Program {
  const clean = { NO_COLOR: '1', UVETH_SEED: '', UVETH_ARTIFACTS: '', UVETH_TEST_SUMMARY: '', TRIES: '10' }
  return new Program(['sh', '-c', `cd '${folder}' && npm test`], { env: { ...clean, ...env } })
}

function artifacts(): string[] {
  return readdirSync(folder).includes('uveth-artifacts') ? readdirSync(`${folder}/uveth-artifacts`) : []
}

test('npm test passes, and keeps nothing', { timeout: PATIENCE }, async () => {
  await using program = npmTest()
  const { code, stdout, stderr } = await program.end(PATIENCE)
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Tests\s+5 passed \(5\)/)
  expect(stdout).toMatch(/# pass 2|ℹ pass 2/)
  expect(artifacts()).toEqual([])
})

withTshark(
  'a client that does not ask again fails: seed, words and capture',
  { timeout: PATIENCE },
  async () => {
    await using program = npmTest({ TRIES: '1', UVETH_SEED: '4711' })
    const { code, stdout, stderr } = await program.end(PATIENCE)
    const said = stdout + stderr
    expect(code).toBe(1)
    expect(said).toMatch(/Tests\s+2 failed \| 3 passed \(5\)/)
    expect(said).toContain('no answer after 1 tries')
    expect(said).toContain('seed: 4711, to repeat: UVETH_SEED=4711')
    expect(said).toContain('impair limit 1000 delay 1ms loss 20% seed 4711')
    expect(said).toMatch(/rule \d+: drop udp sport 9000 nth 3 \(matched 3, acted on 1\)/)
    const captures = artifacts().filter((name) => name.endsWith('.pcapng'))
    expect(captures).toHaveLength(2)
    const exact = captures.find((name) => name.includes('third')) ?? ''
    const words = ['-r', `${folder}/uveth-artifacts/${exact}`, '-T', 'fields', '-e', 'frame.comment']
    await using tshark = new Program(['tshark', ...words], {})
    expect((await tshark.end()).stdout.match(/dropped: rule/g)).toHaveLength(1)
  },
)

test('the workflows name what the project has', () => {
  const github = readFileSync(`${EXAMPLE}/.github/workflows/network-tests.yml`, 'utf8')
  const gitlab = readFileSync(`${EXAMPLE}/.gitlab-ci.yml`, 'utf8')
  for (const text of [github, gitlab]) {
    expect(text).toContain('npm test')
    expect(text).toContain('uveth-artifacts/')
  }
})
