// Memory for frames that wait: who gets how much of it, that nothing of it is lost, and that threads count together.
// src/frame/memory.ts.

import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameMemory, MOST_MEMORY, Share } from '../../../src/frame/memory.js'

const MEBIBYTE = 2 ** 20

function memoryOf(bound: number): FrameMemory {
  const memory = new FrameMemory()
  memory.bound = bound
  return memory
}

const sharesOf = (memory: FrameMemory, count: number) =>
  Array.from({ length: count }, () => new Share(memory))

/** Takes as much as there is, in pieces of 64 KiB; how many bytes that were. */
function takeAll(share: Share): number {
  let bytes = 0
  while (share.hold(64 * 1024)) bytes += 64 * 1024
  return bytes
}

test('has no bound until there is one, and none beyond what can be counted', () => {
  const memory = new FrameMemory()
  expect([memory.used, memory.bound, memory.refused]).toEqual([0, MOST_MEMORY, 0])
  memory.bound = Number.POSITIVE_INFINITY
  expect(memory.bound).toBe(MOST_MEMORY)
})

describe('a pair has no more than what is left for all', () => {
  test('alone it gets a half', () => {
    const memory = memoryOf(100 * MEBIBYTE)
    const [share] = sharesOf(memory, 1) as [Share]
    expect(takeAll(share)).toBe(50 * MEBIBYTE)
    expect(memory.used).toBe(50 * MEBIBYTE)
  })

  test('whoever comes later finds a half of the rest, and those who have less go on', () => {
    const [greedy, second, third] = sharesOf(memoryOf(100 * MEBIBYTE), 3) as [Share, Share, Share]
    takeAll(greedy)
    expect(takeAll(second)).toBe(25 * MEBIBYTE)
    expect(takeAll(third)).toBe(12.5 * MEBIBYTE)
    expect(greedy.hold(1024)).toBe(false)
  })

  test('all who want everything get the same, in the end', () => {
    const shares = sharesOf(memoryOf(60 * MEBIBYTE), 5)
    const bytes = shares.map(() => 0)
    for (let found = true; found; ) {
      found = false
      shares.forEach((share, at) => {
        if (!share.hold(64 * 1024)) return
        bytes[at] = (bytes[at] as number) + 64 * 1024
        found = true
      })
    }
    for (const one of bytes) expect(Math.abs(one - 10 * MEBIBYTE)).toBeLessThanOrEqual(64 * 1024)
  })

  test('what it holds and its rings count together', () => {
    const [share] = sharesOf(memoryOf(100 * MEBIBYTE), 1) as [Share]
    expect([share.openRing(32 * MEBIBYTE), share.hold(20 * MEBIBYTE), share.hold(18 * MEBIBYTE)]).toEqual([
      true,
      false,
      true,
    ])
    share.closeRing(32 * MEBIBYTE)
    expect(share.openRing(33 * MEBIBYTE)).toBe(false)
    expect(share.openRing(32 * MEBIBYTE)).toBe(true)
  })

  test('a bound that was lowered takes nothing away, and gives nothing', () => {
    const memory = memoryOf(100 * MEBIBYTE)
    const [share] = sharesOf(memory, 1) as [Share]
    takeAll(share)
    memory.bound = 20 * MEBIBYTE
    expect([memory.used, share.hold(1024)]).toEqual([50 * MEBIBYTE, false])
  })
})

test('whatever is taken and given back in whatever order: what is used is what they have, and within the bound', () => {
  const step = fc.record({
    who: fc.nat(3),
    ring: fc.boolean(),
    give: fc.boolean(),
    kib: fc.integer({ min: 1, max: 512 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const memory = memoryOf(4 * MEBIBYTE)
      const shares = sharesOf(memory, 4)
      const taken: { who: number; ring: boolean; bytes: number }[] = []
      for (const { who, ring, give, kib } of steps) {
        const bytes = kib * 1024
        if (give) {
          const last = taken.pop()
          if (last === undefined) continue
          const share = shares[last.who] as Share
          if (last.ring) share.closeRing(last.bytes)
          else share.drop(last.bytes)
        } else {
          const share = shares[who] as Share
          if (ring ? share.openRing(bytes) : share.hold(bytes)) taken.push({ who, ring, bytes })
        }
        expect(memory.used).toBe(taken.reduce((sum, one) => sum + one.bytes, 0))
        expect(memory.used).toBeLessThanOrEqual(memory.bound)
      }
    }),
  )
})

test('a thread that is gone leaves nothing behind, but rings, which others read', () => {
  const memory = memoryOf(100 * MEBIBYTE)
  const [share, other] = sharesOf(memory, 2) as [Share, Share]
  share.hold(3 * MEBIBYTE)
  share.openRing(2 * MEBIBYTE)
  other.hold(MEBIBYTE)
  share.abandon()
  expect(memory.used).toBe(3 * MEBIBYTE)
  share.abandon()
  share.closeRing(2 * MEBIBYTE)
  expect(memory.used).toBe(MEBIBYTE)
})

test('refusals are counted beyond 32 bits', () => {
  const memory = new FrameMemory()
  new Int32Array(memory.shared)[2] = -2
  for (let n = 0; n < 3; n++) memory.refuse()
  expect(memory.refused).toBe(2 ** 32 + 1)
})

test('threads count together: what several take and give at once is all given back', {
  timeout: 120_000,
}, async () => {
  const memory = memoryOf(MEBIBYTE)
  const url = new URL('../../../dist/frame/memory.js', import.meta.url).href
  const code = `
    const { workerData: { url, shared } } = require('node:worker_threads')
    import(url).then(({ FrameMemory, Share }) => {
      const share = new Share(new FrameMemory(shared))
      for (let n = 0; n < 50_000; n++) if (share.hold(64 * 1024)) share.drop(64 * 1024)
    })`
  const threads = Array.from(
    { length: 3 },
    () => new Worker(code, { eval: true, workerData: { url, shared: memory.shared } }),
  )
  const codes = await Promise.all(
    threads.map((thread) => new Promise((done, failed) => thread.on('exit', done).on('error', failed))),
  )
  expect(codes).toEqual([0, 0, 0])
  expect(memory.used).toBe(0)
})
