// The packages as users get them: packed, installed into an empty project where there is no Rust, run,
// imported and compiled against. Packed from a copy of the build, because `npm pack` changes package.json for
// a moment.

import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect } from 'vitest'
import { Netns } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { type Outcome, Program } from '../support/program.js'
import { needs } from '../support/skip.js'

const it = needs('registry')
const itRuns = needs('registry', 'root', 'tun', 'netns', 'setsid')
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MANIFEST = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as Manifest
const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
const LIBC = header.glibcVersionRuntime === undefined ? 'musl' : 'gnu'
const PLATFORM = `linux-${process.arch}-${LIBC}`
const ADDON = `uveth-${PLATFORM}`
const PATIENCE = patient(150_000)

interface Manifest {
  version: string
  exports: Record<string, unknown>
  optionalDependencies?: Record<string, string>
}

/** An empty project that has installed both tarballs. */
interface Project {
  folder: string
  tarballs: string[]
}

let folder: string | undefined
let installed: Promise<Project> | undefined

afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true })
})

/** The project; the first who asks makes it. */
function project(): Promise<Project> {
  installed ??= install()
  return installed
}

async function install(): Promise<Project> {
  folder = await mkdtemp(join(tmpdir(), 'uveth-package-'))
  makePath(`${folder}/bin`)
  const tarballs = await pack(`${folder}/built`)
  mkdirSync(`${folder}/project`)
  writeFileSync(`${folder}/project/package.json`, '{ "name": "empty", "private": true }')
  const words = ['install', '--engine-strict', '--prefer-offline', ...tarballs]
  // Every package of it may be used with this Node, and none is warned of.
  expect(await outcome(`${folder}/project`, 'npm', ...words)).toMatchObject({ code: 0, stderr: '' })
  return { folder: `${folder}/project`, tarballs }
}

/** A folder for the PATH that has Node, npm, a shell and two tools of this test: no cargo, no rustc, no compiler. */
function makePath(bin: string): void {
  mkdirSync(bin)
  symlinkSync(process.execPath, `${bin}/node`)
  for (const tool of ['npm', 'npx', 'sh', 'setsid', 'ip']) {
    const found = (process.env.PATH ?? '').split(':').find((place) => has(place, tool))
    if (found !== undefined) symlinkSync(`${found}/${tool}`, `${bin}/${tool}`)
  }
}

function has(place: string, tool: string): boolean {
  try {
    return readdirSync(place).includes(tool)
  } catch {
    return false
  }
}

/** Packs a copy of what was built. Answers the paths of the tarballs: the package, then its addon. */
async function pack(built: string): Promise<string[]> {
  const parts = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'packaging', 'scripts', 'src', 'npm']
  for (const part of [
    ...parts,
    'dist',
    'testing.cjs',
    'testing.d.cts',
    'native/binding.cjs',
    'native/binding.d.cts',
  ]) {
    cpSync(`${ROOT}${part}`, `${built}/${part}`, { recursive: true, preserveTimestamps: true })
  }
  await inFolder(built, 'npm', 'pack', '--pack-destination', '..')
  await inFolder(`${built}/npm/${PLATFORM}`, 'npm', 'pack', '--pack-destination', '../../..')
  return ['uveth', ADDON].map((name) => join(built, '..', `${name}-${MANIFEST.version}.tgz`))
}

/** Starts a command in `place`, with nothing on the PATH but what makePath put there. */
function start(place: string, ...command: string[]): Program {
  const words = ['/bin/sh', '-c', 'cd "$0" && exec "$@"', place, ...command]
  return new Program(words, { env: { PATH: `${folder}/bin` } })
}

async function outcome(place: string, ...command: string[]): Promise<Outcome> {
  await using program = start(place, ...command)
  return await program.end(PATIENCE)
}

/** What a command says that must succeed. */
async function inFolder(place: string, ...command: string[]): Promise<string> {
  const { code, stdout, stderr } = await outcome(place, ...command)
  if (code !== 0) throw new Error(`${command.join(' ')}: ${code}\n${stdout}${stderr}`)
  return stdout
}

/** What the command said on stderr, without npm's own warnings. */
function sentences({ stderr }: Outcome): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !line.startsWith('npm '))
}

function manifestOf(place: string): Manifest {
  return JSON.parse(readFileSync(`${place}/package.json`, 'utf8')) as Manifest
}

it(
  'misuse: a package without the addon names what to install, and what needs no addon works',
  async () => {
    const { folder } = await project()
    const addon = `${folder}/node_modules/${ADDON}`
    renameSync(addon, `${addon}.away`)
    try {
      const refused = await outcome(folder, 'npx', 'uveth', 'run', 'a0', 'b0')
      expect(refused.code).toBe(1)
      expect(sentences(refused)).toEqual([
        expect.stringContaining(`uveth: the addon is missing: npm install ${ADDON}@${MANIFEST.version} (`),
      ])
      expect(await inFolder(folder, 'npx', 'uveth', 'run', '--help')).toContain('uveth run')
    } finally {
      renameSync(`${addon}.away`, addon)
    }
  },
  PATIENCE,
)

it(
  'misuse: an addon that does not load says why',
  async () => {
    const { folder } = await project()
    const addon = `${folder}/node_modules/${ADDON}/uveth.${PLATFORM}.node`
    renameSync(addon, `${addon}.away`)
    try {
      writeFileSync(addon, 'no machine code')
      const refused = await outcome(folder, 'npx', 'uveth', 'run', 'a0', 'b0')
      expect(refused.code).toBe(1)
      expect(sentences(refused)).toEqual([
        expect.stringMatching(/^uveth: the addon does not load: .*file too short$/),
      ])
    } finally {
      renameSync(`${addon}.away`, addon)
    }
  },
  PATIENCE,
)

it(
  'the package has no addon of its own, and wants that of its platform in exactly its version',
  async () => {
    const { folder } = await project()
    const names = readdirSync(`${folder}/node_modules/uveth`, { recursive: true, encoding: 'utf8' })
    expect(names.filter((name) => /\.(node|map|ts)$/.test(name) && !name.endsWith('.d.ts'))).toEqual([])
    expect(manifestOf(`${folder}/node_modules/uveth`).optionalDependencies).toMatchObject({
      [ADDON]: MANIFEST.version,
    })
    expect(readdirSync(`${folder}/node_modules/${ADDON}`).sort()).toEqual(
      ['LICENSE', 'README.md', 'package.json', 'shim', `uveth.${PLATFORM}.node`].sort(),
    )
    expect(manifestOf(`${folder}/node_modules/${ADDON}`)).toMatchObject({
      os: ['linux'],
      cpu: [process.arch],
      libc: [LIBC === 'musl' ? 'musl' : 'glibc'],
    })
    expect(manifestOf(`${folder}/../built`)).not.toHaveProperty('optionalDependencies')
  },
  PATIENCE,
)

it(
  'the command is there',
  async () => {
    const { folder } = await project()
    expect(await inFolder(folder, 'npx', 'uveth', '--version')).toBe(`uveth ${MANIFEST.version}\n`)
  },
  PATIENCE,
)

itRuns(
  'npx uveth run: a pair that carries traffic',
  async () => {
    const { folder } = await project()
    using left = Netns.create('left')
    using right = Netns.create('right')
    const a = ['--netns-a', left.name, '--addr-a', '10.0.0.1/24']
    const b = ['--netns-b', right.name, '--addr-b', '10.0.0.2/24']
    await using cable = start(folder, 'setsid', 'npx', 'uveth', 'run', 'eth0', 'eth0', ...a, ...b)
    try {
      await cable.line(/ready$/)
      expect(left.exec('ping', '-c', '1', '10.0.0.2')).toContain('1 received')
    } finally {
      // As Ctrl-C does it: npx does not hand a signal on.
      if (!cable.hasEnded) process.kill(-cable.pid, 'SIGINT')
    }
    await cable.end()
    expect([left.has('eth0'), right.has('eth0')]).toEqual([false, false])
  },
  PATIENCE,
)

itRuns(
  'the library: imported by its name, its frames cross',
  async () => {
    const { folder } = await project()
    cpSync(`${ROOT}test/support/smoke.mjs`, `${folder}/smoke.mjs`)
    using home = Netns.create('home')
    const inside = ['ip', 'netns', 'exec', home.name]
    expect(await inFolder(folder, ...inside, 'node', 'smoke.mjs')).toMatch(/^frames cross/)
  },
  PATIENCE,
)

it.each([
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['bundler', 'esnext'],
])(
  'TypeScript finds the types of every entry under moduleResolution %s',
  async (resolution, module) => {
    const { folder } = await project()
    linkTypes(folder)
    const entries = Object.keys(MANIFEST.exports).filter((entry) => !/\.json$|vitest$/.test(entry))
    const imports = entries.map((entry, i) => `import * as e${i} from 'uveth${entry.slice(1)}'`)
    const checks = entries.map((_, i) => `export const k${i}: keyof typeof e${i} = 'no such name'`)
    writeFileSync(`${folder}/use.mts`, [...imports, USE].join('\n'))
    writeFileSync(`${folder}/wrong.mts`, [...imports, ...checks].join('\n'))
    const options = ['--moduleResolution', resolution, '--module', module, '--target', 'es2024', '--strict']
    const tsc = ['node', `${ROOT}node_modules/typescript/bin/tsc`, ...options, '--noEmit', '--types', 'node']
    const lib = ['--lib', 'es2024,esnext.disposable']
    expect(await inFolder(folder, ...tsc, ...lib, 'use.mts')).toBe('')
    // The types are there and say something: not `any`.
    const { stdout } = await outcome(folder, ...tsc, ...lib, 'wrong.mts')
    expect(stdout.match(/error TS2322/g)).toHaveLength(entries.length)
  },
  PATIENCE,
)

it(
  'TypeScript finds the fixtures and matchers of uveth/testing/vitest where vitest is installed',
  async () => {
    const { folder } = await project()
    linkTypes(folder)
    symlinkSync(`${ROOT}node_modules/vitest`, `${folder}/node_modules/vitest`)
    writeFileSync(`${folder}/fixtures.mts`, FIXTURES)
    const tsc = ['node', `${ROOT}node_modules/typescript/bin/tsc`, '--noEmit', '--strict', '--skipLibCheck']
    const options = ['--module', 'nodenext', '--target', 'es2024', '--types', 'node']
    try {
      expect(await inFolder(folder, ...tsc, ...options, 'fixtures.mts')).toBe('')
    } finally {
      rmSync(`${folder}/node_modules/vitest`)
    }
  },
  PATIENCE,
)

const FIXTURES = `
import { expect, test } from 'uveth/testing/vitest'
test('a test', async ({ cable, pair, a, exec }) => {
  const { stdout } = await exec('a', 'ping', ['-c', '1', cable.ip.b])
  const text: string = stdout
  a.drop({ udp: { dport: 53 }, nth: 3 })
  await expect(pair).toHaveCarried({ icmp: {} }, { from: 'a', times: 1 })
  await expect(cable).not.toHaveDropped({ cause: 'rule' })
  // @ts-expect-error: no such cause
  await expect(cable).toHaveDropped({ cause: 'rules' })
  // @ts-expect-error: no such end
  await cable.exec('c', text)
})
`

const USE = `
import { createPair, type Pair } from 'uveth'
await using pair: Pair = await createPair({ a: { name: 'left0', up: true } })
pair.on('carrier', ({ on }) => { const known: boolean = on; console.log(known) })
const { a } = await pair.stats()
const sent: number = a.tx_packets
console.log(sent)
`

/** The compiler's view of a project that has @types/node; fetched already, for the checkout. */
function linkTypes(folder: string): void {
  mkdirSync(`${folder}/node_modules/@types`, { recursive: true })
  for (const name of ['@types/node', 'undici-types']) {
    const link = `${folder}/node_modules/${name}`
    cpSync(`${ROOT}node_modules/${name}`, link, { recursive: true })
  }
}

it(
  'publint and attw have nothing to say',
  async () => {
    const { folder, tarballs } = await project()
    const [root = ''] = tarballs
    const publint = ['node', `${ROOT}node_modules/publint/src/cli.js`, '--strict']
    for (const tarball of tarballs) await inFolder(folder, ...publint, tarball)
    const attw = `${ROOT}node_modules/@arethetypeswrong/cli/dist/index.js`
    const said = await inFolder(folder, 'node', attw, '--config-path', `${ROOT}.attw.json`, root)
    expect(said).toContain('"uveth"')
  },
  PATIENCE,
)
