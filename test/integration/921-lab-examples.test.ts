// The example project examples/labs, run as its users run it: a copy with the package in its node_modules, and its
// tests, one by one.

import { expect } from 'vitest'
import { BIRD } from '../support/bird.js'
import { patient } from '../support/pace.js'
import { Project, ROOT } from '../support/project.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip')
const withNat = needs('root', 'tun', 'netns', 'ip', 'nft')
const withBird = needs('root', 'tun', 'netns', 'ip', 'ping', 'bird')
const EXAMPLE = `${ROOT}examples/labs`
/** ms */
const PATIENCE = patient(80_000)

async function expectPasses(file: string, count: number): Promise<void> {
  using project = new Project().fill(EXAMPLE)
  await using program = project.start(`node --test test/${file}.test.mjs`, { env: { BIRD } })
  const { code, stdout, stderr } = await program.end(PATIENCE)
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).toMatch(new RegExp(`^\\S+ pass ${count}$`, 'm'))
  expect(project.artifacts).toEqual([])
}

withNat('hole punching between two hosts behind two NATs', () => expectPasses('hole-punching', 2))

withBird('a routing daemon goes around a cable without carrier', () => expectPasses('re-routing', 1))

test('a TCP service behind a router, with loss on one cable only', () => expectPasses('lossy-cable', 1))
