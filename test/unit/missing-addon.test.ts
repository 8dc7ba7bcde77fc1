// What is said where the addon cannot be loaded: always one sentence with what to do.

import { expect, test } from 'vitest'
import { explain } from '../../src/missing-addon.js'

const PACKAGES = { 'uveth-linux-x64-gnu': '1.2.3', 'uveth-linux-arm64-musl': '1.2.3' }

/** The loader's error: what it tried, one behind the other. */
function tried(...attempts: string[]): Error {
  const first = attempts.reduce<Error | null>((cause, message) => new Error(message, { cause }), null)
  return new Error('Cannot find native binding. npm has a bug related to …', { cause: first })
}

const absent = tried(
  "Cannot find module './uveth.linux-x64-gnu.node'\nRequire stack: …",
  "Cannot find module 'uveth-linux-x64-gnu'\nRequire stack: …",
)

test('a platform that has a package: its name and version', () => {
  const error = explain(absent, 'linux-x64-gnu', PACKAGES)
  expect(error.message).toMatch(/^the addon is missing: npm install uveth-linux-x64-gnu@1\.2\.3 \(/)
  expect(error).toMatchObject({ name: 'UvethError', code: 'ERR_NO_ADDON', cause: absent })
})

test('another platform: those that have one', () => {
  expect(explain(absent, 'linux-riscv64-gnu', PACKAGES).message).toBe(
    'no addon for linux-riscv64-gnu: there is one for linux-x64-gnu, linux-arm64-musl; others build it in a clone, with Rust: npm run build',
  )
})

test('a checkout: how it is built', () => {
  expect(explain(absent, 'linux-x64-gnu', {}).message).toMatch(/^the addon is not built: npm run build/)
})

test('an addon that is there and does not load: what the loader of libraries says', () => {
  const broken = tried(
    "Cannot find module './uveth.linux-x64-gnu.node'\nRequire stack: …",
    "libc.so.6: version `GLIBC_2.99' not found",
  )
  expect(explain(broken, 'linux-x64-gnu', PACKAGES).message).toBe(
    "the addon does not load: libc.so.6: version `GLIBC_2.99' not found",
  )
})

test('an architecture that the loader does not know is not a broken addon', () => {
  const message = explain(
    tried('Unsupported architecture on Linux: mips'),
    'linux-mips-gnu',
    PACKAGES,
  ).message
  expect(message).toMatch(/^no addon for linux-mips-gnu: /)
})
