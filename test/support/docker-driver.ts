// The network driver of `uveth daemon`, called as an engine calls it, without an engine. Used by the tests 955 and 956.

import { ask, TestDaemon } from './daemon.js'

export const startDriver = () =>
  TestDaemon.start('--state', 'FOLDER/state/pairs.json', '--docker-socket', 'FOLDER/docker.sock')

/** Of a network or an endpoint. */
export const idOf = (digit: string) => digit.repeat(64)

/** What the driver refuses a method of the protocol with; nothing if it has done it. */
export async function call(daemon: TestDaemon, name: string, body: object): Promise<unknown> {
  const { json } = await ask(daemon.folder.file('docker.sock'), 'POST', `/NetworkDriver.${name}`, body)
  return json.Err
}

export const createNetwork = (daemon: TestDaemon, digit: string, more: object = {}) =>
  call(daemon, 'CreateNetwork', {
    ...more,
    NetworkID: idOf(digit),
    IPv4Data: [{ Pool: `10.200.${digit}.0/24`, Gateway: `10.200.${digit}.1/24` }],
  })
