// What a TAP cannot have and kernel veth can: README's limits, one test for each, so that what a later kernel can do is
// noticed. What GRO would take is in test/kernel/28.

import type { Readable } from 'node:stream'
import { createPair } from 'uveth'
import { expect } from 'vitest'
import { B, Cable } from '../support/cable.js'
import { says } from '../support/iperf.js'
import { Netns, run, until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'ethtool')
const itPython = needs('root', 'tun', 'netns', 'ip', 'python3', 'kernel 5.19')
const itNewer = needs('root', 'tun', 'netns', 'ip', 'kernel 6.3')

const tenOf = (port: number, size: number) => `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(10): s.sendto(bytes(${size}), ('${B}', ${port}))
`

itNewer('BIG TCP: 65,536 is the longest super-frame', async () => {
  await using cable = await Cable.addressed()
  expect(() => cable.left.ip('link', 'set', 'x0', 'gso_max_size', '65537')).toThrow(/too big gso_max_size/)
  cable.left.ip('link', 'set', 'x0', 'gso_max_size', '65536')
})

const RECEIVE_MARK = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(1, 75, 1); s.bind(('', 7777)); print('bound', end='')
print([data for _, kind, data in s.recvmsg(10, 100)[1] if kind == 36])
`
const sendMarked = (to: string) => `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(1, 36, 7); s.sendto(b'x', ('${to}', 7777))
`

itPython.each([
  ['crosses loopback', 'right', '127.0.0.1', /7/],
  ['does not cross a pair', 'left', B, /^\[\]$|x00\\x00\\x00\\x00/],
] as const)('a mark %s', async (_, from, to, heard) => {
  await using cable = await Cable.addressed()
  cable.right.ip('link', 'set', 'lo', 'up')
  const receiver = cable.right.spawn('python3', ['-uc', RECEIVE_MARK])
  await says(receiver.stdout as Readable, 'bound')
  const printed = says(receiver.stdout as Readable, '\n')
  cable[from].exec('python3', '-c', sendMarked(to))
  expect((await printed).trim()).toMatch(heard)
})

it('segmentation of tunnels is not offered', async () => {
  await using cable = await Cable.addressed()
  expect(cable.left.exec('ethtool', '-k', 'x0')).toMatch(/^tx-udp_tnl-segmentation: off/m)
})

it.each([
  ['at home', false],
  ['elsewhere', true],
])('GRO is off at first, as on kernel veth, and stays as it is asked for: %s', async (_, netns) => {
  using left = Netns.create('left')
  await using pair = await createPair({ a: netns ? { netns: left.name } : {}, b: { netns: left.name } })
  const exec = (...words: string[]) => (netns ? left.exec('ethtool', ...words) : run('ethtool', ...words))
  const gro = () => /^generic-receive-offload: (.*)$/m.exec(exec('-k', pair.a.name))?.[1]
  expect(gro()).toBe('off')
  exec('-K', pair.a.name, 'gro', 'on')
  await pair.a.set({ up: true, mtu: 1400 })
  expect(gro()).toBe('on')
})

const TCP_SERVER = `
import socket
s = socket.create_server(('', 7778)); print('bound', flush=True)
c = s.accept()[0]
while c.recv(1 << 20): pass
print('read', flush=True)
`
const TCP_CLIENT = `
import socket
s = socket.create_connection(('${B}', 7778)); s.sendall(bytes(1_000_000))
`
const SEGMENTS = 1_000_000 / 1448

const itPackets = needs('root', 'tun', 'netns', 'ip', 'ethtool', 'python3')
itPackets.each([
  ['off', 'on'],
  ['on', 'off'],
  ['on', 'on'],
] as const)('GRO %s aggregates nothing, TSO %s decides: of UDP, and of TCP', async (gro, tso) => {
  await using cable = await Cable.addressed()
  const { left, right } = cable
  right.exec('ethtool', '-K', 'x1', 'gro', gro, 'rx-udp-gro-forwarding', gro)
  left.exec('ethtool', '-K', 'x0', 'tso', tso)
  const received = () => Number(right.exec('cat', '/proc/net/snmp').match(/^Ip: \d+ \d+ (\d+)/m)?.[1])
  const before = received()
  left.exec('python3', '-c', tenOf(7777, 1000))
  // Put together they would be fewer.
  await until('ten datagrams', () => received() >= before + 10)
  const server = right.spawn('python3', ['-c', TCP_SERVER])
  await says(server.stdout as Readable, 'bound')
  const read = says(server.stdout as Readable, 'read')
  const between = received()
  left.exec('python3', '-c', TCP_CLIENT)
  await read
  const segments = received() - between
  if (tso === 'on') expect(segments).toBeLessThan(0.7 * SEGMENTS)
  else expect(segments).toBeGreaterThan(SEGMENTS)
})

it.each([
  ['-S', /no stats available/, []],
  ['-L', /Operation not supported/, ['combined', '2']],
  ['-G', /Operation not supported/, ['rx', '512']],
] as [string, RegExp, string[]][])('ethtool %s is refused', async (option, refusal, words) => {
  await using cable = await Cable.addressed()
  expect(() => cable.left.exec('ethtool', option, 'x0', ...words)).toThrow(refusal)
})

needs(
  'root',
  'tun',
  'netns',
  'ip',
  'ping',
)('txqueuelen 0 leaves no place in the queue: what is sent is dropped, and counted as such', async () => {
  await using cable = await Cable.addressed()
  cable.left.exec('ping', '-c', '1', '-W', '30', B)
  cable.left.ip('link', 'set', 'x0', 'txqueuelen', '0')
  expect(() => cable.left.exec('ping', '-c', '1', '-W', '1', B)).toThrow()
  await until('a drop', async () => ((await cable.pair.stats()).a.drops.queue ?? 0) > 0)
  cable.left.ip('link', 'set', 'x0', 'txqueuelen', '1000')
  cable.left.exec('ping', '-c', '1', '-W', '30', B)
})
