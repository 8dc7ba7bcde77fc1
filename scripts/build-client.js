#!/usr/bin/env node
// @ts-check
// Builds the shim's client (native/client) for this machine, or for the `--target` in UVETH_BUILD_OPTIONS, and puts it
// into native/shim/PLATFORM under both of its names. Called by `npm run build:native`. It is static, so that it starts
// fast and runs beside any libc; where that cannot be linked the shim's script does its work, and this says so.

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const options = (process.env.UVETH_BUILD_OPTIONS ?? '').split(/\s+/)
const crosses = options.includes('--cross-compile')
const chosen = options.includes('--target') ? options[options.indexOf('--target') + 1] : undefined
// A C library's version may stand behind it.
const [wanted = ''] = (chosen ?? host()).split('.')
// Zig links no glibc into a static program.
const target = crosses ? wanted.replace(/gnu$/, 'musl') : wanted
const manifest = join(root, 'native/client/Cargo.toml')
const output = join(root, 'native/target/client')

/** @returns {string} such as `x86_64-unknown-linux-gnu` */
function host() {
  const { stdout } = spawnSync('rustc', ['-vV'], { encoding: 'utf8' })
  return /^host: (.*)$/m.exec(stdout)?.[1] ?? ''
}

/** @returns {string} as napi's packages are called: `linux-x64-gnu` */
function platform() {
  const [arch = '', , system, libc = ''] = wanted.split('-')
  const names = /** @type {Record<string, string>} */ ({ x86_64: 'x64', aarch64: 'arm64' })
  return `${system}-${names[arch] ?? arch}-${libc}`
}

const folder = join(root, 'native/shim', platform())
rmSync(folder, { recursive: true, force: true })
mkdirSync(dirname(folder), { recursive: true })
const verb = crosses ? 'zigbuild' : 'build'
const flags = '-C target-feature=+crt-static -C relocation-model=static'
const { status } = spawnSync(
  'cargo',
  [
    verb,
    '--quiet',
    '--release',
    '--locked',
    '--target',
    target,
    '--manifest-path',
    manifest,
    '--target-dir',
    output,
  ],
  { stdio: 'inherit', env: { ...process.env, RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} ${flags}`.trim() } },
)
if (status === 0) {
  mkdirSync(folder, { recursive: true })
  const built = join(output, target, 'release/uveth-shim')
  for (const name of ['ip', 'tc']) copyFileSync(built, join(folder, name))
} else console.error(`build-client: not built for ${target}: the shim's script does its work`)
