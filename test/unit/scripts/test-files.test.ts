// The numbered test files: `ls` is their table of contents, so each has a number of its own, of as many digits as
// its neighbours'; and a file that is cited by its path, in code, scripts or documents, is there.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))

test.each([
  ['test/integration', 3],
  ['test/kernel', 2],
  ['test/container', 2],
])('%s: numbers of %d digits, none twice', (folder, digits) => {
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith('.test.ts'))
  expect(files.filter((name) => !new RegExp(`^\\d{${digits}}-[a-z0-9-]+\\.test\\.ts$`).test(name))).toEqual(
    [],
  )
  const numbers = files.map((name) => name.slice(0, digits))
  expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([])
  expect(numbers.length).toBeGreaterThan(1)
})

test('a cited test file is there', () => {
  const cited = /\btest\/(integration|kernel|container)\/([0-9]+(?:-[a-z0-9]+)*)/g
  const folders = [
    'src',
    'test',
    'scripts',
    'shim',
    'native/src',
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
  ]
  const files = execFileSync('grep', ['-rlIE', 'test/[a-z]+/[0-9]', ...folders], {
    cwd: root,
    encoding: 'utf8',
  })
  const wrong = files
    .trim()
    .split('\n')
    .flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(cited)]
        .filter(([, folder = '', name = '']) => !hasFile(folder, name))
        .map(([path]) => `${file}: ${path}`),
    )
  expect(wrong).toEqual([])
})

test.each([
  ['scripts/test', 'node_units', 'test/unit/'],
  ['scripts/test', 'node_files', 'test/integration/'],
  ['scripts/docker-test', 'restricted_units', 'test/unit/'],
  ['scripts/docker-test', 'suite_files', 'test/'],
])('%s: all of %s are there', (script, list, folder) => {
  const [, text] =
    new RegExp(`^${list}=(\\([^)]*\\))`, 'm').exec(readFileSync(join(root, script), 'utf8')) ?? []
  const command = `list=${text}; for one in "\${list[@]}"; do compgen -G "${folder}$one*" >/dev/null || echo "$one"; done`
  expect(text).toBeDefined()
  expect(execFileSync('bash', ['-c', command], { cwd: root, encoding: 'utf8' })).toBe('')
})

/** `name` is a number, or all that stands before `.test.ts`. */
/** A digit or two of a number mean all files that it begins (scripts/kernels --all). */
function hasFile(folder: string, name: string): boolean {
  const path = join(root, 'test', folder)
  const begins = /^\d{1,2}$/.test(name) && folder === 'integration' ? name : `${name}-`
  return existsSync(join(path, `${name}.test.ts`)) || readdirSync(path).some((at) => at.startsWith(begins))
}
