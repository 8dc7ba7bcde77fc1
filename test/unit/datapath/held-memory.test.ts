// The memory of held frames: it is given back as they leave, and what cannot be had is refused, and nothing else.
// src/datapath/held.ts and cells.ts, with allocations that a test lets fail.

import { describe, expect, test, vi } from 'vitest'
import { Cells, PIECE } from '../../../src/datapath/cells.js'
import { Held } from '../../../src/datapath/held.js'
import { FrameMemory, Share } from '../../../src/frame/memory.js'
import { hold, IN_A_CHUNK, SMALL_CHUNK, smallCells, take, takeAll } from '../../support/held-frames.js'

describe('memory is given back', () => {
  const filled = (chunks: number) => {
    const memory = new FrameMemory()
    const cells = smallCells(chunks, memory)
    const held = new Held(cells)
    for (let number = 0; hold(held, { due: number, length: 1_514, number }); number++);
    return { memory, cells, held }
  }

  test('chunk by chunk as frames leave, but for one; and all of it when nothing is held', () => {
    const { memory, cells, held } = filled(4)
    const full = memory.used
    while (held.count > IN_A_CHUNK) take(held)
    expect(cells.chunks.filter((chunk) => chunk !== undefined)).toHaveLength(2)
    expect(memory.used).toBeLessThan(full - 2 * SMALL_CHUNK + PIECE)
    takeAll(held)
    expect([held.grown, cells.bytes]).toEqual([true, SMALL_CHUNK])
    held.clear()
    expect([held.grown, cells.bytes, memory.used, cells.chunks.length]).toEqual([false, 0, 0, 0])
  })

  test('and taken again: the same frames find the same room', () => {
    const { memory, held } = filled(3)
    const [full, count] = [memory.used, held.count]
    takeAll(held)
    held.clear()
    for (let number = 0; number < count; number++) {
      expect(hold(held, { due: number, length: 60, number })).toBe(true)
    }
    expect([memory.used, hold(held, { due: 0, length: 60, number: 0 })]).toEqual([full, false])
    expect(takeAll(held).map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, n) => n))
  })

  test('a chunk that was given back leaves the others where they are', () => {
    const { held } = filled(4)
    // The second and the third go; what stays stands in the first and the last.
    const numbers = Array.from({ length: held.count }, (_, number) => number)
    const all = takeAll(held).map(({ number }) => number)
    expect(all).toEqual(numbers)
    for (const number of numbers) hold(held, { due: number % 7, length: 1_514, number })
    const order = [...numbers].sort((one, other) => (one % 7) - (other % 7) || one - other)
    for (const number of order) {
      expect(take(held)).toMatchObject({ number, fill: [number & 0xff] })
    }
  })
})

describe('what the system does not give', () => {
  /** The allocations that fail, by number. */
  const failing = (fails: (allocation: number) => boolean) => {
    const memory = new FrameMemory()
    let asked = 0
    const allocate = (bytes: number) => {
      if (fails(asked++)) throw new RangeError('Array buffer allocation failed')
      return new ArrayBuffer(bytes)
    }
    const held = new Held(new Cells({ share: new Share(memory), chunk: SMALL_CHUNK, allocate }))
    return { memory, held, asked: () => asked }
  }

  test('is refused, costs nothing, and leaves what is held as it is', () => {
    const { memory, held } = failing((allocation) => allocation > 0)
    const taken = Array.from({ length: IN_A_CHUNK + 10 }, (_, number) =>
      hold(held, { due: 1, length: 1_514, number }),
    )
    expect(taken.lastIndexOf(true)).toBe(IN_A_CHUNK - 1)
    expect(memory.used).toBeLessThan(SMALL_CHUNK + PIECE)
    for (const { fill, number } of takeAll(held)) expect(fill).toEqual([number & 0xff])
    held.clear()
    expect(memory.used).toBe(0)
  })

  test('is not asked for again with each frame', () => {
    const { held, asked } = failing(() => true)
    for (let number = 0; number < 1_000; number++) hold(held, { due: 1, length: 60, number })
    expect([held.count, asked()]).toEqual([0, 1])
  })

  test('is there again later', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      const { held } = failing((allocation) => allocation === 0)
      expect(hold(held, { due: 1, length: 60, number: 0 })).toBe(false)
      vi.advanceTimersByTime(1_000)
      expect(hold(held, { due: 1, length: 60, number: 1 })).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })
})
