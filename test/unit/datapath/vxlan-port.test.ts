// The port of a tunnel over real sockets of the loopback interface: what it sends, what it takes, and what it drops.
// src/datapath/vxlan-port.ts, frame/vxlan.ts, frame/unfinished.ts. Needs no root.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { allocateCounters, blockOf, MTU, readBlock, stateOf } from '../../../src/datapath/counters.js'
import type { VxlanSpec } from '../../../src/datapath/port.js'
import { VxlanPort } from '../../../src/datapath/vxlan-port.js'
import {
  allocateLife,
  HEARD,
  lifeOf,
  READS,
  READY,
  SAID,
  UNREADY,
  writeKeepalive,
} from '../../../src/frame/keepalive.js'
import { BURST, Slab, VNET_HDR_LEN } from '../../../src/frame/slab.js'
import { MAX_VNI, readVni, VXLAN_HLEN, writeVxlan } from '../../../src/frame/vxlan.js'
import { store } from '../../../src/frame/words.js'
import { closeFd, socketSetOption, udpBind, udpOpen } from '../../../src/native.js'
import { type Frame, place } from '../../support/fake-port.js'
import { cut, expectAlike, hexes, payload, tcp, whole } from '../../support/super-frames.js'
import type { Wish } from '../frame/super-frame.js'

const HERE = Uint8Array.of(127, 0, 0, 1)
const ID = 42
/** SOL_UDP, UDP_GRO. */
const GRO = [17, 104] as const

async function bench(more: Partial<VxlanSpec> = {}) {
  const fd = udpOpen(false)
  onTestFinished(() => void closeFd(fd))
  // A port that nobody has, as Node finds it.
  const finder = createSocket('udp4').bind(0, '127.0.0.1')
  await once(finder, 'listening')
  const mine = finder.address().port
  await new Promise<void>((closed) => finder.close(closed))
  expect(udpBind(fd, HERE, mine)).toBe(0)
  if (more.joined === true) expect(socketSetOption(fd, ...GRO, 1)).toBe(0)
  const other = createSocket('udp4').bind(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const { port } = other.address()
  const life = allocateLife()
  const spec = { kind: 'vxlan', fd, id: ID, remote: HERE, port, segments: true, joined: false, life } as const
  const made = new VxlanPort({ ...spec, capabilities: { header: VNET_HDR_LEN, longestFrame: 1 }, ...more })
  const counters = allocateCounters(0)
  const state = stateOf(counters)
  store(state, MTU[0], 1500)
  made.serves({ counters: blockOf(counters, 0, 1), state, mtu: MTU[0] })
  const counts = () => readBlock(counters, 0, 1)
  return { port: made, mine, other, slab: new Slab(), life: lifeOf(life), counts }
}

function fill(slab: Slab, frames: Frame[]): void {
  for (const [slot, { bytes, header = new Uint8Array(VNET_HDR_LEN) }] of frames.entries()) {
    const start = place(slab, slot, bytes.length)
    slab.bytes.set(header, start - VNET_HDR_LEN)
    slab.bytes.set(bytes, start)
  }
}

async function heard(socket: Socket, count: number): Promise<Buffer[]> {
  const datagrams: Buffer[] = []
  while (datagrams.length < count) datagrams.push((await once(socket, 'message'))[0])
  return datagrams
}

const datagram = (frame: Uint8Array, id = ID) => {
  const bytes = Buffer.alloc(VXLAN_HLEN + frame.length)
  writeVxlan(bytes, 0, id)
  bytes.set(frame, VXLAN_HLEN)
  return bytes
}
const framesOf = (slab: Slab, count: number) =>
  Array.from({ length: count }, (_, slot) => {
    const start = slab.starts[slot] as number
    return slab.bytes.slice(start, start + (slab.lengths[slot] as number) - VNET_HDR_LEN)
  })
const headerOf = (slab: Slab, slot: number) => {
  const start = slab.starts[slot] as number
  return [...slab.bytes.subarray(start - VNET_HDR_LEN, start - 2)]
}
const sendTo = async ({ other, mine }: { other: Socket; mine: number }, bytes: Uint8Array) =>
  await new Promise((sent) => other.send(bytes, mine, '127.0.0.1', sent))
/** Loopback delivers before it answers. */
const short = (at: number, length = 60) => new Uint8Array(length).fill(at)

test('the header: flag I, and 24 bits', () => {
  const bytes = new Uint8Array(10).fill(0xff)
  for (const id of [0, 1, 0x123456, MAX_VNI]) {
    writeVxlan(bytes, 1, id)
    expect(readVni(bytes, 1)).toBe(id)
  }
  expect([...bytes]).toEqual([0xff, 8, 0, 0, 0, 0xff, 0xff, 0xff, 0, 0xff])
  bytes[1] = 0xf7
  expect(readVni(bytes, 1)).toBe(-1)
})

describe.each([true, false])('sends, with the kernel’s help: %s', (segments) => {
  test('single frames, and the parts of a super-frame with finished checksums, each in a datagram', async () => {
    const { port, other, slab } = await bench({ segments })
    const frames = [{ bytes: short(1), gso: 0 }, whole(tcp), { bytes: short(2, 1514), gso: 0 }]
    fill(slab, frames)
    const parts = cut(tcp).map(({ bytes }) => bytes)
    const datagrams = heard(other, 2 + parts.length)
    expect(port.transmit(slab, 3)).toBe(3)
    const got = await datagrams
    for (const bytes of got) expect(readVni(bytes, 0)).toBe(ID)
    const sent = got.map((bytes) => bytes.subarray(VXLAN_HLEN))
    expect([...(sent[0] as Buffer)]).toEqual([...short(1)])
    expectAlike(sent.slice(1, -1), parts)
    expect(sent.at(-1)).toHaveLength(1514)
  })
})

test('parts with less payload than a virtio-net header is longer than that of VXLAN', async () => {
  const { port, other, slab } = await bench()
  const wishes = [1, 2, 3].map((size): Wish => ({ ...tcp, proto: 'udp', payload: payload(5), size }))
  const parts = wishes.flatMap((wish) => cut(wish).map(({ bytes }) => bytes))
  fill(slab, wishes.map(whole))
  const datagrams = heard(other, parts.length)
  expect(port.transmit(slab, 3)).toBe(3)
  const sent = (await datagrams).map((bytes) => bytes.subarray(VXLAN_HLEN))
  expect(hexes(sent)).toEqual(hexes(parts))
})

test('what cannot be sent is refused by its slot, and the others go', async () => {
  const { port, other, slab } = await bench()
  // A super-frame that is none, one that is longer than a datagram, one that is left out.
  const nonsense = Uint8Array.of(1, 1, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0)
  fill(slab, [
    { bytes: short(1), gso: 1, header: nonsense },
    { bytes: short(2, 65_520), gso: 0 },
    { bytes: short(3), gso: 0 },
    { bytes: short(4), gso: 0 },
  ])
  slab.lengths[2] = 0
  const datagrams = heard(other, 1)
  expect(port.transmit(slab, 4)).toBe(1)
  expect([...slab.lengths.subarray(0, 4)].map(Math.sign)).toEqual([-1, -1, 0, 1])
  expect((await datagrams)[0]).toEqual(datagram(short(4)))
})

test('receives, one by one or joined, and counts what is not its own', async () => {
  for (const joined of [false, true]) {
    const tunnel = await bench({ joined })
    const { port, slab, counts } = tunnel
    const bad = [
      datagram(short(0), 43),
      Uint8Array.of(8),
      new Uint8Array(0),
      short(0),
      datagram(short(0, 13)),
    ]
    for (const bytes of [datagram(short(1)), ...bad, datagram(short(2, 1514))]) await sendTo(tunnel, bytes)
    const got: number[][] = []
    for (let call = 0; call < 20; call++)
      for (const frame of framesOf(slab, port.receive(slab, BURST)))
        got.push([frame[0] as number, frame.length])
    expect(got).toEqual([
      [1, 60],
      [2, 1514],
    ])
    const { received, drops } = counts()
    expect([received, drops.vni, drops.malformed, drops.foreign]).toEqual([5, 1, 4, 0])
  }
})

test('a keep-alive is no frame: it is told, and not delivered or counted, joined ones among frames', async () => {
  for (const joined of [false, true]) {
    const tunnel = await bench({ joined })
    const { port, slab, counts, life } = tunnel
    const alive = (ready: boolean) => {
      const bytes = new Uint8Array(60)
      writeKeepalive(bytes, 0, ready)
      return bytes
    }
    await sendTo(tunnel, datagram(alive(false), 43))
    port.receive(slab, BURST)
    expect([life[READS], life[HEARD], life[SAID]]).toEqual([1, 0, 0])
    for (const bytes of [alive(true), alive(false)]) await sendTo(tunnel, datagram(bytes))
    expect(port.receive(slab, BURST)).toBe(0)
    expect([life[READS], life[HEARD], life[SAID], counts().received]).toEqual([3, 2, UNREADY, 1])
    const sender = await bench({ port: tunnel.mine })
    const other = alive(true)
    other[15] = 0 // it says something else
    fill(sender.slab, [
      { bytes: short(1), gso: 0 },
      { bytes: alive(true), gso: 0 },
      { bytes: other, gso: 0 },
    ])
    expect(sender.port.transmit(sender.slab, 3)).toBe(3)
    const got: number[] = []
    for (let call = 0; call < 3; call++)
      for (const frame of framesOf(slab, port.receive(slab, BURST))) got.push(frame[14] as number)
    expect(got).toEqual([1, 0x75])
    expect(life[SAID]).toBe(READY)
  }
})

test('a frame behind what is dropped is found: nothing to read means that nothing is there', async () => {
  for (const joined of [false, true]) {
    const tunnel = await bench({ joined })
    const { port, slab, counts } = tunnel
    for (const bytes of [datagram(short(0), 43), Uint8Array.of(8), datagram(short(1))])
      await sendTo(tunnel, bytes)
    expect([port.receive(slab, 1), slab.bytes[slab.starts[0] as number]]).toEqual([1, 1])
    expect(counts().received).toBe(2)
  }
})

test('joined datagrams become as many frames', async () => {
  const tunnel = await bench({ joined: true })
  const { slab } = tunnel
  const sender = await bench({ port: tunnel.mine })
  fill(sender.slab, [whole(tcp)])
  expect(sender.port.transmit(sender.slab, 1)).toBe(1)
  const parts = cut(tcp).map(({ bytes }) => bytes)
  expect(tunnel.port.receive(slab, 1)).toBe(parts.length)
  expectAlike(framesOf(slab, parts.length), parts)
  expect(headerOf(slab, 0)).toEqual(new Array(10).fill(0))
})

test('of another address than the named one: foreign', async () => {
  const tunnel = await bench({ remote: Uint8Array.of(127, 0, 0, 2) })
  await sendTo(tunnel, datagram(short(1)))
  expect(tunnel.port.receive(tunnel.slab, BURST)).toBe(0)
  expect(tunnel.counts().drops.foreign).toBe(1)
})

test('a checksum that its sender has left unfinished is said to be, and a super-frame is one again', async () => {
  const tunnel = await bench()
  const { port, slab } = tunnel
  const { bytes, header = new Uint8Array() } = whole(tcp)
  await sendTo(tunnel, datagram(bytes))
  expect(port.receive(slab, BURST)).toBe(1)
  const [flags, gso, , , size, high, start, , offset] = headerOf(slab, 0)
  // NEEDS_CSUM, TCPV4; 1,460 bytes of payload each, since what they were is lost; where the checksum begins and stands.
  expect([flags, gso, (size as number) | ((high as number) << 8), start, offset]).toEqual([
    ...[1, 1, 1460],
    ...[header[6], 16],
  ])
  for (const finished of cut(tcp).map((part) => part.bytes)) {
    await sendTo(tunnel, datagram(finished))
    expect(port.receive(slab, BURST)).toBe(1)
    expect(headerOf(slab, 0)).toEqual(new Array(10).fill(0))
  }
})
