// The way of an inspected frame that is not held, with fake ports: cut and finished, numbered, judged, dropped
// or sent, and counted. src/datapath/inspector.ts; what each hook does is its own tests' business, and frames
// that are held are the next file's.
// Invariant 4, without a device.

import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { CARRIER, MTU } from '../../../src/datapath/counters.js'
import { Probe } from '../../../src/datapath/probe.js'
import { errno } from '../../../src/errors.js'
import type { Burst } from '../../../src/frame/burst.js'
import { GuardedHook } from '../../../src/hooks/guard.js'
import { createRing, RingReader } from '../../../src/ring/ring.js'
import { type Sighting, sightingReader } from '../../../src/ring/stream.js'
import { balance, NO_DROPS } from '../../support/counts.js'
import { frame } from '../../support/fake-port.js'
import {
  benchOf,
  each,
  type InspectedBench,
  lastOf,
  marked,
  marksOf,
  received,
  refusing,
} from '../../support/inspected.js'
import { HEADER, superFrame, type Wish, wireFrames } from '../frame/super-frame.js'

/** A super-frame of TCP over IPv4, as FakePort takes it apart from its header. */
function superOf(wish: Wish): { bytes: Buffer; header: Buffer } {
  const bytes = superFrame(wish)
  return { bytes: bytes.subarray(HEADER), header: bytes.subarray(0, HEADER) }
}

/** Captures from here on; the ring. */
function captured(bench: InspectedBench, ends = { a: true, b: true }): SharedArrayBuffer {
  const ring = createRing(2 ** 16)
  bench.inspector.probes.list = [
    new Probe({ id: 1, ring, ends, delivered: true, match: null, snaplen: 65_536 }),
  ]
  bench.inspector.compose()
  return ring
}

/** What a capture has recorded. */
function sightingsOf(ring: SharedArrayBuffer): Sighting[] {
  const reader = new RingReader(ring)
  const next = sightingReader()
  return Array.from({ length: 100 }, () => next(reader)).filter((one) => one !== undefined)
}

describe('at once', () => {
  test('frames pass unchanged, in order and by one call', () => {
    const bench = benchOf(() => undefined)
    bench.send(...[1, 2, 3].map((mark) => marked(mark)))
    expect(marksOf(bench.delivered)).toEqual([1, 2, 3])
    expect(bench.tx[0]?.transmits).toBe(1)
    expect(bench.counts).toMatchObject({ received: 3, received_bytes: 180, sent: 3, sent_bytes: 180 })
  })

  test('drops are counted by their cause, and copies follow their frame', () => {
    const bench = benchOf((burst, i) => {
      if (lastOf(burst, i) === 2) burst.drop(i, 'rule')
      if (lastOf(burst, i) === 3) burst.duplicate(i, 2)
      if (lastOf(burst, i) === 4) burst.drop(i, 'no such cause' as never)
    })
    bench.send(...[1, 2, 3, 4, 5].map((mark) => marked(mark)))
    expect(marksOf(bench.delivered)).toEqual([1, 3, 3, 3, 5])
    expect(bench.counts.drops).toEqual({ ...NO_DROPS, rule: 1, hook: 1 })
    expect(bench.counts.inspected.copied).toBe(2)
  })

  test('more copies than a burst holds are sent in several', () => {
    const bench = benchOf((burst, i) => burst.duplicate(i, 99))
    bench.send(marked(1), marked(2))
    expect(marksOf(bench.delivered)).toEqual([...Array(100).fill(1), ...Array(100).fill(2)])
    expect(bench.tx[0]?.transmits).toBe(4)
  })

  test('numbers count the frames of the direction, from burst to burst and with those put in', () => {
    const numbers: number[] = []
    const bench = benchOf((burst, i) => numbers.push(burst.numbers[i] as number))
    bench.send(marked(1), marked(2))
    bench.inspector.inject(new Uint8Array(60))
    bench.send(marked(3))
    expect(numbers).toEqual([0, 1, 2, 3])
  })

  test('the MTU is the peer’s, with one tag in excess; looked at behind the hooks', () => {
    const bench = benchOf((burst, i) => {
      if (burst.lengths[i] === 60) burst.replace(i, new Uint8Array(1_519))
    })
    bench.send(marked(1), marked(2, 1_518), marked(3, 1_519))
    expect(bench.delivered.map(({ length }) => length)).toEqual([1_518])
    expect(bench.counts.drops).toEqual({ ...NO_DROPS, mtu: 2 })
    bench.state[MTU[1]] = 9_000
    bench.send(marked(4, 9_018))
    expect(bench.delivered).toHaveLength(2)
  })

  test('what the kernel refuses is counted, and no other frame is taken for it', () => {
    const bench = benchOf((burst, i) => lastOf(burst, i) === 1 && burst.drop(i))
    const refusals = [0, errno.EIO, errno.EINVAL]
    refusing(bench, (slot) => refusals[slot] ?? 0)
    bench.send(...[1, 2, 3, 4].map((mark) => marked(mark)))
    expect(marksOf(bench.delivered)).toEqual([2])
    expect(bench.counts.drops).toEqual({ ...NO_DROPS, hook: 1, down: 1, error: 1 })
    expect(bench.counts).toMatchObject({ sent: 1, sent_bytes: 60 })
  })

  test('captures see a frame as it was sent at its sender, and as it was delivered at its receiver', () => {
    const bench = benchOf((burst, i) => {
      const mark = lastOf(burst, i)
      if (mark === 1) burst.frame(i)[59] = 100
      if (mark === 2) burst.replace(i, new Uint8Array(80).fill(101))
      if (mark === 3) burst.replace(i, new Uint8Array(20).fill(102))
      if (mark === 4) burst.drop(i, 'hook', 'by its mark')
      if (mark === 4) burst.frame(i).fill(103)
    })
    const ring = captured(bench)
    const sent = [1, 2, 3, 4, 5].map((mark) => marked(mark))
    bench.send(...sent)
    const seen = sightingsOf(ring)
    expect(seen.filter(({ end }) => end === 'a').map(({ frame }) => frame)).toEqual(
      sent.map(({ bytes }) => bytes),
    )
    expect(seen.find(({ reason }) => reason === 'by its mark')).toMatchObject({ cause: 'hook', id: 6 })
    const delivered = seen.filter(({ end }) => end === 'b')
    expect(delivered.map(({ id, length, frame }) => [id, length, frame.at(-1)])).toEqual([
      [0, 60, 100],
      [2, 80, 101],
      [4, 20, 102],
      [8, 60, 5],
    ])
  })

  test('captures see what the kernel refuses, at the sender where the receiver is not captured', () => {
    for (const [ends, seen] of [
      [{ a: true, b: true }, ['b', false]],
      [{ a: true, b: false }, ['a', true]],
    ] as const) {
      const bench = benchOf()
      const ring = captured(bench, ends)
      const refusals = [0, errno.EIO, errno.EINVAL]
      refusing(bench, (slot) => refusals[slot] ?? 0)
      bench.send(...[1, 2, 3].map((mark) => marked(mark)))
      const dropped = sightingsOf(ring).filter(({ cause }) => cause !== undefined)
      expect(dropped.map(({ end, sent, cause, id }) => [end, sent, cause, id])).toEqual([
        [...seen, 'down', 2],
        [...seen, 'error', 4],
      ])
    }
  })

  test('replaced by a longer one, in several frames of a burst', () => {
    const bench = benchOf((burst, i) => burst.replace(i, new Uint8Array(1_000).fill(lastOf(burst, i))))
    bench.send(...Array.from({ length: 64 }, (_, mark) => marked(mark)))
    expect(bench.delivered.map((bytes) => [bytes.length, bytes[0], bytes.at(-1)])).toEqual(
      Array.from({ length: 64 }, (_, mark) => [1_000, mark, mark]),
    )
  })
})

describe('without carrier', () => {
  test('nothing is judged, sent or numbered', () => {
    let judged = 0
    const bench = benchOf(() => judged++)
    bench.state[CARRIER] = 0
    bench.send(marked(1))
    bench.inspector.inject(new Uint8Array(60))
    expect(judged).toBe(0)
    expect(bench.delivered).toEqual([])
    expect(bench.counts).toMatchObject({ received: 1, drops: { carrier: 2 }, inspected: { injected: 1 } })
  })

  test('captures see it: dropped at its sender, held frames where they were to be delivered', () => {
    const bench = benchOf((burst, i) => burst.hold(i, 1_000 * lastOf(burst, i)))
    const ring = captured(bench)
    bench.send(marked(1), marked(50))
    bench.state[CARRIER] = 0
    bench.send(marked(2))
    bench.inspector.inject(new Uint8Array(60).fill(3))
    bench.inspector.release(performance.now() + 10_000)
    bench.inspector.discard()
    expect(sightingsOf(ring).map(({ end, sent, cause, frame }) => [end, sent, cause, frame.at(-1)])).toEqual([
      ['a', true, undefined, 1],
      ['a', true, undefined, 50],
      ['a', true, 'carrier', 2],
      ['a', true, 'carrier', 3],
      ['b', false, 'carrier', 1],
      ['b', false, 'carrier', 50],
    ])
    const [came, went] = balance(bench.counts)
    expect([came, went, bench.counts.drops.carrier]).toEqual([4, 4, 4])
  })

  test('what is due is dropped, and so is all that is held when it comes back', () => {
    const bench = benchOf((burst, i) => burst.hold(i, 1_000 * lastOf(burst, i)))
    bench.send(marked(1), marked(50), marked(60))
    bench.state[CARRIER] = 0
    expect(bench.inspector.release(performance.now() + 10_000)).toBe(1)
    expect(bench.counts).toMatchObject({ drops: { carrier: 1 }, inspected: { held: 2 } })
    bench.inspector.discard()
    bench.state[CARRIER] = 1
    expect(bench.releaseAll()).toBe(0)
    expect(bench.counts).toMatchObject({ sent: 0, drops: { carrier: 3 }, inspected: { held: 0 } })
  })
})

describe('super-frames', () => {
  const payload = Uint8Array.from({ length: 5_000 }, (_, at) => at & 0xff)
  const wish: Wish = { proto: 'tcp', version: 4, payload, size: 1_000, seq: 7 }

  test('hooks, counts and the peer see wire frames, in their place', () => {
    const seen: number[] = []
    const bench = benchOf((burst, i) => seen.push(burst.lengths[i] as number))
    const { bytes, header } = superOf(wish)
    const slab = received(marked(1), frame(bytes), marked(2))
    slab.slab.bytes.set(header, (slab.slab.starts[1] as number) - HEADER)
    bench.inspector.forward(slab.slab, slab.count, 0)
    const wire = wireFrames(wish)
    expect(seen).toEqual([60, ...wire.map(({ length }) => length), 60])
    expect(bench.delivered.slice(1, -1)).toEqual(wire)
    expect(marksOf([bench.delivered[0] as Buffer, bench.delivered.at(-1) as Buffer])).toEqual([1, 2])
    expect(bench.tx[0]?.delivered.map(({ gso }) => gso)).toEqual([0, 1, 0])
    expect(bench.counts).toMatchObject({ received: 7, sent: 7 })
  })

  test('of more segments than a burst or a slab holds', () => {
    const long: Wish = { ...wish, payload: new Uint8Array(60_000).fill(5), size: 100 }
    const bench = benchOf(() => undefined)
    const { bytes, header } = superOf(long)
    const slab = received(frame(bytes))
    slab.slab.bytes.set(header, (slab.slab.starts[0] as number) - HEADER)
    bench.inspector.forward(slab.slab, 1, 0)
    expect(bench.delivered).toEqual(wireFrames(long))
    expect(bench.counts.received).toBe(600)
  })

  test('are held', () => {
    const bench = benchOf((burst, i) => burst.hold(i, 60_000))
    const { bytes, header } = superOf(wish)
    const slab = received(frame(bytes))
    slab.slab.bytes.set(header, (slab.slab.starts[0] as number) - HEADER)
    bench.inspector.forward(slab.slab, 1, 0)
    bench.releaseAll()
    expect(bench.delivered).toEqual(wireFrames(wish))
  })

  test('that make no sense pass as the wire frames that they look like, or are too long', () => {
    const bench = benchOf(() => undefined)
    bench.send(frame(new Uint8Array(100).fill(3), 1), frame(new Uint8Array(9_000), 4))
    expect(bench.tx[0]?.delivered.map(({ gso, bytes }) => [gso, bytes.length])).toEqual([[0, 100]])
    expect(bench.counts.drops.mtu).toBe(1)
  })
})

describe('hooks that fail', () => {
  test('the frames of that burst go on as they are, the next hook judges', () => {
    const errors: unknown[] = []
    const bench = benchOf()
    const bad = new GuardedHook(
      1,
      (burst) => {
        burst.drop(0)
        throw new Error('no')
      },
      (error) => errors.push(error),
    )
    bench.inspector.hooks = [bad, each((burst, i) => lastOf(burst, i) === 2 && burst.drop(i, 'rule'))]
    bench.inspector.compose()
    for (let n = 0; n < 2; n++) bench.send(...[1, 2, 3].map((mark) => marked(mark)))
    expect(errors).toHaveLength(1)
    expect(marksOf(bench.delivered)).toEqual([3, 1, 3])
  })

  test.each<[string, (burst: Burst) => unknown]>([
    ['starts', (burst) => burst.starts.fill(-1)],
    ['starts far away', (burst) => burst.starts.fill(2 ** 30)],
    ['starts between words', (burst) => burst.starts.fill(4_161)],
    ['lengths', (burst) => burst.lengths.fill(2 ** 30)],
    ['negative lengths', (burst) => burst.lengths.fill(-100)],
    ['verdicts', (burst) => burst.verdicts.fill(200)],
    ['delays', (burst) => burst.delays.fill(Number.NaN)],
    ['negative delays', (burst) => burst.delays.fill(-1)],
  ])('that have written nonsense into %s: the frames are dropped, and it is out', (_, spoil) => {
    const errors: unknown[] = []
    const bench = benchOf()
    bench.inspector.hooks = [new GuardedHook(1, spoil as never, (error) => errors.push(error))]
    bench.inspector.compose()
    bench.send(marked(1), marked(2))
    bench.send(marked(3))
    expect(String(errors)).toMatch(/start, a length, a delay or a verdict/)
    expect(marksOf(bench.delivered)).toEqual([3])
    expect(bench.counts.drops).toEqual({ ...NO_DROPS, hook: 2 })
  })
})

test('a chain that takes long has smaller bursts, and full ones again when it does not', () => {
  const bench = benchOf()
  let now = 0
  let cost = 0.1
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
  onTestFinished(() => clock.mockRestore())
  const slow = () => {
    now += cost
  }
  bench.inspector.hooks = [each(slow)]
  bench.inspector.compose()
  const send = () => bench.send(...Array.from({ length: bench.inspector.most }, () => frame(60)))
  send()
  expect(bench.inspector.most).toBe(5)
  cost = 2
  send()
  expect(bench.inspector.most).toBe(1)
  cost = 0
  for (let burst = 0; burst < 6; burst++) send()
  expect(bench.inspector.most).toBe(64)
})
