// Frames that are held: they come out in the order of their times, and of their arrival where those are equal,
// with the bytes that went in; memory grows with what is held at once, and is used again. src/datapath/held.ts
// against a sorted list; a failure prints its seed.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Held } from '../../../src/datapath/held.js'
import { HEADROOM, LONGEST_FRAME } from '../../../src/frame/slab.js'

interface Wish {
  due: number
  length: number
  number: number
  queue?: number
  delay?: number
}

const words = new Int32Array(LONGEST_FRAME / 4 + 1)

function hold(held: Held, { due, length, number, queue = 0, delay = 0 }: Wish): void {
  const bytes = new Uint8Array(words.buffer)
  bytes.fill(number & 0xff, 0, length)
  held.times.set([due, delay])
  held.hold(words, 0, length, number, queue)
}

/** Takes out the next one, and says what is known of it. */
function take(held: Held): Wish & { fill: number[] } {
  const { next: due, nextLength: length, nextNumber: number, nextQueue: queue, nextDelay: delay } = held
  const { nextStart: start } = held
  const bytes = held.bytes.subarray(start, start + length)
  held.pop()
  held.free(start, length)
  return { due, length, number, queue, delay, fill: [...new Set(bytes)] }
}

function takeAll(held: Held): ReturnType<typeof take>[] {
  return Array.from({ length: held.count }, () => take(held))
}

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

test('as a sorted list, whatever is held and taken in whatever order', () => {
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
      const held = new Held()
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
        hold(held, all)
        expect(held.count).toBe(model.length)
      }
      while (model.length > 0) takeOne()
      expect(held.next).toBe(Number.POSITIVE_INFINITY)
    }),
    { numRuns: 60 },
  )
})

describe('memory', () => {
  test('grows with what is held at once, and what was held stays whole', () => {
    const held = new Held()
    const before = held.bytes.length
    for (let number = 0; number < 1_000; number++) hold(held, { due: number, length: 1_514, number })
    expect(held.bytes.length).toBeGreaterThan(before)
    expect(held.lengths.buffer).toBe(held.bytes.buffer)
    expect(held.starts.buffer).toBe(held.bytes.buffer)
    for (const { fill, number } of takeAll(held)) expect(fill).toEqual([number & 0xff])
  })

  test('is used again: ten thousand frames, ten at once, need no more than ten', () => {
    const held = new Held()
    const before = held.bytes.length
    for (let number = 0; number < 10_000; number++) {
      hold(held, { due: number, length: [60, 3_000, 9_000][number % 3] as number, number })
      if (held.count > 10) take(held)
    }
    expect(held.bytes.length).toBe(before)
  })

  test('the longest frames fit, and start where a port may send them from', () => {
    const held = new Held()
    for (let number = 0; number < 20; number++) hold(held, { due: number, length: LONGEST_FRAME, number })
    for (let n = 0; n < 20; n++) {
      expect(held.nextStart % 64).toBe(0)
      const taken = take(held)
      expect([taken.length, taken.fill]).toEqual([LONGEST_FRAME, [taken.number]])
    }
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
      other.import(structuredClone(one.export(100)), 5_000)
      const expected = takeAll(one).map((each) => ({ ...each, due: each.due + 4_900 }))
      expect(takeAll(other)).toEqual(expected)
    }),
    { numRuns: 50 },
  )
})
