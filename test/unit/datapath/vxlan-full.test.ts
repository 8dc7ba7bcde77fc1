// The port of a tunnel whose socket is full for a moment, or whose kernel does not cut: which of them costs what.
// src/datapath/vxlan-port.ts, with an addon that answers as it is told.

import { beforeEach, expect, test, vi } from 'vitest'
import { VxlanPort } from '../../../src/datapath/vxlan-port.js'
import { errno } from '../../../src/errors.js'
import { allocateLife } from '../../../src/frame/keepalive.js'
import { Slab, VNET_HDR_LEN } from '../../../src/frame/slab.js'
import { place } from '../../support/fake-port.js'
import { tcp, whole } from '../../support/super-frames.js'

const { send } = vi.hoisted(() => ({ send: vi.fn() }))
vi.mock('../../../src/native.js', async (original) => ({
  ...(await original<typeof import('../../../src/native.js')>()),
  udpSend: send,
}))
beforeEach(() => void send.mockReset())

const PARTS = 10

function bench() {
  const port = new VxlanPort({
    ...{ kind: 'vxlan', fd: -1, id: 1, remote: Uint8Array.of(127, 0, 0, 1), port: 1 },
    ...{
      life: allocateLife(),
      segments: true,
      joined: false,
      capabilities: { header: VNET_HDR_LEN, longestFrame: 1 },
    },
  })
  const slab = new Slab()
  const { bytes, header = new Uint8Array() } = whole(tcp)
  return () => {
    const start = place(slab, 0, bytes.length)
    slab.bytes.set(header, start - VNET_HDR_LEN)
    slab.bytes.set(bytes, start)
    send.mockClear()
    const sent = port.transmit(slab, 1)
    // Calls with a length to cut at, and without.
    const cut = send.mock.calls.filter((call) => call.at(-1) > 0).length
    return { sent, length: slab.lengths[0], cut, single: send.mock.calls.length - cut }
  }
}

test('a full socket refuses the super-frame, and the next one is cut by the kernel again', () => {
  const transmit = bench()
  send.mockReturnValueOnce(errno.EAGAIN).mockReturnValue(1)
  expect(transmit()).toMatchObject({ sent: 0, length: errno.EAGAIN, cut: 1, single: 0 })
  expect(transmit()).toMatchObject({ sent: 1, cut: 1, single: 0 })
})

test('where the kernel does not cut, each part is sent alone, and it is not asked for a while', () => {
  const transmit = bench()
  send.mockImplementation((...call) => (call.at(-1) > 0 ? errno.EINVAL : 1))
  // Twice: the first refusal may be what an earlier datagram has met.
  expect(transmit()).toMatchObject({ sent: 1, cut: 2, single: PARTS })
  expect(transmit()).toMatchObject({ sent: 1, cut: 0, single: PARTS })
})
