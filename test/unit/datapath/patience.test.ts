// How long a direction waits for a reader of its frames: for one that goes on, not for one that is stuck or slow.

import { expect, test } from 'vitest'
import { PAUSES, Patience } from '../../../src/datapath/patience.js'
import { createRing, RingReader, RingWriter } from '../../../src/ring/ring.js'

const CAPACITY = 1024 * 1024
const RECORD = 16 * 1024

/** A ring, and what its reader does in each moment that it is left. */
function setUp(read: (reader: RingReader) => void) {
  const ring = createRing(CAPACITY)
  const writer = new RingWriter(ring)
  const reader = new RingReader(ring)
  let pauses = 0
  const patience = new Patience(() => {
    pauses++
    read(reader)
  })
  /** Writes until the ring has no room for one more. */
  const fill = () => {
    while (writer.room > RECORD + 8) writer.reserve(RECORD)
    writer.publish()
  }
  return { writer, reader, patience, fill, pauses: () => pauses }
}

/** Takes `count` records and gives their room back. */
function take(reader: RingReader, count: number): void {
  for (let i = 0; i < count; i++) reader.next()
  reader.release()
}

test('while there is room for a burst nobody waits', () => {
  const { writer, patience, pauses } = setUp(() => {})
  expect(patience.spent(writer)).toBe(false)
  while (writer.room > CAPACITY / 2) writer.reserve(RECORD)
  writer.publish()
  expect(patience.spent(writer)).toBe(false)
  expect(pauses()).toBe(0)
})

test('a reader that goes on is waited for, however long', () => {
  const { writer, patience, fill, pauses } = setUp((reader) => take(reader, 3))
  for (let i = 0; i < 10 * PAUSES; i++) {
    fill()
    expect(patience.spent(writer)).toBe(true)
  }
  expect(pauses()).toBe(10 * PAUSES)
})

test.each([
  ['is stuck', 0],
  ['is slow', 1],
])('one that %s is waited for that many moments, and again when it has caught up', (_, records) => {
  const { writer, reader, patience, fill } = setUp((reader) => take(reader, records))
  for (let i = 0; i < PAUSES; i++) {
    fill()
    expect(patience.spent(writer)).toBe(true)
  }
  fill()
  expect(patience.spent(writer)).toBe(false)
  take(reader, 30) // not half of it
  fill()
  expect(patience.spent(writer)).toBe(false)
  take(reader, 60)
  expect(patience.spent(writer)).toBe(false) // there is room
  fill()
  expect(patience.spent(writer)).toBe(true)
})

test('the moment is one that passes by itself', () => {
  const { writer, fill } = setUp(() => {})
  fill()
  expect(new Patience().spent(writer)).toBe(true)
})
