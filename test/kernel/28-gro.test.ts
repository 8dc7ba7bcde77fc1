// GRO on a TAP takes IFF_NAPI, and a time for which the kernel keeps what it aggregates: without either, every write is
// delivered by itself, whatever `ethtool -K X gro` says. It is not used: a frame's write took 2.3 us of CPU with IFF_NAPI
// and 1.7 without it, and 7.5 instead of 3.2 where 40 frames of TCP were put together (a timer is set for each).
// Relied on by src/link/tap.ts (opened without IFF_NAPI) and README's limits.

import { expect } from 'vitest'
import { tunSetVnetLe } from '../../src/native.js'
import { Netns, until } from '../support/netns.js'
import { ETH_HLEN, FLAGS, RawTap, tryWrite, VNET_HDR_LEN } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'ethtool')

const IFF_NAPI = 0x0010
const FRAMES = 40
const PAYLOAD = 1_000
const HEADERS = ETH_HLEN + 40
/** ns that the kernel keeps what it aggregates: nobody waits for it, the last frame comes with PSH. */
const LONG = 2_000_000_000

/** Segment `number` of a TCP stream from 10.9.8.2 to 10.9.8.1, its checksum left to the receiver. */
function segment(number: number): Uint8Array {
  const frame = Buffer.alloc(VNET_HDR_LEN + HEADERS + PAYLOAD)
  frame[0] = 1
  frame.writeUInt16LE(ETH_HLEN + 20, 6)
  frame.writeUInt16LE(16, 8)
  const ip = VNET_HDR_LEN + ETH_HLEN
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45], VNET_HDR_LEN)
  frame.writeUInt16BE(40 + PAYLOAD, ip + 2)
  frame.set([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 9, 8, 2, 10, 9, 8, 1, 1, 2, 0, 9], ip + 4)
  let sum = 0
  for (let at = 0; at < 20; at += 2) sum += frame.readUInt16BE(ip + at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16)
  frame.writeUInt16BE(~sum & 0xffff, ip + 10)
  frame.writeUInt32BE(1 + number * PAYLOAD, ip + 24)
  const push = number === FRAMES - 1 ? 0x08 : 0
  frame.set([0x50, 0x10 | push], ip + 32)
  return frame
}

/** As how many packets IP receives a stream that is written segment by segment. */
function received(flags: number, { gro, wait }: { gro: 'on' | 'off'; wait: number }): number {
  using netns = Netns.create('gro')
  using tap = RawTap.open(undefined, FLAGS | flags)
  tunSetVnetLe(tap.fd)
  tap.moveTo(netns, 'e')
  netns.ip('link', 'set', 'e', 'address', '02:00:00:00:00:01', 'addrgenmode', 'none', 'up')
  netns.ip('addr', 'add', '10.9.8.1/24', 'dev', 'e')
  netns.exec('ethtool', '-K', 'e', 'gro', gro)
  netns.exec('sh', '-c', `echo ${wait} > /sys/class/net/e/gro_flush_timeout`)
  const segments = Array.from({ length: FRAMES }, (_, number) => segment(number))
  const packets = () => Number(netns.exec('cat', '/proc/net/snmp').match(/^Ip: \d+ \d+ (\d+)/m)?.[1])
  const before = packets()
  for (const each of segments) if (tryWrite(tap.fd, each) < 0) throw new Error('a write failed')
  return packets() - before
}

it.each([
  ['without IFF_NAPI nothing is aggregated', 0, { gro: 'on', wait: LONG }],
  ['with it nothing is either: each write is delivered at its end', IFF_NAPI, { gro: 'on', wait: 0 }],
  ['nor where GRO is off', IFF_NAPI, { gro: 'off', wait: LONG }],
] as const)('%s', (_, flags, settings) => {
  expect(received(flags, settings)).toBe(FRAMES)
})

// The kernel keeps none for longer than one of its ticks, in which a slow machine may write a single one.
it('with a time to wait it is', async () => {
  await until('some that are put together', () => received(IFF_NAPI, { gro: 'on', wait: LONG }) < FRAMES)
})
