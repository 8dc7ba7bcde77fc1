// scripts/machines as far as nothing has to be fetched for it: its words. What it does is in docs/kernels.md.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('../../../scripts/machines', import.meta.url))
const run = (...words: string[]) => spawnSync(script, words, { encoding: 'utf8' })

test.each([
  [[], 'which machine, arm64 or musl?'],
  [['riscv64'], 'riscv64 is neither an option nor arm64 or musl'],
  [['arm64', '--every'], '--every is neither an option nor arm64 or musl'],
])('%j is refused before anything is fetched', (words, sentence) => {
  const { status, stderr } = run(...words)
  expect(status).toBe(2)
  expect(stderr).toContain(`scripts/machines: ${sentence}\nUsage:`)
})

test('a guest of another machine without its file system is refused', () => {
  const kernels = fileURLToPath(new URL('../../../scripts/kernels', import.meta.url))
  const { status, stderr } = spawnSync(kernels, ['--machine', 'arm64', '6.1'], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([
    1,
    'scripts/kernels: --machine arm64 needs the --userland that scripts/machines makes\n',
  ])
})
