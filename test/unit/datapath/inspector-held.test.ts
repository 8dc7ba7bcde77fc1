// Frames that an inspector holds, and what is kept of a direction when another thread goes on with it; and what
// holds for every mixture of bursts, verdicts, refusals and carrier: each frame is accounted for. A failure
// prints its seed. src/datapath/inspector.ts with fake ports.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CARRIER } from '../../../src/datapath/counters.js'
import { Held } from '../../../src/datapath/held.js'
import { Probe } from '../../../src/datapath/probe.js'
import { errno } from '../../../src/errors.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { allocateRuleCounts } from '../../../src/hooks/rule.js'
import { createRing, RingReader } from '../../../src/ring/ring.js'
import { sightingReader } from '../../../src/ring/stream.js'
import { balance, NO_DROPS } from '../../support/counts.js'
import { frame } from '../../support/fake-port.js'
import { IN_A_CHUNK, smallCells } from '../../support/held-frames.js'
import {
  benchOf,
  impair,
  type Judge,
  lastOf,
  marked,
  marksOf,
  received,
  refusing,
} from '../../support/inspected.js'

/** Memory of so many small chunks. */
const heldIn = (chunks: number) => new Held(smallCells(chunks))

describe('held', () => {
  test('until it is due, and no later; what is not held overtakes', () => {
    const bench = benchOf((burst, i) => burst.hold(i, lastOf(burst, i) * 1_000))
    const before = performance.now()
    bench.send(marked(9), marked(5), marked(0))
    expect(marksOf(bench.delivered)).toEqual([0])
    expect(bench.counts.inspected.held).toBe(2)
    const due = bench.inspector.due
    expect(due).toBeGreaterThanOrEqual(before + 5_000)
    expect(bench.inspector.release(due - 0.001)).toBe(0)
    expect(bench.inspector.release(due)).toBe(1)
    expect(bench.releaseAll()).toBe(1)
    expect(marksOf(bench.delivered)).toEqual([0, 5, 9])
    // Its memory is given back later, if there is nothing else.
    expect(bench.inspector.due).toBeGreaterThan(before)
    expect([bench.inspector.release(bench.inspector.due), bench.inspector.due]).toEqual([
      0,
      Number.POSITIVE_INFINITY,
    ])
  })

  test('what is due goes before what arrives', () => {
    const bench = benchOf((burst, i) => burst.hold(i, lastOf(burst, i) === 1 ? 0.001 : 0))
    bench.send(marked(1))
    const since = performance.now()
    while (performance.now() - since < 0.1);
    bench.send(marked(2))
    expect(marksOf(bench.delivered)).toEqual([1, 2])
  })

  test('the last of it, gone before what arrives, makes an inspector without a chain superfluous', () => {
    const bench = benchOf((burst, i) => burst.hold(i, 0.5))
    bench.send(marked(1))
    bench.inspector.hooks = []
    bench.inspector.compose()
    expect([bench.inspector.idle, bench.asked]).toEqual([false, 0])
    const { due } = bench.inspector
    while (performance.now() < due);
    bench.send(marked(2))
    expect(marksOf(bench.delivered)).toEqual([1, 2])
    expect([bench.inspector.idle, bench.asked]).toEqual([true, 1])
  })

  test('on each its own queue', () => {
    const bench = benchOf((burst, i) => burst.hold(i, 60_000), 2)
    bench.send(marked(1))
    const slab = received(marked(2), marked(3))
    bench.inspector.forward(slab.slab, slab.count, 1)
    bench.send(marked(4))
    expect(bench.releaseAll()).toBe(4)
    const [zero, one] = bench.tx.map(({ delivered }) =>
      marksOf(delivered.map(({ bytes }) => Buffer.from(bytes))),
    )
    expect([zero, one]).toEqual([
      [1, 4],
      [2, 3],
    ])
  })

  test('more than a burst of them go in several', () => {
    const bench = benchOf((burst, i) => burst.hold(i, 60_000))
    for (let n = 0; n < 5; n++)
      bench.send(...Array.from({ length: 64 }, (_, i) => marked((n * 64 + i) % 256)))
    expect(bench.releaseAll()).toBe(320)
    expect(marksOf(bench.delivered)).toEqual(Array.from({ length: 320 }, (_, i) => i % 256))
    expect(bench.tx[0]?.transmits).toBe(5)
  })

  test('refused by the kernel when they are due: counted, and their memory is used again', () => {
    const bench = benchOf((burst, i) => burst.hold(i, 1))
    refusing(bench, () => errno.EIO)
    for (let n = 0; n < 100; n++) {
      bench.send(...Array.from({ length: 20 }, () => marked(7, 1_500)))
      bench.releaseAll()
    }
    refusing(bench, () => 0)
    bench.send(marked(8))
    bench.releaseAll()
    expect(marksOf(bench.delivered)).toEqual([8])
    expect(bench.counts.drops).toEqual({ ...NO_DROPS, down: 2_000 })
  })

  test('as many as there is memory for without an impairment: no number ends it', () => {
    const bench = benchOf((burst, i) => burst.hold(i, 60_000))
    for (let n = 0; n < 160; n++) bench.send(...Array.from({ length: 64 }, () => marked(1)))
    expect(bench.counts.inspected.held).toBe(10_240)
    expect(bench.counts.drops.limit).toBe(0)
    expect(bench.releaseAll()).toBe(10_240)
  })

  test('an impairment’s own limit counts what hooks hold, too', () => {
    const bench = benchOf((burst, i) => lastOf(burst, i) === 1 && burst.hold(i, 60_000))
    impair(bench, { delay: 10_000, limit: 5 })
    bench.send(...[1, 1, 1, 2, 2, 2, 2].map((mark) => marked(mark)))
    expect(bench.counts).toMatchObject({ inspected: { held: 5 }, drops: { limit: 2 } })
  })

  test('in several chunks of memory: in order, each burst from one chunk', () => {
    const bench = benchOf((burst, i) => burst.hold(i, 60_000), 1, heldIn(8))
    for (let n = 0; n < 20; n++) {
      bench.send(
        ...Array.from({ length: 64 }, (_, i) => marked((n * 64 + i) % 256, i % 2 === 0 ? 60 : 1_514)),
      )
    }
    expect(bench.releaseAll()).toBe(1_280)
    expect(marksOf(bench.delivered)).toEqual(Array.from({ length: 1_280 }, (_, i) => i % 256))
    // Five chunks that are full, in four bursts each, and what stands in the sixth.
    expect(Math.floor(1_280 / IN_A_CHUNK)).toBe(5)
    expect(bench.tx[0]?.transmits).toBe(5 * Math.ceil(IN_A_CHUNK / 64) + 1)
  })

  test('no more than there is memory for: the rest is dropped for the limit, and captures say so', () => {
    const bench = benchOf(undefined, 1, heldIn(1))
    impair(bench, { delay: 10_000, limit: 4_294_967_295 })
    const ring = createRing(2 ** 20)
    const plan = { id: 1, ring, ends: { a: true, b: false }, delivered: true, match: null, snaplen: 60 }
    bench.inspector.probes.list = [new Probe(plan)]
    for (let n = 0; n < 5; n++) bench.send(...Array.from({ length: 64 }, () => marked(1)))
    expect(bench.counts).toMatchObject({
      inspected: { held: IN_A_CHUNK },
      drops: { limit: 320 - IN_A_CHUNK },
    })
    const reader = new RingReader(ring)
    const next = sightingReader()
    const seen = Array.from({ length: 320 }, () => next(reader)?.cause)
    expect(seen.map((cause) => cause ?? 'held')).toEqual([
      ...new Array(IN_A_CHUNK).fill('held'),
      ...new Array(320 - IN_A_CHUNK).fill('limit'),
    ])
    expect(bench.releaseAll()).toBe(IN_A_CHUNK)
    bench.send(marked(2))
    expect(bench.counts.inspected.held).toBe(1)
  })

  test('of copies, as many as there is memory for', () => {
    const judge: Judge = (burst, i) => {
      burst.hold(i, 60_000)
      burst.duplicate(i, 99)
    }
    const bench = benchOf(judge, 1, heldIn(1))
    bench.send(marked(1), marked(2), marked(3), marked(4))
    const { counts } = bench
    expect(counts.inspected).toMatchObject({ held: IN_A_CHUNK, copied: IN_A_CHUNK - 3 })
    expect(counts.drops.limit).toBe(1)
    const [came, went] = balance(counts)
    expect(came).toBe(went)
    bench.releaseAll()
    const marks = marksOf(bench.delivered)
    expect([1, 2, 3, 4].map((mark) => marks.filter((one) => one === mark).length)).toEqual([
      100,
      100,
      IN_A_CHUNK - 200,
      0,
    ])
  })

  test('forever: until carrier comes or the pair ends', () => {
    const bench = benchOf((burst, i) => burst.hold(i, Number.POSITIVE_INFINITY))
    bench.send(marked(1))
    expect(bench.inspector.due).toBe(Number.POSITIVE_INFINITY)
    expect(bench.inspector.release(performance.now() + 1e12)).toBe(0)
    bench.inspector.discard()
    expect(bench.counts).toMatchObject({ drops: { carrier: 1 }, inspected: { held: 0 } })
  })
})

describe('slots', () => {
  test('hold every frame until they open, and let so many go', () => {
    const bench = benchOf()
    impair(bench, { slot: { min: 100, max: 100, packets: 2 } })
    bench.send(...[1, 2, 3, 4, 5].map((mark) => marked(mark)))
    expect(bench.delivered).toEqual([])
    const opened: number[] = []
    for (let now = performance.now(); bench.counts.inspected.held > 0; now = bench.inspector.due) {
      opened.push(bench.inspector.release(now))
      expect(bench.inspector.due).toBeGreaterThan(now)
    }
    expect(opened.filter((count) => count > 0)).toEqual([2, 2, 1])
    expect(marksOf(bench.delivered)).toEqual([1, 2, 3, 4, 5])
  })
})

test('goes on in another thread: numbers, rules, impairment and what is held', () => {
  const one = benchOf()
  impair(one, { loss: 50, delay: 1_000 })
  const rule = planRule({ action: { kind: 'drop' }, match: { every: 4 } }, 'rule')
  one.inspector.rules.add({ id: 1, ...rule }, new Float64Array(allocateRuleCounts()))
  one.inspector.compose()
  const reference = benchOf()
  impair(reference, { loss: 50, delay: 1_000 })
  reference.inspector.rules.add({ id: 1, ...rule }, new Float64Array(allocateRuleCounts()))
  reference.inspector.compose()
  const frames = Array.from({ length: 64 }, (_, mark) => marked(mark))
  one.send(...frames.slice(0, 30))
  const other = benchOf()
  const state = structuredClone(one.inspector.state())
  expect(one.counts.inspected.held).toBe(0)
  other.inspector.resume(state)
  other.inspector.compose()
  other.send(...frames.slice(30))
  other.releaseAll()
  reference.send(...frames)
  reference.releaseAll()
  expect(marksOf(other.delivered)).toEqual(marksOf(reference.delivered))
  expect(other.delivered.length).toBeGreaterThan(10)
})

test('goes on where there are fewer queues: frames of the others go by the last one', () => {
  const one = benchOf((burst, i) => burst.hold(i, 60_000), 4)
  const slab = received(marked(1))
  one.inspector.forward(slab.slab, 1, 3)
  const other = benchOf(undefined, 2)
  other.inspector.resume(structuredClone(one.inspector.state()))
  expect(other.releaseAll()).toBe(1)
  expect(other.tx.map(({ delivered }) => delivered.length)).toEqual([0, 1])
})

test('received + copied + injected = sent + dropped + held, whatever comes', () => {
  const anyFrame = fc.record({
    length: fc.oneof(fc.integer({ min: 14, max: 200 }), fc.integer({ min: 1_510, max: 1_530 })),
    gso: fc.constantFrom(0, 0, 0, 1, 4, 5),
  })
  interface Verdict {
    drop: boolean
    hold: number
    copies: number
    replace: number
  }
  const verdict: fc.Arbitrary<Verdict> = fc.record({
    drop: fc.boolean(),
    hold: fc.constantFrom(0, 0, 1, 50, Number.POSITIVE_INFINITY),
    copies: fc.constantFrom(0, 0, 0, 1, 3, 90),
    replace: fc.constantFrom(0, 0, 0, 14, 300, 2_000),
  })
  const step = fc.record({
    frames: fc.array(anyFrame, { maxLength: 64 }),
    inject: fc.boolean(),
    carrier: fc.constantFrom(true, true, true, false),
    refusals: fc.array(fc.constantFrom(0, 0, 0, errno.EIO, errno.EINVAL), { minLength: 64, maxLength: 64 }),
    release: fc.constantFrom(0, 10, 100),
    discard: fc.constantFrom(false, false, true),
  })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 8 }),
      fc.array(verdict, { minLength: 1, maxLength: 40 }),
      fc.boolean(),
      fc.constantFrom(1, 2, 100),
      (steps, verdicts, impaired, chunks) => {
        const bench = benchOf(
          (burst, i) => {
            const { drop, hold, copies, replace } = verdicts[
              (burst.numbers[i] as number) % verdicts.length
            ] as Verdict
            if (replace > 0) burst.replace(i, new Uint8Array(replace))
            if (hold > 0) burst.hold(i, hold)
            if (copies > 0) burst.duplicate(i, copies)
            if (drop) burst.drop(i)
          },
          1,
          heldIn(chunks),
        )
        if (impaired) impair(bench, { loss: 10, duplicate: 10, delay: { time: 5, jitter: 5 }, limit: 50 })
        for (const { frames, inject, carrier, refusals, release, discard } of steps) {
          bench.state[CARRIER] = carrier ? 1 : 0
          refusing(bench, (slot) => refusals[slot] ?? 0)
          bench.send(...frames.map(({ length, gso }) => frame(length, gso)))
          if (inject) bench.inspector.inject(new Uint8Array(60))
          bench.inspector.release(performance.now() + release)
          if (discard) bench.inspector.discard()
          const [came, went] = balance(bench.counts)
          expect(came).toBe(went)
          expect(bench.counts.sent).toBe(bench.delivered.length)
        }
      },
    ),
    { numRuns: 150 },
  )
})
