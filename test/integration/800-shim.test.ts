// `uveth shim`: what it says of itself, what it refuses, and where its script is found.

import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { expectRefusal } from '../support/cli.js'
import { COMMAND, Folder, ROOT, TestDaemon } from '../support/daemon.js'
import { uvethOnce } from '../support/program.js'
import { shimOf } from '../support/shim.js'
import { SHIM, SHIMS } from '../support/shim-folders.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

describe('wrong use', () => {
  needs().each([['--paht'], ['--path', 'x'], ['-p'], ['x']])('uveth shim %s %s', async (...words) => {
    expectRefusal(await uvethOnce(['shim', ...words.filter((word) => word !== undefined)]), 1, /shim --help/)
  })
})

describe('uveth shim', () => {
  needs().each([[[]], [['--help']], [['help']]])('says what it is: %j', async (words) => {
    const { code, stdout, stderr } = await uvethOnce(['shim', ...words])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: PATH=\$\(uveth shim --path\):\$PATH /m)
    expect(stdout).toMatch(/^Examples:\n {2}\S/m)
    for (const difference of ['@peer', 'M-DOWN', 'LOWERLAYERDOWN', 'pfifo_fast', 'queues of both ends'])
      expect(stdout).toContain(difference)
  })

  needs()('--path is a folder with an ip, and nothing else on stdout', async () => {
    const { code, stdout, stderr } = await uvethOnce(['shim', '--path'])
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${SHIM}\n`, stderr: '' })
    accessSync(`${SHIM}/ip`, constants.X_OK)
  })

  needs()('it is in the package, and can be run there', () => {
    const text = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [{ files }] = JSON.parse(text) as [{ files: { path: string; mode: number }[] }]
    const script = files.find(({ path }) => path === 'shim/ip')
    expect((script?.mode ?? 0) & 0o111).not.toBe(0)
  })
})

test('is found from node_modules/.bin, and without it once the path is known', async () => {
  await using daemon = await TestDaemon.start()
  using folder = new Folder()
  const bin = folder.file('node_modules/.bin')
  mkdirSync(bin, { recursive: true })
  symlinkSync(ROOT.replace(/\/$/, ''), folder.file('node_modules/uveth'))
  symlinkSync('../uveth/dist/cli/main.js', `${bin}/uveth`)
  const path = execFileSync(process.execPath, [`${bin}/uveth`, 'shim', '--path'], { encoding: 'utf8' }).trim()
  expect(existsSync(`${path}/ip`)).toBe(true)
  const sh = shimOf(daemon)
  const linked = `${folder.file('node_modules/uveth')}/shim`
  expect(await sh('PATH=$1:$1:$2:$PATH ip link add a0 type veth peer name a1', linked, path)).toMatchObject({
    code: 0,
    stdout: '',
    stderr: '',
  })
  expect(daemon.home.has('a1')).toBe(true)
})

test('a link to its folder, not to its package', async () => {
  await using daemon = await TestDaemon.start()
  using folder = new Folder()
  symlinkSync(SHIM, folder.file('shim'))
  const sh = shimOf(daemon)
  const made = await sh(
    'PATH=$1:$2 ip link add a0 type veth peer name a1',
    folder.file('shim'),
    process.env.PATH ?? '',
  )
  expect(made).toMatchObject({ code: 0, stdout: '', stderr: '' })
  expect(daemon.home.has('a1')).toBe(true)
})

test('starts the daemon without a word, and holds nothing of the caller’s', async () => {
  using folder = new Folder()
  const socket = folder.file('run/control.sock')
  await using daemon = await TestDaemon.start()
  // In the namespace of a daemon that is not asked.
  const sh = shimOf(daemon, { env: { UVETH_SOCKET: socket } })
  try {
    const made = await sh(
      'said=$(ip link add s0 type veth peer name s1 2>&1); echo "$? <$said>"; ip link del s0',
    )
    expect(made).toMatchObject({ code: 0, stdout: '0 <>\n', stderr: '' })
  } finally {
    execFileSync(process.execPath, [COMMAND, 'daemon', '--stop', '--socket', socket], { stdio: 'ignore' })
  }
})

test('where no daemon can be started, or Node is missing, the order fails and says why', async () => {
  await using daemon = await TestDaemon.start()
  using folder = new Folder()
  const alone = await shimOf(daemon, { env: { UVETH_SOCKET: '/dev/null/control.sock' } })(
    'ip link add x0 type veth',
  )
  expect(alone).toMatchObject({ code: 2, stdout: '' })
  expect(alone.stderr).toMatch(/^Error: [^\n]*\/dev\/null[^\n]*\.\n$/)
  symlinkSync(execFileSync('sh', ['-c', 'command -v ip'], { encoding: 'utf8' }).trim(), folder.file('ip'))
  const sh = shimOf(daemon)
  for (const shim of SHIMS) {
    const script = 'export UVETH_SOCKET=/nowhere/control.sock; PATH=$1:$2 ip'
    const without = await sh(`${script} link add x0 type veth`, shim, folder.path)
    expect(without).toMatchObject({ code: 127, stdout: '', stderr: 'uveth: node is not on PATH\n' })
    for (const line of ['link show lo', 'link set lo up'])
      expect(await sh(`${script} ${line}`, shim, folder.path)).toMatchObject({ code: 0, stderr: '' })
  }
})
