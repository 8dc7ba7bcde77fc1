// The driver's socket as the engine speaks to it: the protocol, misuse first, without a kernel behind it. Networks are of
// one pair here, for which nothing is made before a container joins.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openPlugin, type Plugin } from '../../../src/docker/plugin.js'
import { planOf } from '../../../src/docker/request.js'
import { unixListen } from '../../../src/native.js'
import { Registry } from '../../../src/orders/registry.js'

const NETWORK = 'ab'.repeat(32)
const [ONE, TWO, THREE] = ['1', '2', '3'].map((digit) => digit.repeat(64)) as [string, string, string]

class Driver implements AsyncDisposable {
  readonly folder: string
  #plugin!: Plugin

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'uvt-docker-'))
  }

  get file(): string {
    return join(this.folder, 'docker.json')
  }

  async start(): Promise<this> {
    const socket = join(this.folder, 's')
    rmSync(socket, { force: true })
    const logger = { debug() {}, info() {}, warn() {} }
    const failed = (error: unknown) => expect.unreachable(String(error))
    const daemon = { forget: async () => false, admitted: async () => {}, failed }
    this.#plugin = await openPlugin(
      { registry: new Registry(), logger, daemon },
      this.file,
      unixListen(socket),
    )
    await this.#plugin.listen()
    return this
  }

  async stop(): Promise<void> {
    await this.#plugin.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true })
  }

  async ask(path: string, body?: unknown, method = 'POST') {
    const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body)
    return await new Promise<{ status: number; type: unknown; said: Record<string, unknown> }>(
      (done, failed) => {
        const sent = request(
          { socketPath: join(this.folder, 's'), path, method, agent: false },
          async (answer) => {
            let said = ''
            for await (const part of answer) said += part
            done({
              status: answer.statusCode ?? 0,
              type: answer.headers['content-type'],
              said: JSON.parse(said),
            })
          },
        )
        sent.once('error', failed)
        sent.end(text)
      },
    )
  }

  /** What a method of the protocol answers; throws what it refuses. */
  async call(name: string, body?: unknown): Promise<Record<string, unknown>> {
    const { status, said } = await this.ask(`/NetworkDriver.${name}`, body)
    if (status !== 200) throw new Error(String(said.Err))
    return said
  }
}

const cable = { NetworkID: NETWORK, Options: { 'com.docker.network.generic': { p2p: 'true' } } }
const endpoint = (id: string) => ({ NetworkID: NETWORK, EndpointID: id })

test('what is no call of the protocol is answered, and the next one too', async () => {
  await using driver = await new Driver().start()
  expect(await driver.ask('/NetworkDriver.Fly', {})).toMatchObject({
    status: 404,
    said: { Err: 'ENOENT: uveth has no /NetworkDriver.Fly' },
  })
  expect(await driver.ask('/constructor', {})).toMatchObject({ status: 404 })
  expect(await driver.ask('/NetworkDriver.Join', undefined, 'GET')).toMatchObject({ status: 405 })
  expect(await driver.ask('/NetworkDriver.Join', '{"NetworkID":')).toMatchObject({
    status: 400,
    said: { Err: 'EINVAL: the request is no JSON' },
  })
  expect(await driver.ask('/NetworkDriver.Join', `"${'x'.repeat(1 << 20)}"`)).toMatchObject({
    status: 400,
    said: { Err: 'E2BIG: a request has at most 1048576 bytes' },
  })
  expect(await driver.ask('/Plugin.Activate')).toEqual({
    status: 200,
    type: 'application/vnd.docker.plugins.v1.2+json',
    said: { Implements: ['NetworkDriver'] },
  })
  expect(await driver.call('GetCapabilities')).toEqual({ Scope: 'local', ConnectivityScope: 'local' })
})

test('of what is not known nothing is made, and its end succeeds', async () => {
  await using driver = await new Driver().start()
  await expect(driver.call('CreateEndpoint', endpoint(ONE))).rejects.toThrow(
    /^ENODEV: uveth knows no network abab/,
  )
  await expect(driver.call('Join', endpoint(ONE))).rejects.toThrow(/^ENODEV: uveth knows no network/)
  await expect(driver.call('EndpointOperInfo', endpoint(ONE))).rejects.toThrow(/^ENODEV/)
  for (const name of ['Leave', 'DeleteEndpoint']) expect(await driver.call(name, endpoint(ONE))).toEqual({})
  expect(await driver.call('DeleteNetwork', { NetworkID: NETWORK })).toEqual({})
  await driver.call('CreateNetwork', cable)
  await expect(driver.call('Join', endpoint(ONE))).rejects.toThrow(
    /^ENODEV: network abab.* has no endpoint 1111/,
  )
  await driver.call('DeleteNetwork', { NetworkID: NETWORK })
})

test('a network of one pair has two places, also after a restart', async () => {
  await using driver = await new Driver().start()
  await driver.call('CreateNetwork', cable)
  await driver.call('CreateNetwork', cable) // the engine has not heard the answer
  const address = { Interface: { Address: '10.0.0.2/24', MacAddress: '' } }
  expect(await driver.call('CreateEndpoint', { ...endpoint(ONE), ...address })).toEqual({
    Interface: { MacAddress: '02:42:0a:00:00:02' },
  })
  const chosen = { Interface: { MacAddress: '02:00:00:00:00:09' } }
  for (let time = 0; time < 2; time++)
    expect(await driver.call('CreateEndpoint', { ...endpoint(TWO), ...chosen })).toEqual({ Interface: {} })
  await driver.stop()
  await driver.start()
  const third = () => driver.call('CreateEndpoint', endpoint(THREE))
  await expect(third()).rejects.toThrow(/^EBUSY: network abababababa is one pair \(p2p=true\)/)
  await driver.call('DeleteEndpoint', endpoint(ONE))
  await third()
  expect(JSON.parse(readFileSync(driver.file, 'utf8')).networks[0].endpoints).toMatchObject({
    [TWO]: { side: 'b', mac: '02:00:00:00:00:09' },
    [THREE]: { side: 'a' },
  })
})

test('of one pair nothing is published, and what is no port is said before anything is made', async () => {
  await using driver = await new Driver().start()
  await driver.call('CreateNetwork', cable)
  const withPorts = (portmap: unknown) =>
    driver.call('CreateEndpoint', { ...endpoint(ONE), Options: { 'com.docker.network.portmap': portmap } })
  const port = { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 }
  for (const [portmap, message] of [
    [[port], 'EOPNOTSUPP: a network of one pair (p2p=true) publishes no ports: leave -p out'],
    [5, 'EINVAL: portmap must be an array, not 5'],
    [[null], 'EINVAL: of TCP and UDP ports are published, not of protocol undefined'],
    [[{ ...port, Proto: 132 }], 'EINVAL: of TCP and UDP ports are published, not of protocol 132'],
    [[{ ...port, Port: 0 }], 'EINVAL: Port must be a port from 1 to 65535, not 0'],
    [[{ ...port, HostPort: '80' }], 'EINVAL: HostPort must be a port from 0 to 65535, not "80"'],
    [[{ ...port, HostIP: 'here' }], 'EINVAL: HostIP must be an IP address, not "here"'],
  ])
    await expect(withPorts(portmap)).rejects.toThrow(new Error(message as string))
  expect(JSON.parse(readFileSync(driver.file, 'utf8')).networks[0].endpoints).toEqual({})
})

test('a container may have a perfect cable in a bad network', async () => {
  await using driver = await new Driver().start()
  const own = { p2p: 'true', impair: 'loss 1%' }
  await driver.call('CreateNetwork', { ...cable, Options: { 'com.docker.network.generic': own } })
  await driver.call('CreateEndpoint', { ...endpoint(ONE), Options: { impair: 'none' } })
  await expect(
    driver.call('CreateEndpoint', { ...endpoint(TWO), Options: { impair: 'none loss 1%' } }),
  ).rejects.toThrow(/^EINVAL: .*"none"/)
  expect(planOf('none')).toBeNull()
})

test('a file that is none of ours is left as it is', async () => {
  const driver = new Driver()
  writeFileSync(driver.file, '{"pairs":[]}')
  await expect(driver.start()).rejects.toThrow(/docker\.json' is no file of networks: move it away$/)
  expect(readFileSync(driver.file, 'utf8')).toBe('{"pairs":[]}')
  const network = { id: NETWORK, bridge: 'uv-x', subnets: [], endpoints: {} }
  for (const faulty of [
    null,
    5,
    {},
    { ...network, subnets: [null] },
    { ...network, endpoints: null },
    { ...network, endpoints: { [ONE]: null } },
  ]) {
    writeFileSync(driver.file, JSON.stringify({ version: 1, networks: [faulty] }))
    await expect(driver.start()).rejects.toThrow(/docker\.json' is no file of networks: move it away$/)
  }
  rmSync(driver.folder, { recursive: true })
})
