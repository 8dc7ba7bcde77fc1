// Cutting super-frames first and judging frame by frame, and judging them where they stand, give the same wire frames to
// a receiver that cuts what it gets, the same counts, and the same records to a capture; for all forms of headers and
// mixtures of verdicts. src/datapath/wire.ts, src/frame/burst.ts and super-frame.ts; the reference is built field by
// field. A failure prints its seed. Invariant 10, without a device.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MTU } from '../../../src/datapath/counters.js'
import { Probe } from '../../../src/datapath/probe.js'
import type { Burst } from '../../../src/frame/burst.js'
import { GuardedHook } from '../../../src/hooks/guard.js'
import { createRing, RingReader } from '../../../src/ring/ring.js'
import { sightingReader } from '../../../src/ring/stream.js'
import { benchOf, each, type InspectedBench } from '../../support/inspected.js'
import { cut, expectAlike, payload, send, whole } from '../../support/super-frames.js'
import type { Wish } from '../frame/super-frame.js'

const wishes: fc.Arbitrary<Wish> = fc.record({
  proto: fc.constantFrom('tcp' as const, 'tcp' as const, 'udp' as const),
  version: fc.constantFrom(4 as const, 6 as const),
  payload: fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 60_000 })).map(payload),
  size: fc.oneof(fc.integer({ min: 500, max: 1_400 }), fc.integer({ min: 60, max: 1_400 })),
  flags: fc.nat(255),
  seq: fc.nat(2 ** 32 - 1),
  id: fc.nat(65_535),
  ipOptions: fc.nat(10).map((words) => Buffer.alloc(4 * words, 1)),
  tcpOptions: fc.nat(10).map((words) => Buffer.alloc(4 * words, 1)),
  extension: fc.option(fc.nat(30), { nil: undefined }) as fc.Arbitrary<number>,
  tags: fc.constantFrom<[number, number][]>(
    [],
    [[0x8100, 5]],
    [
      [0x88a8, 5],
      [0x8100, 0x2006],
    ],
  ),
})

/** What a hook does to a frame, by its number. */
const VERDICTS: ((burst: Burst, i: number) => unknown)[] = [
  () => undefined,
  (burst, i) => burst.drop(i),
  (burst, i) => burst.drop(i, 'rule', 'by a test'),
  (burst, i) => burst.duplicate(i, 2),
  (burst, i) => burst.hold(i, 60_000),
  (burst, i) => burst.hold(i, 90_000),
  (burst, i) => {
    burst.hold(i, 90_000)
    burst.duplicate(i)
  },
  (burst, i) => burst.frame(i),
  (burst, i) => burst.frame(i).reverse(),
  (burst, i) => burst.replace(i, payload(40)),
  (burst, i) => burst.replace(i, payload(1_500)),
  (burst, i) => burst.replace(i, burst.frame(i).slice(4)),
  (burst, i) => burst.packet(i, true),
  (burst, i) => {
    burst.memory[burst.changing(i) + 20]! += 1
  },
  (burst, i) => {
    burst.lengths[i] = 30
  },
  (burst, i) => {
    burst.starts[i]! += 4
    burst.lengths[i]! -= 4
  },
]

interface Judged {
  bench: InspectedBench
  ring: SharedArrayBuffer
}

/** `mostly`: how many frames in a row pass before the next verdict. */
function judged(verdicts: readonly number[], mostly: number): Judged {
  const bench = benchOf()
  bench.state[MTU[1]] = 2_000
  const judge = (burst: Burst, i: number) => {
    const number = burst.numbers[i] as number
    if (number % mostly !== 0) return
    VERDICTS[verdicts[(number / mostly) % verdicts.length] as number]?.(burst, i)
  }
  const failed = (error: unknown) => {
    throw error
  }
  bench.inspector.hooks = [new GuardedHook(1, (burst) => each(judge).judge(burst), failed)]
  const ring = createRing(2 ** 21)
  bench.inspector.compose()
  return { bench, ring }
}

/** Ids, verdicts and bytes; times are each one's own. */
function sightings({ ring }: Judged) {
  const reader = new RingReader(ring)
  const next = sightingReader()
  const all: { about: unknown[]; frame: Uint8Array }[] = []
  for (let one = next(reader); one !== undefined; one = next(reader)) {
    const { frame, id, end, sent, cause, reason, length } = one
    all.push({ about: [id, end, sent, cause, reason, length], frame })
  }
  return all
}

test('any super-frames, any verdicts: as if they had been cut before', () => {
  fc.assert(
    fc.property(
      fc.array(wishes, { minLength: 1, maxLength: 3 }),
      fc.array(fc.nat(VERDICTS.length - 1), { minLength: 1, maxLength: 12 }),
      fc.constantFrom(1, 1, 2, 3, 7, 20),
      fc.boolean(),
      fc.boolean(),
      (supers, verdicts, mostly, shown, moved) => {
        const one = judged(verdicts, mostly)
        const other = judged(verdicts, mostly)
        for (const { bench, ring } of [one, other]) {
          if (!shown) continue
          const plan = {
            id: 1,
            ring,
            ends: { a: true, b: true },
            delivered: true,
            match: null,
            snaplen: 65_536,
          }
          bench.inspector.probes.list = [new Probe(plan)]
          bench.inspector.compose()
        }
        for (const wish of supers) {
          send(one.bench, [whole(wish)])
          send(other.bench, cut(wish))
        }
        expectAlike(one.bench.delivered, other.bench.delivered)
        expect(one.bench.counts).toEqual(other.bench.counts)
        let last = one.bench
        if (moved) {
          last = benchOf()
          last.inspector.resume(structuredClone(one.bench.inspector.state()))
        }
        const before = last.delivered.length
        const held = other.bench.delivered.length
        expect(last.releaseAll()).toBe(other.bench.releaseAll())
        expectAlike(last.delivered.slice(before), other.bench.delivered.slice(held))
        if (!moved) {
          expect(one.bench.counts).toEqual(other.bench.counts)
          const [ours, theirs] = [sightings(one), sightings(other)]
          expect(ours.map(({ about }) => about)).toEqual(theirs.map(({ about }) => about))
          expectAlike(
            ours.map(({ frame }) => frame),
            theirs.map(({ frame }) => frame),
          )
        }
      },
    ),
    { numRuns: 300 },
  )
}, 120_000)
