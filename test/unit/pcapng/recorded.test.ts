// Recordings of other programs: both formats, both orders of bytes, every unit of time, and files that are broken. The
// bytes are written here by hand; real ones, of tcpdump and editcap, are replayed by integration/220.

import { describe, expect, test } from 'vitest'
import { type RecordedPacket, recordedPackets } from '../../../src/pcapng/recorded.js'
import { filler } from '../../support/frames.js'
import { Random } from '../../support/random.js'

const FRAME = new Uint8Array(filler(61))

function words(little: boolean, ...numbers: number[]): Buffer {
  const bytes = Buffer.from(Uint32Array.from(numbers).buffer)
  return little ? bytes : bytes.swap32()
}

interface Kind {
  little: boolean
  magic?: number
  link?: number
}

/** Two packets, 1.5 s and some after each other; of the second one all but 5 bytes are there. */
function classic({ little, magic = 0xa1b2c3d4, link = 1 }: Kind): Buffer {
  return Buffer.concat([
    words(little, magic, 0x00040002, 0, 0, 65_535, link),
    words(little, 1_000, 250_000, 61, 61),
    FRAME,
    words(little, 1_001, 750_000, 56, 61),
    FRAME.subarray(5),
  ])
}

function option(little: boolean, code: number, value: Uint8Array): Buffer {
  const head = Buffer.from(Uint16Array.of(code, value.length).buffer)
  return Buffer.concat([little ? head : head.swap16(), value, Buffer.alloc(-value.length & 3)])
}

function block(little: boolean, kind: number, ...body: Uint8Array[]): Buffer {
  const length = words(little, 12 + Buffer.concat(body).length)
  return Buffer.concat([words(little, kind), length, ...body, length])
}

const section = (little: boolean) =>
  block(little, 0x0a0d0d0a, words(little, 0x1a2b3c4d, 0, 0xffffffff, 0xffffffff))

function described(little: boolean, name: string, resolution: number, link = 1): Buffer {
  const type = little ? words(true, link) : words(false, link << 16)
  return block(
    little,
    1,
    type,
    words(little, 0),
    option(little, 2, Buffer.from(name)),
    option(little, 9, Uint8Array.of(resolution)),
  )
}

function packet(little: boolean, on: number, ticks: bigint, flags?: number): Buffer {
  const time = [Number(ticks >> 32n), Number(ticks & 0xffffffffn)]
  return block(
    little,
    6,
    words(little, on, ...time, 61, 61),
    FRAME,
    Buffer.alloc(3),
    ...(flags === undefined ? [] : [option(little, 2, words(little, flags))]),
  )
}

/** What is read of a file that comes in pieces of `size` bytes. */
async function read(file: Uint8Array, size = 7): Promise<RecordedPacket[]> {
  async function* pieces() {
    for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size)
  }
  const packets: RecordedPacket[] = []
  for await (const one of recordedPackets(pieces())) packets.push(one)
  return packets
}

describe.each([true, false])('little-endian: %s', (little) => {
  test.each([
    ['microseconds', 0xa1b2c3d4, 1_000n],
    ['nanoseconds', 0xa1b23c4d, 1n],
  ])('pcap, %s', async (_, magic, unit) => {
    const [first, second, ...more] = await read(classic({ little, magic }))
    expect(more).toEqual([])
    const whole = { bytes: FRAME, length: 61, on: '', inbound: false }
    expect(first).toEqual({ ...whole, time: 1_000_000_000_000n + 250_000n * unit })
    expect(second).toEqual({ ...whole, bytes: FRAME.subarray(5), time: 1_001_000_000_000n + 750_000n * unit })
  })

  test('pcapng: interfaces, units of time, directions, a second section of the other order', async () => {
    const file = Buffer.concat([
      section(little),
      described(little, 'eth0', 6),
      described(little, 'veth1', 0x80 + 10),
      packet(little, 0, 2_000_001n, 2),
      block(little, 0xbad, Buffer.from('what is this')),
      packet(little, 1, 3n * 1024n + 512n, 1),
      section(!little),
      described(!little, 'lan', 9),
      packet(!little, 0, 5_000_000_000_000n),
    ])
    for (const size of [1, 13, file.length]) {
      expect(await read(file, size)).toEqual([
        { bytes: FRAME, length: 61, on: 'eth0', inbound: false, time: 2_000_001_000n },
        { bytes: FRAME, length: 61, on: 'veth1', inbound: true, time: 3_500_000_000n },
        { bytes: FRAME, length: 61, on: 'lan', inbound: false, time: 5_000_000_000_000n },
      ])
    }
  })
})

describe('refused', () => {
  const good = Buffer.concat([section(true), described(true, 'x', 6), packet(true, 0, 1n)])
  const long = words(true, 6, 0xfffffff0)
  test.each<[string, Uint8Array, string]>([
    ['nothing', Buffer.alloc(0), 'EBADMSG: the recording cannot be read: it is empty'],
    [
      'a text',
      Buffer.from('#!/bin/sh\n'),
      'EBADMSG: the recording cannot be read: it is neither pcap nor pcapng',
    ],
    ['a packet cut short', classic({ little: true }).subarray(0, -1), 'it ends in the middle of a packet'],
    ['a header cut short', classic({ little: true }).subarray(0, 45), 'it ends in the middle of a packet'],
    ['Wi-Fi', classic({ little: true, link: 105 }), 'EINVAL: the recording is not of Ethernet frames'],
    [
      'Wi-Fi in pcapng',
      Buffer.concat([section(true), described(true, 'x', 6, 105), packet(true, 0, 1n)]),
      'EINVAL: the recording is not of Ethernet',
    ],
    [
      'a packet of no interface',
      Buffer.concat([section(true), packet(true, 0, 1n)]),
      'a packet is of no interface',
    ],
    ['a block without end', Buffer.concat([good, long]), 'the length of a block is wrong'],
    [
      'simple packets',
      Buffer.concat([section(true), described(true, 'x', 6), block(true, 3, words(true, 4, 0))]),
      'editcap converts it',
    ],
  ])('%s', async (_, file, sentence) => {
    await expect(read(file)).rejects.toThrow(sentence)
  })

  test('2,000 broken files: each is read or refused, and nothing else', async () => {
    const random = new Random(5)
    for (let n = 0; n < 2_000; n++) {
      const file = Uint8Array.from(n % 2 === 0 ? good : classic({ little: n % 4 === 1 }))
      for (let wrong = 1 + random.below(5); wrong > 0; wrong--)
        file[random.below(file.length)] = random.below(256)
      const found = await read(file, 64).catch((error: unknown) => error)
      if (!Array.isArray(found))
        expect(found).toHaveProperty('code', expect.stringMatching(/^(EBADMSG|EINVAL)$/))
    }
  })
})
