// `uveth monitor` and `uveth stats`: what happens and what was counted, for people and for programs.

import { expect } from 'vitest'
import { commandOf, expectRefusal, well } from '../support/cli.js'
import { TestDaemon } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { Program, uveth as start } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'ping')

function watch(daemon: TestDaemon, ...words: string[]) {
  return start(words, { netns: daemon.home.name, env: { UVETH_SOCKET: daemon.socket } })
}

/** The monitor hears nothing of what was before, and does not say when it begins to hear. */
async function untilHeard(daemon: TestDaemon, monitor: Program): Promise<void> {
  const uveth = commandOf(daemon)
  await uveth('add', 'probe0', 'probe1')
  await until('the monitor to say something', async () => {
    await uveth('link', 'set', 'probe0', 'carrier', 'on')
    await uveth('link', 'set', 'probe0', 'carrier', 'off')
    return monitor.stdout !== ''
  })
  await uveth('link', 'del', 'probe0')
  await monitor.line(/removed/)
}

test('wrong words', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  expectRefusal(await uveth('monitor', 'all'), 255, /monitor takes no "all"/)
  expectRefusal(await uveth('stats', 'a', 'b'), 255, /stats takes one name/)
  expect(await uveth('stats')).toMatchObject(well)
  expect(await uveth('stats', '-j')).toMatchObject({ ...well, stdout: '[]\n' })
})

test('every event is a line', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  await using monitor = watch(daemon, 'monitor')
  await untilHeard(daemon, monitor)
  const uveth = commandOf(daemon)
  await uveth(...'link add veth0 up type veth peer veth1'.split(' '))
  expect(await monitor.line(/added/)).toBe('added veth0: veth0 <-> veth1')
  await uveth('link', 'set', 'veth1', 'up')
  expect(await monitor.line(/carrier/)).toBe('carrier veth0: on')
  daemon.home.ip('link', 'set', 'veth0', 'mtu', '1400')
  expect(await monitor.line(/mtu/)).toBe('state veth0: end a: veth0: mtu 1500 -> 1400')
  daemon.home.ip('link', 'set', 'veth1', 'promisc', 'on')
  expect(await monitor.line(/promisc/)).toBe('state veth0: end b: veth1: promisc off -> on')
  await uveth('link', 'set', 'veth1', 'impair', 'delay', '10ms', 'seed', '5')
  expect(await monitor.line(/impair/)).toBe('changed veth0: veth0 <-> veth1, end b impair delay 10ms seed 5')
  daemon.home.ip('link', 'set', 'veth0', 'down')
  expect(await monitor.line(/up -> down/)).toBe('state veth0: end a: veth0: up -> down')
  expect(await monitor.line(/carrier veth0: off/)).toBe('carrier veth0: off')
  daemon.home.ip('link', 'set', 'veth0', 'name', 'lan0')
  expect(await monitor.line(/renamed/)).toBe('renamed veth0: end a: veth0 is now lan0')
  await uveth('link', 'set', 'veth1', 'netns', blue.name)
  expect(await monitor.line(/moved/)).toBe(`moved veth0: end b: veth1 is now in netns ${blue.name}`)
  blue.ip('link', 'del', 'veth1')
  expect(await monitor.line(/removed/)).toBe('removed veth0: deleted')
  expect(await monitor.stop('SIGINT')).toMatchObject({ code: 0, stderr: '' })
})

test('-j: JSON lines; the end of the daemon ends it', async () => {
  await using daemon = await TestDaemon.start()
  await using monitor = watch(daemon, 'monitor', '-j')
  await untilHeard(daemon, monitor)
  await commandOf(daemon)('add', 'veth0', 'veth1')
  const line = await monitor.line(/"added"/)
  expect(JSON.parse(line)).toMatchObject({ event: 'added', id: 'veth0' })
  await daemon.stop()
  const { code, stderr, stdout } = await monitor.end()
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const each of stdout.trim().split('\n')) expect(JSON.parse(each).event).toMatch(/./)
})

test('-j: what somebody has set, before and after, and when it was', async () => {
  await using daemon = await TestDaemon.start()
  await using monitor = watch(daemon, '-ts', 'monitor', '-j')
  await untilHeard(daemon, monitor)
  await commandOf(daemon)('add', 'veth0', 'veth1')
  daemon.home.ip('link', 'set', 'veth0', 'mtu', '1400')
  const seen = JSON.parse(await monitor.line(/"mtu":1400/))
  const fields = { event: 'state', id: 'veth0', end: 'a', name: 'veth0' }
  const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
  expect(seen).toEqual({ timestamp, ...fields, before: { mtu: 1500 }, after: { mtu: 1400 } })
  await commandOf(daemon)('link', 'set', 'veth1', 'impair', 'loss', '1%', 'seed', '5')
  const ordered = JSON.parse(await monitor.line(/"impair"/))
  expect(ordered).toMatchObject({
    ...{ event: 'changed', before: { b: { impair: null } } },
    change: { b: { impair: { loss: { random: 1 }, seed: 5 } } },
  })
})

test('-t and -ts: when it was', async () => {
  await using daemon = await TestDaemon.start()
  await using short = watch(daemon, 'monitor', '-ts')
  await using long = watch(daemon, 'monitor', '-t')
  await untilHeard(daemon, short)
  await untilHeard(daemon, long)
  await commandOf(daemon)('add', 'veth0', 'veth1')
  expect(await short.line(/added veth0/)).toMatch(
    /^\[\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}\] added veth0: veth0 <-> veth1$/,
  )
  await long.line(/added veth0/)
  expect(long.stdout).toMatch(/^Timestamp: \w{3} \w{3} [ \d]\d [\d:]{8} \d{4} \d{6} usec\nadded veth0: /m)
})

test('a reader that goes away ends it without a word', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  await using shell = new Program(
    ['bash', '-c', `"${process.execPath}" dist/cli/main.js monitor | head -n 1; exit "\${PIPESTATUS[0]}"`],
    {
      netns: daemon.home.name,
      env: { UVETH_SOCKET: daemon.socket },
    },
  )
  await until('the end of the pipe', async () => {
    await uveth('add', 'x0', 'x1')
    await uveth('link', 'del', 'x0')
    return shell.hasEnded
  })
  expect(await shell.end()).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^added x0: [^\n]*\n$/),
  })
})

test('stats count each end from its own point of view', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const uveth = commandOf(daemon)
  await uveth(...`link add veth0 up type veth quiet peer veth1 up netns ${blue.name}`.split(' '))
  daemon.home.ip('addr', 'add', '10.80.0.1/24', 'dev', 'veth0')
  blue.ip('addr', 'add', '10.80.0.2/24', 'dev', 'veth1')
  daemon.home.exec('ping', '-c', '3', '-i', '0.2', '10.80.0.2')
  const [counted] = JSON.parse((await uveth('-j', 'stats', 'veth0')).stdout)
  expect(counted).toMatchObject({
    id: 'veth0',
    a: { ifname: 'veth0', netns: null },
    b: { ifname: 'veth1', netns: blue.name },
  })
  expect(counted.a.tx_packets).toBeGreaterThanOrEqual(3)
  expect(counted.a.tx_packets).toBe(counted.b.rx_packets)
  expect(counted.a.tx_bytes).toBe(counted.b.rx_bytes)
  // No terminal: fields with tabs between them.
  const [header = '', a = '', b = '', rest] = (await uveth('stats')).stdout.split('\n')
  expect(header).toBe('end\trx_packets\trx_bytes\trx_dropped\ttx_packets\ttx_bytes\ttx_dropped\tdrops')
  expect([a.split('\t')[0], b.split('\t')[0], rest]).toEqual(['veth0', `veth1@${blue.name}`, ''])
  expect(a.split('\t')[4]).toBe(b.split('\t')[1])
  // And the same numbers as `ip -s` has, through link show.
  const [shown] = JSON.parse((await uveth('-j', '-s', 'link', 'show', 'veth0')).stdout)
  const { stats64 } = daemon.home.link('veth0')
  expect(shown.stats64.rx.packets).toBe(stats64.rx.packets)
  expect(shown.stats64.tx.bytes).toBe(stats64.tx.bytes)
})
