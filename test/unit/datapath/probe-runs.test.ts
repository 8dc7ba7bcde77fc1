// A super-frame is recorded once for each run of wire frames with one fate, and read as the wire frames that it is: byte
// for byte, cut at the snaplen, those that match, and counted as wire frames where there is no room. Whether they are
// the same as of frames that were cut before is runs.test.ts's.

import { describe, expect, test } from 'vitest'
import type { CapturePlan } from '../../../src/datapath/adjust.js'
import { Probe } from '../../../src/datapath/probe.js'
import { planMatch } from '../../../src/faults/match-plan.js'
import { Burst } from '../../../src/frame/burst.js'
import { DROPPED } from '../../../src/frame/cause.js'
import { Slab } from '../../../src/frame/slab.js'
import { SuperFrame } from '../../../src/frame/super-frame.js'
import { createRing, RingReader } from '../../../src/ring/ring.js'
import { type Sighting, sightingReader } from '../../../src/ring/stream.js'
import { HEADER, superFrame, type Wish, wireFrames } from '../frame/super-frame.js'

const START = 4160
const NOW = 1234.5
const slab = new Slab()
const wish: Wish = {
  proto: 'tcp',
  version: 4,
  payload: Uint8Array.from({ length: 20_000 }, (_, at) => at * 7),
  size: 1_000,
}
const frames = wireFrames(wish)

/** A super-frame of 20 wire frames, numbered from 100, as a burst. */
function burstOf(of = wish): Burst {
  const bytes = superFrame(of)
  slab.bytes.set(bytes, START - HEADER)
  const whole = new SuperFrame()
  expect(whole.read(slab.bytes, START, bytes.length - HEADER)).toBe(true)
  const burst = new Burst()
  burst.begin(slab, NOW, whole)
  burst.pushWhole(100)
  return burst
}

function probeOf(changes: Partial<CapturePlan> = {}) {
  const plan = { id: 1, ring: createRing(2 ** 20), ends: { a: true, b: true }, delivered: false, ...changes }
  const probe = new Probe({ match: null, snaplen: 65_536, ...plan })
  return { probe, ring: plan.ring }
}

/** Records in the ring, and the wire frames in them. */
function readFrom(ring: SharedArrayBuffer): { records: number; seen: Sighting[] } {
  const counting = new RingReader(ring)
  let records = 0
  while (counting.next() >= 0) records++
  const reader = new RingReader(ring)
  const next = sightingReader()
  const seen: Sighting[] = []
  for (let one = next(reader); one !== undefined; one = next(reader)) seen.push(one)
  return { records, seen }
}

const bytesOf = (seen: Sighting[]) => seen.map(({ frame }) => Buffer.from(frame))

describe('what was sent', () => {
  test('is one record, and all of its wire frames', () => {
    const { probe, ring } = probeOf()
    probe.sent(burstOf(), 1)
    probe.flush()
    const { records, seen } = readFrom(ring)
    expect(records).toBe(1)
    expect(bytesOf(seen)).toEqual(frames)
    expect(seen.map(({ id }) => id)).toEqual(frames.map((_, at) => 2 * (100 + at) + 1))
    for (const { end, sent, delay } of seen) expect([end, sent, delay]).toEqual(['b', true, 0])
  })

  test('has one record for each run of one fate', () => {
    const { probe, ring } = probeOf()
    const burst = burstOf()
    burst.drop(3, 'loss')
    for (const at of [8, 9]) burst.drop(at, 'rule', 'rule 2')
    for (const at of [10, 11, 12]) burst.hold(at, 5)
    for (const at of [15, 16]) burst.duplicate(at)
    probe.sent(burst, 0)
    probe.flush()
    const { records, seen } = readFrom(ring)
    expect(records).toBe(9) // 0-2, 3, 4-7, 8-9, 10-12, 13-14, 15, 16, 17-19
    expect(bytesOf(seen)).toEqual(frames)
    expect(seen.map(({ cause }) => cause).filter((cause) => cause !== undefined)).toEqual([
      'loss',
      'rule',
      'rule',
    ])
    expect(seen.filter(({ reason }) => reason === 'rule 2').map(({ id }) => id)).toEqual([216, 218])
    expect(seen.filter(({ delay }) => delay === 5)).toHaveLength(3)
  })

  test('is cut at the snaplen behind its checksum, which is of all of it', () => {
    const { probe, ring } = probeOf({ snaplen: 60 })
    probe.sent(burstOf(), 0)
    probe.flush()
    const { seen } = readFrom(ring)
    expect(bytesOf(seen)).toEqual(frames.map((bytes) => bytes.subarray(0, 60)))
    expect(seen.map(({ length }) => length)).toEqual(frames.map(({ length }) => length))
  })

  test.each([
    ['headers', { length: { max: 500 } }, [10]],
    ['the payload', { bytes: [[54, 0xff, frames[4]?.[54] ?? 0]] }, undefined],
  ] as const)('is there as far as it matches: %s', (_, match, only) => {
    const { probe, ring } = probeOf({ match: planMatch(match, 'match') })
    const odd = { ...wish, payload: wish.payload.subarray(0, 10_400) }
    const all = wireFrames(odd)
    const expected = only ? only.map((at) => all[at]) : all.filter((bytes) => bytes[54] === frames[4]?.[54])
    expect(expected.length).toBeGreaterThan(0)
    expect(expected.length).toBeLessThan(all.length)
    probe.sent(burstOf(odd), 0)
    probe.flush()
    expect(bytesOf(readFrom(ring).seen)).toEqual(expected)
  })

  test('is lost as wire frames', () => {
    const { probe, ring } = probeOf({ ring: createRing(16_384) })
    probe.sent(burstOf(), 0)
    probe.flush()
    expect(readFrom(ring)).toEqual({ records: 0, seen: [] })
    expect(new RingReader(ring).lost(0)).toBe(20)
  })

  test('refused where it was to be delivered: the record says so', () => {
    const { probe, ring } = probeOf()
    const burst = burstOf()
    burst.drop(5, 'loss')
    probe.sent(burst, 0)
    probe.delivered(1, slab.bytes, START, 66, Float64Array.of(106, NOW, 0, 14), DROPPED.down)
    probe.flush()
    const { records, seen } = readFrom(ring)
    expect(records).toBe(3)
    const fates = seen.map(({ cause }) => cause)
    expect(fates).toEqual([...Array(5).fill(undefined), 'loss', ...Array(14).fill('down')])
  })
})

describe('a run that was delivered', () => {
  test.each([
    ['without a match', {}, 1, frames],
    ['with one that all fit', { match: { length: { min: 54 } } }, 20, frames],
    ['with one that some fit', { match: { bytes: [[54, 8, 8]] } }, undefined, undefined],
  ] as const)('is read as its wire frames, %s', (_, { match }: { match?: object }, count, expected) => {
    const { probe, ring } = probeOf({ delivered: true, match: match ? planMatch(match, 'match') : null })
    burstOf()
    const told = Float64Array.of(100, NOW, 0, frames.length)
    probe.delivered(1, slab.bytes, START, superFrame(wish).length - HEADER, told)
    probe.flush()
    const { records, seen } = readFrom(ring)
    const wanted = expected ?? frames.filter((bytes) => (bytes[54] as number) & 8)
    expect(wanted.length).toBe(expected === undefined ? 10 : 20)
    expect(records).toBe(count ?? wanted.length)
    expect(bytesOf(seen)).toEqual(wanted)
    expect(seen.map(({ id }) => id)).toEqual(wanted.map((bytes) => 2 * (100 + frames.indexOf(bytes))))
  })
})
