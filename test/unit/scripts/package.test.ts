// The steps around `npm pack`, on a small repository of their own; and that the real package.json comes back as
// it was.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addPlatforms, fillPlatforms, removePlatforms, staleness } from '../../../scripts/package.js'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'uveth-package-'))
  write('package.json', '{ "name": "cable", "version": "1.2.3" }')
  write('LICENSE', 'the licence')
  write('src/index.ts', '')
  write('dist/index.js', '')
  write('native/binding.cjs', '')
  write('native/cable.linux-x64-gnu.node', 'machine code')
  for (const platform of ['linux-x64-gnu', 'linux-arm64-gnu']) {
    write(`npm/${platform}/package.json`, `{ "name": "cable-${platform}", "version": "1.2.3" }`)
  }
})

afterEach(() => rmSync(root, { recursive: true }))

function write(name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true })
  writeFileSync(join(root, name), text)
}

test('what was not built is not packed', () => {
  expect(staleness(root)).toBe('it is not built')
  fillPlatforms(root)
  expect(staleness(root)).toBeUndefined()
  rmSync(join(root, 'dist/index.js'))
  expect(staleness(root)).toBe('it is not built')
})

test('the shim’s client comes along, and can be run', () => {
  write('native/shim/linux-x64-gnu/ip', 'machine code')
  fillPlatforms(root)
  fillPlatforms(root)
  const platform = join(root, 'npm/linux-x64-gnu')
  expect(statSync(join(platform, 'shim/ip')).mode & 0o777).toBe(0o755)
  expect(JSON.parse(readFileSync(join(platform, 'package.json'), 'utf8'))).toMatchObject({ files: ['shim'] })
  expect(existsSync(join(root, 'npm/linux-arm64-gnu/shim'))).toBe(false)
})

test('a build that is older than a source is not packed', () => {
  fillPlatforms(root)
  write('src/link/tap.ts', '')
  const later = Date.now() / 1000 + 10
  utimesSync(join(root, 'src/link/tap.ts'), later, later)
  expect(staleness(root)).toBe('src/link/tap.ts is newer than dist')
})

test('a package of another version is not packed', () => {
  fillPlatforms(root)
  write('npm/linux-x64-gnu/package.json', '{ "name": "cable-linux-x64-gnu", "version": "1.2.2" }')
  expect(staleness(root)).toBe('npm/linux-x64-gnu is not of version 1.2.3')
})

test('an addon goes into the package of its platform, with the licence', () => {
  fillPlatforms(root)
  const names = ['LICENSE', 'cable.linux-x64-gnu.node', 'package.json']
  expect(readdirSync(join(root, 'npm/linux-x64-gnu'))).toEqual(names)
  expect(readdirSync(join(root, 'npm/linux-arm64-gnu'))).toEqual(['LICENSE', 'package.json'])
})

test('the platforms that were built are optional dependencies, in exactly this version, while it is packed', () => {
  fillPlatforms(root)
  addPlatforms(root)
  expect(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))).toEqual({
    name: 'cable',
    version: '1.2.3',
    optionalDependencies: { 'cable-linux-x64-gnu': '1.2.3' },
  })
  removePlatforms(root)
  expect(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))).not.toHaveProperty(
    'optionalDependencies',
  )
})

test("the repository's package.json is the same afterwards, byte for byte", () => {
  const real = new URL('../../../package.json', import.meta.url)
  cpSync(real, join(root, 'package.json'))
  addPlatforms(root)
  removePlatforms(root)
  expect(readFileSync(join(root, 'package.json'), 'utf8')).toBe(readFileSync(real, 'utf8'))
  expect(readdirSync(root)).not.toContain('package.json.new')
})
