// `uveth apply` and `destroy`: a lab in a file. What is refused, with its line; that what is as wished stays untouched
// and what differs is changed in place; namespaces that are made and that are there; the README's example.

import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import type { Command } from '../support/cli.js'
import { Folder, ROOT, TestDaemon } from '../support/daemon.js'
import { Engine } from '../support/engine.js'
import { Netns, run } from '../support/netns.js'
import { type Outcome, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping', 'nsenter')
const LAB = `t${process.pid % 10_000}${process.hrtime()[1] % 1_000}`

let daemon: TestDaemon
let uveth: Command
let path: string
/** Of the environment, for one test. */
let more: Record<string, string> = {}

beforeAll(async () => {
  daemon = await TestDaemon.start()
  // What is made behind `ip netns exec` is not seen outside of it.
  // Which words a container engine of the machine knows is not this file's business.
  uveth = (...words) =>
    uvethOnce(['-n', daemon.home.name, ...words], {
      env: { UVETH_SOCKET: daemon.socket, DOCKER_HOST: 'unix:///no/such', ...more },
    })
  path = daemon.folder.file('lab.yaml')
})
afterAll(async () => {
  await given('destroy', FILE)
  await daemon.endWell()
})
afterEach(() => {
  more = {}
})

async function given(verb: string, text: string, ...words: string[]): Promise<Outcome> {
  writeFileSync(path, text)
  return await uveth(verb, path, ...words)
}

async function lines(verb: string, text: string, ...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await given(verb, text, ...words)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.trim().split('\n')
}

const namespaces = () => (run('ip', 'netns').match(new RegExp(`^${LAB}-\\S+`, 'gm')) ?? []).sort()

const FILE = `name: ${LAB}
topology:
  nodes:
    left:
    right: {}
  links:
    - endpoints: ["left:eth1", "right:eth1"]
      mtu: 1400
    - type: veth
      endpoints:
        - { node: left, interface: eth2, ipv4: 10.0.0.1/24, ipv6: "fd00::1/64" }
        - { node: right, interface: eth2, ipv4: 10.0.0.2/24, mac: 02:00:00:00:00:0A }
      impair: delay 1ms seed 7
`

test('a tunnel: made, left as it is, changed where it can be, and made anew where not', async () => {
  const half = (id: number, impair: string, rule: string) => `name: ${LAB}
topology:
  nodes: { left: }
  links:
    - endpoints:
        - { node: left, interface: eth0 }
        - { vxlan: { id: ${id}, remote: 127.0.0.9, port: 4790 }, impair: ${impair}, rules: [${rule}] }
`
  const link = (id: number) => `link left:eth0 vxlan${id}:127.0.0.9:4790`
  const first = half(42, 'delay 1ms', 'drop icmp')
  expect(await lines('apply', first)).toEqual([`+ netns ${LAB}-left`, `+ ${link(42)}`])
  expect(await lines('apply', first)).toEqual(['nothing to do'])
  expect(await lines('apply', half(42, 'delay 2ms', 'drop arp'))).toEqual([
    expect.stringMatching(/^~ vxlan42:127.0.0.9:4790 impair delay 1ms.* -> delay 2ms/),
    expect.stringMatching(/^~ vxlan42:127.0.0.9:4790 rules drop icmp -> drop arp/),
  ])
  const { b } = (await daemon.ask('GET', `/v1/pairs/id:${LAB}:left:eth0`)).json
  expect(b).toMatchObject({ impair: { delay: { time: 2 } }, rules: [{ match: expect.anything() }] })
  expect(await lines('apply', half(43, 'delay 2ms', 'drop arp'))).toEqual([
    `- link ${LAB}:left:eth0`,
    `+ ${link(43)}`,
  ])
  expect(await lines('destroy', first)).toEqual([`- link ${LAB}:left:eth0`, `- netns ${LAB}-left`])
})

describe('refused, before anything is made', () => {
  test.each([
    [
      FILE.replace('1400', '13'),
      'lab.yaml:8: topology.links.0.mtu must be a whole number from 68 to 65521, not 13\n',
    ],
    [
      FILE.replace('delay 1ms', 'loss 200%'),
      'lab.yaml:13: topology.links.1.impair.loss.random must be a number of percent',
    ],
    [FILE.replace('02:00', '03:00'), 'lab.yaml:12: topology.links.1.endpoints.1.mac must be a MAC address'],
    [
      FILE.replace('right: {}', 'right: { netns: no-such }'),
      'node right: there is no network namespace no-such\n',
    ],
    [FILE.replace('right: {}', 'right: {'), 'lab.yaml:6: '],
    [FILE.replace('right: {}', 'left: {}'), 'lab.yaml:4: Map keys must be unique\n'],
    ['', 'lab.yaml:1: the file must be an object, not null\n'],
  ])('%#', async (text, sentence) => {
    const { code, stdout, stderr } = await given('apply', text)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(sentence)
    expect(stderr.split('\n')).toHaveLength(2)
    expect(namespaces()).toEqual([])
  })

  test('a namespace and a container that are not there, where there is an engine: the node is named', async () => {
    await using engine = await Engine.start({})
    more = { DOCKER_HOST: engine.host }
    for (const key of ['netns', 'container']) {
      const { code, stderr } = await given('apply', FILE.replace('right: {}', `right: { ${key}: no-such }`))
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^uveth: ENOENT: node right: .*'no-such'/)])
    }
  })

  test('no file, two, one that is not there', async () => {
    expect(await uveth('apply')).toMatchObject({
      code: 1,
      stderr: 'uveth: give a file: uveth apply lab.yaml\n',
    })
    expect(await uveth('destroy', 'a', 'b')).toMatchObject({ code: 1 })
    expect((await uveth('apply', '/no/such')).stderr).toMatch(
      /^uveth: ENOENT: no such file or directory, open '\/no\/such'\n$/,
    )
  })

  test('of standard input too, by its line', async () => {
    writeFileSync(path, FILE.replace('1400', '13'))
    const prefix = ['sh', '-c', 'exec "$0" "$@" <"$LAB_FILE"']
    const env = { UVETH_SOCKET: daemon.socket, LAB_FILE: path }
    const { code, stderr } = await uvethOnce(['apply', '-', '--dry-run'], { env, prefix })
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^uveth: EINVAL: stdin:8: topology\.links\.0\.mtu /),
    ])
    writeFileSync(path, FILE)
    const told = await uvethOnce(['apply', '-', '--dry-run'], { env, prefix })
    expect(told).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`+ netns ${LAB}-left\n`),
      stderr: '',
    })
  })

  test('a namespace of that name that is somebody else’s', async () => {
    run('ip', 'netns', 'add', `${LAB}-left`)
    const { code, stderr } = await given('apply', FILE)
    run('ip', 'netns', 'del', `${LAB}-left`)
    expect([code, stderr]).toEqual([
      1,
      `uveth: EEXIST: there is a namespace ${LAB}-left that is not of this lab: give node left netns: ${LAB}-left\n`,
    ])
  })
})

test('a namespace that could not be marked as the lab’s does not stay', async () => {
  using bin = new Folder()
  const ip = run('sh', '-c', 'command -v ip').trim()
  const script = `#!/bin/sh\ncase $* in *alias*) echo none today >&2; exit 2 ;; esac\nexec ${ip} "$@"\n`
  writeFileSync(bin.file('ip'), script, { mode: 0o755 })
  more = { PATH: `${bin.path}:${process.env.PATH}` }
  const { code, stderr } = await given('apply', FILE)
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^uveth: .*alias uveth lab .*: none today\n$/)])
  expect(namespaces()).toEqual([])
})

test('made, left alone, changed in place, and removed', async () => {
  const all = [
    ...['left', 'right'].map((node) => `+ netns ${LAB}-${node}`),
    ...['eth1', 'eth2'].map((name) => `+ link left:${name} right:${name}`),
  ]
  expect(await lines('apply', FILE, '--dry-run')).toEqual(all)
  expect(namespaces()).toEqual([])
  expect(await lines('apply', FILE)).toEqual(all)
  expect(await lines('apply', FILE)).toEqual(['nothing to do'])
  const inside = (...words: string[]) => run('ip', 'netns', 'exec', `${LAB}-left`, ...words)
  expect(inside('ping', '-c1', '10.0.0.2')).toContain('1 received')
  expect(inside('cat', '/sys/class/net/eth1/mtu')).toBe('1400\n')

  const index = inside('cat', '/sys/class/net/eth2/ifindex')
  const other = FILE.replace('1400', '1300').replace(
    '1ms seed 7',
    '2ms seed 7\n      rules: ["drop udp dport 53"]',
  )
  expect(await lines('apply', other)).toEqual([
    ...['left', 'right'].map((node) => `~ ${node}:eth1 mtu 1400 -> 1300`),
    ...['left', 'right'].flatMap((node) => [
      `~ ${node}:eth2 impair delay 1ms seed 7 -> delay 2ms seed 7`,
      `~ ${node}:eth2 rules none -> drop udp dport 53`,
    ]),
  ])
  expect(await lines('apply', other)).toEqual(['nothing to do'])
  // It was never unplugged.
  expect(inside('cat', '/sys/class/net/eth2/ifindex')).toBe(index)
  expect(inside('ping', '-c1', '10.0.0.2')).toContain('1 received')

  inside('ip', 'link', 'set', 'eth1', 'mtu', '1200', 'down')
  expect(await lines('apply', other)).toEqual(['~ left:eth1 mtu 1200 -> 1300, up'])

  const moved = other
    .replace('    right: {}', '    right: {}\n    third:')
    .replace('node: right', 'node: third')
  expect(await lines('apply', moved)).toEqual([
    `+ netns ${LAB}-third`,
    '~ third:eth2 moved to third, address 10.0.0.2/24',
  ])
  expect(inside('ping', '-c1', '10.0.0.2')).toContain('1 received')
  expect(await lines('apply', other)).toEqual([
    '~ right:eth2 moved to right, address 10.0.0.2/24',
    `- netns ${LAB}-third`,
  ])

  const gone = [
    ...['eth1', 'eth2'].map((name) => `- link ${LAB}:left:${name}`),
    ...['left', 'right'].map((node) => `- netns ${LAB}-${node}`),
  ]
  expect(await lines('destroy', FILE, '--dry-run')).toEqual(gone)
  expect(await lines('destroy', FILE)).toEqual(gone)
  expect(await lines('destroy', FILE)).toEqual(['nothing to do'])
  expect(namespaces()).toEqual([])
})

test('namespaces that are there, and the one that the order comes from, stay', async () => {
  using blue = Netns.create('blue')
  const text = `name: ${LAB}
topology:
  nodes: { blue: { netns: ${blue.name} } }
  links: [{ endpoints: ["blue:eth0", "host:lab0"] }]
`
  expect(await lines('apply', text)).toEqual(['+ link blue:eth0 host:lab0'])
  expect(blue.has('eth0')).toBe(true)
  expect(daemon.home.has('lab0')).toBe(true)
  expect(await lines('apply', text)).toEqual(['nothing to do'])
  expect(await lines('destroy', text)).toEqual([`- link ${LAB}:blue:eth0`])
  expect([blue.names(), daemon.home.names()]).toEqual([['lo'], ['lo']])
})

test('the README', async () => {
  const text = readFileSync(`${ROOT}README.md`, 'utf8')
  const file = /<!-- example: apply -->\n```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
  const own = file.replace(/^name: lab$/m, `name: ${LAB}`)
  expect(own).not.toBe(file)
  expect(await lines('apply', own)).toContain('+ link client:eth0 server:eth0')
  expect(run('ip', 'netns', 'exec', `${LAB}-client`, 'ping', '-c1', '10.0.0.2')).toContain('1 received')
  expect(await lines('apply', own)).toEqual(['nothing to do'])
  await lines('destroy', own)
  const { stdout } = await uveth('apply', '--schema')
  expect(JSON.parse(stdout)).toMatchObject({ type: 'object', required: ['name', 'topology'] })
})
