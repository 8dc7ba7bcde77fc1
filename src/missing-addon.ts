// What to do where the addon is not to be had. native.ts throws this in place of the loader's own error.
// The published package.json names the packages that hold the addon, as optional dependencies; a checkout's
// names none (scripts/package.js), and builds its own.

import { readFileSync } from 'node:fs'
import { UvethError } from './errors.js'

/** What the loader says of an addon that is not there. It keeps the messages of what it tried, not their codes. */
const ABSENT = /^(Cannot find module|Cannot find native binding|Failed to load native|Unsupported )/

interface Manifest {
  optionalDependencies?: Record<string, string>
}

/** The error for what the loader threw, on the machine that runs. */
export function missingAddon(thrown: unknown): UvethError {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return explain(thrown, thisPlatform(), (JSON.parse(text) as Manifest).optionalDependencies ?? {})
}

/** `platform` as in `linux-x64-gnu`; `packages` are those that hold an addon, with their versions. */
export function explain(thrown: unknown, platform: string, packages: Record<string, string>): UvethError {
  const name = `uveth-${platform}`
  const broken = causes(thrown).find(({ message }) => !ABSENT.test(message))
  if (broken !== undefined) return failure(`the addon does not load: ${broken.message}`, thrown)
  const platforms = Object.keys(packages).map((known) => known.replace('uveth-', ''))
  if (platforms.length === 0) return failure('the addon is not built: npm run build (it needs Rust)', thrown)
  if (packages[name] === undefined) {
    const there = platforms.join(', ')
    return failure(
      `no addon for ${platform}: there is one for ${there}; others build it in a clone, with Rust: npm run build`,
      thrown,
    )
  }
  const left = 'npm leaves it out with --omit=optional, and when node_modules came from another platform'
  return failure(`the addon is missing: npm install ${name}@${packages[name]} (${left})`, thrown)
}

function failure(message: string, cause: unknown): UvethError {
  return Object.assign(new UvethError(message, { code: 'ERR_NO_ADDON' }), { cause })
}

/** The loader's error, with every attempt behind it. */
function causes(thrown: unknown): Error[] {
  const found: Error[] = []
  for (let error = thrown; error instanceof Error; error = error.cause) found.push(error)
  return found
}

function thisPlatform(): string {
  const { platform, arch, report } = process
  if (platform !== 'linux') return `${platform}-${arch}`
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } }
  return `${platform}-${arch}-${header.glibcVersionRuntime === undefined ? 'musl' : 'gnu'}`
}
