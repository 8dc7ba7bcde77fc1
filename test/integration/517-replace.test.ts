// `uveth daemon --replace`: another process takes the cables over while they are in use. Interfaces, addresses, routes and
// connections stay, nothing is lost or reordered, and whichever process dies on the way, one of them goes on.

import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { ask, COMMAND, inside, TestDaemon } from '../support/daemon.js'
import { Netns, run, until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { PacketSocket } from '../support/packet.js'
import { packetsOf } from '../support/pcapng.js'
import { type AnyMessages, Program } from '../support/program.js'
import { type Random, seeded } from '../support/random.js'
import { lay, pauses, pidOf, replace, replacing, seen, start, stop } from '../support/replace.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'iperf3', 'ping')

/** How often; UVETH_TEST_HANDOVERS, UVETH_TEST_KILLS and UVETH_TEST_PAIRS say otherwise. */
const TIMES = Number(process.env.UVETH_TEST_HANDOVERS ?? 5)
const KILLS = Number(process.env.UVETH_TEST_KILLS ?? 3)
const PAIRS = Number(process.env.UVETH_TEST_PAIRS ?? 20)
/** ms after its start within which a process is killed: the hand-over is over by then. */
const LONGEST = 1200

/** ms. */
const LIMIT = patient(90_000 + 10_000 * Math.max(TIMES, KILLS))

const statsOf = async (daemon: TestDaemon) => (await daemon.ask('GET', '/v1/pairs/id:cable/stats')).json

test(`${TIMES} times in a row, under a TCP stream and pings: none is lost, and all is as it was`, {
  timeout: LIMIT,
}, async () => {
  using far = Netns.create('far')
  const daemon = await start('--log', 'warn')
  await lay(daemon, far)
  const before = seen(daemon)
  await using server = new Program<AnyMessages>(['iperf3', '-s', '-1'], { prefix: inside(far) })
  await sleep(300)
  const seconds = String(2 * TIMES + 2)
  await using stream = new Program<AnyMessages>(
    ['iperf3', '-c', '10.9.0.2', '-t', seconds, '-b', '200M', '-J'],
    { prefix: inside(daemon.home) },
  )
  // Few and small: what waits for a busy receiver has room in its socket. They are numbered.
  const udp = ['-p', '5202']
  await using counter = new Program<AnyMessages>(['iperf3', '-s', '-1', ...udp], { prefix: inside(far) })
  await sleep(300)
  const numbered = ['iperf3', '-c', '10.9.0.2', ...udp, '-u', '-l', '100', '-b', '160k', '-t', seconds, '-J']
  await using datagrams = new Program<AnyMessages>(numbered, { prefix: inside(daemon.home) })
  const ping = ['ping', '-D', '-i', '0.01', '-c', String(200 * TIMES), '10.9.0.2']
  await using pings = new Program<AnyMessages>(ping, { prefix: inside(daemon.home) })
  const pids = [await pidOf(daemon)]
  for (let time = 0; time < TIMES; time++) pids.push(await replace(daemon))
  expect(new Set(pids).size).toBe(TIMES + 1)
  const { stdout } = await pings.ended
  expect(stdout).toMatch(/ 0% packet loss/)
  const times = [...stdout.matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms))
  const longest = (all: number[]) => all.sort((one, other) => other - one).slice(0, 2 * TIMES)
  if (process.env.UVETH_TEST_HANDOVERS !== undefined)
    console.log(`longest round trips ${longest(times).join(' ')}; pauses ${longest(pauses).join(' ')} ms`)
  const { code } = await stream.ended
  await server.ended
  expect(code).toBe(0)
  const counted = JSON.parse((await datagrams.ended).stdout).end.streams[0].udp
  await counter.ended
  expect(counted.packets).toBeGreaterThan(200 * TIMES)
  expect(counted).toMatchObject({ lost_packets: 0, out_of_order: 0 })
  expect(seen(daemon)).toEqual(before)
  const { a, b } = await statsOf(daemon)
  expect([a.tx_packets, a.tx_dropped, b.tx_packets, b.tx_dropped]).toEqual([b.rx_packets, 0, a.rx_packets, 0])
})

test('impairments, rules with their counts, what is held and the numbers of frames go on', async () => {
  using far = Netns.create('far')
  const daemon = await start('--log', 'warn')
  await lay(daemon, far, { impair: { delay: '400ms', seed: 7 } })
  const rule = { action: { kind: 'drop' }, match: { icmp: {}, nth: 5 } }
  expect((await daemon.ask('POST', '/v1/ends/x0/rules', rule)).status).toBe(201)
  const ping = ['ping', '-i', '0.1', '-c', '10', '-W', '5', '10.9.0.2']
  await using pings = new Program<AnyMessages>(ping, { prefix: inside(daemon.home) })
  await until('frames to be held', async () => (await statsOf(daemon)).a.inspected.held > 1)
  await replace(daemon)
  expect((await pings.ended).stdout).toMatch(/10 packets transmitted, 9 received/)
  expect((await daemon.ask('GET', '/v1/ends/x0/rules')).json).toMatchObject([{ id: 1, matched: 10, hits: 1 }])
  expect((await statsOf(daemon)).a.inspected.delayed).toBeGreaterThan(8)
  expect((await daemon.ask('POST', '/v1/ends/x0/rules', rule)).json).toMatchObject({ id: 2 })
})

test('carrier that is pulled stays so, and what others do to ends meanwhile is followed', async () => {
  using far = Netns.create('far')
  const daemon = await start('--log', 'warn')
  await lay(daemon, far)
  for (const id of ['gone', 'renamed', 'moved'])
    await daemon.ask('POST', '/v1/pairs', { id, a: { name: `${id}0` }, b: { name: `${id}1` } })
  await daemon.ask('PATCH', '/v1/pairs/id:cable', { carrier: 'off' })
  const program = replacing(daemon)
  run('ip', '-n', daemon.home.name, 'link', 'del', 'gone0')
  run('ip', '-n', daemon.home.name, 'link', 'set', 'renamed0', 'name', 'other')
  run('ip', '-n', daemon.home.name, 'link', 'set', 'moved0', 'netns', far.name)
  expect((await program.ended).code).toBe(0)
  await until('the pairs as they are', async () => {
    const pairs = (await daemon.ask('GET', '/v1/pairs').catch(() => ({ json: [] }))).json as { id: string }[]
    return (
      pairs
        .map(({ id }) => id)
        .sort()
        .join() === 'cable,moved,renamed'
    )
  })
  await until('its name', async () => (await daemon.ask('GET', '/v1/ends/other')).status === 200)
  const placeOf = async () => (await daemon.ask('GET', '/v1/pairs/id:moved')).json.a.netns
  await until('its place', async () => (await placeOf()) === far.name)
  expect((await daemon.ask('GET', '/v1/pairs/id:cable')).json.carrier).toBe(false)
  await daemon.ask('PATCH', '/v1/pairs/id:cable', { carrier: 'auto' })
  expect((await daemon.ask('GET', '/v1/pairs/id:cable')).json.carrier).toBe(true)
})

test('orders that come meanwhile are carried out, by whichever has it; listeners are told, and go on', async () => {
  using far = Netns.create('far')
  const daemon = await start('--log', 'warn', '--state', 'FOLDER/state.json')
  await lay(daemon, far)
  const words = ['-json', '--socket', daemon.socket, 'monitor']
  await using monitor = new Program<AnyMessages>([process.execPath, COMMAND, ...words], {
    prefix: inside(daemon.home),
  })
  const path = daemon.folder.file('x.pcapng')
  const recording = [process.execPath, COMMAND, '--socket', daemon.socket, 'capture', 'x0', '-w', path]
  await using capture = new Program<AnyMessages>(recording, { prefix: inside(daemon.home) })
  await until('the capture', () => existsSync(path))
  run('ip', 'netns', 'exec', daemon.home.name, 'ping', '-c', '3', '-i', '0.05', '10.9.0.2')
  const program = replacing(daemon)
  let failed = 0
  for (let mtu = 1000; !program.hasEnded; mtu++) {
    const set = ['--socket', daemon.socket, 'link', 'set', 'x0', 'mtu', String(mtu)]
    const { code } = await new Program([process.execPath, COMMAND, ...set], { prefix: inside(daemon.home) })
      .ended
    if (code !== 0) failed++
  }
  expect((await program.ended).code).toBe(0)
  expect(failed).toBe(0)
  const { code, stderr } = await capture.ended
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/^uveth: another process took the place of the daemon/),
  ])
  const echoes = packetsOf(readFileSync(path)).filter(({ frame }) => frame[12] === 8 && frame[13] === 0)
  expect(echoes.length).toBeGreaterThanOrEqual(6)
  await until('the monitor to be told', () => monitor.stdout.includes('"event":"replaced"'))
  const heard = async () => {
    await daemon.ask('PATCH', '/v1/pairs/id:cable', { carrier: 'off' })
    await daemon.ask('PATCH', '/v1/pairs/id:cable', { carrier: 'auto' })
    return monitor.stdout.split('"event":"replaced"')[1]?.includes('"event":"carrier"') === true
  }
  await until('it to hear the new one', heard)
})

test(`${PAIRS} pairs at once: every interface is the one that it was`, {
  timeout: LIMIT + patient(300 * PAIRS),
}, async () => {
  const daemon = await start('--log', 'warn')
  for (let number = 0; number < PAIRS; number++) {
    const wish = {
      id: `p${number}`,
      a: { name: `a${number}`, up: true },
      b: { name: `b${number}`, up: true },
    }
    expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
  }
  const links = () =>
    daemon.home
      .links()
      .map(({ ifname, ifindex, address, flags }) => [ifname, ifindex, address, flags.includes('LOWER_UP')])
  const before = links()
  expect(before).toHaveLength(2 * PAIRS + 1)
  await replace(daemon)
  expect(links()).toEqual(before)
  expect((await daemon.ask('GET', '/v1/pairs')).json).toHaveLength(PAIRS)
  for (const number of [0, PAIRS - 1]) {
    using near = PacketSocket.open(daemon.home, `a${number}`)
    using far = PacketSocket.open(daemon.home, `b${number}`)
    const frame = Buffer.from(`02000000000102000000000288b5${'00'.repeat(50)}`, 'hex')
    near.send(frame)
    expect(await far.receiveWhere((given) => frame.equals(given))).toBeDefined()
  }
  if (process.env.UVETH_TEST_PAIRS !== undefined) console.log(`${PAIRS} pairs: pause ${pauses.at(-1)} ms`)
})

test('what cannot take over is told why in a sentence, and nothing has changed', async () => {
  using far = Netns.create('far')
  const daemon = await start('--log', 'warn')
  await lay(daemon, far)
  const pid = await pidOf(daemon)
  const refused = async (command: string[], prefix: string[], env = {}) => {
    const { code, stderr } = await new Program(command, { prefix, env }).ended
    expect(code).not.toBe(0)
    return stderr
  }
  const command = [process.execPath, COMMAND, 'daemon', '--replace', '--socket', daemon.socket]
  expect(await refused(command, inside(far))).toMatch(
    /^uveth: EPERM: the daemon stands in another network namespace/,
  )
  expect(await refused(command, inside(daemon.home), { NOTIFY_SOCKET: '/run/x' })).toMatch(/systemctl reload/)
  const state = [...command, '--state', `${daemon.folder.path}/other.json`]
  expect(await refused(state, inside(daemon.home))).toMatch(
    /^uveth: EINVAL: .* keeps the file of the one before/,
  )
  const older = { format: 0.5, version: '0.0.1', netns: 1, channel: '/x' }
  expect((await ask(daemon.socket, 'POST', '/v1/handover', older)).status).toBe(422)
  expect(await pidOf(daemon)).toBe(pid)
  run('ip', 'netns', 'exec', daemon.home.name, 'ping', '-c', '1', '-W', '5', '10.9.0.2')
})

test(`killed at ${KILLS} random moments, the new one leaves the old one as it was`, {
  timeout: LIMIT,
}, async () => {
  const random = seeded()
  for (let kills = 0; kills < KILLS; ) kills += await killSuccessors(random, KILLS - kills)
})

/** Until one was killed that was the daemon already: how many were not, of `most`. */
async function killSuccessors(random: Random, most: number): Promise<number> {
  using far = Netns.create('far')
  await using daemon = await TestDaemon.start('--log', 'warn')
  await lay(daemon, far)
  const before = seen(daemon)
  const ping = ['ping', '-i', '0.02', '-c', '100000', '10.9.0.2']
  await using pings = new Program<AnyMessages>(ping, { prefix: inside(daemon.home) })
  try {
    for (let kills = 0; kills < most; kills++) {
      const program = replacing(daemon)
      await until('the successor', () => program.hasEnded || childOf(program.pid) !== undefined)
      await sleep(random.below(LONGEST))
      const child = childOf(program.pid)
      if (child !== undefined) process.kill(child, 'SIGKILL')
      const { code } = await program.ended
      if (code === 0 && child !== undefined) return kills
      const answers = async () =>
        (await daemon.ask('GET', '/v1/pairs/id:cable').catch(() => undefined))?.status
      await until('an answer', async () => (await answers()) === 200)
      expect(seen(daemon)).toEqual(before)
    }
    const { stdout } = await pings.stop('SIGINT')
    expect(stdout).toMatch(/ 0% packet loss/)
    return most
  } finally {
    await stop(daemon)
  }
}

test(`where the old one is killed at ${KILLS} random moments, one of them has the cable, or it is gone`, {
  timeout: LIMIT,
}, async () => {
  const random = seeded()
  let kept = 0
  for (let kill = 0; kill < KILLS; kill++) {
    using far = Netns.create('far')
    await using daemon = await TestDaemon.start('--log', 'warn')
    await lay(daemon, far)
    const program = replacing(daemon)
    await until('the successor', () => program.hasEnded || childOf(program.pid) !== undefined)
    await sleep(random.below(LONGEST))
    daemon.program.process.kill('SIGKILL')
    const { code } = await program.ended
    if (code === 0) {
      kept++
      run('ip', 'netns', 'exec', daemon.home.name, 'ping', '-c', '1', '-W', '5', '10.9.0.2')
    } else await until('it to be gone', () => !daemon.home.names().includes('x0'))
    await stop(daemon)
  }
  if (process.env.UVETH_TEST_KILLS !== undefined)
    console.log(`the cable outlived its daemon ${kept} of ${KILLS} times`)
})

/** The one process that it has started. */
function childOf(pid: number | undefined): number | undefined {
  try {
    return Number(run('cat', `/proc/${pid}/task/${pid}/children`).trim().split(' ')[0]) || undefined
  } catch {
    return undefined // it has ended
  }
}

test('whoever has not said all that he asks of the network driver keeps nobody waiting', async () => {
  const daemon = await start('--state', 'FOLDER/state/pairs.json', '--docker-socket', 'FOLDER/docker.sock')
  const engine = connect(daemon.folder.file('docker.sock')).on('error', () => {})
  engine.write('POST /NetworkDriver.DiscoverNew HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{')
  expect((await ask(daemon.folder.file('docker.sock'), 'POST', '/Plugin.Activate')).status).toBe(200)
  await replace(daemon)
  engine.destroy()
})
