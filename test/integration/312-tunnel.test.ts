// An end that is a VXLAN tunnel to another host: `type veth peer vxlan id N remote ADDR`. Hosts are network namespaces with
// the kernel's veth between them; the other side is the kernel's own vxlan device, or another uveth.

import { existsSync, readFileSync, statSync } from 'node:fs'
import { expect, vi } from 'vitest'
import { expectRefusal, well } from '../support/cli.js'
import { ask, inside, launchDaemon, type TestDaemon } from '../support/daemon.js'
import { iperf3 } from '../support/iperf.js'
import { Netns, until } from '../support/netns.js'
import { packetsOf } from '../support/pcapng.js'
import { pings } from '../support/ping.js'
import { launch, uveth as start } from '../support/program.js'
import { pidOf, replace } from '../support/replace.js'
import { needs } from '../support/skip.js'
import { addressed, hosts, kernelTunnel } from '../support/tunnels.js'

const test = needs('root', 'tun', 'netns', 'ip', 'veth')
const kernels = needs('root', 'tun', 'netns', 'ip', 'veth', 'vxlan', 'ping', 'iperf3', 'nsenter')
const pinged = needs('root', 'tun', 'netns', 'ip', 'veth', 'ping')

const endB = async (daemon: TestDaemon) => (await daemon.ask('GET', '/v1/pairs/id:x0/stats')).json.b

test('misuse: one sentence, and nothing is made', async () => {
  const { uveth, daemon, near } = await hosts()
  const vxlan = { id: 42, remote: '10.9.0.2' }
  for (const [wish, attribute, sentence] of [
    [{ b: { vxlan: { id: 42 } } }, 'b.vxlan.remote', /b.vxlan.remote is missing/],
    [
      { b: { vxlan: { ...vxlan, id: 2 ** 24 } } },
      'b.vxlan.id',
      /a whole number from 0 to 16777215, not 16777216/,
    ],
    [
      { b: { vxlan: { ...vxlan, remote: 'example.org' } } },
      'b.vxlan.remote',
      /must be an IP address of a host/,
    ],
    [
      { b: { vxlan: { ...vxlan, remote: '239.1.1.1' } } },
      'b.vxlan.remote',
      /must be an IP address of a host/,
    ],
    [{ b: { vxlan: { ...vxlan, remote: 'fe80::1' } } }, 'b.vxlan.remote', /must be an IP address of a host/],
    [
      { b: { vxlan: { ...vxlan, local: '::1' } } },
      'b.vxlan.local',
      /local and remote must be addresses of one family/,
    ],
    [{ b: { vxlan: { ...vxlan, port: 0 } } }, 'b.vxlan.port', /a whole number from 1 to 65535/],
    [
      { b: { vxlan, name: 'x1' } },
      'b.name',
      /b.name is an interface's: a tunnel has none, and takes vxlan, impair, schedule, rules/,
    ],
    [{ b: { vxlan, netns: null } }, 'b.netns', /b.netns is an interface's/],
    [{ b: { vxlan }, queues: 2 }, 'queues', /a pair with a tunnel has one queue/],
    [{ a: { vxlan } }, 'a.vxlan', /unknown attribute a.vxlan/],
    [{ b: { vxlan: { ...vxlan, local: '10.9.0.77' } } }, 'b.vxlan.local', /local is no address of this host/],
  ] as const) {
    const { json } = await daemon.ask('POST', '/v1/pairs', wish)
    expect(json).toMatchObject({ attribute, detail: expect.stringMatching(sentence) })
  }
  expect(daemon.home.names()).toEqual(['lo', 'o0'])
  const words = `link add x0 netns ${near.name} type veth peer vxlan id 42 remote 10.9.0.2`.split(' ')
  expectRefusal(
    await uveth(...words, 'dstport', '70000'),
    2,
    /peer vxlan dstport must be a whole number from 1/,
  )
  expect(near.names()).toEqual(['lo'])
  expect(await uveth(...words)).toMatchObject(well)
  // Nor does anybody get the port who would share it.
  await using program = launch(
    ({ dgram, say }) => {
      const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true })
      socket.on('error', ({ code }: NodeJS.ErrnoException) => say({ event: 'bound', code }))
      socket.bind(4789, () => say({ event: 'bound', code: 'well' }))
    },
    null,
    { prefix: inside(daemon.home) },
  )
  expect((await program.next('bound')).code).toBe('EADDRINUSE')
  const again = await daemon.ask('POST', '/v1/pairs', { b: { vxlan: { ...vxlan, id: 43 } } })
  expect(again.json.detail).toMatch(/EADDRINUSE: .*another pair has a tunnel to that host by that port/)
  const nowhere = await daemon.ask('POST', '/v1/pairs', { b: { vxlan: { id: 43, remote: '203.0.113.7' } } })
  expect(nowhere.json.detail).toMatch(/ENETUNREACH: .*whose port another one has, too, takes a route to its/)
  expectRefusal(
    await uveth('link', 'set', 'vxlan42:10.9.0.2', 'mtu', '1400'),
    1,
    /is a tunnel, no interface: it has no mtu/,
  )
  for (const change of [{ up: false }, { name: 'y' }, { netns: near.name }, { address: '02:00:00:00:00:01' }])
    expect((await daemon.ask('PATCH', '/v1/ends/vxlan42:10.9.0.2', change)).json.code).toBe('EOPNOTSUPP')
})

kernels('with the kernel’s vxlan: ARP, IPv6, TCP both ways, over IPv4 and over IPv6', async () => {
  const { daemon, other, near, uveth } = await hosts()
  for (const family of ['10.9.0.', 'fd09::']) {
    const peer = ['peer', 'vxlan', 'id', '42', 'remote', `${family}2`, 'local', `${family}1`]
    expect(await uveth('link', 'add', 'x0', 'netns', near.name, 'type', 'veth', ...peer)).toMatchObject(well)
    kernelTunnel(other, `${family}1`)
    addressed(near, 'x0', 1)
    expect([pings(near, '10.42.0.2'), pings(near, 'fd42::2'), pings(other, '10.42.0.1')]).toEqual([
      true,
      true,
      true,
    ])
    for (const more of family === 'fd09::' ? [] : [[], ['-R']]) {
      const { end } = await iperf3(near, other, '10.42.0.2', '-t', '1', ...more)
      expect(end.sum_received.bytes).toBeGreaterThan(1e6)
    }
    const { drops, tx_packets, rx_packets } = await endB(daemon)
    expect(drops).toMatchObject({ foreign: 0, malformed: 0, vni: 0, mtu: 0, error: 0 })
    expect(Math.min(tx_packets, rx_packets)).toBeGreaterThan(5)
    expect(await uveth('link', 'del', 'x0')).toMatchObject(well)
    other.ip('link', 'del', 'vx0')
  }
})

kernels('where the kernel neither cuts nor joins datagrams: one by one', async () => {
  vi.stubEnv('UVETH_FALLBACK', 'udp-segment,udp-gro')
  const { daemon, other, near, uveth } = await hosts().finally(() => vi.unstubAllEnvs())
  expect(readFileSync(`/proc/${await pidOf(daemon)}/environ`, 'utf8')).toContain('=udp-segment,udp-gro\0')
  expect(
    await uveth(...`link add x0 netns ${near.name} type veth peer vxlan id 42 remote 10.9.0.2`.split(' ')),
  ).toMatchObject(well)
  kernelTunnel(other, '10.9.0.1')
  addressed(near, 'x0', 1)
  for (const more of [[], ['-R']]) {
    const { end } = await iperf3(near, other, '10.42.0.2', '-n', '2M', ...more)
    // A client that receives (-R) ends when all is sent, and has not read all by then.
    expect(end.sum_sent.bytes).toBeGreaterThanOrEqual(2e6)
    expect(end.sum_received.bytes).toBeGreaterThan(1e5)
  }
  expect((await endB(daemon)).drops).toMatchObject({ foreign: 0, malformed: 0, vni: 0, mtu: 0 })
})

kernels('1,500 bytes inside over 1,500 outside: fragments, as the kernel sends them', async () => {
  const { other, near, uveth } = await hosts()
  expect(
    await uveth(...`link add x0 netns ${near.name} type veth peer vxlan id 42 remote 10.9.0.2`.split(' ')),
  ).toMatchObject(well)
  kernelTunnel(other, '10.9.0.1')
  addressed(near, 'x0', 1)
  const long = (from: Netns, to: string) => from.exec('ping', '-c', '2', '-i', '0.1', '-s', '1472', to)
  const fragments = () => counter(other, 'ReasmOKs')
  const before = fragments()
  expect(long(near, '10.42.0.2')).toMatch(/2 received/)
  expect(long(other, '10.42.0.1')).toMatch(/2 received/)
  expect(fragments()).toBeGreaterThanOrEqual(before + 2)
})

kernels('a capture has the frames inside, those of streams cut and with their checksums', async () => {
  const { daemon, other, near, uveth } = await hosts()
  const words = `link add x0 netns ${near.name} type veth peer vxlan id 42 remote 10.9.0.2`
  expect(await uveth(...words.split(' '))).toMatchObject(well)
  kernelTunnel(other, '10.9.0.1')
  addressed(near, 'x0', 1)
  const path = daemon.folder.file('inside.pcapng')
  const env = { UVETH_SOCKET: daemon.socket }
  await using capture = start(['capture', 'vxlan42:10.9.0.2', '-w', path, 'tcp'], {
    netns: daemon.home.name,
    env,
  })
  await until('the file to begin', () => {
    if (capture.hasEnded) throw new Error(capture.stderr)
    return existsSync(path) && statSync(path).size > 0
  })
  for (const more of [[], ['-R']]) await iperf3(near, other, '10.42.0.2', '-n', '200K', ...more)
  await capture.stop('SIGTERM')
  const packets = packetsOf(readFileSync(path))
  for (const end of ['x0', 'vxlan42:10.9.0.2']) {
    const lengths = packets.filter(({ on }) => on === end).map(({ original }) => original)
    expect(Math.max(...lengths)).toBe(1514)
  }
  expect(packets.filter(({ frame }) => !isSound(frame))).toEqual([])
})

/** TCP over IPv4: the sum over addresses, protocol, length and segment is all ones. */
function isSound(frame: Buffer): boolean {
  const length = frame.readUInt16BE(16) - 20
  const summed = Buffer.concat([frame.subarray(26, 34 + length), Buffer.alloc(1)])
  let sum = 6 + length
  for (let at = 0; at < 8 + length; at += 2) sum += summed.readUInt16BE(at)
  return sum % 0xffff === 0
}

/** One of IPv4's. */
function counter(netns: Netns, name: string): number {
  const lines = netns.exec('cat', '/proc/net/snmp').split('\n')
  const [names = [], counts = []] = lines
    .filter((line) => line.startsWith('Ip:'))
    .map((line) => line.split(' '))
  return Number(counts[names.indexOf(name)])
}

test('what is no frame of the tunnel is dropped by its cause, and nobody is answered', async () => {
  const { daemon, other, near, uveth } = await hosts()
  expect(
    await uveth(...`link add x0 netns ${near.name} up type veth peer vxlan id 42 remote 10.9.0.2`.split(' ')),
  ).toMatchObject(well)
  other.ip('addr', 'add', '10.9.0.3/24', 'dev', 'o1')
  const send = async (from: string, ...datagrams: string[]) => {
    await using program = launch(
      async ({ dgram, say }, { from, datagrams }: { from: string; datagrams: string[] }) => {
        const socket = dgram.createSocket('udp4')
        await new Promise<void>((bound) => socket.bind(0, from, bound))
        for (const datagram of datagrams)
          await new Promise((sent) => socket.send(Buffer.from(datagram, 'hex'), 4789, '10.9.0.1', sent))
        socket.close()
        say({ event: 'sent' })
      },
      { from, datagrams },
      { prefix: inside(other) },
    )
    await program.next('sent')
  }
  const frame = `ffffffffffff02000000000188b5${'00'.repeat(46)}`
  await send(
    '10.9.0.2',
    `0800000000002a00${frame}`,
    `0800000000002b00${frame}`,
    `0000000000002a00${frame}`,
    '0800',
    '',
  )
  await send('10.9.0.3', `0800000000002a00${frame}`)
  const drops = { vni: 1, malformed: 3, foreign: 1 }
  await until('all are counted', async () => (await endB(daemon)).drops.foreign === 1)
  const counts = await endB(daemon)
  expect(counts).toMatchObject({ tx_packets: 1, tx_bytes: 60, tx_dropped: 5, drops })
  expect((await uveth('-s', 'link', 'show', 'vxlan42:10.9.0.2')).stdout).toMatch(
    /drops foreign 1 malformed 3 vni 1/,
  )
})

pinged(
  'two uveths, two tunnels by one port, with all that a pair has; through a hand-over and a restart',
  async () => {
    const { daemon, other, near, uveth } = await hosts('--state', 'FOLDER/state.json')
    other.ip('addr', 'add', '10.9.0.3/24', 'dev', 'o1')
    const socket = daemon.folder.file('far.sock')
    await using far = launchDaemon(other, socket, '--log', 'warn')
    await until('the other daemon', () => ask(socket, 'GET', '/v1/version').catch(() => undefined))
    await using beyond = Netns.create('beyond')
    const there = (host: number) => ({
      a: { name: `y${host}`, netns: beyond.name, up: true },
      b: { vxlan: { id: 42, remote: '10.9.0.1', local: `10.9.0.${host}` } },
    })
    for (const host of [2, 3]) {
      const wish = { id: `x${host}`, a: { name: `x${host}`, netns: near.name, up: true } }
      const vxlan = { id: 42, remote: `10.9.0.${host}` }
      expect((await daemon.ask('POST', '/v1/pairs', { ...wish, b: { vxlan } })).status).toBe(201)
      // There both come from one host: a tunnel to each host is one by a port.
      expect((await ask(socket, 'POST', '/v1/pairs', there(host))).status).toBe(host === 2 ? 201 : 422)
    }
    near.ip('addr', 'add', '10.42.0.1/24', 'dev', 'x2')
    beyond.ip('addr', 'add', '10.42.0.2/24', 'dev', 'y2')
    expect(pings(near, '10.42.0.2')).toBe(true)
    // What comes out of a tunnel is what its end sends.
    expect(await uveth('link', 'set', 'vxlan42:10.9.0.2', 'rule', 'add', 'drop', 'icmp')).toMatchObject(well)
    expect(pings(near, '10.42.0.2')).toBe(false)
    expect(await uveth('link', 'set', 'vxlan42:10.9.0.2', 'rule', 'flush')).toMatchObject(well)
    expect(await uveth('link', 'set', 'vxlan42:10.9.0.2', 'impair', 'delay', '30ms')).toMatchObject(well)
    await replace(daemon)
    expect(near.exec('ping', '-c', '2', '-i', '0.1', '10.42.0.2')).toMatch(
      /2 received.*min\/avg\/max\/mdev = [3-9]\d/s,
    )
    expect((await uveth('link', 'set', 'x2', 'carrier', 'off')).code).toBe(0)
    expect(pings(near, '10.42.0.2')).toBe(false)
    expect((await uveth('link', 'set', 'x2', 'carrier', 'auto')).code).toBe(0)
    expect(pings(near, '10.42.0.2')).toBe(true)
    process.kill(await pidOf(daemon), 'SIGKILL')
    await until('its ends to be gone', () => !near.has('x2'))
    await daemon.restart()
    await until('the pair again', () => near.has('x2'))
    expect((await uveth('link', 'show', 'vxlan42:10.9.0.2')).stdout).toMatch(
      /vxlan id 42 remote 10.9.0.2 dstport 4789/,
    )
    expect(pings(near, '10.42.0.2')).toBe(true)
    expect(await uveth('link', 'del', 'vxlan42:10.9.0.2')).toMatchObject(well)
    expect(near.has('x2')).toBe(false)
    await far.stop('SIGTERM')
  },
)
