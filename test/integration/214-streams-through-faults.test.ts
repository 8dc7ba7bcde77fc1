// Streams of the kernel's own TCP and UDP, in super-frames, through a cable that loses, doubles, reorders, delays and
// damages one wire frame in a thousand: data arrives whole, and the receiving kernel finds no checksum wrong but those
// that were ordered. Invariant 10, over real devices.

import type { Readable } from 'node:stream'
import type { ImpairOptions } from 'uveth'
import { describe, expect } from 'vitest'
import { addressed, atRest, Cable } from '../support/cable.js'
import { expectBalanced } from '../support/hooks.js'
import { says } from '../support/iperf.js'
import type { Netns } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'ipv6')
const itUdp = needs('root', 'tun', 'netns', 'ip', 'ipv6', 'python3', 'kernel 6.2')
const itEthtool = needs('root', 'tun', 'netns', 'ip', 'ipv6', 'ethtool')
const itVlan = needs('root', 'tun', 'netns', 'ip', 'ipv6', 'vlan')

const FAULTS: [string, ImpairOptions][] = [
  ['loses', { loss: 0.1, seed: 1 }],
  ['doubles', { duplicate: 0.1, seed: 2 }],
  ['reorders', { delay: 1, reorder: 0.1, limit: 100_000, seed: 3 }],
  ['delays', { delay: { time: 0.5, jitter: 0.2 }, rate: '5gbit', limit: 100_000, seed: 4 }],
  ['damages', { corrupt: 0.1, seed: 5 }],
]
const FAMILIES = [
  [4, '10.77.0.2'],
  [6, 'fd77:0::2'],
] as const

/** Bytes that a receiver can tell from any others; what it has got, as a hash. */
const MEGABYTES = 24
const DATA = `const block = Buffer.alloc(1 << 20); for (let i = 0; i < block.length; i += 4) block.writeUInt32LE((i * 2654435761) >>> 0, i)`
const HASH = `const { createHash } = require('crypto'); const hash = createHash('sha256')`
const SERVER = `${HASH}; require('net').createServer((socket) => {
  socket.on('data', (data) => hash.update(data)).on('end', () => { console.log(hash.digest('hex') + ';'); process.exit() })
}).listen(7, '::', () => console.log('listening'))`
const CLIENT = (address: string) => `${HASH}; ${DATA}; const socket = require('net').connect(7, '${address}')
  let left = ${MEGABYTES}
  const more = () => { while (left-- > 0) { hash.update(block); if (!socket.write(block)) return }
    socket.end(() => console.log(hash.digest('hex'))) }
  socket.on('connect', more).on('drain', more)`

/** Sends MEGABYTES from left to right; the receiver's hash, and the sender's. */
async function transfer(cable: Cable, address: string): Promise<[got: string, sent: string]> {
  const server = cable.right.spawn(process.execPath, ['-e', SERVER])
  await says(server.stdout as Readable, 'listening')
  const got = says(server.stdout as Readable, ';')
  const client = cable.left.spawn(process.execPath, ['-e', CLIENT(address)])
  const sent = await says(client.stdout as Readable, '\n')
  return [(await got).trim().slice(0, 64), sent.trim()]
}

/** Frames whose checksum the kernel of a namespace has found wrong. */
function wrongSums(netns: Netns): { tcp: number; udp: number } {
  const snmp = netns.exec('cat', '/proc/net/snmp')
  const of = (proto: string) => {
    const [names = '', values = ''] = snmp.split('\n').filter((line) => line.startsWith(`${proto}:`))
    return Number(values.split(' ')[names.split(' ').indexOf('InCsumErrors')])
  }
  const six = /^Udp6InCsumErrors\s+(\d+)/m.exec(netns.exec('cat', '/proc/net/snmp6'))?.[1]
  return { tcp: of('Tcp'), udp: of('Udp') + Number(six) }
}

describe.each(FAMILIES)('IPv%i', (_, address) => {
  it.each(FAULTS)('TCP through a cable that %s one in a thousand', async (what, impair) => {
    await using cable = await Cable.lay({ ...addressed({ a: { impair } }) })
    const [got, sent] = await transfer(cable, address)
    expect(got).toBe(sent)
    const { a } = await atRest(cable.pair)
    // Super-frames, and they were not cut for it.
    expect(a.tx_packets).toBeGreaterThan(MEGABYTES * 650)
    expect(a.kernel?.tx_packets).toBeLessThan(a.tx_packets / 1.2)
    const { loss } = a.drops
    const { duplicated, reordered, delayed, corrupted } = a.inspected
    const struck = {
      loses: loss,
      doubles: duplicated,
      reorders: reordered,
      delays: delayed,
      damages: corrupted,
    }[what]
    expect(struck).toBeGreaterThan(3)
    // A damaged address or length is found before the sum is.
    if (what === 'damages') {
      expect(wrongSums(cable.right).tcp).toBeGreaterThan(0)
      expect(wrongSums(cable.right).tcp).toBeLessThanOrEqual(corrupted)
    } else expect(wrongSums(cable.right)).toEqual({ tcp: 0, udp: 0 })
    await expectBalanced(cable, { cut: true })
  })
})

describe.each(FAMILIES)('IPv%i', (version, address) => {
  const ROUNDS = 200
  const PARTS = 32
  const SIZE = 1_000
  const family = version === 4 ? 'AF_INET' : 'AF_INET6'
  /** Numbers of datagrams whose bytes are all their number's; then how many were something else. */
  const RECEIVER = `
import socket, struct, sys
s = socket.socket(socket.${family}, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)
s.bind(('${address}', 7))
print('ready', flush=True)
seen, copies, damaged = set(), 0, 0
while True:
  data = s.recv(65536)
  if data == b'end': break
  n = struct.unpack('!I', data[:4])[0]
  if data != struct.pack('!I', n) * ${SIZE / 4}: damaged += 1
  elif n in seen: copies += 1
  else: seen.add(n)
print(len(seen), copies, damaged, 'done', flush=True)`
  const SENDER = `
import socket, struct
s = socket.socket(socket.${family}, socket.SOCK_DGRAM)
s.connect(('${address}', 7))
s.setsockopt(17, 103, ${SIZE})
for round in range(${ROUNDS}):
  s.send(b''.join(struct.pack('!I', round * ${PARTS} + n) * ${SIZE / 4} for n in range(${PARTS})))`
  const END = `
import socket
s = socket.socket(socket.${family}, socket.SOCK_DGRAM)
s.connect(('${address}', 7))
s.send(b'end')`

  itUdp.each(FAULTS)('UDP through a cable that %s one in a thousand', async (what, impair) => {
    await using cable = await Cable.lay({ ...addressed({ a: { impair } }) })
    // Until it is known the kernel keeps a few datagrams, and throws the others away.
    cable.left.ip('neigh', 'replace', address, 'lladdr', cable.pair.b.address, 'dev', 'x0')
    const receiver = cable.right.spawn('python3', ['-c', RECEIVER])
    await says(receiver.stdout as Readable, 'ready')
    const done = says(receiver.stdout as Readable, 'done')
    cable.left.exec('python3', '-c', SENDER)
    const { a } = await atRest(cable.pair)
    await cable.pair.a.impair(null)
    cable.left.exec('python3', '-c', END)
    const [seen, copies, damaged] = (await done).trim().split(' ').map(Number)
    const total = ROUNDS * PARTS
    expect(a.kernel?.tx_packets).toBeLessThan(total / 2)
    expect(damaged).toBe(0)
    expect(copies).toBe(a.inspected.duplicated)
    if (what === 'damages') {
      const lost = total - (seen ?? 0)
      expect(lost).toBeGreaterThan(0)
      expect(lost).toBeLessThanOrEqual(a.inspected.corrupted)
      expect(wrongSums(cable.right).udp).toBeGreaterThan(0)
    } else {
      expect(seen).toBe(total - a.drops.loss)
      expect(wrongSums(cable.right)).toEqual({ tcp: 0, udp: 0 })
    }
  })
})

itEthtool('TCP to an end whose user has switched its offloads off', async () => {
  await using cable = await Cable.lay(addressed({ a: { impair: { loss: 0.1, seed: 6 } } }))
  cable.right.exec('sh', '-c', 'ethtool -K x1 rx off tx off gro off; true')
  const [got, sent] = await transfer(cable, '10.77.0.2')
  expect(got).toBe(sent)
  expect(wrongSums(cable.right)).toEqual({ tcp: 0, udp: 0 })
})

itVlan('TCP with a VLAN tag, and with two', async () => {
  await using cable = await Cable.lay(addressed({ a: { impair: { loss: 0.1, seed: 7 } } }))
  for (const [netns, end, host] of [
    [cable.left, 'x0', 1],
    [cable.right, 'x1', 2],
  ] as const) {
    netns.ip('link', 'add', 'link', end, 'name', 'outer', 'type', 'vlan', 'id', '5')
    netns.ip('link', 'add', 'link', 'outer', 'name', 'inner', 'type', 'vlan', 'id', '6')
    netns.ip('addr', 'add', `10.78.5.${host}/24`, 'dev', 'outer')
    netns.ip('addr', 'add', `10.78.6.${host}/24`, 'dev', 'inner')
    for (const name of ['outer', 'inner']) netns.ip('link', 'set', name, 'up')
  }
  // A rule that reads the tag, and that no frame without one meets.
  const tagged = cable.pair.a.delay({ vlan: 5, length: { min: 1_000 } }, 0.2)
  for (const address of ['10.78.5.2', '10.78.6.2']) {
    const before = tagged.matched
    const [got, sent] = await transfer(cable, address)
    expect(got).toBe(sent)
    expect(tagged.matched - before).toBeGreaterThan(MEGABYTES * 650)
  }
  const { a } = await expectBalanced(cable, { cut: true })
  expect(a.drops.loss).toBeGreaterThan(3)
  expect(a.kernel?.tx_packets).toBeLessThan(a.tx_packets)
  expect(wrongSums(cable.right)).toEqual({ tcp: 0, udp: 0 })
})
