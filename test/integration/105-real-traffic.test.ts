// Real programs talk over the cable: ping, iperf3 with TCP and UDP, ICMP of the raw-socket package, and
// tcpdump and tshark see what they should.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { withPair } from 'uveth/testing'
import { expect, onTestFinished } from 'vitest'
import { atRest, Cable } from '../support/cable.js'
import { iperf3, says } from '../support/iperf.js'
import { Netns, run } from '../support/netns.js'
import { needs } from '../support/skip.js'

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
const ECHO = fixture('icmp-echo.mjs')
const DIGEST = fixture('tcp-digest.mjs')
const basics = ['root', 'tun', 'netns', 'ip'] as const
const MEGABYTE = 1e6

/** Frames are not looked at: at full speed. */
const bare = { capture: false } as const

/** With IPv4 only, and its neighbours known: there is nothing else that a counter could tell of. */
async function layIpv4Only(): Promise<Cable> {
  const cable = await Cable.lay({ a: { addresses: ['10.77.0.1/24'] }, b: { addresses: ['10.77.0.2/24'] } })
  const { a, b } = cable.pair
  cable.left.ip('neigh', 'replace', '10.77.0.2', 'lladdr', b.address, 'dev', 'x0', 'nud', 'permanent')
  cable.right.ip('neigh', 'replace', '10.77.0.1', 'lladdr', a.address, 'dev', 'x1', 'nud', 'permanent')
  return cable
}

/** The kernel's own protocol counters in a namespace: `snmp(netns).Udp.InDatagrams`. */
function snmp(netns: Netns): Record<string, Record<string, number>> {
  const lines = netns.exec('cat', '/proc/net/snmp').trim().split('\n')
  const protocols: Record<string, Record<string, number>> = {}
  for (let i = 0; i < lines.length; i += 2) {
    const [name = '', ...keys] = (lines[i] as string).split(' ')
    const [, ...values] = (lines[i + 1] as string).split(' ')
    protocols[name.replace(':', '')] = Object.fromEntries(keys.map((key, k) => [key, Number(values[k])]))
  }
  return protocols
}

needs(...basics, 'ping')('ping: every request is answered, over IPv4 and IPv6', () =>
  withPair(bare, async ({ exec, ip, ip6 }) => {
    for (const address of [ip.b, ip6.b]) {
      const { stdout } = await exec('a', 'ping', ['-c', '5', '-i', '0.1', '-W', '5', address])
      expect(stdout).toContain('5 packets transmitted, 5 received, 0% packet loss')
    }
  }),
)

needs(...basics, 'ping')('ping with more than the MTU: fragments are put together again', () =>
  withPair(bare, async ({ exec, ip, pair }) => {
    const { stdout } = await exec('b', 'ping', ['-c', '3', '-i', '0.1', '-W', '5', '-s', '20000', ip.a])
    expect(stdout).toContain('3 received, 0% packet loss')
    expect((await atRest(pair)).b.tx_packets).toBeGreaterThan(3 * 13)
  }),
)

needs(...basics, 'raw-socket')('the raw-socket package: ICMP echo, bytes intact', () =>
  withPair(bare, async ({ exec, ip }) => {
    for (const bytes of ['56', '1472', '9000']) {
      const { stdout } = await exec('a', process.execPath, [ECHO, ip.b, '20', bytes])
      expect(JSON.parse(stdout)).toEqual({ answered: 20 })
    }
  }),
)

needs(...basics)('a TCP stream of 200 MB arrives byte for byte', async () => {
  await using cable = await Cable.addressed()
  const server = cable.right.spawn(process.execPath, [DIGEST, 'serve', '10.77.0.2'])
  await says(server.stdout as Readable, 'listening')
  const received = says(server.stdout as Readable, '\n')
  const sent = cable.left.exec(process.execPath, DIGEST, 'send', '10.77.0.2', '200')
  expect((await received).trim()).toBe(sent.trim())
  const { a, b } = await atRest(cable.pair)
  expect(b.rx_bytes).toBe(a.tx_bytes)
  expect(b.rx_bytes).toBeGreaterThan(200 * MEGABYTE)
})

needs(...basics, 'iperf3')('iperf3 with one TCP stream, over IPv4 and over IPv6 the other way', async () => {
  await using cable = await Cable.addressed()
  const there = await iperf3(cable.left, cable.right, '10.77.0.2', '--time', '1')
  const back = await iperf3(cable.right, cable.left, 'fd77:0::1', '--time', '1')
  for (const { end } of [there, back]) {
    expect(end.sum_received.bytes).toBeGreaterThan(10 * MEGABYTE)
    expect(end.sum_received.bytes).toBeGreaterThan(0.9 * end.sum_sent.bytes)
  }
})

needs(...basics, 'iperf3')('iperf3, both ways at once', async () => {
  await using cable = await Cable.addressed()
  await iperf3(cable.left, cable.right, '10.77.0.2', '--time', '1', '--bidir')
  const { a, b } = await atRest(cable.pair)
  expect([b.rx_packets, a.rx_packets]).toEqual([a.tx_packets, b.tx_packets])
  for (const end of [a, b]) expect(end.tx_bytes).toBeGreaterThan(4 * MEGABYTE)
})

needs(...basics, 'iperf3')('iperf3 with UDP at a moderate rate: each datagram arrives', async () => {
  await using cable = await layIpv4Only()
  await iperf3(cable.left, cable.right, '10.77.0.2', '--udp', '--bitrate', '20M', '--time', '1')
  const { a } = await atRest(cable.pair)
  const [sender, receiver] = [snmp(cable.left), snmp(cable.right)]
  expect(sender.Udp?.OutDatagrams).toBeGreaterThan(1_000)
  expect(receiver.Ip?.InReceives).toBe(sender.Ip?.OutRequests)
  expect(a.tx_dropped).toBe(0)
})

needs(...basics, 'iperf3')('iperf3 with UDP at full rate: each datagram arrives or is counted', async () => {
  await using cable = await layIpv4Only()
  const udp = ['--udp', '--bitrate', '0', '--length', '1400', '--time', '1']
  const { end } = await iperf3(cable.left, cable.right, '10.77.0.2', ...udp)
  const { a, b } = await atRest(cable.pair)
  const [sender, receiver] = [snmp(cable.left), snmp(cable.right)]
  // All that left the sender's IP, iperf3's TCP included, is at the receiver's IP or in our tx_dropped.
  expect(sender.Ip?.OutRequests).toBe((receiver.Ip?.InReceives ?? 0) + a.tx_dropped)
  expect(a.tx_packets).toBe(b.rx_packets)
  // And what iperf3 calls lost was dropped by the cable, or for want of room in the receiver's socket.
  const got = (end.sum_received.packets ?? 0) - (end.sum_received.lost_packets ?? 0)
  const lost = (end.sum_sent.packets ?? 0) - got
  const unread = (receiver.Ip?.InDelivers ?? 0) - (receiver.Tcp?.InSegs ?? 0) - got
  const retransmitted = (sender.Tcp?.RetransSegs ?? 0) + 10
  expect(got).toBeGreaterThan(1_000)
  expect(lost).toBeLessThanOrEqual(a.tx_dropped + unread)
  expect(lost).toBeGreaterThanOrEqual(a.tx_dropped + unread - retransmitted)
})

needs(
  ...basics,
  'tcpdump',
  'ping',
)('tcpdump on one end sees requests, replies and MAC addresses', async () => {
  await using cable = await Cable.addressed()
  const args = ['-i', 'x1', '-c', '4', '-nn', '-e', '-vv', '-l', '--immediate-mode', 'icmp']
  const tcpdump = cable.right.spawn('tcpdump', args)
  let said = ''
  tcpdump.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await says(tcpdump.stderr as Readable, 'listening on')
  cable.left.exec('ping', '-c', '2', '-i', '0.2', '-W', '5', '10.77.0.2')
  await once(tcpdump, 'close')
  const { a, b } = cable.links()
  expect(said.match(/10\.77\.0\.1 > 10\.77\.0\.2: ICMP echo request/g)).toHaveLength(2)
  expect(said.match(/10\.77\.0\.2 > 10\.77\.0\.1: ICMP echo reply/g)).toHaveLength(2)
  expect(said).toContain(`${a.address} > ${b.address}, ethertype IPv4`)
  expect(said).not.toMatch(/wrong|bad|truncated/)
})

needs(
  ...basics,
  'tshark',
  'tcpdump',
  'iperf3',
)('tshark finds nothing wrong with a TCP stream', async () => {
  await using cable = await Cable.addressed()
  cable.left.exec('ethtool', '-K', 'x0', 'tx', 'off') // otherwise checksums are not finished, as on veth
  const folder = mkdtempSync(join(tmpdir(), 'uveth-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'tcp.pcap')
  const filter = 'tcp and dst host 10.77.0.2'
  const tcpdump = cable.right.spawn('tcpdump', ['-i', 'x1', '-Z', 'root', '-w', file, '-c', '400', filter])
  const written = once(tcpdump, 'close')
  await says(tcpdump.stderr as Readable, 'listening on')
  await iperf3(cable.left, cable.right, '10.77.0.2', '--bytes', '2M')
  await written
  const fields = ['ip.src', 'tcp.checksum.status', 'ip.checksum.status', 'frame.len']
  const checks = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE']
  const rows = run(
    'tshark',
    '-r',
    file,
    '-T',
    'fields',
    ...fields.flatMap((field) => ['-e', field]),
    ...checks,
  )
  const frames = rows.trim().split('\n')
  const GOOD = '1'
  expect(frames).toHaveLength(400)
  for (const frame of frames) {
    const [source, tcp, ip, length] = frame.split('\t')
    expect([source, tcp, ip]).toEqual(['10.77.0.1', GOOD, GOOD])
    expect(Number(length)).toBeLessThanOrEqual(1_514)
  }
})

needs(
  ...basics,
  'bridge',
  'ping',
)('ends can be ports of a bridge', async () => {
  await using one = await Cable.lay({ a: { addresses: ['10.77.9.1/24'] } })
  await using other = await Cable.lay({ a: { addresses: ['10.77.9.2/24'] } })
  using middle = Netns.create('bridge')
  middle.ip('link', 'add', 'br0', 'type', 'bridge')
  middle.ip('link', 'set', 'br0', 'up')
  for (const [index, cable] of [one, other].entries()) {
    await cable.pair.b.move(middle.name, { name: `port${index}`, up: true })
    middle.ip('link', 'set', `port${index}`, 'master', 'br0')
  }
  const said = one.left.exec('ping', '-c', '3', '-i', '0.2', '-W', '5', '10.77.9.2')
  expect(said).toContain('3 received, 0% packet loss')
})
