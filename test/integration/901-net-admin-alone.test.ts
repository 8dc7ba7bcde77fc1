// What root with CAP_NET_ADMIN and /dev/net/tun alone can do, as in a container that has nothing else: pairs
// with both ends at home, no namespace, no packet socket. scripts/docker-test runs this file in such a
// container; it holds anywhere. Traffic is UDP to a broadcast address, which no ARP precedes and whose way out
// the route decides.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createPair, type EndOptions, type Pair, type PairOptions } from 'uveth'
import { expect } from 'vitest'
import { atRest } from '../support/cable.js'
import { arpRequest, ETH_P, ethernet, filler } from '../support/frames.js'
import { homeLink, run, uniqueName, until } from '../support/netns.js'
import { uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const it = needs('net-admin', 'tun', 'ip')

/** Ethernet, IPv4 and UDP headers. */
const HEADERS = 14 + 20 + 8

/** Networks for tests of devices (RFC 2544), one for each pair: tests run side by side. */
let network = process.pid % 32_000
function freshNetwork(): { a: string; b: string; broadcast: string } {
  network = (network + 1) % 32_000
  const base = `198.${18 + (network >> 14)}.${(network >> 6) & 255}`
  const host = (network & 63) << 2
  return { a: `${base}.${host + 1}`, b: `${base}.${host + 2}`, broadcast: `${base}.${host + 3}` }
}

async function atHome({ a, b, ...options }: PairOptions & { a?: EndOptions; b?: EndOptions } = {}) {
  const addresses = freshNetwork()
  const pair = await createPair({
    quiet: true,
    ...options,
    a: { name: uniqueName('a'), up: true, addresses: [`${addresses.a}/30`], ...a },
    b: { name: uniqueName('b'), up: true, ...b },
  })
  return { pair, ...addresses, [Symbol.asyncDispose]: () => pair.close() }
}

/** Sends datagrams out of end a. */
async function broadcast(from: string, to: string, payloads: number[]): Promise<void> {
  const socket = createSocket('udp4')
  socket.bind(0, from)
  await once(socket, 'listening')
  socket.setBroadcast(true)
  for (const length of payloads) {
    await new Promise<void>((resolve, reject) =>
      socket.send(Buffer.alloc(length, 0x55), 9, to, (error) => (error ? reject(error) : resolve())),
    )
  }
  socket.close()
}

function linkNames(): string[] {
  return (JSON.parse(run('ip', '-json', 'link', 'show')) as { ifname: string }[]).map(({ ifname }) => ifname)
}

const names = ({ a, b }: Pair) => [a.name, b.name]

it('create: both ends are there, up, with what was asked for', async () => {
  const address = '02:00:5e:10:00:01'
  await using home = await atHome({ a: { address }, b: { mtu: 9_000, txQueueLength: 77 } })
  const { pair } = home
  expect([pair.a.netns, pair.b.netns]).toEqual([null, null])
  expect(homeLink(pair.a.name)).toMatchObject({ operstate: 'UP', address, mtu: 1_500 })
  expect(homeLink(pair.b.name)).toMatchObject({ operstate: 'UP', mtu: 9_000, txqlen: 77 })
  expect(run('ip', '-o', 'addr', 'show', 'dev', pair.a.name)).toContain(`inet ${home.a}/30`)
})

it('create: a name that is taken is refused, and nothing stays behind', async () => {
  await using home = await atHome()
  const b = uniqueName('b')
  await expect(createPair({ a: { name: home.pair.a.name }, b: { name: b } })).rejects.toMatchObject({
    code: 'EEXIST',
  })
  expect(linkNames()).not.toContain(b)
})

it('carrier: it follows the peer, and it can be pulled', async () => {
  await using home = await atHome()
  const { pair } = home
  const state = () => [homeLink(pair.a.name).operstate, homeLink(pair.b.name).operstate]
  expect([pair.carrier, ...state()]).toEqual([true, 'UP', 'UP'])
  await pair.b.down()
  expect([pair.carrier, ...state()]).toEqual([false, 'DOWN', 'DOWN'])
  await pair.b.up()
  expect([pair.carrier, ...state()]).toEqual([true, 'UP', 'UP'])
  await pair.setCarrier('off')
  expect([pair.carrier, ...state()]).toEqual([false, 'DOWN', 'DOWN'])
  await pair.setCarrier('auto')
  expect([pair.carrier, ...state()]).toEqual([true, 'UP', 'UP'])
  run('ip', 'link', 'set', pair.a.name, 'down')
  await until('no carrier', () => !pair.carrier)
})

it("MTU: what is longer than the peer's is dropped, and counted", async () => {
  await using home = await atHome({ a: { mtu: 3_000 } })
  const { pair } = home
  expect([pair.a.mtu, pair.b.mtu]).toEqual([3_000, 1_500])
  await broadcast(home.a, home.broadcast, [1_000, 2_000, 2_000, 1_000])
  const first = await atRest(pair)
  expect([first.b.rx_packets, first.a.drops.mtu]).toEqual([2, 2])
  await pair.b.set({ mtu: 3_000 })
  expect(homeLink(pair.b.name).mtu).toBe(3_000)
  await broadcast(home.a, home.broadcast, [2_000])
  const second = await atRest(pair)
  expect([second.b.rx_packets, second.a.drops.mtu]).toEqual([3, 2])
})

it('statistics: what one end sends the other receives, by every counter', async () => {
  await using home = await atHome()
  const { pair } = home
  const payloads = [1, 100, 1_000, 1_472]
  await broadcast(home.a, home.broadcast, payloads)
  const { a, b } = await atRest(pair)
  const bytes = payloads.reduce((sum, length) => sum + length + HEADERS, 0)
  expect([a.tx_packets, a.tx_bytes, a.tx_dropped]).toEqual([4, bytes, 0])
  expect([b.rx_packets, b.rx_bytes, b.rx_dropped]).toEqual([4, bytes, 0])
  expect([b.tx_packets, a.rx_packets]).toEqual([0, 0])
  expect(homeLink(pair.a.name).stats64.tx).toMatchObject({ packets: 4, bytes })
  expect(homeLink(pair.b.name).stats64.rx).toMatchObject({ packets: 4, bytes })
})

it('inject: a frame arrives as if the kernel of its end had sent it', async () => {
  await using home = await atHome()
  const { pair } = home
  const frame = ethernet(ETH_P.EXPERIMENT, filler(100))
  const seen = pair.a.waitFor({ ethertype: ETH_P.EXPERIMENT })
  await pair.a.inject(frame)
  expect(Buffer.from(await seen)).toEqual(frame)
  const { a, b } = await atRest(pair)
  expect([a.tx_packets, b.rx_packets, b.rx_bytes]).toEqual([1, 1, frame.length])
  expect(homeLink(pair.b.name).stats64.rx).toMatchObject({ packets: 1, bytes: frame.length })
})

it('inject and read: an ARP request is answered by the kernel on the other side of the cable', async () => {
  const { a: asking, b: asked } = freshNetwork()
  await using home = await atHome({ a: { addresses: [] }, b: { addresses: [`${asked}/30`] } })
  const { pair } = home
  let reply: Buffer | undefined
  pair.b.waitFor({ arp: { op: 'reply' } }).then((frame) => {
    reply = Buffer.from(frame)
  }, console.error)
  // As a kernel would: an answer may be lost while the interface is being activated.
  const answer = await until('an answer', async () => {
    if (reply === undefined) await pair.a.inject(arpRequest(asking, asked, { from: pair.a.address }))
    return reply
  })
  const mac = (at: number) => answer.toString('hex', at, at + 6).replace(/..(?=.)/g, '$&:')
  expect([mac(0), mac(6), mac(22), mac(32)]).toEqual([
    pair.a.address,
    pair.b.address,
    pair.b.address,
    pair.a.address,
  ])
  expect([...answer.subarray(28, 32)].join('.')).toBe(asked)
})

it('read: the frames that an end sends, in their order, and only those that match', async () => {
  await using home = await atHome()
  await using stream = home.pair.a.frames({ udp: { dport: 9 }, length: { min: 500 } })
  await broadcast(home.a, home.broadcast, [600, 100, 700, 100, 800])
  const lengths: number[] = []
  for await (const frame of stream) {
    lengths.push(frame.length - HEADERS)
    if (lengths.length === 3) break
  }
  expect(lengths).toEqual([600, 700, 800])
})

it('close: both interfaces are gone', async () => {
  await using home = await atHome()
  const { pair } = home
  const [a, b] = names(pair)
  expect(linkNames()).toEqual(expect.arrayContaining([a, b]))
  await pair.close()
  expect(linkNames().filter((name) => name === a || name === b)).toEqual([])
})

it('close: an end that is deleted takes the other one with it', async () => {
  await using home = await atHome()
  const { pair } = home
  const [a, b] = names(pair)
  run('ip', 'link', 'del', pair.a.name)
  await until('the pair has ended', () => pair.closed !== undefined)
  expect(linkNames().filter((name) => name === a || name === b)).toEqual([])
})

it('close: the command removes its pair on SIGTERM', async () => {
  const [a, b] = [uniqueName('a'), uniqueName('b')]
  await using command = uveth(['run', a, b, '--quiet', '--json'])
  await command.next('ready')
  expect(linkNames()).toEqual(expect.arrayContaining([a, b]))
  expect(await command.stop()).toMatchObject({ code: 0 })
  expect(linkNames().filter((name) => name === a || name === b)).toEqual([])
})
