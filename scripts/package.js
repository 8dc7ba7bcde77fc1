#!/usr/bin/env node
// @ts-check
// What npm's own steps leave out of the packages that users install. package.json calls it:
//   platforms    after `napi create-npm-dirs`: each addon native/*.node, and the shim's client, into its package
//                npm/PLATFORM
//   prepack      refuses an old build, and makes optional dependencies of the platforms that were built: here
//                this machine's, at a release all
//   postpack     takes them out again: the checked-in package.json and lock file name nothing unpublished
//   publish      refuses: the registry would be told the dependencies that postpack leaves

import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {{ name: string, version: string, files?: string[], optionalDependencies?: Record<string, string> }} Manifest */

/** @param {string} folder @returns {Manifest} */
function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/** @param {string} root @param {Manifest} manifest */
function writeManifest(root, manifest) {
  const path = join(root, 'package.json')
  // Renamed into place: whoever reads it meanwhile reads one or the other.
  writeFileSync(`${path}.new`, `${JSON.stringify(manifest, null, 2)}\n`)
  renameSync(`${path}.new`, path)
}

/** @param {string} root @returns {string[]} the folders of the platforms' packages */
function platformFolders(root) {
  const npm = join(root, 'npm')
  return existsSync(npm)
    ? readdirSync(npm)
        .sort()
        .map((name) => join(npm, name))
    : []
}

/** @param {string} root the repository */
export function fillPlatforms(root) {
  for (const folder of platformFolders(root)) {
    const addon = readdirSync(join(root, 'native')).find((name) =>
      name.endsWith(`.${folder.slice(folder.lastIndexOf('/') + 1)}.node`),
    )
    copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
    if (addon !== undefined) copyFileSync(join(root, 'native', addon), join(folder, addon))
    addClient(root, folder)
  }
}

/** @param {string} root @param {string} folder of a platform's package */
function addClient(root, folder) {
  const client = join(root, 'native/shim', folder.slice(folder.lastIndexOf('/') + 1))
  if (!existsSync(client)) return
  cpSync(client, join(folder, 'shim'), { recursive: true })
  // What came as an artifact has lost it.
  for (const name of readdirSync(client)) chmodSync(join(folder, 'shim', name), 0o755)
  const manifest = manifestOf(folder)
  const files = [...new Set([...(manifest.files ?? []), 'shim'])]
  writeManifest(folder, { ...manifest, files })
}

/** @param {string} root @returns {string[]} the folders of the packages that have their addon */
function builtPlatforms(root) {
  return platformFolders(root).filter((folder) => readdirSync(folder).some((name) => name.endsWith('.node')))
}

/** @param {string} root @returns {string | undefined} why what was built may not be packed */
export function staleness(root) {
  const built = join(root, 'dist', 'index.js')
  const loader = join(root, 'native', 'binding.cjs')
  if (!existsSync(built) || !existsSync(loader) || builtPlatforms(root).length === 0) return 'it is not built'
  const { mtimeMs } = statSync(built)
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const newer = sources.find(
    (name) => name.endsWith('.ts') && statSync(join(root, 'src', name)).mtimeMs > mtimeMs,
  )
  if (newer !== undefined) return `src/${newer} is newer than dist`
  const { version } = manifestOf(root)
  const other = builtPlatforms(root).find((folder) => manifestOf(folder).version !== version)
  return other === undefined ? undefined : `${relative(root, other)} is not of version ${version}`
}

/** @param {string} root */
export function addPlatforms(root) {
  const platforms = builtPlatforms(root).map(manifestOf)
  const optionalDependencies = Object.fromEntries(platforms.map(({ name, version }) => [name, version]))
  writeManifest(root, { ...manifestOf(root), optionalDependencies })
}

/** @param {string} root */
export function removePlatforms(root) {
  const { optionalDependencies: _, ...manifest } = manifestOf(root)
  writeManifest(root, manifest)
}

/** @param {string} step @param {string} root @returns {string | undefined} what is wrong */
function carryOut(step, root) {
  switch (step) {
    case 'platforms':
      return void fillPlatforms(root)
    case 'prepack': {
      const stale = staleness(root)
      if (stale !== undefined) return `${stale}: npm run build`
      return void addPlatforms(root)
    }
    case 'postpack':
      return void removePlatforms(root)
    case 'publish':
      return 'publish the tarballs that npm pack makes, the platforms first: npm publish ./NAME.tgz'
    default:
      return 'usage: package.js platforms|prepack|postpack|publish'
  }
}

const script = fileURLToPath(import.meta.url)
if (process.argv[1] === script) {
  const problem = carryOut(process.argv[2] ?? '', dirname(dirname(script)))
  if (problem !== undefined) {
    console.error(`package: ${problem}`)
    process.exitCode = 1
  }
}
