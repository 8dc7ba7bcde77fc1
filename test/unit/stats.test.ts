// Statistics as equations: each end's view from inside the interface, sums over workers, and the kernel's
// own. src/stats.ts over made-up counters, no device. The same against a real `ip -s link` is an integration
// test.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocateCounters, blockOf, CAUSES } from '../../src/datapath/counters.js'
import type { LinkStats } from '../../src/netlink/rtnl.js'
import { countersOf, type EndCounters, joinKernel } from '../../src/stats.js'

const NO_DROPS = { carrier: 0, down: 0, mtu: 0, error: 0 }

const kernelStats: LinkStats = {
  rx_packets: 100,
  tx_packets: 200,
  rx_bytes: 1_000,
  tx_bytes: 2_000,
  rx_errors: 3,
  tx_errors: 4,
  rx_dropped: 50,
  tx_dropped: 60,
  multicast: 7,
  collisions: 0,
  tx_carrier_errors: 0,
}

/** A pair's counters: one list of words for each direction, worker by worker. */
function memoryOf(...workers: [aToB: number[], bToA: number[]][]): SharedArrayBuffer {
  const memory = allocateCounters(workers.length)
  workers.forEach((directions, worker) => {
    directions.forEach((words, direction) => {
      blockOf(memory, worker, direction).set(words)
    })
  })
  return memory
}

describe('counters of an end', () => {
  test('what a sent is a’s tx and b’s rx', () => {
    const { a, b } = countersOf(memoryOf([[10, 1000, 10, 1000, 0, 0, 0, 0], []]), 1)
    expect(a).toMatchObject({ tx_packets: 10, tx_bytes: 1000, tx_dropped: 0, rx_packets: 0, rx_bytes: 0 })
    expect(b).toMatchObject({ rx_packets: 10, rx_bytes: 1000, rx_dropped: 0, tx_packets: 0, tx_bytes: 0 })
  })

  test('what was dropped is no tx_packet: it is tx_dropped of the sender, by cause', () => {
    const { a, b } = countersOf(memoryOf([[10, 1000, 4, 400, 1, 2, 0, 3], []]), 1)
    expect(a).toMatchObject({ tx_packets: 4, tx_bytes: 400, tx_dropped: 6 })
    expect(a.drops).toEqual({ carrier: 1, down: 2, mtu: 0, error: 3 })
    expect(b).toMatchObject({ rx_packets: 4, rx_dropped: 0, tx_dropped: 0 })
    expect(b.drops).toEqual(NO_DROPS)
  })

  test('a frame that is too long counts on both ends, as for veth', () => {
    const { a, b } = countersOf(memoryOf([[5, 9000, 3, 300, 0, 0, 2, 0], []]), 1)
    expect(a).toMatchObject({ tx_dropped: 2, rx_dropped: 0 })
    expect(b).toMatchObject({ rx_dropped: 2, tx_dropped: 0 })
  })

  test('both directions, each on its own', () => {
    const { a, b } = countersOf(
      memoryOf([
        [1, 10, 1, 10],
        [2, 20, 2, 20],
      ]),
      1,
    )
    expect(a).toMatchObject({ tx_packets: 1, tx_bytes: 10, rx_packets: 2, rx_bytes: 20 })
    expect(b).toMatchObject({ tx_packets: 2, tx_bytes: 20, rx_packets: 1, rx_bytes: 10 })
  })

  test('several workers: each by itself, and their sum', () => {
    const { a } = countersOf(memoryOf([[1, 10, 1, 10], []], [[5, 50, 3, 30, 2], []], [[], [7, 70, 7, 70]]), 3)
    expect(a).toMatchObject({ tx_packets: 4, tx_bytes: 40, tx_dropped: 2, rx_packets: 7, rx_bytes: 70 })
    expect(a.drops).toEqual({ ...NO_DROPS, carrier: 2 })
    expect(a.workers).toMatchObject([
      { worker: 0, tx_packets: 1, tx_dropped: 0, rx_packets: 0 },
      { worker: 1, tx_packets: 3, tx_dropped: 2, rx_packets: 0 },
      { worker: 2, tx_packets: 0, tx_dropped: 0, rx_packets: 7 },
    ])
  })

  test('a pair that has carried nothing: all zero', () => {
    const zero = {
      rx_packets: 0,
      rx_bytes: 0,
      tx_packets: 0,
      tx_bytes: 0,
      rx_dropped: 0,
      tx_dropped: 0,
      drops: NO_DROPS,
    }
    const { a, b } = countersOf(allocateCounters(1), 1)
    expect(a).toEqual({ ...zero, workers: [{ worker: 0, ...zero }] })
    expect(b).toEqual(a)
  })

  test('are a copy: what is counted afterwards does not change them', () => {
    const memory = memoryOf([[1, 10, 1, 10], []])
    const { a } = countersOf(memory, 1)
    blockOf(memory, 0, 0).fill(99)
    expect(a.tx_packets).toBe(1)
  })
})

test('a sent = b received + dropped, for whatever the workers have counted', () => {
  const direction = fc
    .tuple(...[fc.nat(), fc.nat(), fc.nat(), fc.nat(), fc.nat()])
    .map(([sent, ...drops]) => [drops.reduce((sum, n) => sum + n, sent), 0, sent, 0, ...drops])
  fc.assert(
    fc.property(fc.array(fc.tuple(direction, direction), { minLength: 1, maxLength: 4 }), (workers) => {
      const { a, b } = countersOf(memoryOf(...(workers as [number[], number[]][])), workers.length)
      const received = (end: 0 | 1) =>
        workers.reduce((sum, directions) => sum + (directions[end]?.[0] ?? 0), 0)
      expect(a.tx_packets).toBe(b.rx_packets)
      expect(b.tx_packets).toBe(a.rx_packets)
      expect(a.tx_packets + a.tx_dropped).toBe(received(0))
      expect(b.tx_packets + b.tx_dropped).toBe(received(1))
      for (const { tx_dropped, drops } of [a, b]) {
        expect(tx_dropped).toBe(CAUSES.reduce((sum, cause) => sum + drops[cause], 0))
      }
    }),
  )
})

describe('joined with the kernel’s', () => {
  const counters: EndCounters = countersOf(
    memoryOf([
      [10, 1000, 7, 700, 1, 2, 0, 0],
      [4, 40, 3, 30, 0, 0, 1, 0],
    ]),
    1,
  ).a

  test('drops add up, since each frame is dropped once; packets are ours', () => {
    expect(joinKernel(counters, kernelStats)).toEqual({
      ...counters,
      tx_dropped: 3 + 60,
      rx_dropped: 1 + 50,
      rx_errors: 3,
      tx_errors: 4,
      kernel: kernelStats,
    })
  })

  test('the interface is gone: ours alone', () => {
    expect(joinKernel(counters, null)).toEqual({ ...counters, rx_errors: 0, tx_errors: 0, kernel: null })
  })
})
