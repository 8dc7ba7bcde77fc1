// The writer of sections: what reaches the sink, and when.

import { expect, test } from 'vitest'
import { INBOUND, type PacketFields } from '../../../src/pcapng/blocks.js'
import { PcapngWriter } from '../../../src/pcapng/writer.js'
import { filler } from '../../support/frames.js'
import { readPcapng } from '../../support/pcapng.js'

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1)
const interfaces = [
  { name: 'a', mac: MAC, description: 'one' },
  { name: 'b', mac: MAC },
]

function writerTo(chunks: Buffer[], now = 5n): PcapngWriter {
  const sink = { write: (bytes: Uint8Array) => void chunks.push(Buffer.from(bytes)) }
  return new PcapngWriter(sink, { interfaces, snaplen: 65_535, application: 'test' }, now)
}

function packet(changes: Partial<PacketFields> = {}): PacketFields {
  const bytes = filler(60)
  const fixed = { interface: 0, time: 7n, bytes, start: 0, length: 60, original: 60 }
  return { ...fixed, direction: INBOUND, id: 1, lost: 0, comments: [], ...changes }
}

test('header and interfaces are in the sink at once', () => {
  const chunks: Buffer[] = []
  const writer = writerTo(chunks)
  expect(chunks).toEqual([])
  writer.begin()
  expect(chunks.length).toBe(1)
  const [section] = readPcapng(Buffer.concat(chunks))
  expect(section).toMatchObject({ application: 'test', packets: [], statistics: [] })
  expect(section?.interfaces).toEqual([
    { name: 'a', description: 'one', mac: '02:00:00:00:00:01', linktype: 1, snaplen: 65_535, tsresol: 9 },
    { name: 'b', mac: '02:00:00:00:00:01', linktype: 1, snaplen: 65_535, tsresol: 9 },
  ])
  expect([writer.records, writer.bytes]).toEqual([0, chunks[0]?.length])
})

test('frames are gathered until they are flushed, and counted when they are', () => {
  const chunks: Buffer[] = []
  const writer = writerTo(chunks)
  writer.begin()
  for (let id = 0; id < 3; id++) writer.packet(packet({ id }))
  expect([chunks.length, writer.records, writer.sectionRecords]).toEqual([1, 0, 3])
  writer.flush()
  writer.flush()
  expect([chunks.length, writer.records]).toEqual([2, 3])
  expect(readPcapng(Buffer.concat(chunks))[0]?.packets.map(({ id }) => id)).toEqual([0, 1, 2])
  expect(writer.bytes).toBe(Buffer.concat(chunks).length)
  expect(writer.sectionBytes).toBe(writer.bytes)
})

test('more than the buffer holds goes on by itself, in whole blocks', () => {
  const chunks: Buffer[] = []
  const writer = writerTo(chunks)
  writer.begin()
  const bytes = filler(65_600)
  for (let id = 0; id < 20; id++)
    writer.packet(packet({ id, bytes, length: bytes.length, original: bytes.length }))
  expect(chunks.length).toBeGreaterThan(4)
  expect(readPcapng(Buffer.concat(chunks))[0]?.packets.length).toBe(writer.records)
  writer.end(9n, [0, 0])
  const [section] = readPcapng(Buffer.concat(chunks))
  expect(section?.packets.length).toBe(20)
  for (const { frame } of section?.packets ?? []) expect(frame.equals(bytes)).toBe(true)
})

test('the statistics count from the beginning of the capture, by interface', () => {
  const chunks: Buffer[] = []
  const writer = writerTo(chunks, 5n)
  writer.begin()
  for (const index of [0, 1, 1]) writer.packet(packet({ interface: index }))
  writer.end(9n, [4, 0])
  writer.begin()
  expect([writer.sectionRecords, writer.records]).toEqual([0, 3])
  writer.packet(packet({ interface: 1 }))
  writer.end(11n, [4, 2])
  const [first, second] = readPcapng(Buffer.concat(chunks))
  const times = { started: 5n, time: 9n, ended: 9n }
  expect(first?.statistics).toEqual([
    { interface: 0, ...times, received: 5, dropped: 4, delivered: 1 },
    { interface: 1, ...times, received: 2, dropped: 0, delivered: 2 },
  ])
  expect(second?.packets.length).toBe(1)
  expect(second?.statistics.map(({ received, dropped, time }) => [received, dropped, time])).toEqual([
    [5, 4, 11n],
    [5, 2, 11n],
  ])
})

test('what a sink throws is thrown, and its frames are not counted', () => {
  let full = false
  const sink = {
    write() {
      if (full) throw new Error('full')
    },
  }
  const writer = new PcapngWriter(sink, { interfaces, snaplen: 65_535, application: 'test' }, 0n)
  writer.begin()
  writer.packet(packet())
  full = true
  expect(() => writer.flush()).toThrow('full')
  expect(writer.records).toBe(0)
})
