// What a tunnel makes of a super-frame, byte by byte: the wire frames of the naive model, each behind a header of its own,
// in as many calls as the kernel's limits ask for. src/datapath/vxlan-port.ts and the addon's checksums, with a socket
// that keeps what it is given.

import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { VxlanPort } from '../../../src/datapath/vxlan-port.js'
import { allocateLife } from '../../../src/frame/keepalive.js'
import { Slab, VNET_HDR_LEN } from '../../../src/frame/slab.js'
import { readVni, VXLAN_HLEN } from '../../../src/frame/vxlan.js'
import { place } from '../../support/fake-port.js'
import { hexes } from '../../support/super-frames.js'
import { HEADER, superFrame, type Wish, wireFrames, wishes } from '../frame/super-frame.js'

const { calls } = vi.hoisted(() => ({ calls: [] as { bytes: Buffer; segment: number }[] }))
vi.mock('../../../src/native.js', async (original) => ({
  ...(await original<typeof import('../../../src/native.js')>()),
  udpSend: (
    ...[, , , header, bytes, start, length, segment]: Parameters<
      typeof import('../../../src/native.js').udpSend
    >
  ) => calls.push({ bytes: Buffer.concat([header, bytes.subarray(start, start + length)]), segment }),
}))

const ID = 0x123456
const spec = { kind: 'vxlan', fd: -1, id: ID, remote: Uint8Array.of(127, 0, 0, 1), port: 1 } as const
const capabilities = { header: VNET_HDR_LEN, longestFrame: 1 }
const slab = new Slab()

/** The datagrams of the calls for one super-frame, its virtio-net header in front. */
function datagrams(segments: boolean, bytes: Uint8Array): Buffer[] {
  calls.length = 0
  const length = bytes.length - HEADER
  const start = place(slab, 0, length)
  slab.bytes.set(bytes, start - VNET_HDR_LEN)
  const port = new VxlanPort({ ...spec, life: allocateLife(), segments, joined: false, capabilities })
  expect(port.transmit(slab, 1)).toBe(1)
  return calls.flatMap(({ bytes: sent, segment }) => {
    const step = segment || sent.length
    return Array.from({ length: Math.ceil(sent.length / step) }, (_, at) =>
      sent.subarray(at * step, (at + 1) * step),
    )
  })
}

const framesOf = (sent: Buffer[]) => {
  for (const bytes of sent) expect(readVni(bytes, 0)).toBe(ID)
  return sent.map((bytes) => bytes.subarray(VXLAN_HLEN))
}

test.each([true, false])('any super-frame, as the naive model; cut by the kernel: %s', (segments) => {
  fc.assert(
    fc.property(wishes, (wish) => {
      const sent = framesOf(datagrams(segments, superFrame(wish)))
      expect(hexes(sent)).toEqual(hexes(wireFrames(wish)))
    }),
    { numRuns: 100 },
  )
})

const base: Wish = { proto: 'tcp', version: 4, payload: new Uint8Array(64_000).fill(7), size: 1_398 }

test('a long one goes in two calls, a call of which the kernel takes 64 KiB and 64 datagrams', () => {
  expect(hexes(framesOf(datagrams(true, superFrame(base))))).toEqual(hexes(wireFrames(base)))
  expect(calls.map(({ bytes }) => bytes.length <= 65_507)).toEqual([true, true])
  datagrams(true, superFrame({ ...base, size: 640 }))
  expect(calls.map(({ bytes, segment }) => Math.ceil(bytes.length / segment))).toEqual([64, 36])
})

test('UDP over IPv4 that came without a checksum leaves without', () => {
  const bytes = superFrame({ ...base, proto: 'udp', payload: base.payload.subarray(0, 5_000) })
  const check = HEADER + 14 + 20 + 6
  bytes[0] = 0
  bytes.writeUInt16BE(0, check)
  const sent = framesOf(datagrams(true, bytes))
  expect(sent.map((frame) => frame.readUInt16BE(check - HEADER))).toEqual([0, 0, 0, 0])
})
