// Frames that are held: they come out in the order of their times, and of their arrival where those are equal,
// with the bytes that went in; memory grows with what is held at once, up to a bound, and is used again.
// src/datapath/held.ts and cells.ts against a sorted list; a failure prints its seed.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Cells, type Chunk } from '../../../src/datapath/cells.js'
import { Held } from '../../../src/datapath/held.js'
import { HEADROOM, LONGEST_FRAME, SLOTS_OFFSET, VNET_HDR_LEN } from '../../../src/frame/slab.js'
import {
  hold,
  IN_A_CHUNK,
  SMALL_CHUNK,
  smallCells,
  take,
  takeAll,
  type Wish,
} from '../../support/held-frames.js'

test('holds nothing at first: the next one is due never', () => {
  const held = new Held()
  expect([held.count, held.next]).toEqual([0, Number.POSITIVE_INFINITY])
})

test('gives back what is known of a frame', () => {
  const held = new Held()
  const wish = { due: 12.5, length: 61, number: 2 ** 40 + 7, queue: 3, delay: 2.25 }
  hold(held, wish)
  expect(held.next).toBe(12.5)
  expect(take(held)).toEqual({ ...wish, fill: [7] })
  expect(held.count).toBe(0)
})

describe('order', () => {
  test('by time', () => {
    const held = new Held()
    for (const due of [5, 1, 4, 2, 3]) hold(held, { due, length: 60, number: due })
    expect(takeAll(held).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5])
  })

  test('by arrival where times are equal, across what was taken out in between', () => {
    const held = new Held()
    for (let number = 0; number < 100; number++) hold(held, { due: 1, length: 60, number })
    const first = Array.from({ length: 50 }, () => take(held).number)
    for (let number = 100; number < 200; number++) hold(held, { due: 1, length: 60, number })
    const rest = takeAll(held).map(({ number }) => number)
    expect([...first, ...rest]).toEqual(Array.from({ length: 200 }, (_, number) => number))
  })
})

test('as a sorted list, whatever is held and taken in whatever order, over many chunks', () => {
  const wish = fc.record({
    due: fc.integer({ min: 0, max: 20 }),
    length: fc.oneof(
      fc.integer({ min: 0, max: 200 }),
      // around the sizes of cells
      ...[2048, 16_384].map((size) => fc.integer({ min: size - HEADROOM - 5, max: size - HEADROOM + 5 })),
      fc.integer({ min: 1, max: LONGEST_FRAME }),
    ),
    queue: fc.nat(7),
    delay: fc.double({ min: 0, max: 1e6, noNaN: true }),
  })
  const step = fc.oneof(
    { weight: 3, arbitrary: wish },
    { weight: 2, arbitrary: fc.constant('take' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const held = new Held(smallCells(64))
      const model: (Wish & { number: number })[] = []
      let number = 0
      const takeOne = () => {
        const least = Math.min(...model.map(({ due }) => due))
        const at = model.findIndex(({ due }) => due === least)
        const [expected] = model.splice(at, 1) as [Wish]
        const fill = expected.length === 0 ? [] : [expected.number & 0xff]
        expect(held.next).toBe(least)
        expect(take(held)).toEqual({ ...expected, fill })
      }
      for (const one of steps) {
        if (one === 'take') {
          if (model.length > 0) takeOne()
          continue
        }
        const all = { ...one, number: number++ }
        model.push(all)
        expect(hold(held, all)).toBe(true)
        expect(held.count).toBe(model.length)
      }
      while (model.length > 0) takeOne()
      expect(held.next).toBe(Number.POSITIVE_INFINITY)
    }),
    { numRuns: 60 },
  )
})

describe('memory', () => {
  test('is none before something is held, and one chunk for a thousand frames', () => {
    const cells = new Cells()
    const held = new Held(cells)
    expect(cells.bytes).toBe(0)
    for (let number = 0; number < 1_000; number++) hold(held, { due: number, length: 1_514, number })
    expect(cells.chunks.length).toBe(1)
  })

  test('grows with what is held at once, chunk by chunk, and what was held stays where it is', () => {
    const cells = smallCells(64)
    const held = new Held(cells)
    const chunks = Math.ceil(1_000 / IN_A_CHUNK)
    for (let number = 0; number < 1_000; number++) hold(held, { due: number, length: 1_514, number })
    expect(cells.chunks.length).toBe(chunks)
    expect(cells.bytes).toBeGreaterThan((chunks - 1) * SMALL_CHUNK)
    expect(cells.bytes).toBeLessThanOrEqual(chunks * SMALL_CHUNK)
    for (const { bytes, lengths, starts } of cells.chunks as Chunk[]) {
      expect([lengths.buffer, starts.buffer]).toEqual([bytes.buffer, bytes.buffer])
    }
    for (const { fill, number } of takeAll(held)) expect(fill).toEqual([number & 0xff])
  })

  test('is used again: ten thousand frames, ten at once, need one chunk for each size', () => {
    const cells = new Cells()
    const held = new Held(cells)
    for (let number = 0; number < 10_000; number++) {
      hold(held, { due: number, length: [60, 3_000, 17_000][number % 3] as number, number })
      if (held.count > 10) take(held)
    }
    expect(cells.chunks.length).toBe(3)
  })

  test('the longest frames fit, and start where a port may send them from', () => {
    const held = new Held(smallCells(64))
    for (let number = 0; number < 20; number++) hold(held, { due: number, length: LONGEST_FRAME, number })
    for (let n = 0; n < 20; n++) {
      expect(held.nextStart % 64).toBe(0)
      expect(held.nextStart).toBeGreaterThanOrEqual(SLOTS_OFFSET + HEADROOM)
      const taken = take(held)
      expect([taken.length, taken.fill]).toEqual([LONGEST_FRAME, [taken.number]])
    }
  })

  test('has a bound: what there is no room for is refused, and nothing else is touched', () => {
    const cells = smallCells(3)
    const held = new Held(cells)
    const room = 3 * IN_A_CHUNK
    const taken = Array.from({ length: room + 10 }, (_, number) =>
      hold(held, { due: 1, length: 1_514, number }),
    )
    expect(taken.indexOf(false)).toBe(room)
    expect([held.count, cells.bytes]).toEqual([room, 3 * SMALL_CHUNK])
    expect(take(held)).toMatchObject({ number: 0, fill: [0] })
    expect(hold(held, { due: 1, length: 1_514, number: room })).toBe(true)
    expect(hold(held, { due: 1, length: 1_514, number: room })).toBe(false)
    const rest = takeAll(held)
    expect(rest.map(({ number }) => number)).toEqual(Array.from({ length: room }, (_, n) => n + 1))
    for (const { fill, number } of rest) expect(fill).toEqual([number & 0xff])
  })

  test('that frames of one size had filled is there for those of another size', () => {
    const held = new Held(smallCells(2))
    const fill = (length: number) => {
      for (let number = 0; hold(held, { due: number, length, number }); number++);
      const { count } = held
      for (let n = 0; n < count; n++) take(held)
      return count
    }
    expect([60, 9_000, 65_000, 60].map(fill)).toEqual([2 * IN_A_CHUNK, 62, 14, 2 * IN_A_CHUNK])
  })

  test('frames have a virtio-net header of zeros, whatever cells stood there before', () => {
    const held = new Held(smallCells(2))
    for (const length of [2_000, 65_000, 9_000, 60]) {
      while (hold(held, { due: 1, length, number: 0xff }));
      while (held.count > 0) {
        const { bytes } = held.nextChunk
        expect(
          bytes.subarray(held.nextStart - VNET_HDR_LEN, held.nextStart).every((byte) => byte === 0),
        ).toBe(true)
        take(held)
      }
    }
  })

  test('is all free again when nothing is held any more', () => {
    const held = new Held(smallCells(2))
    for (const _ of [1, 2]) {
      for (let number = 0; number < 2 * IN_A_CHUNK; number++) {
        expect(hold(held, { due: number, length: 60, number })).toBe(true)
      }
      for (let n = 0; n < 2 * IN_A_CHUNK; n++) take(held)
      expect([held.count, held.next]).toEqual([0, Number.POSITIVE_INFINITY])
    }
    hold(held, { due: 3, length: 60, number: 7 })
    expect(take(held)).toMatchObject({ due: 3, number: 7, fill: [7] })
  })
})

test('goes on in another thread with another clock: the same frames, the same order, the same waits', () => {
  const wish = fc.record({ due: fc.integer({ min: -5, max: 50 }), length: fc.integer({ min: 14, max: 300 }) })
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 100 }), (wishes) => {
      const [one, other] = [new Held(), new Held()]
      wishes.forEach((each, number) => {
        hold(one, { ...each, number, queue: number % 3, delay: number })
      })
      expect(other.import(structuredClone(one.export(100)), 5_000)).toBe(0)
      const expected = takeAll(one).map((each) => ({ ...each, due: each.due + 4_900 }))
      expect(takeAll(other)).toEqual(expected)
    }),
    { numRuns: 50 },
  )
})

test('another thread with less room says what it could not take over', () => {
  const [one, other] = [new Held(smallCells(2)), new Held(smallCells(1))]
  for (let number = 0; number < IN_A_CHUNK + 5; number++) hold(one, { due: 0, length: 60, number })
  expect(other.import(one.export(0), 0)).toBe(5)
  expect(other.count).toBe(IN_A_CHUNK)
})
