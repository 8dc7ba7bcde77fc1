// A super-frame that uveth cuts becomes the very frames that the kernel's own segmentation makes of it. The
// kernel is given it through a packet socket (PACKET_VNET_HDR) on a TAP without offloads, so that it has to
// cut it itself before the TAP hands it out.

import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { expect } from 'vitest'
import { cutSegment, finishChecksum, segmentsOf } from '../../src/frame/segment.js'
import { socketSetOption } from '../../src/native.js'
import { closeFd, packetOpen, packetSend } from '../support/native.js'
import { homeLink } from '../support/netns.js'
import { RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'
import { MAC_B } from '../unit/frame/layers.js'
import { HEADER, superFrame, type Wish } from '../unit/frame/super-frame.js'

// Packet sockets take UDP_L4 since then.
const it = needs('root', 'tun', 'kernel 6.2')

const SOL_PACKET = 263
const PACKET_VNET_HDR = 15
/** A packet socket's virtio-net header has no num_buffers. */
const SHORT_HEADER = 10
const TO = Buffer.from(MAC_B.replaceAll(':', ''), 'hex')

class Kernel implements Disposable {
  readonly #tap = RawTap.open()
  readonly #fd: number

  constructor() {
    this.#tap.up()
    this.#fd = packetOpen(-1, homeLink(this.#tap.name).ifindex)
    if (this.#fd < 0) throw new Error(`no packet socket: ${this.#fd}`)
    const set = socketSetOption(this.#fd, SOL_PACKET, PACKET_VNET_HDR, 1)
    if (set < 0) throw new Error(`PACKET_VNET_HDR answered ${set}`)
  }

  /** The frames that leave when `bytes`, with a virtio-net header in front, is sent; `count` are waited for. */
  async send(bytes: Buffer, count: number): Promise<string[]> {
    const message = Buffer.concat([bytes.subarray(0, SHORT_HEADER), bytes.subarray(HEADER)])
    expect(packetSend(this.#fd, message)).toBeGreaterThanOrEqual(0)
    const frames: string[] = []
    for (const deadline = performance.now() + 5_000; performance.now() < deadline; await setImmediate()) {
      for (let read = this.#tap.read(); typeof read !== 'number'; read = this.#tap.read()) {
        const frame = Buffer.from(read).subarray(HEADER)
        if (frame.subarray(0, 6).equals(TO)) frames.push(frame.toString('hex'))
      }
      if (frames.length >= count) break
    }
    return frames
  }

  [Symbol.dispose](): void {
    closeFd(this.#fd)
    this.#tap.close()
  }
}

/** What the code under test makes of it. */
function ours(bytes: Buffer): string[] {
  const length = bytes.length - HEADER
  const count = segmentsOf(bytes, HEADER, length)
  return Array.from({ length: count }, (_, index) => {
    const to = Buffer.alloc(HEADER + length)
    const size = cutSegment(bytes, HEADER, length, index, to, HEADER)
    return to.subarray(HEADER, HEADER + size).toString('hex')
  })
}

const payload = Uint8Array.from({ length: 5_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff)
const base: Wish = {
  proto: 'tcp',
  version: 4,
  payload,
  size: 1_448,
  flags: 0xff,
  seq: 2 ** 32 - 2_000,
  id: 65_534,
}

it.each<[string, Partial<Wish>]>([
  ['TCP over IPv4', {}],
  ['TCP over IPv6', { version: 6 }],
  ['UDP over IPv4', { proto: 'udp' }],
  ['UDP over IPv6', { proto: 'udp', version: 6 }],
  ['with TCP options', { tcpOptions: Buffer.alloc(12, 1) }],
  ['with IP options', { ipOptions: Buffer.alloc(8, 1) }],
  ['with a hop-by-hop header', { version: 6, extension: 0 }],
  ['with a VLAN tag', { tags: [[0x8100, 5]] }],
  [
    'with two VLAN tags',
    {
      version: 6,
      tags: [
        [0x88a8, 5],
        [0x8100, 0x2006],
      ],
    },
  ],
  ['of one frame', { payload: payload.subarray(0, 1_448) }],
])('%s', async (_, wish) => {
  using kernel = new Kernel()
  const bytes = superFrame({ ...base, ...wish })
  const cut = ours(bytes)
  expect(cut.length).toBe(wish.payload === undefined ? 4 : 1)
  expect(await kernel.send(bytes, cut.length)).toEqual(cut)
})

it('any super-frame', async () => {
  using kernel = new Kernel()
  const wishes: fc.Arbitrary<Wish> = fc.record({
    proto: fc.constantFrom('tcp' as const, 'udp' as const),
    version: fc.constantFrom(4 as const, 6 as const),
    payload: fc.uint8Array({ minLength: 1_401, maxLength: 9_000 }),
    // Less than there is payload: the kernel never sends a super-frame that would make one frame only.
    size: fc.integer({ min: 300, max: 1_400 }),
    flags: fc.nat(255),
    seq: fc.nat(2 ** 32 - 1),
    id: fc.nat(65_535),
    tcpOptions: fc.nat(10).map((words) => Buffer.alloc(4 * words, 1)),
    tags: fc.array(fc.tuple(fc.constantFrom(0x8100, 0x88a8), fc.nat(4_095)), { maxLength: 2 }),
  })
  await fc.assert(
    fc.asyncProperty(wishes, async (wish) => {
      const bytes = superFrame(wish)
      const cut = ours(bytes)
      expect(cut.length).toBe(Math.ceil(wish.payload.length / wish.size))
      expect(await kernel.send(bytes, cut.length)).toEqual(cut)
    }),
    { numRuns: 200, endOnFailure: true },
  )
})

it.each<[string, Partial<Wish>]>([
  ['TCP', {}],
  ['UDP over IPv6', { proto: 'udp', version: 6 }],
])('finishes the checksum of a wire frame as the kernel does: %s', async (_, wish) => {
  using kernel = new Kernel()
  for (let length = 1; length < 60; length += 7) {
    const bytes = superFrame({ ...base, ...wish, payload: payload.subarray(0, length) })
    bytes.fill(0, 1, 6)
    const finished = Buffer.from(bytes)
    expect(finishChecksum(finished, HEADER, finished.length - HEADER)).toBe(true)
    expect(await kernel.send(bytes, 1)).toEqual([finished.subarray(HEADER).toString('hex')])
  }
})
