// The image: what it says of itself, what it holds and does not hold, and that a daemon in it lives with
// NET_ADMIN and /dev/net/tun alone, healthily, and ends in order.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { Container, docker, IMAGE, LEAST } from '../support/container.js'
import { ROOT } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('container engine', 'images of scripts/docker-test')

/** ms in which `docker stop` must be through: it kills after 10 s. */
const STOP = 5_000

interface Config {
  Entrypoint: string[]
  Cmd: string[]
  StopSignal: string
  Labels: Record<string, string>
  Env: string[]
  Healthcheck: { Test: string[] }
}

it('says what it is, how it is run, asked and stopped', () => {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string }
  const [{ Config: config }] = JSON.parse(docker('image', 'inspect', IMAGE)) as [{ Config: Config }]
  expect(config).toMatchObject({
    Entrypoint: ['uveth'],
    Cmd: ['daemon'],
    StopSignal: 'SIGTERM',
    Healthcheck: { Test: ['CMD', 'uveth', 'health'] },
  })
  const label = (name: string) => config.Labels[`org.opencontainers.image.${name}`]
  expect([label('title'), label('licenses'), label('version')]).toEqual(['uveth', 'MIT', version])
  expect(label('description')?.length).toBeGreaterThan(10)
  expect(Object.values(config.Labels)).not.toContain('')
})

it('holds what runs and nothing else', () => {
  const look = (script: string) =>
    docker('run', '--rm', '--network', 'none', '--entrypoint', 'sh', IMAGE, '-c', script)
      .split('\n')
      .filter((line) => line !== '')
  expect(look('ls -A /opt/uveth')).toEqual([
    'LICENSE',
    'dist',
    'native',
    'node_modules',
    'package.json',
    'shim',
  ])
  expect(look('ls -A /opt/uveth/native')).toEqual(['binding.cjs', 'shim', expect.stringMatching(/\.node$/)])
  const { dependencies, devDependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as Record<
    'dependencies' | 'devDependencies',
    object
  >
  const packages = look('cd /opt/uveth/node_modules; ls -d */package.json @*/*/package.json').map((file) =>
    file.replace('/package.json', ''),
  )
  expect(packages).toEqual(expect.arrayContaining(Object.keys(dependencies)))
  for (const name of Object.keys(devDependencies)) {
    if (name !== 'ajv') expect(packages).not.toContain(name) // which fastify brings
  }
  expect(look('test -x "$(uveth shim --path)/ip" && uveth-extcap --extcap-interfaces')).toEqual([
    expect.stringMatching(/^extcap \{version=/),
  ])
  expect(look('command -v cargo rustc gcc git || true')).toEqual([])
})

it('knows nothing of the machine that built it', () => {
  const [{ Config: config }] = JSON.parse(docker('image', 'inspect', IMAGE)) as [{ Config: Config }]
  expect(config.Env.filter((line) => /^\w*(CERT|PROXY|REGISTRY|CAINFO)/i.test(line))).toEqual([])
  const history = docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', IMAGE)
  expect(history).not.toMatch(/CERT|PROXY|REGISTRY/i)
})

it('a daemon with NET_ADMIN and the device alone: it is healthy, has a pair, and ends at once', async () => {
  await using daemon = Container.start(IMAGE, 'daemon', LEAST)
  await until('healthy', () => daemon.state.Health?.Status === 'healthy', 25_000)
  expect(daemon.exec('uveth', 'health')).toMatch(/^uveth: ok: pid 1, 0 pairs/)
  daemon.exec('uveth', 'link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1')
  daemon.exec('uveth', 'link', 'set', 'veth0', 'up')
  daemon.exec('uveth', 'link', 'set', 'veth1', 'mtu', '9000', 'up')
  const links = JSON.parse(daemon.exec('uveth', '-j', 'link', 'show'))
  expect(links).toMatchObject([
    { ifname: 'veth0', mtu: 1500, operstate: 'UP' },
    { ifname: 'veth1', mtu: 9000, operstate: 'UP' },
  ])
  const began = performance.now()
  docker('stop', daemon.name)
  expect(performance.now() - began).toBeLessThan(STOP)
  expect(daemon.state).toMatchObject({ Status: 'exited', ExitCode: 0 })
})

it.each([
  ['the device', ['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN'], /--device \/dev\/net\/tun/],
  ['NET_ADMIN', ['--cap-drop', 'ALL', '--device', '/dev/net/tun'], /--cap-add NET_ADMIN/],
])('without %s the daemon is not healthy, and says what it needs', async (_, options, remedy) => {
  await using daemon = Container.start(IMAGE, 'unable', [
    ...options,
    '--health-interval',
    '1s',
    '--health-retries',
    '1',
    '--health-start-period',
    '0s',
  ])
  await until('unhealthy', () => daemon.state.Health?.Status === 'unhealthy', 25_000)
  const { code, stdout } = await daemon.try('uveth', 'health')
  expect(code).toBe(1)
  expect(stdout).toMatch(/^uveth: degraded: .*no pairs can be made: /)
  expect(stdout).toMatch(remedy)
})

it('the root file system may be read-only', async () => {
  await using daemon = Container.start(IMAGE, 'frozen', [...LEAST, '--read-only', '--tmpfs', '/run'])
  await until('it answers', async () => (await daemon.try('uveth', 'health')).code === 0)
  daemon.exec('uveth', 'add', 'veth0', 'veth1')
  expect(daemon.exec('uveth', '-br', 'link')).toMatch(/^veth0@veth1 .*\nveth1@veth0 /)
})

it('a read-only root without a writable /run: it says how to have one', () => {
  const start = () => docker('run', '--rm', '--network', 'none', ...LEAST, '--read-only', IMAGE)
  expect(start).toThrow(/EROFS: .*mkdir '\/run\/uveth' \(.*--socket PATH or UVETH_SOCKET; .*--tmpfs \/run\)/)
})

it('uveth run as the first process: ready, and gone on SIGTERM', async () => {
  await using cable = Container.start(IMAGE, 'run', LEAST, ['run', 'a0', 'b0', '--json'])
  await until('ready', () => cable.logs().includes('"ready"'))
  docker('stop', cable.name)
  expect(cable.state.ExitCode).toBe(0)
  expect(cable.logs()).toMatch(/"closed","reason":"signal"/)
})

it('the doctor says what such a container can be used for, and what another one needs', async () => {
  const doctor = (...options: string[]) => {
    const words = ['run', '--rm', '--network', 'none', ...options, IMAGE, 'doctor', '-j']
    const findings = JSON.parse(docker(...words)) as { check: string; status: string; remedy?: string }[]
    const uses = findings.filter(({ check }) => check.startsWith('use.'))
    return Object.fromEntries(uses.map(({ check, status }) => [check.slice('use.'.length), status]))
  }
  const sandbox = 'ok' // root needs none, and is told whether others could have one
  const all = { pairs: 'ok', netns: 'ok', containers: 'ok', raw: 'ok', events: 'ok', sandbox }
  const warn = 'warn'
  expect(doctor(...LEAST)).toEqual({
    pairs: 'ok',
    netns: warn,
    containers: warn,
    raw: warn,
    events: warn,
    sandbox,
  })
  expect(doctor(...LEAST, '--cap-add', 'SYS_ADMIN', '--cap-add', 'SYS_PTRACE')).toEqual({
    pairs: 'ok',
    netns: 'ok',
    containers: warn,
    raw: warn,
    events: warn,
    sandbox,
  })
  const more = ['SYS_ADMIN', 'SYS_PTRACE', 'NET_RAW', 'NET_BROADCAST'].flatMap((name) => ['--cap-add', name])
  expect(doctor(...LEAST, ...more, '--pid', 'host')).toEqual(all)
})

it('the doctor asks for what is missing only: an ordinary user has been given all, and has none of it', () => {
  const remedies = (...options: string[]) => {
    const words = [
      '--network',
      'none',
      ...options,
      '--entrypoint',
      'sh',
      IMAGE,
      '-c',
      'uveth doctor -j || true',
    ]
    const findings = JSON.parse(docker('run', '--rm', ...words)) as { check: string; remedy?: string }[]
    const of = (name: string) => findings.find(({ check }) => check === name)?.remedy
    return [of('capability.net_admin'), of('use.pairs')]
  }
  const device = ['--cap-drop', 'ALL', '--device', '/dev/net/tun']
  expect(remedies(...LEAST, '--user', '1000')).toEqual([
    'run as root: uid 1000 has no capabilities but ambient ones',
    'a container needs --user 0',
  ])
  expect(remedies(...device)).toEqual([
    'root has been denied it; in a container: --cap-add NET_ADMIN',
    'a container needs --cap-add NET_ADMIN',
  ])
})
