// A pcapng stream in pieces, whatever they are, and what is read in its blocks: the inverse of blocks.ts.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { viewOf } from '../../../src/frame/view.js'
import {
  BlockBuffer,
  ENHANCED_PACKET,
  enhancedPacket,
  INBOUND,
  INTERFACE_DESCRIPTION,
  INTERFACE_STATISTICS,
  interfaceStatistics,
  SECTION_HEADER,
} from '../../../src/pcapng/blocks.js'
import {
  BlockCutter,
  interfaceOf,
  lengthOf,
  lostBefore,
  lostInAll,
  typeOf,
} from '../../../src/pcapng/reader.js'
import { frameBlocks, headBlocks, lastBlocks } from '../../support/blocks.js'

/** The blocks of a piece. */
function blocksOf(piece: Uint8Array): Buffer[] {
  const blocks: Buffer[] = []
  const view = viewOf(piece)
  for (let at = 0; at < piece.length; at += lengthOf(view, at))
    blocks.push(Buffer.from(piece.subarray(at, at + lengthOf(view, at))))
  return blocks
}

const typesOf = (file: Buffer) => blocksOf(file).map((block) => typeOf(viewOf(block), 0))

test('whole blocks come out, whatever the pieces are', () => {
  const cuts = fc.array(fc.nat(3_000), { maxLength: 50 })
  fc.assert(
    fc.property(fc.nat(20), cuts, (frames, places) => {
      const file = Buffer.concat([headBlocks(), frameBlocks(frames), lastBlocks(frames, 0)])
      const ends = [...new Set([...places.map((place) => place % file.length), file.length])]
      const cutter = new BlockCutter()
      const pieces: Buffer[] = []
      let from = 0
      for (const end of ends.sort((a, b) => a - b)) {
        const taken = cutter.take(file.subarray(from, end))
        expect(taken.length).toBeLessThanOrEqual(2)
        for (const piece of taken) {
          const blocks = blocksOf(piece)
          for (const block of blocks) expect(block.readUInt32LE(block.length - 4)).toBe(block.length)
          expect(Buffer.concat(blocks)).toEqual(Buffer.from(piece))
          pieces.push(Buffer.from(piece))
        }
        from = end
      }
      expect(Buffer.concat(pieces)).toEqual(file)
    }),
  )
})

test('a stream by single bytes', () => {
  const file = Buffer.concat([headBlocks(), frameBlocks(2)])
  const cutter = new BlockCutter()
  const pieces = Array.from(file, (_, at) => cutter.take(file.subarray(at, at + 1))).flat()
  expect(pieces.map((piece) => Buffer.from(piece))).toEqual(blocksOf(file))
})

test('whole blocks in front of half a one are not copied', () => {
  const file = Buffer.concat([headBlocks(), frameBlocks(3)])
  const [piece] = new BlockCutter().take(file.subarray(0, file.length - 1))
  expect(piece?.buffer).toBe(file.buffer)
})

test('the type of each block', () => {
  expect(typesOf(Buffer.concat([headBlocks(), frameBlocks(2), lastBlocks(1, 0)]))).toEqual([
    ...[SECTION_HEADER, INTERFACE_DESCRIPTION, INTERFACE_DESCRIPTION],
    ...[ENHANCED_PACKET, ENHANCED_PACKET, INTERFACE_STATISTICS, INTERFACE_STATISTICS],
  ])
})

test('what is written is read, wherever the block stands', () => {
  const comments = fc.array(fc.string({ maxLength: 1_200, unit: 'binary' }), { maxLength: 3 })
  const one = fc.record({
    interface: fc.nat(1),
    length: fc.nat(200),
    id: fc.maxSafeNat(),
    lost: fc.maxSafeNat(),
    comments,
    isFrame: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 5 }), (all) => {
      const to = new BlockBuffer(2 ** 20)
      for (const { isFrame, ...fields } of all) {
        const times = { time: 1n, started: 1n, recorded: 0 }
        const frame = { time: 1n, bytes: new Uint8Array(200), start: 0, original: 200, direction: INBOUND }
        if (isFrame) enhancedPacket(to, { ...frame, ...fields })
        else interfaceStatistics(to, { ...times, interface: fields.interface, lost: fields.lost })
      }
      const file = viewOf(to.bytes.subarray(0, to.length))
      let at = 0
      for (const { isFrame, interface: index, lost } of all) {
        expect(typeOf(file, at)).toBe(isFrame ? ENHANCED_PACKET : INTERFACE_STATISTICS)
        expect(interfaceOf(file, at, 2)).toBe(index)
        expect(isFrame ? lostBefore(file, at) : lostInAll(file, at)).toBe(lost)
        at += lengthOf(file, at)
      }
      expect(at).toBe(file.byteLength)
    }),
  )
})

test.each([
  ['a length of nothing', Buffer.alloc(12)],
  ['no multiple of 4', Buffer.from([6, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0])],
  ['text', Buffer.from('HTTP/1.1 200 OK')],
])('refuses what is no pcapng: %s', (_, bytes) => {
  expect(() => new BlockCutter().take(bytes)).toThrow('what the daemon sends is no pcapng')
})

test('refuses a packet without room for one', () => {
  const block = Buffer.from([6, 0, 0, 0, 12, 0, 0, 0, 12, 0, 0, 0])
  expect(() => interfaceOf(viewOf(block), 0, 13)).toThrow('what the daemon sends is no pcapng')
})

test('refuses an interface that there is none of', () => {
  expect(() => interfaceOf(viewOf(frameBlocks(2)), 0, 0)).toThrow('what the daemon sends is no pcapng')
})

test.each([33, 0x7fff_fff0, 0x8000_0001, 0xffff_ffff])(
  'refuses a frame of %i bytes in a shorter block',
  (captured) => {
    const block = Buffer.alloc(32)
    block.writeUInt32LE(ENHANCED_PACKET, 0)
    block.writeUInt32LE(block.length, 4)
    block.writeUInt32LE(captured, 20)
    expect(() => lostBefore(viewOf(block), 0)).toThrow('what the daemon sends is no pcapng')
  },
)
