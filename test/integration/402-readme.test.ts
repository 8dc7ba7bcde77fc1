// The README's examples, run as they are written: only the namespaces' names are made this run's own, and
// `uveth` is the one that was built here.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { Netns } from '../support/netns.js'
import { uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns')
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const README = readFileSync(`${ROOT}README.md`, 'utf8')

/** The code block behind `<!-- example: NAME -->`. */
function example(name: string): string {
  const block = new RegExp(`<!-- example: ${name} -->\\n\`\`\`\\w+\\n([^]*?)\`\`\``).exec(README)?.[1]
  if (block === undefined) throw new Error(`the README has no example '${name}'`)
  return block
}

function named(text: string, left: Netns, right: Netns): string {
  return text.replaceAll(/\bleft\b/g, left.name).replaceAll(/\bright\b/g, right.name)
}

it('the command: both ends carry traffic, and Ctrl-C removes them', async () => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  const lines = named(example('command'), left, right).split('\n')
  expect(lines[0]).toBe(`# ip netns add ${left.name}; ip netns add ${right.name}`)
  const words = lines[1]?.replace('# uveth ', '').split(' ') ?? []
  await using cable = uveth(words)
  expect(await cable.line(/ready$/)).toBe(lines[2])
  expect(left.exec('ping', '-c', '1', '10.0.0.2')).toContain('1 received')
  expect(await cable.stop('SIGINT')).toMatchObject({ code: 0 })
  expect([left.has('eth0'), right.has('eth0')]).toEqual([false, false])
})

/** Runs a TypeScript example in a project that has installed the package; what it says. */
async function runTyped(text: string, enter: string[] = []): Promise<string> {
  const folder = await mkdtemp(`${tmpdir()}/uveth-readme-`)
  try {
    mkdirSync(`${folder}/node_modules`)
    symlinkSync(ROOT, `${folder}/node_modules/uveth`)
    symlinkSync(`${ROOT}node_modules/@types`, `${folder}/node_modules/@types`)
    writeFileSync(`${folder}/example.mts`, text)
    // The compiler translates `await using`, which Node 20 lacks.
    const options = ['--target', 'ES2022', '--module', 'NodeNext', '--types', 'node', '--skipLibCheck']
    const compile = [...options, '--lib', 'ES2024,ESNext.Disposable', 'example.mts']
    execFileSync(`${ROOT}node_modules/.bin/tsc`, compile, { cwd: folder, stdio: 'inherit' })
    const [file = '', ...args] = [...enter, process.execPath, 'example.mjs']
    return execFileSync(file, args, { cwd: folder, encoding: 'utf8' })
  } finally {
    await rm(folder, { recursive: true })
  }
}

it('the library: says what it counted, and leaves nothing behind', async () => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  const said = await runTyped(named(example('library'), left, right))
  expect(said).toContain('carrier false')
  expect(said).toMatch(/^\d+ \d+ \{/m)
  expect([left.has('left0'), right.has('right0')]).toEqual([false, false])
})

it('the library without `await using`: the same ends', async () => {
  using home = Netns.create('home')
  const said = await runTyped(example('library-finally'), ['ip', 'netns', 'exec', home.name])
  expect(said).toBe('veth0 veth1 true\n')
  expect(home.links().map(({ ifname }) => ifname)).toEqual(['lo'])
})

it('faults in the library: a frame is put in and seen, and the third would be dropped', async () => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  const said = await runTyped(named(example('faults-library'), left, right))
  expect(said).toContain('49 bytes seen; 1 matched, 0 dropped')
  expect(said).toContain('seed: 42')
})
