#!/usr/bin/env node
// @ts-check
// Names in package-lock.json the optional packages that npm left out: binaries for other platforms, which the
// registry or mirror that npm asked does not have. `npm ci` refuses a lock file without them, though it would
// never install them here. Run it after a dependency has changed; with --check it only says what is missing,
// as scripts/test does. Such an entry has no hash: npm adds that where it gets the package.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** @typedef {{ version?: string, optionalDependencies?: Record<string, string>, dev?: boolean }} Entry */
/** @typedef {{ packages: Record<string, Entry & Record<string, unknown>> }} Lock */

/** @param {string} name such as `tool-linux-arm64-musl` */
function platformOf(name) {
  const [, os, cpu, abi = ''] =
    /-(android|darwin|freebsd|linux|openharmony|win32)-(\w+)(?:-(\w+))?$/.exec(name) ?? []
  if (os === undefined) return name.endsWith('-wasm32-wasi') ? { cpu: ['wasm32'] } : {}
  const libc = [abi.startsWith('musl') ? 'musl' : 'glibc']
  return { cpu: [cpu], ...(os === 'linux' ? { libc } : {}), os: [os] }
}

/**
 * @param {Lock} lock is completed
 * @returns {string[]} what was missing, as name@version
 */
export function complete(lock) {
  const missing = []
  for (const [place, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (isThere(lock, place, name)) continue
      missing.push(`${name}@${version}`)
      const entry = { ...(dev ? { dev } : {}), optional: true, ...platformOf(name) }
      lock.packages[`node_modules/${name}`] = { version, ...sorted(entry) }
    }
  }
  lock.packages = sorted(lock.packages)
  return missing
}

/** @template T @param {Record<string, T>} object @returns {Record<string, T>} in npm's order of keys */
function sorted(object) {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => a.localeCompare(b, 'en')))
}

/** @param {Lock} lock @param {string} place the folder of who wants it @param {string} name */
function isThere(lock, place, name) {
  for (let folder = place; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (lock.packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined) return true
    if (folder === '') return false
  }
}

function main() {
  const path = fileURLToPath(new URL('../package-lock.json', import.meta.url))
  /** @type {Lock} */
  const lock = JSON.parse(readFileSync(path, 'utf8'))
  const missing = complete(lock)
  if (missing.length === 0) return
  console.log(`not in package-lock.json: ${missing.join(' ')}`)
  if (process.argv[2] === '--check') process.exitCode = 1
  else writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
