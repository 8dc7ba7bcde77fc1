// A frame longer than the peer's MTU + 18 is dropped and counted on both ends, as by veth; a VLAN tag may
// come on top. MTU is the L3 payload, from 68 to 65,521 bytes, and may change at any time.

import { createPair } from 'uveth'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { atRest, Cable } from '../support/cable.js'
import { ETH_P, ethernet, filler, tagged } from '../support/frames.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'ping')

/** What veth allows beyond the MTU: the Ethernet header and a tag. */
const OVERHEAD = 18
const HEADER = 14

function frameOf(length: number): Buffer {
  return ethernet(ETH_P.EXPERIMENT, filler(length - HEADER))
}

/** Sends one frame from a; true when it arrives at b. A small frame after it says that it would have by now. */
async function arrives(cable: Cable, frame: Uint8Array): Promise<boolean> {
  const marker = frameOf(40)
  cable.a.send(frame)
  cable.a.send(marker)
  const first = await cable.b.receive()
  if (first === undefined) throw new Error('not even a small frame arrived')
  if (first.length === marker.length) return false
  expect(Buffer.compare(first, frame)).toBe(0)
  expect(await cable.b.receive()).toHaveLength(marker.length)
  return true
}

it.each([67, 65_522, 1_500.5, -1])('an MTU of %d is refused with EINVAL', async (mtu) => {
  await expect(createPair({ b: { mtu } })).rejects.toMatchObject({ code: 'EINVAL', attribute: 'b.mtu' })
})

describe.each([68, 1_280, 1_500, 9_000])('the peer has MTU %i', (mtu) => {
  let cable: Cable
  beforeAll(async () => {
    cable = await Cable.lay({ a: { mtu: 20_000 }, b: { mtu } })
  })
  afterAll(() => cable?.[Symbol.asyncDispose]())

  it('a frame of MTU + 18 passes', async () => {
    expect(await arrives(cable, frameOf(mtu + OVERHEAD))).toBe(true)
  })

  it('one byte more is dropped, and counted on both ends', async () => {
    const before = await atRest(cable.pair)
    expect(await arrives(cable, frameOf(mtu + OVERHEAD + 1))).toBe(false)
    expect(await arrives(cable, frameOf(20_000 + HEADER))).toBe(false)
    const { a, b } = await atRest(cable.pair)
    expect(a.tx_dropped - before.a.tx_dropped).toBe(2)
    expect(a.drops.mtu - before.a.drops.mtu).toBe(2)
    expect(b.rx_dropped - before.b.rx_dropped).toBe(2)
    expect([a.rx_dropped, b.tx_dropped, b.drops.mtu]).toEqual([0, 0, 0])
  })

  it.each([
    ['802.1Q', ETH_P.VLAN],
    ['802.1ad', ETH_P.QINQ],
  ])('a tag of %s may come on top, and no more', async (_, tpid) => {
    expect(await arrives(cable, tagged(frameOf(mtu + OVERHEAD), 9, tpid))).toBe(true)
    expect(await arrives(cable, tagged(frameOf(mtu + OVERHEAD + 1), 9, tpid))).toBe(false)
  })

  it('two tags count as one', async () => {
    expect(await arrives(cable, tagged(tagged(frameOf(mtu + HEADER), 9), 9))).toBe(true)
    expect(await arrives(cable, tagged(tagged(frameOf(mtu + OVERHEAD), 9), 9))).toBe(false)
  })
})

it('unequal MTUs limit each direction by its receiver', async () => {
  await using cable = await Cable.lay({ a: { mtu: 9_000 }, b: { mtu: 2_000 } })
  cable.b.send(frameOf(2_000 + HEADER))
  expect(await cable.a.receive()).toHaveLength(2_000 + HEADER)
  expect(await arrives(cable, frameOf(2_000 + OVERHEAD))).toBe(true)
  expect(await arrives(cable, frameOf(9_000 + HEADER))).toBe(false)
  const { a, b } = await atRest(cable.pair)
  expect([a.tx_dropped, b.rx_dropped, b.tx_dropped]).toEqual([1, 1, 0])
})

it.each([68, 576, 9_000, 65_521])('MTU %i on both ends: ping fills it, and not a byte more', async (mtu) => {
  const end = (host: number) => ({ addresses: [`10.77.0.${host}/24`], mtu }) // below 1,280 there is no IPv6
  await using cable = await Cable.lay({ a: end(1), b: end(2) })
  expect([cable.links().a.mtu, cable.pair.b.mtu]).toEqual([mtu, mtu])
  const ping = (size: number) =>
    cable.left.exec('ping', '-c', '2', '-i', '0.2', '-W', '5', '-M', 'do', '-s', String(size), '10.77.0.2')
  const headers = 28
  expect(ping(mtu - headers)).toContain(' 0% packet loss')
  expect(() => ping(mtu - headers + 1)).toThrow()
})

it('a frame of 65,535 bytes, the longest of all, crosses, and one with a tag on top', async () => {
  await using cable = await Cable.lay({ a: { mtu: 65_521 }, b: { mtu: 65_521 } })
  expect(await arrives(cable, frameOf(65_535))).toBe(true)
  expect(await arrives(cable, tagged(frameOf(65_535), 1))).toBe(true)
})

it('`ip link set mtu` takes effect while the pair runs', async () => {
  await using cable = await Cable.lay({ a: { mtu: 9_000 } })
  expect(await arrives(cable, frameOf(4_000))).toBe(false)
  cable.right.ip('link', 'set', 'x1', 'mtu', '9000')
  await until('the new MTU', () => cable.pair.b.mtu === 9_000)
  expect(await arrives(cable, frameOf(4_000))).toBe(true)
  cable.right.ip('link', 'set', 'x1', 'mtu', '3000')
  await until('the next MTU', () => cable.pair.b.mtu === 3_000)
  expect(await arrives(cable, frameOf(4_000))).toBe(false)
})

it('set({ mtu }) is in force when it resolves', async () => {
  await using cable = await Cable.lay({ a: { mtu: 9_000 } })
  await cable.pair.b.set({ mtu: 9_000 })
  expect(await arrives(cable, frameOf(9_000 + HEADER))).toBe(true)
  await cable.pair.b.set({ mtu: 1_500 })
  expect(await arrives(cable, frameOf(9_000 + HEADER))).toBe(false)
  expect(cable.links().b.mtu).toBe(1_500)
})
