// Checksum and segmentation offloads: super-frames cross as they are, which makes TCP fast; and a user may
// switch offloads off on either end, while traffic flows too.

import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { expect } from 'vitest'
import { atRest, Cable } from '../support/cable.js'
import { iperf3, says } from '../support/iperf.js'
import type { Netns } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'iperf3', 'ethtool', 'tcpdump')
/** The longest frame that MTU 1,500 allows. */
const FULL_FRAME = 1_514
const MEGABYTE = 1e6

/** Bytes of the mean frame that a sent while TCP ran from a to b. */
async function meanFrame(cable: Cable): Promise<number> {
  const before = cable.pair.counters().a
  const { end } = await iperf3(cable.left, cable.right, '10.77.0.2', '--time', '1')
  const { a } = await atRest(cable.pair)
  expect(end.sum_received.bytes).toBeGreaterThan(2 * MEGABYTE)
  return (a.tx_bytes - before.tx_bytes) / (a.tx_packets - before.tx_packets)
}

function feature(netns: Netns, end: string, name: string): string | undefined {
  return new RegExp(`^\\s*${name}: (\\w+)`, 'm').exec(netns.exec('ethtool', '-k', end))?.[1]
}

/** What tcpdump on b makes of the checksums of five UDP datagrams that a's stack sends. */
async function checksumsSeen(cable: Cable): Promise<string> {
  const args = ['-i', 'x1', '-c', '5', '-nn', '-vv', '--immediate-mode', 'udp dst port 7777']
  const tcpdump = cable.right.spawn('tcpdump', args)
  const printed = says(tcpdump.stdout as Readable, '\0').catch(({ message }) => String(message))
  await says(tcpdump.stderr as Readable, 'listening on')
  const ended = once(tcpdump, 'close')
  cable.left.exec('bash', '-c', 'for n in 1 2 3 4 5; do echo datagram $n >/dev/udp/10.77.0.2/7777; done')
  await ended
  return await printed
}

it('a fresh end offers checksums, TCP and UDP segmentation to the kernel', async () => {
  await using cable = await Cable.addressed()
  for (const [netns, end] of [
    [cable.left, 'x0'],
    [cable.right, 'x1'],
  ] as const) {
    for (const name of ['tx-checksumming', 'tx-tcp-segmentation', 'tx-tcp6-segmentation']) {
      expect([name, feature(netns, end, name)]).toEqual([name, 'on'])
    }
  }
})

it('TCP crosses in super-frames, beyond the MTU of both ends', async () => {
  await using cable = await Cable.addressed()
  expect(await meanFrame(cable)).toBeGreaterThan(5 * FULL_FRAME)
  expect((await atRest(cable.pair)).a.drops.mtu).toBe(0)
})

it('with the sender’s offloads off it crosses in frames of the MTU', async () => {
  await using cable = await Cable.addressed()
  cable.left.exec('ethtool', '-K', 'x0', 'tx', 'off', 'tso', 'off', 'gso', 'off')
  const mean = await meanFrame(cable)
  expect(mean).toBeLessThanOrEqual(FULL_FRAME)
  expect(mean).toBeGreaterThan(0.5 * FULL_FRAME)
})

it('with the receiver’s offloads off the sender’s super-frames still arrive', async () => {
  await using cable = await Cable.addressed()
  cable.right.exec('ethtool', '-K', 'x1', 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off')
  expect(await meanFrame(cable)).toBeGreaterThan(5 * FULL_FRAME)
})

it('with checksum offload a frame on the other end has an unfinished checksum, as on veth', async () => {
  await using cable = await Cable.addressed()
  expect((await checksumsSeen(cable)).match(/bad udp cksum/g)).toHaveLength(5)
})

it('without it each has a finished one, and it is right', async () => {
  await using cable = await Cable.addressed()
  cable.left.exec('ethtool', '-K', 'x0', 'tx', 'off')
  const seen = await checksumsSeen(cable)
  expect(seen.match(/\[udp sum ok\]/g)).toHaveLength(5)
  expect(seen).not.toContain('bad')
})

it('UDP is received either way: the receiver’s kernel knows what is finished', async () => {
  await using cable = await Cable.addressed()
  for (const state of ['on', 'off']) {
    cable.left.exec('ethtool', '-K', 'x0', 'tx', state)
    const receiver = cable.right.spawn(process.execPath, ['-e', RECEIVE_ONE, '10.77.0.2'])
    await says(receiver.stdout as Readable, 'bound')
    const heard = says(receiver.stdout as Readable, '\n')
    cable.left.exec('bash', '-c', `echo tx ${state} >/dev/udp/10.77.0.2/7777`)
    expect(await heard).toBe(`tx ${state}\n`)
  }
})

/** Prints the first datagram that comes to port 7777 of its address. */
const RECEIVE_ONE = `
const socket = require('node:dgram').createSocket('udp4', (message) => {
  process.stdout.write(message)
  socket.close()
})
socket.bind(7777, process.argv[1], () => process.stdout.write('bound'))
`

it('offloads may be switched off and on while TCP runs: the stream goes on', async () => {
  await using cable = await Cable.addressed()
  const flip = `for n in 1 2 3 4; do
    ethtool -K x0 tx off tso off; sleep 0.15; ethtool -K x0 tx on tso on; sleep 0.15
  done`
  const flipping = once(cable.left.spawn('sh', ['-c', flip]), 'close')
  const { end } = await iperf3(cable.left, cable.right, '10.77.0.2', '--time', '2')
  const [code] = await flipping
  expect(code).toBe(0)
  expect(end.sum_received.bytes).toBeGreaterThan(4 * MEGABYTE)
  const { a, b } = await atRest(cable.pair)
  expect(b.rx_packets).toBe(a.tx_packets)
  expect(a.drops.error).toBe(0)
})
