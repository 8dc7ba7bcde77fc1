// What a worker records of a burst and of what it delivers, read back from the ring.

import { describe, expect, test } from 'vitest'
import type { CapturePlan } from '../../../src/datapath/adjust.js'
import { Probe } from '../../../src/datapath/probe.js'
import { planMatch } from '../../../src/faults/match-plan.js'
import { Burst } from '../../../src/frame/burst.js'
import { DROPPED, PASS } from '../../../src/frame/cause.js'
import { LONGEST_FRAME, Slab } from '../../../src/frame/slab.js'
import { FrameRecord, LONGEST_REASON } from '../../../src/ring/record.js'
import { createRing, endRing, RingReader } from '../../../src/ring/ring.js'
import { ETH_P, ethernet, filler } from '../../support/frames.js'

const slab = new Slab()
/** ms */
const NOW = 1234.5678

function planOf(changes: Partial<CapturePlan> = {}): CapturePlan {
  return {
    id: 1,
    ring: createRing(2 ** 20),
    ends: { a: true, b: true },
    delivered: true,
    match: null,
    snaplen: 65_536,
    ...changes,
  }
}

/** A burst of these frames, numbered from `number`. */
function burstOf(frames: Uint8Array[], number = 0): Burst {
  const burst = new Burst()
  burst.begin(slab, NOW)
  let start = 4096 + 64
  for (const frame of frames) {
    slab.bytes.set(frame, start)
    burst.push(start, frame.length, number++)
    start = Math.ceil((start + frame.length) / 64) * 64 + 64
  }
  return burst
}

/** Everything in the ring, each with a copy of its bytes. */
function recordsOf({
  ring,
}: CapturePlan): (Omit<FrameRecord, 'read' | 'next' | 'done'> & { frame: Buffer })[] {
  const reader = new RingReader(ring)
  const found = []
  for (let at = reader.next(); at >= 0; at = reader.next()) {
    const record = new FrameRecord()
    record.read(reader, at)
    while (record.next()) {
      const { start, length } = record
      found.push({ ...record, frame: Buffer.from(record.bytes.slice(start, start + length)) })
    }
  }
  reader.release()
  return found
}

const frames = [60, 61, 62, 63, 1514].map((length) => ethernet(ETH_P.EXPERIMENT, filler(length - 14, length)))

describe('frames that an end sent', () => {
  test('are recorded whole, with time, number and direction', () => {
    const plan = planOf()
    const probe = new Probe(plan)
    probe.sent(burstOf(frames, 7), 1)
    expect(recordsOf(plan), 'not flushed').toEqual([])
    probe.flush()
    const records = recordsOf(plan)
    expect(records.map(({ frame }) => frame)).toEqual(frames)
    expect(records.map(({ id }) => id)).toEqual([15, 17, 19, 21, 23])
    for (const record of records) {
      expect(record).toMatchObject({ end: 1, outbound: true, time: NOW, delay: 0, copies: 0, lost: 0 })
      expect([record.cause, record.reason]).toEqual([undefined, undefined])
    }
  })

  test('carry the verdict on them', () => {
    const plan = planOf()
    const burst = burstOf(frames)
    burst.drop(0, 'loss')
    burst.drop(1, 'rule', 'rule 3')
    burst.hold(2, 12.25)
    burst.duplicate(3, 2)
    burst.reasons[4] = 'Grüße, 東京'
    const probe = new Probe(plan)
    probe.sent(burst, 0)
    probe.flush()
    const found = recordsOf(plan).map(({ cause, reason, delay, copies }) => [cause, reason, delay, copies])
    expect(found).toEqual([
      ['loss', undefined, 0, 0],
      ['rule', 'rule 3', 0, 0],
      [undefined, undefined, 12.25, 0],
      [undefined, undefined, 0, 2],
      [undefined, 'Grüße, 東京', 0, 0],
    ])
  })

  test('a reason of any length does no harm', () => {
    const plan = planOf()
    const burst = burstOf(frames)
    for (let i = 0; i < frames.length; i++) burst.drop(i, 'hook', 'x'.repeat(100_000))
    const probe = new Probe(plan)
    probe.sent(burst, 0)
    probe.flush()
    const records = recordsOf(plan)
    expect(records.map(({ frame }) => frame)).toEqual(frames)
    for (const { reason } of records) expect(reason).toBe('x'.repeat(LONGEST_REASON))
  })
})

describe('where deliveries are not recorded', () => {
  test('each frame is there once, and says so when it was refused at its delivery', () => {
    const plan = planOf({ delivered: false, match: planMatch({ length: { min: 61 } }, 'match') })
    const probe = new Probe(plan)
    const burst = burstOf(frames, 40)
    burst.hold(3, 5)
    probe.sent(burst, 1)
    const deliver = (i: number, waited: number, verdict: number) => {
      const told = Float64Array.of(40 + i, NOW + waited, waited, 1)
      probe.delivered(0, slab.bytes, burst.starts[i] as number, burst.lengths[i] as number, told, verdict)
    }
    deliver(0, 0, DROPPED.down) // too short for the match: no record, then either
    deliver(1, 0, PASS)
    deliver(2, 0, DROPPED.error)
    probe.flush()
    deliver(3, 5, DROPPED.carrier) // it was held: its record has been read
    probe.flush()
    const records = recordsOf(plan)
    expect(records.map(({ end, outbound, id, cause }) => [end, outbound, id, cause])).toEqual([
      [1, true, 83, undefined],
      [1, true, 85, 'error'],
      [1, true, 87, undefined],
      [1, true, 89, undefined],
      [1, true, 87, 'carrier'],
    ])
    expect(records.map(({ delay }) => delay)).toEqual([0, 0, 5, 0, 5])
  })
})

test.each([0, 1, 2, 3])('a frame is recorded whole that stands %d bytes behind a word', (skew) => {
  const plan = planOf()
  const probe = new Probe(plan)
  for (const frame of frames) {
    slab.bytes.set(frame, 8192 + skew)
    probe.delivered(0, slab.bytes, 8192 + skew, frame.length, Float64Array.of(1, NOW, 3.5, 1))
  }
  // Memory that is not made of whole words.
  for (const frame of frames) {
    const odd = new Uint8Array(new ArrayBuffer(skew + frame.length + 9), skew, skew + frame.length)
    odd.set(frame, skew)
    probe.delivered(0, odd, skew, frame.length, Float64Array.of(1, NOW, 3.5, 1))
  }
  probe.flush()
  expect(recordsOf(plan).map(({ frame }) => frame)).toEqual([...frames, ...frames])
})

test('a frame has the same id where it was sent and where it is delivered', () => {
  const plan = planOf()
  const probe = new Probe(plan)
  for (const end of [0, 1] as const) {
    const burst = burstOf(frames.slice(0, 2), 40)
    probe.sent(burst, end)
    const [start = 0, length = 0] = [burst.starts[1], burst.lengths[1]]
    probe.delivered(end === 0 ? 1 : 0, slab.bytes, start, length, Float64Array.of(41, NOW + 1, 0.75, 1))
  }
  probe.flush()
  const records = recordsOf(plan)
  expect(records.map(({ end, outbound, id }) => [end, outbound, id])).toEqual([
    [0, true, 80],
    [0, true, 82],
    [1, false, 82],
    [1, true, 81],
    [1, true, 83],
    [0, false, 83],
  ])
  expect(records[2]).toMatchObject({ time: NOW + 1, delay: 0.75 })
})

describe('only what is wanted', () => {
  test.each([
    [{ a: true, b: false }, [0]],
    [{ a: false, b: true }, [1]],
    [{ a: true, b: true }, [0, 1]],
  ])('the ends %o', (ends, expected) => {
    const plan = planOf({ ends })
    const probe = new Probe(plan)
    for (const end of [0, 1] as const) {
      probe.sent(burstOf(frames), end)
      probe.delivered(end, slab.bytes, 4160, 60, Float64Array.of(0, NOW, 0, 1))
    }
    probe.flush()
    expect([...new Set(recordsOf(plan).map(({ end }) => end))]).toEqual(expected)
  })

  test('a match, for what is sent and for what is delivered', () => {
    const plan = planOf({ match: planMatch({ ethertype: ETH_P.LLDP }, 'match') })
    const probe = new Probe(plan)
    const wanted = ethernet(ETH_P.LLDP, filler(46))
    const burst = burstOf([frames[0] as Buffer, wanted, frames[1] as Buffer])
    probe.sent(burst, 0)
    for (let i = 0; i < 3; i++) {
      probe.delivered(
        1,
        slab.bytes,
        burst.starts[i] as number,
        burst.lengths[i] as number,
        Float64Array.of(i, NOW, 0, 1),
      )
    }
    probe.flush()
    expect(recordsOf(plan).map(({ frame }) => frame)).toEqual([wanted, wanted])
  })

  test('the first bytes of each frame', () => {
    const plan = planOf({ snaplen: 61 })
    const probe = new Probe(plan)
    probe.sent(burstOf(frames), 0)
    probe.flush()
    const records = recordsOf(plan)
    expect(records.map(({ length }) => length)).toEqual([60, 61, 61, 61, 61])
    expect(records.map(({ original }) => original)).toEqual([60, 61, 62, 63, 1514])
    expect(records[4]?.frame).toEqual(frames[4]?.subarray(0, 61))
  })

  test('never more than the longest frame, though a hook may have made a longer one', () => {
    const plan = planOf({ snaplen: 262_144 })
    const probe = new Probe(plan)
    const burst = burstOf([frames[0] as Buffer])
    burst.replace(0, filler(LONGEST_FRAME + 1000))
    probe.delivered(
      1,
      burst.bytes,
      burst.starts[0] as number,
      burst.lengths[0] as number,
      Float64Array.of(0, NOW, 0, 1),
    )
    probe.flush()
    expect(recordsOf(plan)[0]).toMatchObject({ length: LONGEST_FRAME, original: LONGEST_FRAME + 1000 })
  })
})

test('a full ring loses frames, counts them for each end, and the next record tells', () => {
  const plan = planOf({ ring: createRing(4096) })
  const probe = new Probe(plan)
  const [long, short] = [frames[4] as Buffer, frames[0] as Buffer]
  probe.sent(burstOf([long, long, long, long]), 0)
  probe.sent(burstOf([long]), 1)
  probe.flush()
  expect(recordsOf(plan).map(({ lost }) => lost)).toEqual([0, 0])
  probe.sent(burstOf([short]), 0)
  probe.sent(burstOf([short]), 1)
  probe.flush()
  expect(recordsOf(plan).map(({ end, lost }) => [end, lost])).toEqual([
    [0, 2],
    [1, 1],
  ])
})

test('nothing is recorded once the ring has ended, and nothing counted', () => {
  const plan = planOf({ ring: createRing(4096) })
  const probe = new Probe(plan)
  endRing(plan.ring)
  for (let i = 0; i < 10; i++) probe.sent(burstOf(frames), 0)
  probe.delivered(0, slab.bytes, 4160, 60, Float64Array.of(0, NOW, 0, 1))
  probe.flush()
  expect(recordsOf(plan)).toEqual([])
  expect(new RingReader(plan.ring).lost(0)).toBe(0)
})

test('origin and time make the time of day', () => {
  const plan = planOf()
  const probe = new Probe(plan)
  probe.delivered(0, slab.bytes, 4160, 60, Float64Array.of(0, performance.now(), 0, 1))
  probe.flush()
  const [record] = recordsOf(plan)
  expect(Math.abs((record?.origin ?? 0) + (record?.time ?? 0) - Date.now())).toBeLessThan(50)
})

test('nothing is allocated for a record', () => {
  const plan = planOf({ match: planMatch({ ethertype: ETH_P.EXPERIMENT }, 'match') })
  const probe = new Probe(plan)
  const reader = new RingReader(plan.ring)
  const burst = burstOf(frames)
  burst.drop(0, 'rule', 'rule 3')
  burst.hold(1, 0.5)
  const [start, length] = [burst.starts[4] as number, burst.lengths[4] as number]
  const told = Float64Array.of(7, NOW, 0.5, 1)
  const held = slab.bytes.slice() // delivered from other memory than sent from
  const turn = () => {
    for (let i = 0; i < 100; i++) {
      probe.sent(burst, 0)
      probe.delivered(1, held, start, length, told)
      probe.flush()
      while (reader.next() >= 0) reader.release()
    }
  }
  for (let i = 0; i < 100; i++) turn() // until it is compiled
  const grown = Array.from({ length: 10 }, () => {
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 20; i++) turn()
    return process.memoryUsage().heapUsed - before
  })
  // 2,000 bursts of 5 frames each, and 2,000 frames delivered: a byte for each would be 12,000.
  expect(Math.min(...grown.map(Math.abs))).toBeLessThan(12_000)
})
