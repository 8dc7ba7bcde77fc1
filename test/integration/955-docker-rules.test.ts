// Bridges and rules of the network driver, as an engine's calls bring them, without an engine. Rules are there again after
// somebody has emptied the filter, and go with the last network whatever is left of them.

import { expect } from 'vitest'
import { ask, TestDaemon } from '../support/daemon.js'
import { needs } from '../support/skip.js'

const NEEDED = ['root', 'tun', 'netns', 'bridge', 'ip', 'iptables'] as const
const test = needs(...NEEDED)
const withSettings = needs(...NEEDED, 'sysctl', 'ipv6')

const start = () =>
  TestDaemon.start('--state', 'FOLDER/state/pairs.json', '--docker-socket', 'FOLDER/docker.sock')
const idOf = (digit: string) => digit.repeat(64)

/** What the driver refuses a method of the protocol with; nothing if it has done it. */
async function call(daemon: TestDaemon, name: string, body: object): Promise<unknown> {
  const { json } = await ask(daemon.folder.file('docker.sock'), 'POST', `/NetworkDriver.${name}`, body)
  return json.Err
}

const create = (daemon: TestDaemon, digit: string, more: object = {}) =>
  call(daemon, 'CreateNetwork', {
    ...more,
    NetworkID: idOf(digit),
    IPv4Data: [{ Pool: `10.200.${digit}.0/24`, Gateway: `10.200.${digit}.1/24` }],
  })

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
  expect(saved()).not.toContain('UVETH')
  expect(daemon.home.names()).toEqual(['lo'])
})

withSettings('a network has IPv6 also where new interfaces have none', async () => {
  await using daemon = await start()
  daemon.home.exec('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6')
  const six = { IPv6Data: [{ Pool: 'fd00:200::/64', Gateway: 'fd00:200::1/64' }] }
  expect(await create(daemon, '3', six)).toBeUndefined()
  expect(daemon.home.ip('-6', 'address', 'show', 'scope', 'global')).toContain('fd00:200::1/64')
  expect(await call(daemon, 'DeleteNetwork', { NetworkID: idOf('3') })).toBeUndefined()
})
