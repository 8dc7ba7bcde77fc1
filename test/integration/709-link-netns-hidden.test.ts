// The process id of a namespace where the daemon may not look into that process (it has more capabilities, and the
// daemon no CAP_SYS_PTRACE): the kernel takes it all the same, so `netns PID` succeeds where ip's does.

import { readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { expectRefusal, well } from '../support/cli.js'
import { ask, COMMAND, Folder, inside } from '../support/daemon.js'
import { Netns, run, until } from '../support/netns.js'
import { type AnyMessages, type Outcome, Program, uvethOnce } from '../support/program.js'
import { shell, shimEnvironment } from '../support/shim.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'setpriv', 'sys-ptrace')

class Restricted implements AsyncDisposable {
  readonly folder = new Folder()
  readonly home = Netns.create('home')
  readonly blue = Netns.create('blue')
  /** A process in blue that has every capability. */
  readonly pid: number
  readonly socket = this.folder.file('control.sock')
  readonly capabilities: string[]
  readonly program: Program<AnyMessages>

  private constructor(...capabilities: string[]) {
    this.capabilities = ['setpriv', `--bounding-set=${['-all', ...capabilities].join(',')}`]
    this.pid = this.blue.spawn('sleep', ['3600']).pid as number
    const command = [process.execPath, COMMAND, 'daemon', '--socket', this.socket]
    this.program = new Program(command, { prefix: [...inside(this.home), ...this.capabilities] })
  }

  static async start(...capabilities: string[]): Promise<Restricted> {
    const daemon = new Restricted(...capabilities)
    await until('it listens', () => ask(daemon.socket, 'GET', '/v1/version').catch(() => undefined))
    const target = () => run('readlink', `/proc/${daemon.pid}/ns/net`).trim()
    await until('blue is entered', () => target() === `net:[${daemon.blue.inode}]`)
    return daemon
  }

  /** The command, as restricted as the daemon. */
  uveth = async (...words: string[]): Promise<Outcome> =>
    await uvethOnce(words, {
      prefix: [...inside(this.home), ...this.capabilities],
      env: { UVETH_SOCKET: this.socket },
    })

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
    for (const one of [this.blue, this.home, this.folder]) one[Symbol.dispose]()
  }
}

const names = (netns: Netns) =>
  netns
    .links()
    .map(({ ifname }) => ifname)
    .sort()

describe.each([
  ['CAP_NET_ADMIN and CAP_SYS_ADMIN', ['+net_admin', '+sys_admin']],
  ['CAP_NET_ADMIN alone', ['+net_admin']],
])('with %s', (_, capabilities) => {
  test('it may not look into the process', async () => {
    await using daemon = await Restricted.start(...capabilities)
    const path = `/proc/${daemon.pid}/ns/net`
    const { stderr } = await daemon.uveth('link', 'add', 'a0', 'netns', path, 'type', 'veth')
    expect(stderr).toMatch(/^uveth: EACCES: .*CAP_SYS_PTRACE/)
  })

  test('an end is made there, is moved there, and is known by where it is', async () => {
    await using daemon = await Restricted.start(...capabilities)
    const { uveth, home, blue } = daemon
    const pid = String(daemon.pid)
    expect(await uveth('link', 'add', 'a0', 'netns', pid, 'type', 'veth', 'peer', 'b0')).toEqual(
      expect.objectContaining(well),
    )
    expect([names(home), names(blue)]).toEqual([
      ['b0', 'lo'],
      ['a0', 'lo'],
    ])
    expect(await uveth('link', 'set', 'b0', 'netns', pid, 'name', 'c%d')).toMatchObject(well)
    expect([names(home), names(blue)]).toEqual([['lo'], ['a0', 'c0', 'lo']])
    const [{ a, b }] = (await ask(daemon.socket, 'GET', '/v1/pairs')).json
    expect([a.netns, a.netnsInode, b.name]).toEqual([blue.name, blue.inode, 'c0'])
    expect(await uveth('link', 'del', 'id:a0')).toMatchObject(well)
    expect(names(blue)).toEqual(['lo'])
  })

  test('a name and an index are judged there; what is refused leaves nothing', async () => {
    await using daemon = await Restricted.start(...capabilities)
    const { uveth, home, blue } = daemon
    const add = async (name: string, ...words: string[]) =>
      await uveth('link', 'add', name, 'netns', String(daemon.pid), ...words, 'type', 'veth', 'peer', 'p%d')
    expect(await add('a0', 'index', '77')).toMatchObject(well)
    expect(blue.link('a0').ifindex).toBe(77)
    expectRefusal(await add('a0'), 2, /EEXIST: .*'a0'/)
    expectRefusal(await add('a1', 'index', '77'), 2, /EEXIST: .*'ifindex 77'/)
    expect(await uveth('link', 'add', 'h0', 'type', 'veth', 'peer', 'a0')).toMatchObject(well)
    expectRefusal(await uveth('link', 'set', 'a0', 'netns', String(daemon.pid)), 2, /EEXIST/)
    expect(await add('a%d')).toMatchObject(well)
    expect(names(blue)).toEqual(['a0', 'a1', 'lo'])
    expect(names(home)).toEqual(['a0', 'h0', 'lo', 'p0', 'p1'])
  })

  test('a process that stands at home', async () => {
    await using daemon = await Restricted.start(...capabilities)
    const { uveth, home } = daemon
    const inside = String(home.spawn('sleep', ['3600']).pid)
    await until('home is entered', () =>
      run('readlink', `/proc/${inside}/ns/net`).includes(String(home.inode)),
    )
    const words = ['link', 'add', 'a0', 'netns', inside, 'index', '78', 'type', 'veth', 'peer', 'b0']
    expect(await uveth(...words)).toMatchObject(well)
    expect(home.link('a0').ifindex).toBe(78)
    expect(await uveth('link', 'set', 'b0', 'netns', inside)).toMatchObject(well)
    expectRefusal(
      await uveth('link', 'add', 'c0', 'netns', inside, 'index', '78', 'type', 'veth'),
      2,
      /EEXIST/,
    )
    expectRefusal(await uveth('link', 'add', 'b0', 'netns', inside, 'type', 'veth'), 2, /EEXIST/)
    expect(names(home)).toEqual(['a0', 'b0', 'lo'])
  })

  test('a process that is not there is none', async () => {
    await using daemon = await Restricted.start(...capabilities)
    const gone = String(Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) + 1)
    expectRefusal(
      await daemon.uveth('link', 'add', 'a0', 'netns', gone, 'type', 'veth'),
      2,
      /no such process/,
    )
    expect(names(daemon.home)).toEqual(['lo'])
  })

  test("the shim's forms", async () => {
    await using daemon = await Restricted.start(...capabilities)
    const prefix = [...inside(daemon.home), ...daemon.capabilities]
    const sh = shell({ prefix, env: shimEnvironment(daemon.socket) })
    const script = `ip link add a0 type veth peer name a1 netns $1 && ip link set a0 netns $1 &&
      ip link add b0 netns $1 type veth peer name b1`
    expect(await sh(script, String(daemon.pid))).toMatchObject(well)
    expect(names(daemon.blue)).toEqual(['a0', 'a1', 'b0', 'lo'])
  })
})

test('what takes entering the namespace is done with CAP_SYS_ADMIN, and without it is refused with that word', async () => {
  const words = ['type', 'veth', 'peer', 'b0']
  {
    await using daemon = await Restricted.start('+net_admin', '+sys_admin')
    const { uveth, pid, blue } = daemon
    expect(await uveth('link', 'add', 'a0', 'netns', String(pid), 'up', ...words)).toMatchObject(well)
    expect(await uveth('link', 'set', 'b0', 'netns', String(pid), 'up', 'mtu', '1400')).toMatchObject(well)
    await until('both are up', () => blue.link('a0').operstate === 'UP' && blue.link('b0').operstate === 'UP')
    expect(blue.link('b0').mtu).toBe(1400)
  }
  await using daemon = await Restricted.start('+net_admin')
  const up = await daemon.uveth('link', 'add', 'a0', 'netns', String(daemon.pid), 'up', ...words)
  expectRefusal(up, 2, /EPERM: .*CAP_SYS_ADMIN/)
  expect([names(daemon.home), names(daemon.blue)]).toEqual([['lo'], ['lo']])
})
