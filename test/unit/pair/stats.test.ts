// Statistics as equations: each end's view from inside the interface, sums over workers, and the kernel's
// own. src/pair/stats.ts over made-up counters, no device. The same against a real `ip -s link` is an integration
// test.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocateCounters, blockOf } from '../../../src/datapath/counters.js'
import { CAUSES } from '../../../src/frame/cause.js'
import type { LinkStats } from '../../../src/netlink/rtnl.js'
import { briefOf, countersOf, type EndCounters, joinKernel, NO_BASE } from '../../../src/pair/stats.js'
import { NO_DROPS, NOT_INSPECTED, sumOf } from '../../support/counts.js'

const arrayOf = (...block: Parameters<typeof blockOf>) => blockOf(...block) as Float64Array

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
      arrayOf(memory, worker, direction).set(words)
    })
  })
  return memory
}

describe('counters of an end', () => {
  test('what a sent is a’s tx and b’s rx', () => {
    const { a, b } = countersOf(memoryOf([[10, 1000, 10, 1000, 0, 0, 0, 0], []]))
    expect(a).toMatchObject({ tx_packets: 10, tx_bytes: 1000, tx_dropped: 0, rx_packets: 0, rx_bytes: 0 })
    expect(b).toMatchObject({ rx_packets: 10, rx_bytes: 1000, rx_dropped: 0, tx_packets: 0, tx_bytes: 0 })
  })

  test('what was dropped is no tx_packet: it is tx_dropped of the sender, by cause', () => {
    const { a, b } = countersOf(memoryOf([[10, 1000, 4, 400, 1, 2, 0, 3], []]))
    expect(a).toMatchObject({ tx_packets: 4, tx_bytes: 400, tx_dropped: 6 })
    expect(a.drops).toEqual({ ...NO_DROPS, carrier: 1, down: 2, error: 3 })
    expect(b).toMatchObject({ rx_packets: 4, rx_dropped: 0, tx_dropped: 0 })
    expect(b.drops).toEqual(NO_DROPS)
  })

  test('a frame that is too long counts on both ends, as for veth', () => {
    const { a, b } = countersOf(memoryOf([[5, 9000, 3, 300, 0, 0, 2, 0], []]))
    expect(a).toMatchObject({ tx_dropped: 2, rx_dropped: 0 })
    expect(b).toMatchObject({ rx_dropped: 2, tx_dropped: 0 })
  })

  test('both directions, each on its own', () => {
    const { a, b } = countersOf(
      memoryOf([
        [1, 10, 1, 10],
        [2, 20, 2, 20],
      ]),
    )
    expect(a).toMatchObject({ tx_packets: 1, tx_bytes: 10, rx_packets: 2, rx_bytes: 20 })
    expect(b).toMatchObject({ tx_packets: 2, tx_bytes: 20, rx_packets: 1, rx_bytes: 10 })
  })

  test('several workers: each by itself, and their sum', () => {
    const { a } = countersOf(memoryOf([[1, 10, 1, 10], []], [[5, 50, 3, 30, 2], []], [[], [7, 70, 7, 70]]))
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
      inspected: NOT_INSPECTED,
    }
    const { a, b } = countersOf(allocateCounters(1))
    expect(a).toEqual({ ...zero, workers: [{ worker: 0, ...zero }] })
    expect(b).toEqual(a)
  })

  test('are a copy: what is counted afterwards does not change them', () => {
    const memory = memoryOf([[1, 10, 1, 10], []])
    const { a } = countersOf(memory)
    arrayOf(memory, 0, 0).fill(99)
    expect(a.tx_packets).toBe(1)
  })
})

test('sent + dropped + held = received + copied + injected, for whatever the workers have counted', () => {
  const words = fc
    .record({
      sent: fc.nat(),
      drops: fc.array(fc.nat(), { minLength: CAUSES.length, maxLength: CAUSES.length }),
      held: fc.nat(),
      copied: fc.nat(),
      injected: fc.nat(),
    })
    .map(({ sent, drops, held, copied, injected }) => {
      const went = drops.reduce((sum, n) => sum + n, sent + held)
      return [went - copied - injected, 0, sent, 0, ...drops, held, copied, injected]
    })
  fc.assert(
    fc.property(fc.array(fc.tuple(words, words), { minLength: 1, maxLength: 4 }), (workers) => {
      const { a, b } = countersOf(memoryOf(...(workers as [number[], number[]][])))
      expect([a.tx_packets, b.tx_packets]).toEqual([b.rx_packets, a.rx_packets])
      for (const { tx_dropped, drops } of [a, b]) expect(tx_dropped).toBe(sumOf(drops))
      for (const [at, { tx_packets, tx_dropped, inspected }] of [a, b].entries()) {
        const received = workers.reduce((sum, directions) => sum + (directions[at]?.[0] ?? 0), 0)
        const { held, copied, injected } = inspected
        expect(tx_packets + tx_dropped + held - copied - injected).toBe(received)
      }
    }),
  )
})

test('a thread of the pair’s own is listed once it has counted something', () => {
  const memory = memoryOf([[1, 10, 1, 10], []])
  expect(countersOf(memory).a.workers.length).toBe(1)
  arrayOf(memory, 1, 1).set([5, 50, 5, 50])
  const { a, b } = countersOf(memory)
  expect(a).toMatchObject({ tx_packets: 1, rx_packets: 5 })
  for (const end of [a, b]) expect(end.workers.map(({ worker }) => worker)).toEqual([0, 1])
})

test('what was inspected is of the end that sent it, over all workers', () => {
  const inspected = (n: number) => Array.from({ length: 9 }, (_, at) => n * (at + 1))
  const drops = Array<number>(CAUSES.length).fill(0)
  const { a, b } = countersOf(
    memoryOf([[0, 0, 0, 0, ...drops, ...inspected(1)], []], [[0, 0, 0, 0, ...drops, ...inspected(10)], []]),
  )
  expect(a.inspected).toEqual({
    ...{ held: 11, copied: 22, injected: 33, hook_errors: 44 },
    ...{ delayed: 55, duplicated: 66, corrupted: 77, reordered: 88, marked: 99 },
  })
  expect(b.inspected).toEqual(NOT_INSPECTED)
})

describe('joined with the kernel’s', () => {
  const details = { flags: 0x1003, qdisc: 'noop' }
  const counters: EndCounters = countersOf(
    memoryOf([
      [10, 1000, 7, 700, 1, 2, 0, 0],
      [4, 40, 3, 30, 0, 0, 1, 0],
    ]),
  ).a

  test('drops add up, since each frame is dropped once; packets are ours', () => {
    expect(joinKernel(counters, { stats: kernelStats, uncarried: 0, details })).toEqual({
      ...counters,
      drops: { ...counters.drops, queue: 60 },
      tx_dropped: 3 + 60,
      rx_dropped: 1 + 50,
      rx_errors: 3,
      tx_errors: 4,
      kernel: kernelStats,
    })
  })

  test('what the kernel dropped without carrier is that; what it dropped with carrier found no room', () => {
    const { drops, tx_dropped } = joinKernel(counters, { stats: kernelStats, uncarried: 45, details })
    expect(drops).toEqual({ ...NO_DROPS, carrier: 1 + 45, down: 2, queue: 15 })
    expect(sumOf(drops)).toBe(tx_dropped)
  })

  test('the interface is gone: ours alone', () => {
    const drops = { ...counters.drops, queue: 0 }
    expect(joinKernel(counters, null)).toEqual({
      ...counters,
      drops,
      rx_errors: 0,
      tx_errors: 0,
      kernel: null,
    })
  })
})

test('the short form: what is not 0, the kernel’s drops among them', () => {
  const kernel = { stats: kernelStats, uncarried: 10 }
  const { a, b } = briefOf(memoryOf([[10, 1000, 4, 400, 1, 2, 0, 3], []]), NO_BASE, [kernel as never, null])
  expect(a).toEqual({
    rx_packets: 0,
    rx_bytes: 0,
    tx_packets: 4,
    tx_bytes: 400,
    drops: { carrier: 11, down: 2, error: 3, queue: 50 },
    inspected: {},
  })
  expect(b).toEqual({ rx_packets: 4, rx_bytes: 400, tx_packets: 0, tx_bytes: 0, drops: {}, inspected: {} })
})
