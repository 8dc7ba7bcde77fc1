// A daemon where something is missing. Where no pair can be made it lives, and says so once in its log and in
// every answer about its health, with what to do; it never tries by making something. Without a folder for its
// socket it cannot live.

import { expect } from 'vitest'
import { ask, COMMAND, Folder } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { type AnyMessages, Program, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'unshare', 'setpriv')

const HIDDEN = 'mount -t tmpfs none /dev/net && exec "$0" "$@"'
const WITHOUT_DEVICE = ['unshare', '-m', '--propagation', 'slave', 'sh', '-c', HIDDEN]
const WITHOUT_RIGHT = ['setpriv', '--bounding-set', '-all,+sys_admin', '--inh-caps', '-all']
const NO_DEVICE = /ENOENT: .*'\/dev\/net\/tun' \(.*--device \/dev\/net\/tun\)/
const NO_RIGHT = /no CAP_NET_ADMIN: interfaces cannot be made \(.*--cap-add NET_ADMIN\)/

test.each([
  ['the device', WITHOUT_DEVICE, NO_DEVICE],
  ['NET_ADMIN', WITHOUT_RIGHT, NO_RIGHT],
  [
    'either',
    [...WITHOUT_DEVICE.slice(0, -1), `${HIDDEN.replace('exec', `exec ${WITHOUT_RIGHT.join(' ')}`)}`],
    /ENOENT.*; no CAP_NET_ADMIN/,
  ],
])('no pairs without %s', async (_, prefix, sentence) => {
  using folder = new Folder()
  const socket = folder.file('control.sock')
  const command = [process.execPath, COMMAND, 'daemon', '--socket', socket]
  await using program = new Program<AnyMessages>(command, { prefix })
  const version = () => ask(socket, 'GET', '/v1/version').catch(() => undefined)
  await until('it listens', async () => (await version()) !== undefined)
  for (let asked = 0; asked < 2; asked++) {
    expect((await ask(socket, 'GET', '/v1/health')).json).toMatchObject({
      status: 'degraded',
      pairs: 0,
      creation: { state: 'impossible', reason: expect.stringMatching(sentence) },
    })
  }
  const health = await uvethOnce(['health', '--socket', socket])
  expect(health).toMatchObject({ code: 1, stderr: '' })
  expect(health.stdout).toMatch(/^uveth: degraded: pid \d+, 0 pairs, .*, no pairs can be made: /)
  expect(health.stdout).toMatch(sentence)
  await program.stop('SIGTERM')
  const lines = program.stdout.trim().split('\n')
  const warnings = lines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 40)
  expect(warnings).toMatchObject([
    { level: 40, msg: 'no pairs can be made', reason: expect.stringMatching(sentence) },
  ])
})

test('a folder that is read-only: it says how to name another one', async () => {
  using folder = new Folder()
  const socket = folder.file('run/uveth/control.sock')
  const frozen = `mount -t tmpfs -o ro none ${folder.path} && exec "$0" "$@"`
  const prefix = ['unshare', '-m', 'sh', '-c', frozen]
  const sentence = /^uveth: EROFS: .*mkdir '.*\/run' \(.*--socket PATH or UVETH_SOCKET; .*--tmpfs \/run\)\n$/
  for (const words of [
    ['daemon', '--socket', socket],
    ['--socket', socket, 'add', 'x0', 'x1'],
  ]) {
    const outcome = await uvethOnce(words, { prefix })
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringMatching(sentence) })
  }
})
