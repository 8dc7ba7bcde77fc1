// A super-frame is judged as wire frames and travels in runs: cutting first and judging frame by frame, and judging
// where it stands, give the same wire frames to a receiver that cuts what it gets, the same counts, and the same
// records to a capture; for all forms of headers and mixtures of verdicts. src/datapath/wire.ts, src/frame/burst.ts
// and super-frame.ts; the reference is built field by field. A failure prints its seed. Invariant 10, without a device.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MTU } from '../../../src/datapath/counters.js'
import { Probe } from '../../../src/datapath/probe.js'
import { type Match, planMatch } from '../../../src/faults/match-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import type { Burst } from '../../../src/frame/burst.js'
import { GuardedHook } from '../../../src/hooks/guard.js'
import { allocateRuleCounts } from '../../../src/hooks/rule.js'
import { createRing, RingReader } from '../../../src/ring/ring.js'
import { sightingReader } from '../../../src/ring/stream.js'
import type { FakePort, Frame } from '../../support/fake-port.js'
import { frame } from '../../support/fake-port.js'
import { benchOf, each, type InspectedBench, impair } from '../../support/inspected.js'
import { HEADER, superFrame, type Wish, wireFrames } from '../frame/super-frame.js'

const payload = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff)
const tcp: Wish = {
  proto: 'tcp',
  version: 4,
  payload: payload(14_000),
  size: 1_400,
  seq: 2 ** 32 - 3_000,
  id: 65_530,
}

function whole(wish: Wish): Frame {
  const bytes = superFrame(wish)
  return { bytes: bytes.subarray(HEADER), header: bytes.subarray(0, HEADER), gso: bytes[1] as number }
}

const cut = (wish: Wish): Frame[] => wireFrames(wish).map((bytes) => frame(bytes))

function send(bench: InspectedBench, frames: Frame[]): void {
  for (let at = 0; at < frames.length; at += 64) bench.send(...frames.slice(at, at + 64))
}

const hexes = (frames: Uint8Array[]) => frames.map((bytes) => Buffer.from(bytes).toString('hex'))

/**
 * A checksum of TCP that comes to 0 stands there as that, or as 0xffff, which is the same: the kernel writes the one
 * where it cuts, the other where it finishes. `ours` as `theirs` has it.
 */
function alike(ours: string[], theirs: string[]): string[] {
  return ours.map((hex, at) => {
    const other = theirs[at] ?? ''
    let from = 0
    while (from < hex.length && hex[from] === other[from]) from++
    const forms = [hex.slice(from, from + 4), other.slice(from, from + 4)].sort()
    return forms.join() === '0000,ffff'
      ? hex.slice(0, from) + other.slice(from, from + 4) + hex.slice(from + 4)
      : hex
  })
}

function expectAlike(ours: Uint8Array[], theirs: Uint8Array[]): void {
  expect(alike(hexes(ours), hexes(theirs))).toEqual(hexes(theirs))
}

const writes = (bench: InspectedBench) =>
  (bench.tx[0] as FakePort).delivered.map(({ bytes, gso }) => [bytes.length, gso])

describe('runs', () => {
  test('a super-frame that passes leaves as it came, by one write', () => {
    const bench = benchOf(() => undefined)
    const sent = whole(tcp)
    bench.send(sent)
    const [port] = bench.tx as [FakePort]
    expect(hexes([...port.delivered.map(({ bytes }) => bytes), ...port.headers])).toEqual(
      hexes([sent.bytes, sent.header as Uint8Array]),
    )
    expect(bench.counts).toMatchObject({ received: 10, sent: 10, received_bytes: 14_540, sent_bytes: 14_540 })
  })

  test('one that is dropped out of it leaves two runs', () => {
    const bench = benchOf((burst, i) => i === 3 && burst.drop(i))
    bench.send(whole({ ...tcp, flags: 0x98 }))
    const headers = 54
    expect(writes(bench)).toEqual([
      [headers + 3 * 1_400, 0x81],
      [headers + 6 * 1_400, 1],
    ])
    expect(hexes(bench.delivered)).toEqual(hexes(wireFrames({ ...tcp, flags: 0x98 }).toSpliced(3, 1)))
  })

  test('one that is read stays in it, one that is written does not', () => {
    const bench = benchOf((burst, i) => {
      const bytes = burst.frame(i)
      if (i === 4) bytes[60] = ~(bytes[60] as number)
    })
    bench.send(whole(tcp))
    expect(writes(bench).map(([length]) => length)).toEqual([54 + 4 * 1_400, 54 + 1_400, 54 + 5 * 1_400])
  })

  test('what is held for one time is held as one, and goes by one write', () => {
    const bench = benchOf((burst, i) => burst.hold(i, i < 5 ? 60_000 : 70_000))
    bench.send(whole(tcp))
    expect(bench.counts.inspected.held).toBe(10)
    expect(bench.releaseAll()).toBe(10)
    expect(writes(bench).map(([length]) => length)).toEqual([54 + 5 * 1_400, 54 + 5 * 1_400])
    expect(hexes(bench.delivered)).toEqual(hexes(wireFrames(tcp)))
  })

  test('an impairment’s limit cuts through a run', () => {
    const bench = benchOf()
    impair(bench, { delay: 60_000, limit: 4 })
    bench.send(whole(tcp))
    expect(bench.counts).toMatchObject({ inspected: { held: 4 }, drops: { limit: 6 } })
    expect(bench.releaseAll()).toBe(4)
    expect(hexes(bench.delivered)).toEqual(hexes(wireFrames(tcp).slice(0, 4)))
  })

  test('refused by the kernel, all of its frames are counted', () => {
    const bench = benchOf((burst, i) => i === 3 && burst.drop(i))
    ;(bench.tx[0] as FakePort).refuse = (slot) => (slot === 1 ? -5 : 0)
    bench.send(whole(tcp))
    expect(bench.counts).toMatchObject({ received: 10, sent: 3, drops: { hook: 1, down: 6 } })
  })

  test('a frame whose checksum nobody asked for leaves as it came', () => {
    const one = superFrame({ ...tcp, payload: payload(500) })
    one[1] = 0 // no super-frame
    one.writeUInt16LE(0, 4)
    const sent = { bytes: one.subarray(HEADER), header: one.subarray(0, HEADER), gso: 0 }
    const bench = benchOf((burst, i) => burst.numbers[i] === 1 && burst.frame(i))
    bench.send(sent, sent)
    const [port] = bench.tx as [FakePort]
    expect(port.headers.map((header) => header[0])).toEqual([1, 0])
    expect(hexes(bench.delivered)).toEqual(
      hexes([...wireFrames({ ...tcp, payload: payload(500) }), bench.delivered[1] as Buffer]),
    )
    expect(bench.delivered[0]).toEqual(bench.delivered[1])
  })
})

describe('what looks into headers', () => {
  const matches: Match[] = [
    { length: { min: 1_000 }, every: 3 },
    { length: { max: 1_000 } },
    { tcp: { dport: 80, flags: 'psh' } },
    { tcp: { flags: 'cwr' } },
    { ip: { src: '192.0.2.1' }, nth: 7 },
    { bytes: [[19, 0xff, 0xfb]] },
    { bytes: [[60, 1, 1]], udp: {} },
  ]
  const supers: Wish[] = [
    { ...tcp, flags: 0x98 },
    { ...tcp, proto: 'udp', payload: payload(70 * 500), size: 500 },
    { ...tcp, version: 6, flags: 0x11 },
  ]

  function matched(frames: Frame[]) {
    const bench = benchOf()
    bench.state[MTU[1]] = 2_000
    const counts = matches.map((match, at) => {
      const words = new Float64Array(allocateRuleCounts())
      const action = { kind: 'delay', ms: 5_000 * 2 ** at }
      bench.inspector.rules.add({ id: at + 1, ...planRule({ action, match }, 'rule') }, words)
      bench.inspector.watches.add(at, planMatch(match, 'match'), undefined)
      return words
    })
    bench.inspector.compose()
    send(bench, frames)
    bench.releaseAll()
    return { counts: counts.map((words) => [...words]), found: hexes(bench.found), out: bench.delivered }
  }

  test('rules and watches mean the same wire frames', () => {
    const ours = matched(supers.map(whole))
    const theirs = matched(supers.flatMap(cut))
    expect(ours.counts).toEqual(theirs.counts)
    expect(ours.counts.every(([, hits]) => (hits as number) > 0)).toBe(true)
    expect(ours.found).toEqual(theirs.found)
    expectAlike(ours.out, theirs.out)
  })
})

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
    burst.memory[burst.changing(i) + 20]++
  },
  (burst, i) => {
    burst.lengths[i] = 30
  },
  (burst, i) => {
    burst.starts[i] += 4
    burst.lengths[i] -= 4
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
