// Rules of the network driver in the packet filter, as an engine's calls bring them, without an engine: they are there
// again after somebody has emptied the filter, and go with the last network whatever is left of them.

import { expect } from 'vitest'
import { ask, TestDaemon } from '../support/daemon.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'bridge', 'ip', 'iptables')

const idOf = (digit: string) => digit.repeat(64)

/** What the driver refuses a method of the protocol with; nothing if it has done it. */
async function call(daemon: TestDaemon, name: string, body: object): Promise<unknown> {
  const { json } = await ask(daemon.folder.file('docker.sock'), 'POST', `/NetworkDriver.${name}`, body)
  return json.Err
}

const create = (daemon: TestDaemon, digit: string) =>
  call(daemon, 'CreateNetwork', {
    NetworkID: idOf(digit),
    IPv4Data: [{ Pool: `10.200.${digit}.0/24`, Gateway: `10.200.${digit}.1/24` }],
  })

test('a filter that somebody has emptied is filled again, and nothing of ours stays in it', async () => {
  await using daemon = await TestDaemon.start(
    ...['--state', 'FOLDER/state/pairs.json', '--docker-socket', 'FOLDER/docker.sock'],
  )
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
