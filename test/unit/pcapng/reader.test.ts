// A pcapng stream in pieces: src/pcapng/reader.ts. Whatever the pieces are, the blocks are the same.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OUTBOUND } from '../../../src/pcapng/blocks.js'
import { ENHANCED_PACKET, PcapngStream, typeOf } from '../../../src/pcapng/reader.js'
import { PcapngWriter } from '../../../src/pcapng/writer.js'
import { readPcapng } from '../../support/pcapng.js'

/** A file with so many frames, beside which `lost` were lost on each of two interfaces. */
function fileOf(frames: number, lost: number, { ended = true, before = 0 } = {}): Buffer {
  const parts: Buffer[] = []
  const about = (name: string) => ({ name, mac: new Uint8Array(6) })
  const options = { interfaces: [about('x0'), about('x1')], snaplen: 100, application: 'test' }
  const writer = new PcapngWriter({ write: (bytes) => parts.push(Buffer.from(bytes)) }, options, 0n)
  writer.begin()
  for (let id = 0; id < frames; id++) {
    const frame = { bytes: new Uint8Array(100).fill(id), start: 0, length: 60 + (id % 40), original: 100 }
    const rest = { interface: id % 2, time: 1n, direction: OUTBOUND, id, lost: before, comments: ['delayed'] }
    writer.packet({ ...frame, ...rest })
  }
  if (ended) writer.end(2n, [lost, lost])
  else writer.flush()
  return Buffer.concat(parts)
}

test('whole blocks come out, whatever the pieces are', () => {
  const cuts = fc.array(fc.nat(3_000), { maxLength: 50 })
  fc.assert(
    fc.property(fc.nat(20), fc.nat(5), cuts, (frames, lost, places) => {
      const file = fileOf(frames, lost)
      const ends = [...new Set([...places.map((place) => place % file.length), file.length])].sort(
        (a, b) => a - b,
      )
      const stream = new PcapngStream()
      const blocks: Buffer[] = []
      let from = 0
      for (const end of ends) {
        for (const block of stream.take(file.subarray(from, end))) {
          expect(block.readUInt32LE(4)).toBe(block.length)
          blocks.push(Buffer.from(block))
        }
        from = end
      }
      expect(Buffer.concat(blocks)).toEqual(file)
      expect([stream.frames, stream.lost, stream.bytes]).toEqual([frames, 2 * lost, file.length])
      expect(stream.ended).toBe(true)
      expect(blocks.filter((block) => typeOf(block) === ENHANCED_PACKET)).toHaveLength(frames)
    }),
  )
})

test('statistics of what has come so far, by interface; lost frames as the ones behind them tell', () => {
  const stream = new PcapngStream()
  stream.take(fileOf(5, 0, { ended: false, before: 7 }))
  expect([stream.lost, stream.ended]).toEqual([35, false])
  const [section] = readPcapng(Buffer.concat([...stream.head, ...stream.statistics()]))
  expect(section?.statistics).toMatchObject([
    { received: 24, dropped: 21, delivered: 3 },
    { received: 16, dropped: 14, delivered: 2 },
  ])
  expect(stream.statisticsBytes).toBeGreaterThanOrEqual(Buffer.concat(stream.statistics()).length)
})

test('the head is what stands in front of the first frame', () => {
  const stream = new PcapngStream()
  stream.take(fileOf(3, 0))
  const head = Buffer.concat(stream.head)
  const [first] = fileOf(0, 0).toString('latin1').split('\u0005\0\0\0', 1)
  expect(head.toString('latin1')).toBe(first)
  expect(stream.head.map(typeOf)).toEqual([0x0a0d0d0a, 1, 1])
})

test.each([
  ['a length of nothing', Buffer.alloc(12)],
  ['no multiple of 4', Buffer.from([6, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0])],
  ['text', Buffer.from('HTTP/1.1 200 OK')],
])('refuses what is no pcapng: %s', (_, bytes) => {
  expect(() => new PcapngStream().take(bytes)).toThrow('what the daemon sends is no pcapng')
})
