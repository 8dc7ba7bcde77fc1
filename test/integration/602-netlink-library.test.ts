// An independent netlink library as the client: pyroute2 encodes, numbers, matches answers and reads errors.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { inside, TestDaemon } from '../support/daemon.js'
import { patient } from '../support/pace.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'pyroute2')
const CLIENT = fileURLToPath(new URL('./fixtures/pyroute2-client.py', import.meta.url))

test('pyroute2 looks the family up, makes a pair, is refused, and removes the pair', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  const [file = '', ...words] = inside(daemon.home)
  const { stdout } = await promisify(execFile)(file, [...words, '/usr/bin/python3', CLIENT], {
    timeout: patient(80_000),
  })
  expect(stdout.trim().split('\n')).toEqual([
    "family ['veth', 1, 0, 2] [(1, 11), (2, 11)]",
    'unknown 2',
    "dump ['nlctrl', 'veth']",
    'add done',
    'add 17',
    'add 2',
    'del done',
    'del 19',
  ])
  expect(daemon.home.links()).toHaveLength(1)
})
