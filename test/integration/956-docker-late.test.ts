// Rules of the network driver that have gone are taken back after the answer: what may happen meanwhile, and what if one of
// the programs that change the machine fails, or the daemon is killed. They are held back here, or fail, by others in front
// of them on the PATH.

import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { Folder, type TestDaemon } from '../support/daemon.js'
import { call, createNetwork, idOf, startDriver } from '../support/docker-driver.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'bridge', 'ip', 'iptables', 'sysctl')

/** Programs of the daemon that wait for as long as they are held, and die with it, or fail. */
class Programs implements Disposable {
  readonly #folder = new Folder()
  readonly #path = process.env.PATH ?? ''

  constructor() {
    process.env.PATH = `${this.#folder.path}${delimiter}${this.#path}`
    for (const name of ['iptables-restore', 'ip6tables-restore'])
      this.lay(name, `while [ -e "${this.#file('held')}" ]; do sleep 0.01; done; kill -0 $PPID || exit 1`)
  }

  #file(name: string): string {
    return this.#folder.file(name)
  }

  /** Has `name` begin with what a shell is told so. */
  lay(name: string, first: string): void {
    const real = execFileSync('sh', ['-c', `command -v ${name}`], {
      env: { ...process.env, PATH: this.#path },
      encoding: 'utf8',
    }).trim()
    writeFileSync(this.#file(name), `#!/bin/sh\n${first}\nexec ${real} "$@"\n`)
    chmodSync(this.#file(name), 0o755)
  }

  /** From now on. */
  hold(): void {
    writeFileSync(this.#file('held'), '')
  }

  release(): void {
    rmSync(this.#file('held'), { force: true })
  }

  /** Bridges cannot be removed for as long as it runs. */
  async refusing(work: () => Promise<void>): Promise<void> {
    this.lay('ip', '[ "$2" != del ] || { echo "RTNETLINK answers: Operation not permitted" >&2; exit 2; }')
    await work()
    rmSync(this.#file('ip'))
  }

  [Symbol.dispose](): void {
    this.release()
    process.env.PATH = this.#path
    this.#folder[Symbol.dispose]()
  }
}

const six = { IPv6Data: [{ Pool: 'fd00:200::/64', Gateway: 'fd00:200::1/64' }] }
const portmap = [{ Proto: 6, Port: 80, HostPort: 8080 }]
const targets = ({ home }: TestDaemon) => home.exec('iptables-save').match(/(?<=--to-destination )\S+/g) ?? []

/** A container in network 1 with the last byte of its address. */
function container(daemon: TestDaemon, digit: string, last: string) {
  const ids = { NetworkID: idOf('1'), EndpointID: idOf(digit) }
  const order = (name: string, more: object = {}) => call(daemon, name, { ...ids, ...more })
  const Options = { 'com.docker.network.portmap': portmap }
  return {
    create: () => order('CreateEndpoint', { Interface: { Address: `10.200.1.${last}/24` } }),
    join: () => order('Join'),
    delete: () => order('DeleteEndpoint'),
    publish: () => order('ProgramExternalConnectivity', { Options }),
    /** As an engine ends one. */
    end: async () => {
      for (const name of ['RevokeExternalConnectivity', 'Leave', 'DeleteEndpoint'])
        expect(await order(name)).toBeUndefined()
    },
  }
}

/** For as long as a call that waits for nothing takes to be answered. */
async function busy(daemon: TestDaemon): Promise<void> {
  for (const digit of ['5', '6', '7', '8'])
    expect(await container(daemon, digit, digit).create()).toBeUndefined()
}

async function published(daemon: TestDaemon) {
  expect(await createNetwork(daemon, '1')).toBeUndefined()
  const one = container(daemon, '1', '2')
  for (const step of [one.create, one.join, one.publish]) expect(await step()).toBeUndefined()
  expect(targets(daemon)).toEqual(['10.200.1.2:80'])
  return one
}

test('whoever gets the address of a container next waits until its ports have gone', async () => {
  using programs = new Programs()
  await using daemon = await startDriver()
  const one = await published(daemon)
  programs.hold()
  await one.end()
  const two = container(daemon, '2', '2')
  expect(await two.create()).toBeUndefined()
  let joined = false
  const joining = two.join().then((refusal) => {
    joined = true
    return refusal
  })
  await until('its pair to be plugged in', () => / uv2{11}\b.* master /.test(daemon.home.ip('link')))
  await busy(daemon)
  expect([joined, targets(daemon)]).toEqual([false, ['10.200.1.2:80']])
  programs.release()
  expect(await joining).toBeUndefined()
  expect(targets(daemon)).toEqual([])
})

test('whoever publishes the port next has it', async () => {
  using programs = new Programs()
  await using daemon = await startDriver()
  const one = await published(daemon)
  const two = container(daemon, '2', '3')
  for (const step of [two.create, two.join]) expect(await step()).toBeUndefined()
  programs.hold()
  await one.end()
  const publishing = two.publish()
  programs.release()
  expect(await publishing).toBeUndefined()
  expect(targets(daemon)).toEqual(['10.200.1.3:80'])
})

/** A network with a published port, which is removed while no program runs: its rules are still to be taken back. */
async function goneMeanwhile(daemon: TestDaemon, programs: Programs): Promise<void> {
  const one = await published(daemon)
  programs.hold()
  await one.end()
  expect(await call(daemon, 'DeleteNetwork', { NetworkID: idOf('1') })).toBeUndefined()
}

test('a network that has gone meanwhile leaves nothing, and a daemon that ends neither', async () => {
  using programs = new Programs()
  await using daemon = await startDriver()
  await goneMeanwhile(daemon, programs)
  expect(daemon.home.names()).toEqual(['lo'])
  const ended = daemon.stop()
  await until('the daemon to end', () => daemon.program.stdout.includes('"signal":"SIGTERM"'))
  for (const method of Array(5).fill('CreateEndpoint'))
    expect(await call(daemon, method, { NetworkID: idOf('1'), EndpointID: idOf('2') })).toContain('ENODEV')
  expect(targets(daemon)).toEqual(['10.200.1.2:80'])
  programs.release()
  expect(await ended).toMatchObject({ code: 0 })
  expect(daemon.home.exec('iptables-save')).not.toContain('UVETH')
})

test('what a daemon that was killed had yet to take back, the next one does', async () => {
  using programs = new Programs()
  await using daemon = await startDriver()
  await goneMeanwhile(daemon, programs)
  await daemon.kill()
  programs.release()
  expect(targets(daemon)).toEqual(['10.200.1.2:80'])
  await daemon.restart()
  expect(daemon.home.exec('iptables-save')).not.toContain('UVETH')
})

test('of a network with IPv6 as well, though another one without has stayed', async () => {
  using programs = new Programs()
  await using daemon = await startDriver()
  expect(await createNetwork(daemon, '1')).toBeUndefined()
  expect(await createNetwork(daemon, '2', six)).toBeUndefined()
  programs.hold()
  expect(await call(daemon, 'DeleteNetwork', { NetworkID: idOf('2') })).toBeUndefined()
  await daemon.kill()
  programs.release()
  expect(daemon.home.exec('ip6tables-save')).toContain('uv-22222222222')
  await daemon.restart()
  expect(daemon.home.exec('iptables-save')).toContain('uv-11111111111')
  expect(daemon.home.exec('ip6tables-save')).not.toContain('UVETH')
})

test('a container that is given up while it waits for that is refused in a sentence', async () => {
  using programs = new Programs()
  await using daemon = await startDriver()
  const one = await published(daemon)
  programs.hold()
  await one.end()
  const two = container(daemon, '2', '2')
  expect(await two.create()).toBeUndefined()
  const joining = two.join()
  await until('its pair to be plugged in', () => / uv2{11}\b.* master /.test(daemon.home.ip('link')))
  expect(await two.delete()).toBeUndefined()
  programs.release()
  expect(await joining).toBe("ENODEV: no pair or interface 'id:docker-22222222222'")
})

test('a family that fails leaves nothing of the other one', async () => {
  using programs = new Programs()
  await using daemon = await startDriver()
  expect(await createNetwork(daemon, '1')).toBeUndefined()
  programs.lay('ip6tables-save', 'echo refused >&2; exit 1')
  // Whoever tells of the second network is overtaken, if he can be.
  const late = 'cat >"$0.$$"; ! grep -q uv-2 "$0.$$" || sleep 0.5; exec <"$0.$$"'
  programs.lay('iptables-restore', late)
  expect(await createNetwork(daemon, '2', six)).toBe('EIO: ip6tables-save: refused')
  await sleep(1000)
  const saved = daemon.home.exec('iptables-save')
  expect(saved).not.toContain('uv-22222222222')
  expect(saved).toContain('uv-11111111111')
})

test('a daemon that is killed while it makes a bridge knows of it afterwards', async () => {
  using programs = new Programs()
  await using daemon = await startDriver()
  programs.lay('ip', '[ "$2" != add ] || kill -9 $PPID')
  await expect(createNetwork(daemon, '1')).rejects.toMatchObject({ code: 'ECONNRESET' })
  await daemon.program.ended
  programs.lay('ip', '')
  await daemon.restart()
  const another = { NetworkID: idOf('2'), IPv4Data: [{ Pool: '10.200.1.0/24', Gateway: '10.200.1.1/24' }] }
  expect(await call(daemon, 'CreateNetwork', another)).toBeUndefined()
  expect(daemon.home.names()).toEqual(['lo', 'uv-22222222222'])
})

test('a bridge that cannot be removed is told of', async () => {
  using programs = new Programs()
  await using daemon = await startDriver()
  expect(await createNetwork(daemon, '1')).toBeUndefined()
  await programs.refusing(async () => {
    expect(await call(daemon, 'DeleteNetwork', { NetworkID: idOf('1') })).toBe(
      'EIO: ip: RTNETLINK answers: Operation not permitted',
    )
  })
  expect(daemon.program.stdout).toMatch(/Operation not permitted.*a bridge could not be removed/)
  expect(await call(daemon, 'DeleteNetwork', { NetworkID: idOf('1') })).toBeUndefined()
})
