// Pairs inside of the workers of a test runner: vitest's `threads` pool, where our threads are nested in a
// thread that is terminated, and `forks`. A small project of a user's is run by a vitest of its own, in a
// home of its own; it passes, ends by itself and leaves nothing.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { Netns } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const PROJECT = fileURLToPath(new URL('fixtures/pools', import.meta.url))
/** ms; far below what a runner that has to kill its workers takes. */
const PATIENCE = patient(80_000)

function runIn(home: Netns, ...words: string[]) {
  const command = [process.execPath, VITEST, 'run', '--root', PROJECT, ...words]
  return spawnSync('ip', ['netns', 'exec', home.name, ...command], {
    encoding: 'utf8',
    timeout: PATIENCE,
    env: { ...process.env, NO_COLOR: '1', UVETH_TEST_SUMMARY: '' },
  })
}

test.each([
  ['threads', '--isolate'],
  ['forks', '--isolate'],
  ['threads', '--no-isolate'],
  ['forks', '--no-isolate'],
])('pool %s, %s: everything passes, and nothing is left', (pool, isolate) => {
  using home = Netns.create('home')
  home.ip('link', 'set', 'lo', 'up')
  const { status, signal, stdout, stderr } = runIn(home, '--pool', pool, isolate)
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' })
  expect(stdout).toMatch(/Tests\s+6 passed \(6\)/)
  expect(stdout).not.toMatch(/timed out|hanging/)
  expect(home.links().map(({ ifname }) => ifname)).toEqual(['lo'])
})
