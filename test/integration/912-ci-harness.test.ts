// The example project examples/ci-harness, run as its users run it: a copy with the package in its
// node_modules, and `npm test`. It passes; with a client that does not ask again it fails and says why.

import { existsSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { patient } from '../support/pace.js'
import { Program } from '../support/program.js'
import { Project, ROOT } from '../support/project.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip')
const withTshark = needs('root', 'tun', 'netns', 'ip', 'tshark')
const EXAMPLE = `${ROOT}examples/ci-harness`
/** ms */
const PATIENCE = patient(200_000)

test('npm test passes, and keeps nothing', { timeout: PATIENCE }, async () => {
  using project = new Project().fill(EXAMPLE)
  await using program = project.start('npm test')
  const { code, stdout, stderr } = await program.end(PATIENCE)
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Tests\s+5 passed \(5\)/)
  expect(stdout).toMatch(/^\S+ pass 2$/m)
  expect(project.artifacts).toEqual([])
})

withTshark('a client that asks once fails: seed, words and capture', { timeout: PATIENCE }, async () => {
  using project = new Project().fill(EXAMPLE)
  await using program = project.start('npm test', { env: { TRIES: '1', UVETH_SEED: '4711' } })
  const { code, stdout, stderr } = await program.end(PATIENCE)
  const said = stdout + stderr
  expect(code).toBe(1)
  expect(said).toMatch(/Tests\s+2 failed \| 3 passed \(5\)/)
  expect(said).toContain('no answer after 1 tries')
  expect(said).toContain('seed: 4711, to repeat: UVETH_SEED=4711')
  expect(said).toContain('impair delay 1ms loss 20% seed 4711')
  expect(said).toMatch(/rule \d+: drop udp sport 9000 nth 3 \(matched 3, acted on 1\)/)
  const captures = project.artifacts.filter((name) => name.endsWith('.pcapng'))
  expect(captures).toHaveLength(2)
  const exact = `${project.folder}/uveth-artifacts/${captures.find((name) => name.includes('third'))}`
  await using tshark = new Program(['tshark', '-r', exact, '-T', 'fields', '-e', 'frame.comment'], {})
  expect((await tshark.end()).stdout.match(/dropped: rule/g)).toHaveLength(1)
})

test('the workflows run what the project has, and keep what it leaves', () => {
  for (const name of ['.github/workflows/network-tests.yml', '.gitlab-ci.yml']) {
    const workflow = readFileSync(`${EXAMPLE}/${name}`, 'utf8')
    expect(workflow).toContain('npm test')
    expect(workflow).toMatch(
      existsSync(`${EXAMPLE}/package-lock.json`) ? /- (run: )?npm ci/ : /- (run: )?npm install/,
    )
    expect(workflow).toContain('uveth-artifacts/')
  }
})

const FLAGS = ['--cap-add NET_ADMIN', '--cap-add SYS_ADMIN', '--device /dev/net/tun', 'apparmor=unconfined']

test('the ways into a container give it the same: docker run, GitHub, a development container', () => {
  const { runArgs } = JSON.parse(readFileSync(`${EXAMPLE}/.devcontainer/devcontainer.json`, 'utf8'))
  const places = {
    'docker run': readFileSync(`${EXAMPLE}/README.md`, 'utf8'),
    GitHub: readFileSync(`${EXAMPLE}/.github/workflows/network-tests.yml`, 'utf8'),
    devcontainer: runArgs.join(' ').replaceAll('=/', ' /').replaceAll('add=', 'add '),
  }
  for (const [place, text] of Object.entries(places))
    expect(
      FLAGS.filter((flag) => !text.includes(flag)),
      place,
    ).toEqual([])
})
