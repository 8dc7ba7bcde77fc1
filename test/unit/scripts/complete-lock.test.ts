// Completing a lock file: what npm left out is named, what it has stays as it is.

import { expect, test } from 'vitest'
import { complete } from '../../../scripts/complete-lock.js'

const tool = (...names: string[]) => ({
  version: '1.0.0',
  dev: true,
  optionalDependencies: Object.fromEntries(names.map((name) => [name, '1.0.0'])),
})

test('a complete lock file stays as it is', () => {
  const there = { version: '1.0.0', integrity: 'sha512-x', optional: true }
  const packages = { '': {}, 'node_modules/t': tool('t-linux-x64'), 'node_modules/t-linux-x64': there }
  const lock = { packages: structuredClone(packages) }
  expect(complete(lock)).toEqual([])
  expect(lock.packages).toEqual(packages)
})

test.each([
  ['t-linux-arm64-musl', { cpu: ['arm64'], libc: ['musl'], os: ['linux'] }],
  ['t-linux-x64-gnu', { cpu: ['x64'], libc: ['glibc'], os: ['linux'] }],
  ['t-linux-arm-gnueabihf', { cpu: ['arm'], libc: ['glibc'], os: ['linux'] }],
  ['t-linux-arm-musleabihf', { cpu: ['arm'], libc: ['musl'], os: ['linux'] }],
  ['t-android-arm-eabi', { cpu: ['arm'], os: ['android'] }],
  ['t-win32-ia32-msvc', { cpu: ['ia32'], os: ['win32'] }],
  ['@scope/t-darwin-arm64', { cpu: ['arm64'], os: ['darwin'] }],
  ['t-wasm32-wasi', { cpu: ['wasm32'] }],
  ['t-extras', {}],
])('%s is named with what it runs on', (name, platform) => {
  const lock = { packages: { 'node_modules/t': tool(name) } }
  expect(complete(lock)).toEqual([`${name}@1.0.0`])
  expect(lock.packages).toMatchObject({
    [`node_modules/${name}`]: { version: '1.0.0', dev: true, optional: true, ...platform },
  })
})

test('a package inside of the one that wants it, or beside one around it, is found', () => {
  const lock = {
    packages: {
      'node_modules/a/node_modules/t': tool('t-linux-x64', 't-linux-arm64', 't-darwin-x64'),
      'node_modules/a/node_modules/t/node_modules/t-linux-x64': {},
      'node_modules/a/node_modules/t-linux-arm64': {},
      'node_modules/t-darwin-x64': {},
    },
  }
  expect(complete(lock)).toEqual([])
})

test('what the project itself wants is looked for at its root', () => {
  const lock = { packages: { '': tool('t-linux-x64'), 'node_modules/b': {} } }
  expect(complete(lock)).toEqual(['t-linux-x64@1.0.0'])
  expect(Object.keys(lock.packages)).toEqual(['', 'node_modules/b', 'node_modules/t-linux-x64'])
})
