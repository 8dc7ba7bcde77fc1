// `uveth daemon --docker`: networks of a real engine, which these tests start for themselves, since it is killed, too.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { afterAll, beforeAll, expect } from 'vitest'
import { asking, serving } from '../support/asking.js'
import { commandOf, well } from '../support/cli.js'
import { ROOT, TestDaemon } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { OWN_IMAGE, OwnEngine } from '../support/own-engine.js'
import { readPcapng } from '../support/pcapng.js'
import { uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const NEEDED = ['root', 'tun', 'netns', 'bridge', 'ip', 'ping', 'iptables', 'nsenter', 'dockerd'] as const
const it = needs(...NEEDED)
const withCompose = needs(...NEEDED, 'compose')

const DRIVER = `uvt${process.pid}`
const SOCKET = `/run/docker/plugins/${DRIVER}.sock`
let daemon: TestDaemon
let engine: OwnEngine

// Where a test of this file is skipped, all are.
const skipped = it !== needs()

beforeAll(async () => {
  if (skipped) return
  daemon = await TestDaemon.start('--state', 'FOLDER/state/pairs.json', '--docker-socket', SOCKET)
  engine = await OwnEngine.start(daemon.home)
})

afterAll(async () => {
  if (skipped) return
  await engine[Symbol.asyncDispose]()
  await daemon[Symbol.asyncDispose]()
  rmSync(SOCKET, { force: true })
})

/** A network for as long as the test runs. */
class Network implements Disposable {
  readonly name: string

  constructor(name: string, ...options: string[]) {
    this.name = name
    engine.docker('network', 'create', '-d', DRIVER, ...options, name)
  }

  /** With its containers; and nothing is left of it, here or in the engine. */
  [Symbol.dispose](): void {
    const all = engine.docker('ps', '-aq').split('\n').filter(Boolean)
    if (all.length > 0) engine.docker('rm', '--force', ...all)
    engine.docker('network', 'rm', this.name)
  }
}

/** What is in the engine's namespace beside its own. */
function left(): { links: string[]; rules: string } {
  return {
    links: daemon.home.names().filter((name) => /^u[abcv]/.test(name)),
    rules:
      daemon.home
        .exec('iptables-save')
        .match(/^.*UVETH.*$/gm)
        ?.join('\n') ?? '',
  }
}

/** Rules go some time after the engine has been answered. */
async function nothingIsLeft(): Promise<void> {
  await until('all to go', () => left().links.length === 0 && left().rules === '')
}

/** The daemon is killed and starts again. */
async function again(): Promise<void> {
  await daemon.kill()
  await daemon.restart()
}

it('what cannot be is refused in a sentence, and nothing is made', async () => {
  const create = (option: string) =>
    spawnSync('docker', ['network', 'create', '-d', DRIVER, '-o', option, 'never'], {
      env: engine.env,
      encoding: 'utf8',
    })
  expect(create('impair=delay 10mss').stderr).toContain('EINVAL: impair delay must be a time')
  expect(create('impiar=loss 1%').stderr).toContain("EINVAL: there is no option 'impiar'")
  await nothingIsLeft()
})

it('containers have cables as bad as the network, or they, are to have; changed and captured while they run', async () => {
  using network = new Network('lossy', '-o', 'impair=delay 20ms')
  const order = commandOf(daemon, { env: { DOCKER_HOST: `unix://${engine.folder}/docker.sock` } })
  engine.run('one', network.name)
  engine.run('two', `name=${network.name},driver-opt=impair=delay 40ms`)
  const shown = async (end: string) => (await order('link', 'set', end, 'impair', 'show')).stdout
  const file = daemon.folder.file('two.pcapng')
  const env = { UVETH_SOCKET: daemon.socket, DOCKER_HOST: `unix://${engine.folder}/docker.sock` }
  await using capture = uveth(['capture', 'eth0@two', '-w', file], { netns: daemon.home.name, env })
  await until('the capture to begin', () => capture.hasEnded || (existsSync(file) && statSync(file).size > 0))
  expect(engine.ping('one', 'two')).toBeGreaterThanOrEqual(60)
  expect(await capture.stop('SIGINT')).toMatchObject(well)
  const [section] = readPcapng(readFileSync(file))
  expect(section?.interfaces.map(({ name }) => name)).toContain('eth0')
  // Three echoes, and as many answers.
  expect(section?.packets.length).toBeGreaterThanOrEqual(6)
  expect(await shown('eth0@two')).toContain('delay 40ms')
  expect(await order('link', 'set', 'eth0@two', 'impair', 'none')).toMatchObject(well)
  expect(await shown('eth0@two')).not.toContain('delay')
  expect(await shown('eth0@one')).toContain('delay 20ms')
  expect(engine.ping('one', 'two')).toBeGreaterThanOrEqual(20)
  // By the gateway, too.
  expect(engine.exec('one', 'ip', 'route')).toMatch(/^default via 172\.\d+\.0\.1 dev eth0/)
  engine.docker('kill', 'one')
  engine.docker('stop', '--time', '0', 'two')
  await until('their pairs to end', async () => (await order('link', 'show')).stdout === '')
})

it('after kill -9 of the daemon containers have their links again, as they were', async () => {
  using network = new Network('again', '--ipv6', '--subnet', 'fd00:77::/64', '--subnet', '10.77.0.0/24')
  engine.run('one', network.name)
  engine.run('two', network.name)
  const order = commandOf(daemon, { env: { DOCKER_HOST: `unix://${engine.folder}/docker.sock` } })
  const about = () => [
    engine.exec('one', 'ip', '-br', 'addr', 'show', 'dev', 'eth0').replaceAll(/@\w+|\s+/g, ' '),
    engine.exec('one', 'ip', 'route'),
    engine.exec('one', 'ip', '-6', 'route', 'show', 'default'),
  ]
  const before = about()
  expect(before[1]).toContain('default via 10.77.0.1')
  expect(before[2]).toContain('default via fd00:77::1')
  expect(await order('link', 'set', 'eth0@one', 'impair', 'delay', '30ms')).toMatchObject(well)
  await again()
  expect(about()).toEqual(before)
  expect(engine.ping('one', '10.77.0.3')).toBeGreaterThanOrEqual(30)
  expect(engine.ping('two', 'fd00:77::2')).toBeGreaterThanOrEqual(30)
  expect(engine.ping('two', '10.77.0.1')).toBeDefined()
})

it('a killed engine, a container that ended meanwhile: forgotten; both start again', async () => {
  using network = new Network('restarted')
  engine.run('one', network.name)
  engine.run('two', network.name)
  await engine.kill()
  await engine.restart()
  await again()
  engine.docker('start', 'one', 'two')
  expect(engine.ping('one', 'two')).toBeDefined()
  expect(Object.keys(networks()[0]?.endpoints ?? {})).toHaveLength(2)
})

function networks(): { endpoints: object }[] {
  return JSON.parse(readFileSync(daemon.folder.file('state/docker.json'), 'utf8')).networks
}

it('the world is reached, masqueraded, and reaches nobody; an internal network neither', async () => {
  using outside = Netns.create('outside')
  outside.ip('link', 'set', 'lo', 'up')
  const order = commandOf(daemon)
  const line = `link add out0 up type veth peer name in0 netns ${outside.name} up`
  expect(await order(...line.split(' '))).toMatchObject(well)
  daemon.home.ip('addr', 'add', '192.0.2.1/24', 'dev', 'out0')
  outside.ip('addr', 'add', '192.0.2.2/24', 'dev', 'in0')
  {
    using open = new Network('open', '--subnet', '10.78.0.0/24')
    using closed = new Network('closed', '--internal')
    engine.run('one', open.name)
    engine.docker('network', 'connect', closed.name, 'one')
    engine.run('two', closed.name)
    expect(engine.ping('one', '192.0.2.2')).toBeDefined()
    expect(engine.ping('one', 'two')).toBeDefined()
    expect(engine.exec('one', 'ip', '-br', 'link')).toMatch(/^eth0\b.*\neth1\b/m)
    expect(engine.exec('two', 'ip', 'route')).not.toContain('default')
    outside.ip('route', 'add', '10.78.0.0/24', 'via', '192.0.2.1')
    expect(() => outside.exec('ping', '-c', '1', '-W', '1', '10.78.0.2')).toThrow()
    engine.docker('rm', '--force', 'one', 'two')
  }
  expect(await order('link', 'del', 'out0')).toMatchObject(well)
  await nothingIsLeft()
})

it('published ports lead to their container, from everywhere, after restarts too; each is published once', async () => {
  using outside = Netns.create('outside')
  const order = commandOf(daemon)
  const line = `link add out0 up type veth peer name in0 netns ${outside.name} up`
  expect(await order(...line.split(' '))).toMatchObject(well)
  for (const [netns, link, last] of [
    [daemon.home, 'out0', '1'],
    [outside, 'in0', '2'],
  ] as const) {
    netns.ip('addr', 'add', `192.0.2.${last}/24`, 'dev', link)
    netns.ip('addr', 'add', `fd00:80::${last}/64`, 'dev', link, 'nodad')
  }
  daemon.home.ip('link', 'set', 'lo', 'up')
  {
    using network = new Network('ports', '--ipv6', '--subnet', 'fd00:79::/64', '--subnet', '10.79.0.0/24')
    engine.run('one', network.name, '-p', '8080:80', '-p', '127.0.0.1:7000:70/udp', '-p', '81')
    engine.run('two', network.name)
    const [inOne, inTwo] = [engine.netnsOf('one'), engine.netnsOf('two')]
    await using _ = await serving(inOne, [
      { protocol: 'tcp', port: 80 },
      { protocol: 'udp', port: 70 },
    ])
    const tcp = (address: string) => ({ protocol: 'tcp', address, port: 8080 }) as const
    const machine = ['192.0.2.1', '10.79.0.1', 'fd00:80::1', 'fd00:79::1'].map(tcp)
    const fromEverywhere = async () => {
      const { home } = daemon
      const local = [
        ...machine,
        tcp('127.0.0.1'),
        { ...tcp('127.0.0.1'), protocol: 'udp', port: 7000 } as const,
      ]
      expect(await asking(outside.path, [tcp('192.0.2.1'), tcp('fd00:80::1')])).toEqual([
        '192.0.2.2',
        'fd00:80::2',
      ])
      expect(await asking(home.path, local)).toEqual([
        ...['192.0.2.1', '10.79.0.1', 'fd00:80::1', 'fd00:79::1', '10.79.0.1', '10.79.0.1'],
      ])
      const near = ['10.79.0.1', '10.79.0.1', 'fd00:79::1', 'fd00:79::1']
      for (const netns of [inOne, inTwo]) expect(await asking(netns, machine)).toEqual(near)
    }
    await fromEverywhere()
    await daemon.kill()
    daemon.home.ip('link', 'del', daemon.home.names().find((name) => name.startsWith('uv-')) ?? '')
    await daemon.restart()
    await fromEverywhere()
    expect(() => engine.run('three', network.name, '-p', '8080:90')).toThrow(
      /EADDRINUSE: port 8080\/tcp is taken on this machine/,
    )
    const ports = () => daemon.home.exec('iptables-save').match(/DNAT --to-destination \S+/g) ?? []
    expect(ports()).toHaveLength(3)
    engine.docker('kill', 'one')
    await until('its ports to go', () => ports().length === 0)
  }
  expect(await order('link', 'del', 'out0')).toMatchObject(well)
  await nothingIsLeft()
})

it('two containers on one pair; the one that stays keeps its end while the other starts again', async () => {
  using network = new Network('cable', '-o', 'p2p=true')
  engine.run('one', network.name)
  engine.run('two', network.name)
  expect(engine.ping('one', 'two')).toBeDefined()
  expect(() => engine.run('three', network.name)).toThrow(/EBUSY: network \w+ is one pair/)
  expect(daemon.home.names()).toEqual(['lo'])
  engine.docker('restart', '--time', '0', 'one')
  await again()
  expect(engine.ping('two', 'one')).toBeDefined()
})

withCompose('compose', async () => {
  const command =
    spawnSync('docker', ['compose', 'version']).status === 0 ? ['docker', 'compose'] : ['docker-compose']
  const [file = '', ...words] = [...command, '-p', 'uvt', '-f', `${ROOT}examples/docker-network/compose.yaml`]
  const env = { ...engine.env, PLAIN_IMAGE: OWN_IMAGE, UVETH_DRIVER: DRIVER }
  const compose = (...more: string[]) =>
    execFileSync(file, [...words, ...more], { env, stdio: 'pipe' }).toString()
  compose('up', '--detach')
  try {
    const near = engine.docker('ps', '-q', '--filter', 'name=near').trim()
    expect(engine.ping(near, 'far')).toBeGreaterThanOrEqual(40)
  } finally {
    compose('down', '--timeout', '0')
  }
  await nothingIsLeft()
})

it('twenty containers at once, and as many ends of them', async () => {
  using network = new Network('many')
  const names = Array.from({ length: 20 }, (_, index) => `many${index}`)
  await engine.runAll(names, network.name)
  expect(left().links).toHaveLength(21)
  expect(engine.ping('many0', 'many19')).toBeDefined()
  engine.docker('kill', ...names)
  await until('their pairs to end', () => left().links.length === 1)
})

it('nothing is left, and the socket goes with the daemon', async () => {
  await nothingIsLeft()
  expect(networks()).toEqual([])
  await daemon.stop()
  expect(existsSync(SOCKET)).toBe(false)
})
