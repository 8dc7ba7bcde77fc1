// What inspection does to the devices, which is nothing: the stack hands out super-frames and unfinished checksums as
// ever, hooks see wire frames with finished ones. Invariant 10.

import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { configure, type End } from 'uveth'
import { beforeAll, describe, expect } from 'vitest'
import { addressed, Cable } from '../support/cable.js'
import { sumOf } from '../support/counts.js'
import { expectBalanced, perFrame } from '../support/hooks.js'
import { iperf3, says } from '../support/iperf.js'
import type { Netns } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'ethtool')
const itTcp = needs('root', 'tun', 'netns', 'ip', 'ethtool', 'iperf3')
const itDumps = needs('root', 'tun', 'netns', 'ip', 'ethtool', 'tcpdump', 'bash')

const FEATURES = ['tx-checksum-ip-generic', 'tx-tcp-segmentation', 'tx-tcp6-segmentation'] as const
const ON = Object.fromEntries(FEATURES.map((name) => [name, 'on']))

beforeAll(() => configure({ workers: 2 }))

function features(netns: Netns, end: string): Record<string, string | undefined> {
  const text = netns.exec('ethtool', '-k', end)
  const of = (name: string) => new RegExp(`^\\s*${name}: (\\w+)`, 'm').exec(text)?.[1]
  return Object.fromEntries(FEATURES.map((name) => [name, of(name)]))
}

/** Begins to inspect, waits until it is in force, and answers how to end it. */
async function inspect(end: End): Promise<() => Promise<void>> {
  const rule = end.drop({ udp: { dport: 1 } })
  await end.settled()
  return async () => {
    rule.remove()
    await end.settled()
  }
}

describe('offloads of the end that sends', () => {
  it('stay as they are while it is inspected, from the start of a pair too', async () => {
    await using cable = await Cable.lay({ a: { impair: { delay: 1 } } })
    expect(features(cable.left, 'x0')).toEqual(ON)
    await cable.pair.a.impair(null)
    const stop = await inspect(cable.pair.a)
    expect([features(cable.left, 'x0'), features(cable.right, 'x1')]).toEqual([ON, ON])
    await stop()
    expect(features(cable.left, 'x0')).toEqual(ON)
  })

  it('are the user’s: what he switches before, meanwhile and afterwards holds', async () => {
    await using cable = await Cable.lay()
    const turn = (name: string, on: string) => cable.left.exec('ethtool', '-K', 'x0', name, on)
    turn('tx-tcp6-segmentation', 'off')
    const mine: Record<string, string> = { ...ON, 'tx-tcp6-segmentation': 'off' }
    const stop = await inspect(cable.pair.a)
    expect(features(cable.left, 'x0')).toEqual(mine)
    turn('tx-tcp6-segmentation', 'on')
    turn('tx-tcp-segmentation', 'off')
    const now = { ...ON, 'tx-tcp-segmentation': 'off' }
    expect(features(cable.left, 'x0')).toEqual(now)
    await stop()
    expect(features(cable.left, 'x0')).toEqual(now)
  })
})

it('the transmit queue keeps its length: the kernel would drop what is sent while it changes', async () => {
  await using cable = await Cable.lay({ b: { impair: { delay: 1 }, txQueueLength: 500 } })
  const lengths = () => [cable.links().a.txqlen, cable.links().b.txqlen]
  const stop = await inspect(cable.pair.a)
  expect(lengths()).toEqual([8_192, 500])
  await stop()
  await cable.pair.b.impair(null)
  expect(lengths()).toEqual([8_192, 500])
})

itTcp('TCP goes in super-frames, which are counted as wire frames', async () => {
  await using cable = await Cable.lay(addressed())
  const stop = await inspect(cable.pair.a)
  await iperf3(cable.left, cable.right, '10.77.0.2', '--time', '1')
  const { a } = await expectBalanced(cable, { cut: true })
  expect(a.tx_bytes / a.tx_packets).toBeLessThan(1_515)
  // The kernel's own count is of what it handed out.
  expect(a.tx_packets / (a.kernel?.tx_packets ?? 0)).toBeGreaterThan(1.2)
  await stop()
})

describe('hooks see wire frames with finished checksums', () => {
  /** Throws for a frame that is longer than the MTU, or whose checksum of TCP or UDP over IPv4 is wrong. */
  const CHECK = perFrame(`
    const frame = burst.frame(i)
    if (frame.length > 1514) throw new Error('a frame of ' + frame.length + ' bytes')
    if (frame[12] === 8 && frame[13] === 0) {
      const sum = (bytes, start) => {
        for (let at = 0; at < bytes.length; at += 2) start += (bytes[at] << 8) + (bytes[at + 1] ?? 0)
        while (start > 0xffff) start = (start & 0xffff) + (start >>> 16)
        return start
      }
      const length = (frame[16] << 8) + frame[17] - 20
      const l4 = frame.subarray(34, 34 + length)
      if (sum(frame.subarray(14, 34), 0) !== 0xffff) throw new Error('IP checksum')
      if (sum(l4, sum(frame.subarray(26, 34), frame[23] + length)) !== 0xffff) throw new Error('checksum')
    }`)

  itTcp('while TCP runs and inspection goes on and off twenty times', async () => {
    await using cable = await Cable.lay(addressed())
    const failures: string[] = []
    cable.pair.on('hookFailed', ({ message }) => failures.push(message))
    const server = cable.right.spawn('iperf3', ['--server', '--one-off', '--forceflush'])
    await says(server.stdout as Readable, 'Server listening')
    const client = cable.left.spawn('iperf3', ['--client', '10.77.0.2', '--time', '4'])
    const ended = once(client, 'exit')
    for (let n = 0; n < 20; n++) {
      await using _hook = await cable.pair.a.use(CHECK)
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    expect(await ended).toEqual([0, null])
    expect(failures).toEqual([])
    expect(features(cable.left, 'x0')).toEqual(ON)
    const { a } = await expectBalanced(cable, { cut: true })
    expect(sumOf(a.drops)).toBe(0)
    expect(a.tx_bytes).toBeGreaterThan(1e6)
  })

  itTcp('and TCP goes in super-frames again when nothing is inspected any more', async () => {
    await using cable = await Cable.lay(addressed())
    const stop = await inspect(cable.pair.a)
    await stop()
    await iperf3(cable.left, cable.right, '10.77.0.2', '--time', '1')
    const { a } = await expectBalanced(cable)
    expect(a.tx_bytes / a.tx_packets).toBeGreaterThan(3 * 1514)
  })

  itDumps(
    'UDP arrives with right checksums where the sender finishes them, as an old DHCP client wants it',
    async () => {
      await using cable = await Cable.lay(addressed())
      const stop = await inspect(cable.pair.a)
      cable.left.exec('ethtool', '-K', 'x0', 'tx', 'off')
      const filter = ['-c', '5', '-nn', '-vv', '--immediate-mode', 'udp dst port 67']
      const tcpdump = cable.right.spawn('tcpdump', ['-i', 'x1', ...filter])
      const printed = says(tcpdump.stdout as Readable, '\0').catch(({ message }) => String(message))
      await says(tcpdump.stderr as Readable, 'listening on')
      cable.left.exec('bash', '-c', 'for n in 1 2 3 4 5; do echo discover $n >/dev/udp/10.77.0.2/67; done')
      const seen = await printed
      expect(seen).not.toContain('bad udp cksum')
      expect(seen.match(/\[udp sum ok\]|udp sum ok/g)).toHaveLength(5)
      await stop()
    },
  )
})
