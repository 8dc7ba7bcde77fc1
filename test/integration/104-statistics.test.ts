// What the counters say, from each interface's own point of view: equations between the data path's counters
// (pair.counters()), the two joined (pair.stats()) and what `ip -s link` shows.

import type { Cause, EndStats } from 'uveth'
import { expect } from 'vitest'
import { atRest, Cable, stream } from '../support/cable.js'
import { ETH_P, ethernet, filler, numbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
/** What a kernel before 6.2 drops for want of carrier, it does not count. */
const itCounts = needs('root', 'tun', 'netns', 'ip', 'kernel 6.2')

/** What only a port of a tunnel drops. */
const TUNNEL = { foreign: 0, malformed: 0, vni: 0 }

function drops(causes: Partial<Record<Cause, number>> = {}): Record<Cause, number> {
  return { carrier: 0, down: 0, mtu: 0, error: 0, loss: 0, limit: 0, rule: 0, hook: 0, ...TUNNEL, ...causes }
}

function total(causes: Record<Cause, number>): number {
  return Object.values(causes).reduce((sum, count) => sum + count, 0)
}

/** Of one direction: what an end sent is what its peer received and what was dropped, by every counter. */
function expectBalanced(
  cable: Cable,
  sender: EndStats,
  receiver: EndStats,
  ends: ['a', 'b'] | ['b', 'a'],
): void {
  const links = cable.links()
  const [from, to] = [links[ends[0]].stats64, links[ends[1]].stats64]
  const ours = total(sender.drops) - from.tx.dropped
  // The kernel's tx_packets are the frames that the cable has read.
  expect(sender.kernel).toMatchObject({ tx_packets: from.tx.packets, tx_dropped: from.tx.dropped })
  expect(from.tx.packets).toBe(sender.tx_packets + ours)
  expect(sender.tx_dropped).toBe(from.tx.dropped + ours)
  expect(sender.tx_packets).toBe(receiver.rx_packets)
  expect(sender.tx_bytes).toBe(receiver.rx_bytes)
  // What was written to the receiving end, the kernel there has received.
  expect([to.rx.packets, to.rx.bytes]).toEqual([receiver.rx_packets, receiver.rx_bytes])
}

it('a fresh pair has counted nothing', async () => {
  await using cable = await Cable.lay()
  const nothing = { rx_packets: 0, rx_bytes: 0, tx_packets: 0, tx_bytes: 0, rx_dropped: 0, tx_dropped: 0 }
  const inspected = {
    ...{ held: 0, copied: 0, injected: 0, hook_errors: 0 },
    ...{ delayed: 0, duplicated: 0, corrupted: 0, reordered: 0, marked: 0 },
  }
  const each = { ...nothing, drops: drops(), inspected }
  const zero = { ...each, workers: [{ worker: 0, ...each }] }
  expect(cable.pair.counters()).toEqual({ a: zero, b: zero })
})

it('bytes count the Ethernet header, and no more', async () => {
  await using cable = await Cable.lay()
  const frame = ethernet(ETH_P.EXPERIMENT, filler(86))
  for (let i = 0; i < 10; i++) cable.a.send(frame)
  const { a, b } = await atRest(cable.pair)
  expect([a.tx_packets, a.tx_bytes, b.rx_packets, b.rx_bytes]).toEqual([10, 1_000, 10, 1_000])
  const links = cable.links()
  expect([links.a.stats64.tx, links.b.stats64.rx]).toMatchObject([
    { packets: 10, bytes: 1_000 },
    { packets: 10, bytes: 1_000 },
  ])
})

it('each end counts its own direction', async () => {
  await using cable = await Cable.lay()
  await stream(cable.a, cable.b, { count: 300, length: 200 })
  await stream(cable.b, cable.a, { count: 70, length: 1_000 })
  const { a, b } = await atRest(cable.pair)
  const sums = { tx_packets: 300, tx_bytes: 60_000, rx_packets: 70, rx_bytes: 70_000 }
  expect(a).toMatchObject({ ...sums, tx_dropped: 0, rx_dropped: 0, tx_errors: 0, rx_errors: 0 })
  expect(b).toMatchObject({ rx_packets: 300, rx_bytes: 60_000, tx_packets: 70, tx_bytes: 70_000 })
  expectBalanced(cable, a, b, ['a', 'b'])
  expectBalanced(cable, b, a, ['b', 'a'])
})

itCounts('a frame that was dropped counts once, with its cause, and not as sent', async () => {
  await using cable = await Cable.lay({ a: { mtu: 9_000 } })
  await stream(cable.a, cable.b, { count: 40 })
  for (let i = 0; i < 7; i++) cable.a.send(ethernet(ETH_P.EXPERIMENT, filler(8_000)))
  await atRest(cable.pair)
  await cable.pair.b.down()
  for (let i = 0; i < 5; i++) cable.a.send(numbered(0, i, 100))
  await cable.pair.b.up()
  await stream(cable.a, cable.b, { count: 60 })
  const { a, b } = await atRest(cable.pair)
  expect([a.tx_packets, a.tx_bytes, a.tx_dropped]).toEqual([100, 10_000, 12])
  expect(a.drops).toEqual({ ...drops({ mtu: 7, carrier: 5 }), queue: 0 })
  expect(b.drops).toEqual({ ...drops(), queue: 0 })
  expect(a.kernel?.tx_dropped).toBe(5)
  expect([b.rx_packets, b.rx_dropped]).toEqual([100, 7])
  expectBalanced(cable, a, b, ['a', 'b'])
})

it('everything balances after a flood beyond what the ring holds', async () => {
  const SENT = 20_000
  await using cable = await Cable.lay({ a: { txQueueLength: 16 } })
  let taken = 0
  for (let i = 0; i < SENT; i++) if (cable.a.send(numbered(0, i, 100))) taken++
  const { a, b } = await atRest(cable.pair)
  expect(a.tx_dropped).toBeGreaterThan(0)
  expect(b.rx_packets + a.tx_dropped).toBe(taken)
  expect(a.drops).toEqual({ ...drops(), queue: a.tx_dropped })
  expectBalanced(cable, a, b, ['a', 'b'])
})

it('counters() needs no answer from anybody, and agrees with stats()', async () => {
  await using cable = await Cable.lay()
  await stream(cable.a, cable.b, { count: 200 })
  const { a, b } = await atRest(cable.pair)
  const now = cable.pair.counters()
  expect(now).not.toBeInstanceOf(Promise)
  expect(a).toMatchObject({ ...now.a, tx_dropped: expect.any(Number), rx_dropped: expect.any(Number) })
  expect(b.rx_packets).toBe(now.b.rx_packets)
})

it('the workers’ counters add up to those of the end', async () => {
  await using cable = await Cable.lay({ a: { mtu: 3_000 } })
  await stream(cable.a, cable.b, { count: 100 })
  cable.a.send(ethernet(ETH_P.EXPERIMENT, filler(2_000)))
  await atRest(cable.pair)
  const { a, b } = cable.pair.counters()
  const { workers, ...sums } = a
  expect(workers).toEqual([{ worker: 0, ...sums }])
  expect([sums.tx_packets, sums.drops, b.workers[0]?.rx_dropped]).toEqual([100, drops({ mtu: 1 }), 1])
})

it('stay as they were when the pair has ended', async () => {
  await using cable = await Cable.lay()
  await stream(cable.a, cable.b, { count: 123 })
  const before = await atRest(cable.pair)
  await cable.pair.close()
  expect(await cable.pair.stats()).toEqual(before)
  expect(cable.pair.counters().b.rx_packets).toBe(123)
})

it('also when it was deleted from outside', async () => {
  await using cable = await Cable.lay()
  await stream(cable.a, cable.b, { count: 45 })
  await atRest(cable.pair)
  cable.left.ip('link', 'del', 'x0')
  await until('the end of the pair', () => cable.pair.closed)
  const { a, b } = await cable.pair.stats()
  expect([a.tx_packets, b.rx_packets, a.kernel]).toEqual([45, 45, null])
})
