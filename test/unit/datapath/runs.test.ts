// A super-frame is judged as wire frames and travels in runs: what is written by one call, what is held as one, and what
// headers say to who does not ask for bytes. src/datapath/wire.ts, src/frame/burst.ts and super-frame.ts. Invariant 10,
// without a device.

import { describe, expect, test } from 'vitest'
import { MTU } from '../../../src/datapath/counters.js'
import { type Match, planMatch } from '../../../src/faults/match-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import type { Burst } from '../../../src/frame/burst.js'
import { allocateRuleCounts } from '../../../src/hooks/rule.js'
import type { FakePort, Frame } from '../../support/fake-port.js'
import { benchOf, type InspectedBench, impair } from '../../support/inspected.js'
import { cut, expectAlike, hexes, payload, send, tcp, whole } from '../../support/super-frames.js'
import { HEADER, superFrame, type Wish, wireFrames } from '../frame/super-frame.js'

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

describe('burst.field()', () => {
  const NAMES = [
    'length',
    'ethertype',
    'version',
    'proto',
    'sport',
    'dport',
    'tcpFlags',
    'vlan',
    'icmp',
  ] as const

  /** The fields of each frame, read in all orders, before and after its bytes were there. */
  function fieldsOf(frames: Frame[], before: (burst: Burst, i: number) => unknown): number[][] {
    const read: number[][] = []
    const bench = benchOf((burst, i) => {
      before(burst, i)
      read.push(NAMES.map((name) => burst.field(i, name)))
      burst.packet((i + 1) % burst.count)
      expect(NAMES.map((name) => burst.field(i, name))).toEqual(read.at(-1))
    })
    send(bench, frames)
    return read
  }

  test('says of a wire frame what it says of the frame that is cut, made or not', () => {
    const wish: Wish = { ...tcp, flags: 0x99, tags: [[0x8100, 5]] }
    const theirs = fieldsOf(cut(wish), () => undefined)
    expect(theirs[0]).toEqual([1_458, 0x0800, 4, 6, 40_000, 80, 0x90, 5, -1])
    expect(new Set(theirs.map(([, , , , , , flags]) => flags))).toEqual(new Set([0x90, 0x10, 0x19]))
    for (const before of [() => undefined, (burst: Burst, i: number) => burst.frame(i)])
      expect(fieldsOf([whole(wish)], before)).toEqual(theirs)
  })

  test('says what somebody has written', () => {
    const port = (burst: Burst, i: number) => {
      burst.field(i, 'dport')
      burst.frame(i)[37] = i
    }
    expect(fieldsOf([whole(tcp)], port).map(([, , , , , dport]) => dport)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ])
  })
})
