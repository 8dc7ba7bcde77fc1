// What `uveth link` refuses, with one line on stderr and ip's exit code (719): 255 for wrong words, 1 for what is not
// there, also where no daemon runs, 2 for what the kernel refuses or would. And its help.

import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect } from 'vitest'
import { commandOf, expectRefusal, well } from '../support/cli.js'
import { Folder, TestDaemon } from '../support/daemon.js'
import { uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

describe('without a daemon', () => {
  const alone = async (...words: string[]) => {
    using folder = new Folder()
    return await uvethOnce(words, { env: { UVETH_SOCKET: folder.file('none') } })
  }

  test('show prints nothing: there are no pairs', async () => {
    expect(await alone('link', 'show')).toMatchObject(well)
    expect(await alone('link')).toMatchObject(well)
    expect(await alone('-br', 'link', 'ls')).toMatchObject(well)
    expect(await alone('stats')).toMatchObject(well)
    expect(await alone('-j', 'link')).toMatchObject({ ...well, stdout: '[]\n' })
  })

  test.each([
    ['link', 'show', 'veth0'],
    ['link', 'set', 'veth0', 'up'],
    ['link', 'del', 'veth0'],
    ['stats', 'veth0'],
    ['monitor'],
    ['--no-start', 'link', 'add', 'type', 'veth'],
    ['--no-start', 'add', 'v0', 'v1'],
  ])('%s %s %s %s %s', async (...words) => {
    expectRefusal(await alone(...words.filter((word) => word !== undefined)), 1, /no daemon listens/)
  })

  test('--socket goes before UVETH_SOCKET', async () => {
    using folder = new Folder()
    const socket = folder.file('another')
    expectRefusal(await alone('--socket', socket, 'link', 'del', 'x'), 1, new RegExp(socket))
  })

  test('wrong words are refused before anybody is asked', async () => {
    expectRefusal(
      await alone('link', 'add', 'veth0', 'mtu', 'x', 'type', 'veth'),
      255,
      / mtu must be a whole number from 68 to 65521, not "x"/,
    )
    expectRefusal(await alone('link', 'fly'), 255, /command "fly" is unknown/)
    expectRefusal(await alone('-x', 'link'), 255, /option "-x" is unknown/)
  })
})

describe('refusals', () => {
  let daemon: TestDaemon
  beforeAll(async () => {
    daemon = await TestDaemon.start()
    await commandOf(daemon)('add', 'veth0', 'veth1')
    return async () => await daemon[Symbol.asyncDispose]()
  })

  const cases: [number, string, RegExp][] = [
    [2, 'link add veth2 type bridge', /"bridge" is wrong/],
    [1, 'link add veth2', /"type" argument is required/],
    [2, 'link add veth2 mtu 67 type veth', / mtu must be a whole number from 68 to 65521, not 67/],
    [
      2,
      'link add veth2 address 01:00:00:00:00:01 type veth',
      / address must be a MAC address like .*, neither multicast nor zero, not "01:00:00:00:00:01"/,
    ],
    [255, 'link add .. type veth', / name must be an interface name: .*, not "\.\."/],
    [255, 'link add veth2 netns nowhere type veth', /nowhere/],
    [2, 'link add veth2 type veth queues 300', /queues must be/],
    [255, '-n nowhere link add veth2 type veth', /nowhere/],
    [1, 'link del veth9', /'veth9'/],
    [1, 'link set veth9 up', /'veth9'/],
    [1, 'link show veth9', /'veth9'/],
    [1, 'stats veth9', /'veth9'/],
    [2, 'link set veth0 mtu 1', /mtu must be/],
    [255, 'link set veth0', /nothing to set/],
    [2, 'link add veth0 type veth', /EEXIST: [^\n]*'veth0'/],
    [2, 'link add veth2 type veth peer name veth1', /EEXIST: [^\n]*'veth1'/],
    [2, 'link add veth2 type veth peer name veth2', /EEXIST/],
    [2, 'add veth0 veth3', /EEXIST/],
    [2, 'link set veth0 name veth1', /EEXIST/],
  ]
  test.each(cases)('%i: %s', async (code, line, sentence) => {
    expectRefusal(await commandOf(daemon)(...line.split(' ')), code, sentence)
    expect(
      daemon.home
        .links()
        .map(({ ifname }) => ifname)
        .sort(),
    ).toEqual(['lo', 'veth0', 'veth1'])
  })
})

test('a batch of wrong wishes: each has its sentence, and nothing is made', async () => {
  const lines = [
    ['link add v2 mtu big type veth', 'mtu must be a whole number from 68 to 65521, not "big"'],
    ['link add type veth peer qlen 0', 'peer txqueuelen must be a whole number from 1 to 1000000, not 0'],
    ['link add type veth queues none', 'queues must be a whole number from 1 to 256, not "none"'],
    ['add v2 a:b', 'peer name must be an interface name: '],
    ['link set v0 mtu 67', 'mtu must be a whole number from 68 to 65521, not 67'],
    ['link set v1 mtu 67 carrier on', 'mtu must be a whole number from 68 to 65521, not 67'],
    ['link set v0 carrier perhaps', 'carrier must be one of on, off, auto, not "perhaps"'],
    ['link set v0 impair delay soon', 'delay must be a time up to a day: '],
    ['link set v0 impair delay 1ms 1ms 200%', 'delay correlation must be a number of percent '],
    ['link set v0 impair reorder 1% gap 5', 'reordering not possible without specifying some delay'],
    ['link set v0 rule add delay 10', 'delay takes a time with its unit, like 10ms'],
    ['link set v0 rule add drop udp dport dns', 'dport must be a whole number from 0 to 65535, or '],
    ['link set v0 rule add drop vlan 4096', 'vlan must be a whole number from 0 to 4095, not 4096'],
    ['link set v0 flap soon', 'TIME must be milliseconds, more than 0 and at most a day, not "soon"'],
  ]
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  await uveth('add', 'v0', 'v1')
  const file = daemon.folder.file('batch')
  writeFileSync(file, lines.map(([line]) => `${line}\n`).join(''))
  const { code, stdout, stderr } = await uveth('-force', '-batch', file)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  const said = stderr.trimEnd().split('\n')
  expect(said.filter((_, at) => at % 2 === 0)).toEqual(
    lines.map(([, sentence = '']) => expect.stringContaining(`uveth: EINVAL: ${sentence}`)),
  )
  expect(daemon.home.links()).toHaveLength(3)
})

describe('help', () => {
  test.each([
    ['link', 'help'],
    ['link', '--help'],
    ['link', 'add', 'help'],
    ['link', 'set', '--help'],
    ['add', '--help'],
    ['stats', '--help'],
    ['monitor', 'help'],
    ['completion', '--help'],
  ])('uveth %s %s has examples', async (...words) => {
    const outcome = await uvethOnce(words.filter((word) => word !== undefined))
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect(outcome.stdout).toMatch(/^Usage: /m)
    expect(outcome.stdout).toMatch(/^Examples:\n {2}\S/m)
  })
})
