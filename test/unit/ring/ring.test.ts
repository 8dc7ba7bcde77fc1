// The ring of records: what goes in comes out, in order and whole, wherever the memory ends; what finds no
// room is counted; a reader that waits is told of once. That a sleeping thread wakes up is shown by
// test/integration/205-pcapng.test.ts.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRing, endRing, RingReader, RingWriter } from '../../../src/ring/ring.js'

const SMALLEST = 4096
/** Words of the memory, as ring.ts draws them. */
const POSITIONS = [16, 17, 32]

function pair(
  bytes = SMALLEST,
  position = 0,
): { writer: RingWriter; reader: RingReader; ring: SharedArrayBuffer } {
  const ring = createRing(bytes)
  const words = new Int32Array(ring)
  for (const word of POSITIONS) words[word] = position
  return { ring, writer: new RingWriter(ring), reader: new RingReader(ring) }
}

/** Writes a record of `length` bytes, all `value`; false when it is lost. */
function put(writer: RingWriter, length: number, value: number): boolean {
  const at = writer.reserve(length)
  if (at < 0) return false
  writer.bytes.fill(value, at, at + length)
  return true
}

/** The next record, of `length` bytes. */
function take(reader: RingReader, length: number): Buffer | undefined {
  const at = reader.next()
  return at < 0 ? undefined : Buffer.from(reader.bytes.slice(at, at + length))
}

describe('createRing', () => {
  test('rounds up to a power of two', () => {
    const room = createRing(SMALLEST).byteLength - SMALLEST
    expect(createRing(0).byteLength - room).toBe(SMALLEST)
    expect(createRing(SMALLEST + 1).byteLength - room).toBe(2 * SMALLEST)
    expect(createRing(300_000).byteLength - room).toBe(2 ** 19)
  })

  test.each([2 ** 30 + 1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (bytes) => {
    expect(() => createRing(bytes)).toThrow(RangeError)
  })
})

describe('records', () => {
  test('are not seen before they are published', () => {
    const { writer, reader } = pair()
    put(writer, 5, 1)
    expect(reader.next()).toBe(-1)
    writer.publish()
    expect(take(reader, 5)).toEqual(Buffer.alloc(5, 1))
    expect(reader.next()).toBe(-1)
  })

  test('begin at multiples of 8', () => {
    const { writer, reader } = pair()
    for (const length of [0, 1, 7, 8, 9]) expect(writer.reserve(length) % 8).toBe(0)
    writer.publish()
    for (let i = 0; i < 5; i++) expect(reader.next() % 8).toBe(0)
    expect(reader.next()).toBe(-1)
  })

  test('that fit into the whole, but not behind the one before, are lost once at most', () => {
    const { writer, reader } = pair(SMALLEST, 3000)
    const came = [1, 2, 3, 4].map((value) => {
      put(writer, 3200, value)
      writer.publish()
      const record = take(reader, 3200)
      expect(reader.arm()).toBe(true)
      return record?.[0]
    })
    expect(came.filter((value) => value !== undefined).length).toBeGreaterThanOrEqual(2)
    expect(came.filter((value) => value === undefined)).toHaveLength(writer.lost(0))
  })

  test('that were not published when their thread was ended are forgotten', () => {
    const { ring, writer, reader } = pair()
    put(writer, 5, 1)
    const next = new RingWriter(ring)
    put(next, 5, 2)
    next.publish()
    expect(take(reader, 5)).toEqual(Buffer.alloc(5, 2))
    expect(reader.next()).toBe(-1)
  })

  test('are read on by another reader behind what was released', () => {
    const { ring, writer, reader } = pair()
    for (const value of [1, 2, 3]) put(writer, 5, value)
    writer.publish()
    reader.next()
    reader.release()
    reader.next()
    expect(take(new RingReader(ring), 5)).toEqual(Buffer.alloc(5, 2))
  })
})

describe('a full ring', () => {
  test('loses and counts, by the count that is named', () => {
    const { writer, reader } = pair()
    const fits = SMALLEST / 64
    for (let i = 0; i < fits; i++) expect(put(writer, 56, i)).toBe(true)
    expect(writer.reserve(56)).toBe(-1)
    expect(writer.reserve(0, 1)).toBe(-1)
    expect(writer.reserve(56, 1)).toBe(-1)
    expect([reader.lost(0), reader.lost(1)]).toEqual([1, 2])
    writer.publish()
    for (let i = 0; i < fits; i++) expect(take(reader, 56)).toEqual(Buffer.alloc(56, i))
    expect(writer.reserve(56), 'read, but not released').toBe(-1)
    reader.release()
    expect(put(writer, 56, 0)).toBe(true)
  })

  test('a record that would stand across the end needs the rest as well', () => {
    const { writer, reader } = pair()
    put(writer, SMALLEST - 64, 1) // 56 bytes are left
    writer.publish()
    reader.next()
    reader.release()
    expect(writer.reserve(SMALLEST - 8), '56 bytes are passed over').toBe(-1)
    expect(put(writer, SMALLEST - 64, 2)).toBe(true)
    writer.publish()
    expect(take(reader, SMALLEST - 64)).toEqual(Buffer.alloc(SMALLEST - 64, 2))
  })

  test('a record that is longer than the ring is lost', () => {
    const { writer } = pair()
    expect(writer.reserve(SMALLEST - 7)).toBe(-1)
    expect(writer.lost(0)).toBe(1)
  })
})

test.each([0, 1024, 0x7fffff00, -256, -(2 ** 31)])(
  'any order of calls keeps records whole; positions from %d',
  (position) => {
    const call = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), length: fc.integer({ min: 0, max: 1500 }) }),
      fc.constant({ kind: 'publish' as const, length: 0 }),
      fc.constant({ kind: 'read' as const, length: 0 }),
      fc.constant({ kind: 'release' as const, length: 0 }),
    )
    fc.assert(
      fc.property(fc.array(call, { minLength: 20, maxLength: 300 }), (calls) => {
        const { writer, reader } = pair(SMALLEST, position)
        const expected: Buffer[] = []
        let [published, lost] = [0, 0]
        for (const [index, { kind, length }] of calls.entries()) {
          if (kind === 'write') {
            if (put(writer, length, index & 0xff)) expected.push(Buffer.alloc(length, index & 0xff))
            else lost++
          } else if (kind === 'publish') {
            writer.publish()
            published = expected.length
          } else if (kind === 'read') {
            const wanted = published > 0 ? expected.shift() : undefined
            if (wanted !== undefined) published--
            const taken = take(reader, wanted?.length ?? 0)
            // Not toEqual, which takes its time over bytes.
            if (wanted === undefined) expect(taken).toBe(undefined)
            else expect(taken?.equals(wanted)).toBe(true)
          } else reader.release()
        }
        expect(writer.lost(0)).toBe(lost)
      }),
      { numRuns: 200 },
    )
  },
)

describe('a reader that waits', () => {
  test('is told of once, by the first publish', () => {
    const { writer, reader } = pair()
    expect(reader.arm()).toBe(true)
    expect(writer.publish(), 'nothing to publish').toBe(false)
    put(writer, 1, 1)
    expect(writer.publish()).toBe(true)
    put(writer, 1, 1)
    expect(writer.publish()).toBe(false)
  })

  test('does not wait for what is there already', async () => {
    const { writer, reader } = pair()
    put(writer, 1, 1)
    writer.publish()
    expect(reader.arm()).toBe(false)
    put(writer, 1, 1)
    expect(writer.publish(), 'it is not waiting').toBe(false)
    await reader.wait() // would never return
  })

  test('does not wait after the end', async () => {
    const { ring, writer, reader } = pair()
    expect([writer.ended, reader.ended]).toEqual([false, false])
    expect(reader.arm()).toBe(true)
    endRing(ring)
    expect([writer.ended, reader.ended]).toEqual([true, true])
    expect(reader.arm()).toBe(false)
    await reader.wait()
    await reader.nap(60_000)
  })

  test('wakes up by itself after the time that it gave', async () => {
    const { reader } = pair()
    const before = performance.now()
    await reader.wait(20)
    await reader.nap(20)
    expect(performance.now() - before).toBeGreaterThanOrEqual(39)
  })
})
