// The README's section "In tests": its code, run as it is written by the runners that it is for.

import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { patient } from '../support/pace.js'
import { Project, ROOT } from '../support/project.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
const withPython = needs('root', 'tun', 'netns', 'ip', 'python3')
const README = readFileSync(`${ROOT}README.md`, 'utf8')
const PATIENCE = patient(60_000)

/** The code block behind `<!-- example: NAME -->`. */
function example(name: string): string {
  const block = README.split(`<!-- example: ${name} -->\n`)[1]?.split('```')[1]
  if (block === undefined) throw new Error(`the README has no example '${name}'`)
  return block.slice(block.indexOf('\n') + 1)
}

test('vitest: the fixture and the matcher', { timeout: PATIENCE }, async () => {
  using project = new Project()
  writeFileSync(`${project.folder}/package.json`, '{ "type": "module" }')
  writeFileSync(`${project.folder}/ping.test.ts`, example('vitest'))
  await using program = project.start('npx --no-install vitest run')
  const { code, stdout, stderr } = await program.end(PATIENCE)
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Tests\s+1 passed \(1\)/)
})

withPython('node:test: withPair', { timeout: PATIENCE }, async () => {
  using project = new Project()
  writeFileSync(`${project.folder}/download.test.mjs`, example('node-test'))
  await using program = project.start('node --test download.test.mjs')
  const { code, stdout } = await program.end(PATIENCE)
  expect(code, stdout).toBe(0)
  expect(stdout).toMatch(/^\S+ pass 1$/m)
  expect(project.artifacts).toEqual([])
})

test('node:test: a lab', { timeout: PATIENCE }, async () => {
  using project = new Project()
  writeFileSync(`${project.folder}/lab.test.mjs`, example('lab'))
  await using program = project.start('node --test lab.test.mjs')
  const { code, stdout } = await program.end(PATIENCE)
  expect(code, stdout).toBe(0)
  expect(stdout).toMatch(/^\S+ pass 1$/m)
})
