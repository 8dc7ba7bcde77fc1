// Threads of the library that are lost are replaced under its pairs: interfaces, MAC addresses, indexes, addresses and
// connections stay, with rules, their counts and captures. They are ended from inside, as a fault of theirs would do it.

import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPair, type Pair } from 'uveth'
import { afterAll, beforeAll, expect } from 'vitest'
import { Pair as Inner } from '../../dist/pair/pair.js'
import { Folder } from '../support/daemon.js'
import { says } from '../support/iperf.js'
import { Netns, until } from '../support/netns.js'
import { packetsOf } from '../support/pcapng.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping', 'iperf3')

const session = new Session()
/** Those that run, as the inspector knows them. */
const threads = new Map<string, string>()

beforeAll(async () => {
  session.connect()
  session.on('NodeWorker.attachedToWorker', ({ params }) => {
    threads.set(params.sessionId, params.workerInfo.title)
  })
  session.on('NodeWorker.detachedFromWorker', ({ params }) => void threads.delete(params.sessionId))
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
})
afterAll(() => session.disconnect())

const THROW = 'setImmediate(() => { throw new Error("out of luck") })'
const EXIT = 'process.exit(3)'
/** Hears no order first, for as long as one takes to come. */
const DEAF = `setImmediate(() => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  throw new Error("out of luck")
})`

/** Has a thread run something that it does not survive; resolves when another one has its name. */
async function lose(name: string, expression: string): Promise<void> {
  const [id = ''] = [...threads].find(([, title]) => title.endsWith(name)) ?? []
  const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } })
  await session.post('NodeWorker.sendMessageToWorker', { sessionId: id, message })
  await until('another thread', () => [...threads].some(([one, title]) => one !== id && title.endsWith(name)))
  await until('the thread to be gone', () => !threads.has(id))
}

class Laid implements AsyncDisposable {
  readonly near = Netns.create('near')
  readonly far = Netns.create('far')
  pair!: Pair

  static async out(): Promise<Laid> {
    const laid = new Laid()
    const end = { up: true }
    laid.pair = await createPair({
      quiet: true,
      a: { ...end, name: 'x0', netns: laid.near.name, addresses: ['10.0.0.1/24'] },
      b: { ...end, name: 'x1', netns: laid.far.name, addresses: ['10.0.0.2/24'] },
    })
    laid.near.ip('route', 'add', '10.9.0.0/16', 'via', '10.0.0.2')
    return laid
  }

  seen(): string[] {
    const { near, far } = this
    const addresses = [near, far].map((netns) => netns.ip('-4', '-o', 'addr'))
    return [near.ip('-o', 'link'), far.ip('-o', 'link'), ...addresses, near.ip('route')]
  }

  /** Both ways, in the end: what was on its way is lost with a thread. */
  async carries(): Promise<void> {
    await until('a ping', async () => {
      const ping = this.near.spawn('ping', ['-c', '1', '-W', '1', '10.0.0.2'])
      const [code] = await once(ping, 'exit')
      return code === 0
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pair.close()
    for (const netns of [this.near, this.far]) netns[Symbol.dispose]()
  }
}

/** TAPs that this process has open. */
function taps(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return '' // the one of readdir itself
    }
  })
  return targets.filter((target) => target === '/dev/net/tun').length
}

for (const [name, expression, how] of [
  ['uveth-worker-0', EXIT, 'exits'],
  ['uveth-link', THROW, 'throws'],
  ['uveth-link', EXIT, 'exits'],
] as const)
  test(`${name} ${how}: a TCP stream and a capture go on, and interfaces are as they were`, async () => {
    using folder = new Folder()
    await using laid = await Laid.out()
    const { pair, near, far } = laid
    const closed: unknown[] = []
    pair.on('closed', (event) => closed.push(event))
    const rule = pair.a.drop({ udp: { dport: 9 } })
    near.exec('sh', '-c', 'echo > /dev/udp/10.0.0.2/9 || true')
    const path = folder.file('x.pcapng')
    const capture = await pair.capture({ path, match: { icmp: {} } })
    const before = laid.seen()
    const server = far.spawn('iperf3', ['--server', '--one-off', '--forceflush', '--bind', '10.0.0.2'])
    await says(server.stdout as NonNullable<typeof server.stdout>, 'Server listening')
    const stream = near.spawn('iperf3', ['--client', '10.0.0.2', '-n', '40M', '-b', '100M'])
    const ended = once(stream, 'exit')
    await until('the stream', () => pair.counters().a.tx_bytes > 2_000_000)
    await lose(name, expression)
    expect(await ended).toEqual([0, null])
    await laid.carries()
    expect(laid.seen()).toEqual(before)
    await pair.a.set({ mtu: 1400 })
    expect([pair.a.mtu, pair.carrier, closed, pair.a.rules()[0]?.id]).toEqual([1400, true, [], rule.id])
    const { records } = await capture.stop()
    expect(records).toBeGreaterThan(1)
    expect(packetsOf(readFileSync(path))).toHaveLength(records)
    await pair.close()
    expect([near.names(), far.names(), taps()]).toEqual([['lo'], ['lo'], 0])
  })

test('tunnels go on, too: two, from one address of this host to another, with keep-alives, and carrier stays', async () => {
  using near = Netns.create('near')
  using far = Netns.create('far')
  const port = 20_000 + (process.pid % 10_000)
  const laid = (netns: Netns, name: string, [here, there]: [number, number]) =>
    createPair({
      quiet: true,
      a: { name, netns: netns.name, addresses: [`10.0.0.${here}/24`], up: true },
      b: { vxlan: { id: 42, remote: `127.0.0.${there}`, local: `127.0.0.${here}`, port, keepalive: 1000 } },
    })
  const pairs = [await laid(near, 'x0', [1, 2]), await laid(far, 'x1', [2, 1])]
  const carries = () =>
    until('a ping', async () => {
      const ping = near.spawn('ping', ['-c', '1', '-W', '1', '10.0.0.2'])
      return (await once(ping, 'exit'))[0] === 0
    })
  const both = (on: boolean) =>
    until(`carrier ${on} on both`, () => pairs.every(({ carrier }) => carrier === on))
  const seen = () => [
    near.ip('-o', 'link'),
    ...[near, far].map((netns, at) => netns.exec('cat', `/sys/class/net/x${at}/carrier_changes`)),
    ...pairs.map(({ closed, b }) => [closed, b.state.vxlan?.far]),
  ]
  await both(true)
  await carries()
  const before = seen()
  for (const thread of ['uveth-link', 'uveth-worker-0']) {
    await lose(thread, EXIT)
    await carries()
    expect(seen()).toEqual(before)
  }
  await pairs[1]?.a.set({ up: false })
  await both(false)
  await lose('uveth-link', EXIT)
  expect(pairs.map(({ carrier }) => carrier)).toEqual([false, false])
  await pairs[1]?.a.set({ up: true })
  await both(true)
  await carries()
  for (const pair of pairs) await pair.close()
  // Their sockets are closed, so the port is free.
  await (await laid(near, 'x0', [1, 2])).close()
})

test('what is ordered meanwhile is refused, or waits and is carried out; a pair that is being made leaves nothing', async () => {
  await using laid = await Laid.out()
  const { pair, near } = laid
  const lost = lose('uveth-link', THROW)
  const made: Promise<unknown>[] = []
  let replaced = false
  void lost.finally(() => {
    replaced = true
  })
  while (!replaced) {
    const order = made.length % 2 === 0 ? pair.a.set({ mtu: 1000 + made.length }) : pair.setCarrier('auto')
    made.push(order.catch(({ code }) => expect(code).toBe('ERR_LINK')))
    await sleep(5)
  }
  const other = createPair({ a: { name: 'y0', netns: near.name }, b: { name: 'y1', netns: near.name } })
  await Promise.all([lost, ...made])
  await (await other).close()
  await pair.a.set({ mtu: 1300 })
  expect(near.names().sort()).toEqual(['lo', 'x0'])
  await laid.carries()
})

test('a pair that is suspended for a hand-over is at rest for the next link thread, too, and goes on from there', async () => {
  await using laid = await Laid.out()
  const { pair, near } = laid
  await laid.carries()
  const before = laid.seen()
  const dossier = await Inner.suspend<object>(pair as Inner, { from: null, sent: {}, since: {} })
  const { tx_packets } = pair.counters().a
  await lose('uveth-link', EXIT)
  await createPair({ a: { netns: near.name }, b: { netns: near.name } }).then((other) => other.close()) // it runs
  const ping = near.spawn('ping', ['-c', '2', '-i', '0.1', '-W', '1', '10.0.0.2'])
  expect(await once(ping, 'exit')).toEqual([1, null])
  expect([pair.counters().a.tx_packets, pair.closed, laid.seen()]).toEqual([tx_packets, undefined, before])
  await Inner.resume(pair as Inner, dossier)
  await laid.carries()
  await pair.a.set({ up: false })
  await until('carrier to follow', () => !pair.carrier)
  await pair.a.set({ up: true })
  await laid.carries()
})

test('a pair that is being closed is closed, and its interfaces are gone', async () => {
  await using laid = await Laid.out()
  const { pair, near, far } = laid
  const lost = lose('uveth-link', DEAF)
  await sleep(50)
  await pair.close()
  expect([pair.closed, near.names(), far.names()]).toEqual(['close', ['lo'], ['lo']])
  await lost
})
