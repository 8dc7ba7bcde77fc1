// `peer vxlan … keepalive SECONDS`: carrier that follows the other side of a tunnel, where that is another uveth; a kernel's
// vxlan, which says nothing, throws keep-alives away. What an end counts as silence: unit/link/keepalive.

import { expect } from 'vitest'
import { expectRefusal, well } from '../support/cli.js'
import { ask, launchDaemon, type TestDaemon } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { pings } from '../support/ping.js'
import { replace } from '../support/replace.js'
import { needs } from '../support/skip.js'
import { addressed, hosts, kernelTunnel } from '../support/tunnels.js'

const test = needs('root', 'tun', 'netns', 'ip', 'veth', 'ping')
const kernels = needs('root', 'tun', 'netns', 'ip', 'veth', 'vxlan', 'ping')

const hasCarrier = (netns: Netns, name: string) => netns.link(name).flags.includes('LOWER_UP')
const tunnel = async (daemon: TestDaemon) => (await daemon.ask('GET', '/v1/pairs/id:x0')).json.b
const add = (near: Netns, keepalive: string, remote = '10.9.0.2') =>
  `link add x0 netns ${near.name} up type veth quiet peer vxlan id 42 remote ${remote} keepalive ${keepalive}`.split(
    ' ',
  )

kernels('misuse, and a kernel’s tunnel: a sign of life is a frame of it', async () => {
  const { daemon, other, near, uveth } = await hosts()
  expectRefusal(await uveth(...add(near, '0.05')), 2, /keepalive must be milliseconds, from 100 to 3600000/)
  expectRefusal(
    await uveth(...add(near, 'often')),
    255,
    /keepalive takes seconds, a time like "500ms", or "off"/,
  )
  const vxlan = { id: 42, remote: '10.9.0.2', keepalive: '1s' }
  expect((await daemon.ask('POST', '/v1/pairs', { b: { vxlan } })).json).toMatchObject({
    attribute: 'b.vxlan.keepalive',
    detail: expect.stringMatching(/must be milliseconds, from 100 to 3600000, not "1s"/),
  })
  expect(near.names()).toEqual(['lo'])
  expect(await uveth(...add(near, '100ms'))).toMatchObject(well)
  addressed(near, 'x0', 1)
  expect(await tunnel(daemon)).toMatchObject({ up: false, vxlan: { keepalive: 100, far: 'silent' } })
  expect(hasCarrier(near, 'x0')).toBe(false)
  kernelTunnel(other, '10.9.0.1')
  // It asks for no address first, which it would do too rarely.
  other.ip('neigh', 'add', '10.42.0.1', 'lladdr', near.link('x0').address, 'dev', 'vx0')
  expect(other.exec('ping', '-c', '3', '-i', '0.05', '-w', '60', '10.42.0.1')).toMatch(/ [1-9]\d* received/)
  await until('silence', async () => !hasCarrier(near, 'x0'))
  expect(other.link('vx0').stats64.rx.errors).toBe(0)
  expect(await uveth('link', 'del', 'x0')).toMatchObject(well)
  expect(await uveth(...add(near, 'off'))).toMatchObject(well)
  expect(await tunnel(daemon)).toMatchObject({ up: true, vxlan: { keepalive: null, far: null } })
})

test('with another uveth: as the peer of a veth, through a hand-over, and its end', async () => {
  const { daemon, other, near, uveth } = await hosts()
  const socket = daemon.folder.file('far.sock')
  await using far = launchDaemon(other, socket, '--log', 'warn')
  await until('the other daemon', () => ask(socket, 'GET', '/v1/version').catch(() => undefined))
  await using beyond = Netns.create('beyond')
  expect(await uveth(...add(near, '2'))).toMatchObject(well)
  expect((await uveth('link', 'show', 'vxlan42:10.9.0.2')).stdout).toMatch(
    /vxlan id 42 remote 10.9.0.2 dstport 4789 keepalive 2s far silent/,
  )
  expect(hasCarrier(near, 'x0')).toBe(false)
  const there = (keepalive: number, more: object = {}) => ({
    ...{ a: { name: 'y0', netns: beyond.name, up: true }, quiet: true, id: 'y0' },
    b: { vxlan: { id: 42, remote: '10.9.0.1', keepalive, ...more } },
  })
  expect((await ask(socket, 'POST', '/v1/pairs', there(2000))).status).toBe(201)
  const both = async (on: boolean) =>
    await until(`carrier ${on} on both`, () =>
      [hasCarrier(near, 'x0'), hasCarrier(beyond, 'y0')].every((one) => one === on),
    )
  await both(true)
  const { tx_packets, rx_packets, drops } = (await daemon.ask('GET', '/v1/pairs/id:x0/stats')).json.b
  expect({ tx_packets, rx_packets, ...drops }).toMatchObject({ tx_packets: 0, rx_packets: 0, carrier: 0 })
  near.ip('addr', 'add', '10.42.0.1/24', 'dev', 'x0')
  beyond.ip('addr', 'add', '10.42.0.2/24', 'dev', 'y0')
  expect(pings(near, '10.42.0.2')).toBe(true)
  for (const [down, up] of [
    [() => beyond.ip('link', 'set', 'y0', 'down'), () => beyond.ip('link', 'set', 'y0', 'up')],
    [() => uveth('link', 'set', 'x0', 'carrier', 'off'), () => uveth('link', 'set', 'x0', 'carrier', 'auto')],
  ] as const) {
    await down()
    await both(false)
    await up()
    await both(true)
  }
  const changes = () => near.exec('cat', '/sys/class/net/x0/carrier_changes')
  const before = changes()
  await replace(daemon)
  expect(pings(near, '10.42.0.2')).toBe(true)
  expect(changes()).toBe(before)
  // Its end is told; that of its whole process is silence.
  expect((await ask(socket, 'DELETE', '/v1/pairs/y0')).status).toBe(204)
  await until('the other end', async () => (await tunnel(daemon)).vxlan.far === 'down')
  expect(await uveth('link', 'del', 'x0')).toMatchObject(well)
  // The same over IPv6.
  expect(await uveth(...add(near, '0.2', 'fd09::2'))).toMatchObject(well)
  expect((await ask(socket, 'POST', '/v1/pairs', there(200, { remote: 'fd09::1' }))).status).toBe(201)
  await both(true)
  expect((await uveth('link', 'set', 'x0', 'carrier', 'off')).code).toBe(0)
  await both(false)
  expect((await uveth('link', 'set', 'x0', 'carrier', 'auto')).code).toBe(0)
  await both(true)
  await far.stop('SIGKILL')
  await until('silence', async () => (await tunnel(daemon)).vxlan.far === 'silent')
  await until('no carrier', () => !hasCarrier(near, 'x0'))
})
