// The blocks of pcapng, byte for byte, one field per line.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BlockBuffer,
  enhancedPacket,
  INBOUND,
  interfaceDescription,
  interfaceStatistics,
  LONGEST_BLOCK,
  OUTBOUND,
  type PacketFields,
  STATISTICS_BYTES,
  sectionHeader,
} from '../../../src/pcapng/blocks.js'
import { filler } from '../../support/frames.js'
import { packetsOf, readPcapng } from '../../support/pcapng.js'

const MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 1)
const FRAME = filler(61)

function built(build: (to: BlockBuffer) => void): Buffer {
  const to = new BlockBuffer(1 << 20)
  to.bytes.fill(0xee) // padding must not be what was there before
  build(to)
  return Buffer.from(to.bytes.subarray(0, to.length))
}

/** Bytes from lines of hex; what stands behind `//` is for the reader. */
function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\/\/.*/g, '').replace(/\s/g, ''), 'hex')
}

function packet(changes: Partial<PacketFields> = {}): PacketFields {
  return {
    interface: 1,
    time: 0x1020_3040_5060_7080n,
    bytes: Uint8Array.of(9, 9, 1, 2, 3, 4, 5, 9),
    start: 2,
    length: 5,
    original: 60,
    direction: OUTBOUND,
    id: 2 ** 32 + 5,
    lost: 0,
    comments: [],
    ...changes,
  }
}

test('a section header', () => {
  expect(built((to) => sectionHeader(to, 'uveth'))).toEqual(
    hex(`
      0a 0d 0d 0a              // type
      38 00 00 00              // length
      4d 3c 2b 1a              // byte order
      01 00  00 00             // version
      ff ff ff ff ff ff ff ff  // length of the section
      03 00  05 00             // shb_os
      4c 69 6e 75 78 00 00 00
      04 00  05 00             // shb_userappl
      75 76 65 74 68 00 00 00
      00 00  00 00             // opt_endofopt
      38 00 00 00
    `),
  )
})

test('an interface', () => {
  const info = { name: 'veth0', mac: MAC, description: 'end a' }
  expect(built((to) => interfaceDescription(to, info, 262_144))).toEqual(
    hex(`
      01 00 00 00              // type
      44 00 00 00              // length
      01 00  00 00             // Ethernet
      00 00 04 00              // snaplen
      02 00  05 00             // if_name
      76 65 74 68 30 00 00 00
      03 00  05 00             // if_description
      65 6e 64 20 61 00 00 00
      06 00  06 00             // if_MACaddr
      02 00 00 00 00 01 00 00
      09 00  01 00             // if_tsresol: ns
      09 00 00 00
      00 00  00 00             // opt_endofopt
      44 00 00 00
    `),
  )
})

test('a frame', () => {
  expect(built((to) => enhancedPacket(to, packet({ comments: ['dropped: loss'], lost: 7 })))).toEqual(
    hex(`
      06 00 00 00              // type
      60 00 00 00              // length
      01 00 00 00              // interface
      40 30 20 10 80 70 60 50  // time, high and low
      05 00 00 00              // captured
      3c 00 00 00              // original
      01 02 03 04 05 00 00 00
      02 00  04 00             // epb_flags
      02 00 00 00
      04 00  08 00             // epb_dropcount
      07 00 00 00 00 00 00 00
      05 00  08 00             // epb_packetid
      05 00 00 00 01 00 00 00
      01 00  0d 00             // opt_comment
      64 72 6f 70 70 65 64 3a 20 6c 6f 73 73 00 00 00
      00 00  00 00             // opt_endofopt
      60 00 00 00
    `),
  )
})

test('statistics', () => {
  const fields = { interface: 1, time: 0x2_0000_0001n, started: 0x1_0000_0002n, recorded: 5, lost: 2 ** 40 }
  expect(built((to) => interfaceStatistics(to, fields)).length).toBe(STATISTICS_BYTES)
  expect(built((to) => interfaceStatistics(to, fields))).toEqual(
    hex(`
      05 00 00 00              // type
      58 00 00 00              // length
      01 00 00 00              // interface
      02 00 00 00 01 00 00 00  // time, high and low
      02 00  08 00             // isb_starttime
      01 00 00 00 02 00 00 00
      03 00  08 00             // isb_endtime
      02 00 00 00 01 00 00 00
      04 00  08 00             // isb_ifrecv
      05 00 00 00 00 01 00 00
      05 00  08 00             // isb_ifdrop
      00 00 00 00 00 01 00 00
      08 00  08 00             // isb_usrdeliv
      05 00 00 00 00 00 00 00
      00 00  00 00             // opt_endofopt
      58 00 00 00
    `),
  )
})

describe('a block of a frame', () => {
  const begin = (to: BlockBuffer) => {
    sectionHeader(to, 'uveth')
    for (const name of ['a', 'b']) interfaceDescription(to, { name, mac: MAC }, 262_144)
  }
  const fileOf = (fields: PacketFields) =>
    built((to) => {
      begin(to)
      enhancedPacket(to, fields)
    })

  test('says nothing of losses and remarks that there are none of', () => {
    const [found] = packetsOf(fileOf(packet({ direction: INBOUND })))
    expect(found).toEqual({
      interface: 1,
      on: 'b',
      time: packet().time,
      frame: Buffer.from([1, 2, 3, 4, 5]),
      original: 60,
      direction: 'in',
      id: 2 ** 32 + 5,
      comments: [],
    })
  })

  test('of any length is whole', () => {
    const text = fc.string({ maxLength: 600, unit: 'binary' })
    fc.assert(
      fc.property(
        fc.nat(FRAME.length),
        fc.array(text, { maxLength: 3 }),
        fc.maxSafeNat(),
        (length, comments, id) => {
          const fields = packet({
            bytes: FRAME,
            start: FRAME.length - length,
            length,
            comments,
            id,
            lost: id,
          })
          const file = fileOf(fields)
          const [found] = packetsOf(file)
          expect(found?.frame.equals(FRAME.subarray(FRAME.length - length))).toBe(true)
          expect(found).toMatchObject({ id, ...(id > 0 && { dropcount: id }) })
          expect(found?.comments.length).toBe(comments.length)
          for (const [index, comment] of (found?.comments ?? []).entries()) {
            // Lone surrogates cannot be written, and long texts are cut.
            expect((comments[index] as string).toWellFormed().startsWith(comment)).toBe(true)
            if (Buffer.byteLength(comments[index] as string) < 1000)
              expect(comment).toBe(comments[index]?.toWellFormed())
          }
        },
      ),
    )
  })

  test('of the longest frame, with three long remarks, is no longer than LONGEST_BLOCK', () => {
    const bytes = filler(65_600)
    const comments = Array.from({ length: 3 }, () => '€'.repeat(5000))
    const fields = packet({ bytes, start: 0, length: bytes.length, comments, lost: 1 })
    const length = built((to) => enhancedPacket(to, fields)).length
    expect(length).toBeLessThanOrEqual(LONGEST_BLOCK)
  })
})

test('every prefix of a file at the end of a block can be read', () => {
  const ends: number[] = []
  const file = built((to) => {
    sectionHeader(to, 'uveth')
    ends.push(to.length)
    interfaceDescription(to, { name: 'a', mac: MAC }, 65_535)
    ends.push(to.length)
    enhancedPacket(to, packet({ interface: 0 }))
    ends.push(to.length)
    interfaceStatistics(to, { interface: 0, time: 1n, started: 1n, recorded: 1, lost: 0 })
    ends.push(to.length)
  })
  for (const [index, end] of ends.entries()) {
    const [section] = readPcapng(file.subarray(0, end))
    expect(section?.application).toBe('uveth')
    expect(section?.interfaces.length).toBe(Math.min(index, 1))
    expect(section?.packets.length).toBe(index >= 2 ? 1 : 0)
    expect(section?.statistics.length).toBe(index >= 3 ? 1 : 0)
    expect(() => readPcapng(file.subarray(0, end - 4))).toThrow()
  }
})
