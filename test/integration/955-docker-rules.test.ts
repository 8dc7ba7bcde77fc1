// Bridges and rules of the network driver, as an engine's calls bring them, without an engine. Rules are there again after
// somebody has emptied the filter, and go with the last network whatever is left of them; flows follow published ports.

import { expect } from 'vitest'
import { ask } from '../support/daemon.js'
import { call, createNetwork as create, idOf, startDriver as start } from '../support/docker-driver.js'
import { Netns, until } from '../support/netns.js'
import { evaluate, type Kit, launch } from '../support/program.js'
import { needs } from '../support/skip.js'

const NEEDED = ['root', 'tun', 'netns', 'bridge', 'ip', 'iptables'] as const
const test = needs(...NEEDED)
const withSettings = needs(...NEEDED, 'sysctl', 'ipv6')
const withPorts = needs(...NEEDED, 'sysctl', 'nsenter')

test('a filter that somebody has emptied is filled again, and nothing of ours stays in it', async () => {
  await using daemon = await start()
  const saved = () => daemon.home.exec('iptables-save')
  const empty = () => {
    for (const table of ['mangle', 'filter', 'nat'])
      for (const word of ['-F', '-X']) daemon.home.exec('iptables', '-t', table, word)
    expect(saved()).not.toContain('UVETH')
  }
  expect(await create(daemon, '1')).toBeUndefined()
  expect(saved().match(/^-A (FORWARD|POSTROUTING) -j UVETH$/gm)).toHaveLength(3)
  empty()
  expect(await create(daemon, '2')).toBeUndefined()
  expect(saved().match(/^-A (FORWARD|POSTROUTING) -j UVETH$/gm)).toHaveLength(3)
  empty()
  for (const digit of ['1', '2'])
    expect(await call(daemon, 'DeleteNetwork', { NetworkID: idOf(digit) })).toBeUndefined()
  await until('the rules to go', () => !saved().includes('UVETH'))
  expect(daemon.home.names()).toEqual(['lo'])
})

test('a network that was removed while no daemon ran gives way to who has its addresses now', async () => {
  await using daemon = await start()
  const inRange = (digit: string, Pool: string) =>
    call(daemon, 'CreateNetwork', { NetworkID: idOf(digit), IPv4Data: [{ Pool }] })
  expect(await create(daemon, '1')).toBeUndefined()
  expect(await inRange('2', '10.201.0.0/16')).toBeUndefined()
  const bridges = () => daemon.home.names().filter((name) => name.startsWith('uv-'))
  expect(bridges()).toHaveLength(2)
  expect(await inRange('3', '10.200.0.0/16')).toBeUndefined()
  expect(bridges()).toEqual(['2', '3'].map((digit) => `uv-${digit.repeat(11)}`))
  const ids = { NetworkID: idOf('3'), EndpointID: idOf('9') }
  const Interface = { Address: '10.200.1.9/16' }
  expect(await call(daemon, 'CreateEndpoint', { ...ids, Interface })).toBeUndefined()
  using inside = Netns.create('inside')
  expect(await call(daemon, 'Join', { ...ids, SandboxKey: inside.path })).toBeUndefined()
  expect(await inRange('4', '10.200.7.0/24')).toBe(
    'EEXIST: network 33333333333 has containers with addresses of 10.200.0.0/16',
  )
  expect(bridges()).toHaveLength(2)
})

test('a container joins though the daemon was killed after it had heard of it', async () => {
  await using daemon = await start()
  expect(await create(daemon, '1')).toBeUndefined()
  const ids = { NetworkID: idOf('1'), EndpointID: idOf('9') }
  const Interface = { Address: '10.200.1.9/24' }
  expect(await call(daemon, 'CreateEndpoint', { ...ids, Interface })).toBeUndefined()
  await daemon.kill()
  await daemon.restart()
  expect(await call(daemon, 'Join', ids)).toBeUndefined()
  expect(daemon.home.names()).toEqual(
    expect.arrayContaining(['uv-11111111111', 'uc99999999999', 'uv99999999999']),
  )
})

test('of a network of one pair, who joins while another one is still to be started has the other end', async () => {
  await using daemon = await start()
  const Options = { 'com.docker.network.generic': { p2p: 'true' } }
  expect(await call(daemon, 'CreateNetwork', { NetworkID: idOf('1'), Options })).toBeUndefined()
  const names: string[] = []
  for (const digit of ['2', '3']) {
    const ids = { NetworkID: idOf('1'), EndpointID: idOf(digit) }
    expect(await call(daemon, 'CreateEndpoint', ids)).toBeUndefined()
    // There is no such file before the engine starts the container.
    const wish = { ...ids, SandboxKey: daemon.folder.file(digit) }
    const { json } = await ask(daemon.folder.file('docker.sock'), 'POST', '/NetworkDriver.Join', wish)
    names.push(json.InterfaceName?.SrcName)
  }
  expect(names).toEqual(['ua11111111111', 'ub11111111111'])
})

test('and who joins while the last one ends has a cable', async () => {
  await using daemon = await start()
  const Options = { 'com.docker.network.generic': { p2p: 'true' } }
  expect(await call(daemon, 'CreateNetwork', { NetworkID: idOf('1'), Options })).toBeUndefined()
  const order = (name: string, digit: string) =>
    call(daemon, name, { NetworkID: idOf('1'), EndpointID: idOf(digit) })
  for (const name of ['CreateEndpoint', 'Join']) expect(await order(name, '1')).toBeUndefined()
  for (const [last, next] of ['12', '23', '34'].map((digits) => [...digits] as [string, string])) {
    const ending = order('DeleteEndpoint', last)
    for (const name of ['CreateEndpoint', 'Join']) expect(await order(name, next)).toBeUndefined()
    expect(await ending).toBeUndefined()
    expect(daemon.home.names()).toEqual(['lo', 'ua11111111111', 'ub11111111111'])
  }
})

withSettings('a network has IPv6 also where new interfaces have none', async () => {
  await using daemon = await start()
  daemon.home.exec('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6')
  const six = { IPv6Data: [{ Pool: 'fd00:200::/64', Gateway: 'fd00:200::1/64' }] }
  expect(await create(daemon, '3', six)).toBeUndefined()
  expect(daemon.home.ip('-6', 'address', 'show', 'scope', 'global')).toContain('fd00:200::1/64')
  expect(await call(daemon, 'DeleteNetwork', { NetworkID: idOf('3') })).toBeUndefined()
})

/** Runs in a process of its own, always from the same port: what the published one answers, or the code of the error. */
async function sendOn({ dgram, events }: Kit): Promise<string> {
  const socket = dgram.createSocket('udp4').bind(40_000, '127.0.0.1')
  await events.once(socket, 'listening')
  socket.connect(7053, '127.0.0.1')
  await events.once(socket, 'connect')
  const again = setInterval(() => socket.send('?'), 100)
  const answer = await events.once(socket, 'message').then(
    ([text]) => String(text),
    (error) => error.code,
  )
  clearInterval(again)
  socket.close()
  return answer
}

/** Runs in a process of its own. */
async function answerWith({ say, dgram, events }: Kit, word: string) {
  const socket = dgram.createSocket('udp4', (_, from) => socket.send(word, from.port, from.address))
  await events.once(socket.bind(70), 'listening')
  say({ event: 'serving' })
}

withPorts('a peer that goes on sending to a UDP port reaches who has it now', async () => {
  await using daemon = await start()
  const { home } = daemon
  home.ip('link', 'set', 'lo', 'up')
  expect(await create(daemon, '1')).toBeUndefined()
  const sending = () => evaluate(sendOn, undefined, { prefix: ['nsenter', `--net=${home.path}`] })
  const portmap = [{ Proto: 17, Port: 70, HostPort: 7053 }]
  const container = async (digit: string) => {
    const ids = { NetworkID: idOf('1'), EndpointID: idOf(digit) }
    const Interface = { Address: `10.200.1.${digit}/24` }
    expect(await call(daemon, 'CreateEndpoint', { ...ids, Interface })).toBeUndefined()
    expect(await call(daemon, 'Join', ids)).toBeUndefined()
    const inside = Netns.create(`c${digit}`)
    const link = `uc${digit.repeat(11)}`
    home.ip('link', 'set', link, 'netns', inside.name)
    inside.ip('address', 'add', Interface.Address, 'dev', link)
    inside.ip('link', 'set', link, 'up')
    const server = launch(answerWith, digit, { netns: inside.name })
    await server.next('serving')
    const Options = { 'com.docker.network.portmap': portmap }
    return {
      publish: () => call(daemon, 'ProgramExternalConnectivity', { ...ids, Options }),
      leave: () => call(daemon, 'Leave', ids),
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]()
        inside[Symbol.dispose]()
      },
    }
  }
  await using two = await container('2')
  await using three = await container('3')
  expect(await two.publish()).toBeUndefined()
  expect(await sending()).toBe('2')
  expect(await two.leave()).toBeUndefined()
  await until('the port to go', async () => (await sending()) === 'ECONNREFUSED')
  expect(await three.publish()).toBeUndefined()
  expect(await sending()).toBe('3')
})
