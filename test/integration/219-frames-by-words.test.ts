// uveth/frames before the judge that counts: a kernel takes what was built and answers, and what it answers is read,
// with nothing in it that would be computed otherwise.

import { ether, type Layers, readFrame } from 'uveth/frames'
import { describe, expect } from 'vitest'
import { A, B, Cable } from '../support/cable.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const [A6, B6] = ['fd77:0::1', 'fd77:0::2']

/** What b's kernel answers to the frame, as from a. */
async function answer(cable: Cable, frame: Uint8Array, match: object): Promise<Layers> {
  const found = cable.pair.b.waitFor(match)
  await cable.pair.a.inject(frame)
  const layers = readFrame(await found)
  expect(layers.ether).toEqual({ dst: cable.pair.a.address, src: cable.pair.b.address })
  for (const name of ['ipv4', 'ipv6', 'udp', 'tcp', 'icmp'] as const) {
    expect(layers[name] ?? {}).not.toHaveProperty('checksum')
    expect(layers[name] ?? {}).not.toHaveProperty('length')
  }
  return layers
}

async function laid(): Promise<Cable> {
  const cable = await Cable.addressed()
  const { right, pair } = cable
  for (const host of [A, A6])
    right.ip('neigh', 'replace', host, 'lladdr', pair.a.address, 'dev', 'x1', 'nud', 'permanent')
  return cable
}
const begun = ({ pair }: Cable) => ether({ dst: pair.b.address, src: pair.a.address })

describe('a kernel', () => {
  it('answers an ARP request', async () => {
    await using cable = await laid()
    const { a, b } = cable.pair
    const request = ether({ src: a.address }).arp({
      sender: { address: a.address, ip: A },
      target: { ip: B },
    })
    const { arp } = await answer(cable, request, { arp: { op: 'reply' } })
    expect(arp).toEqual({
      op: 'reply',
      sender: { address: b.address, ip: B },
      target: { address: a.address, ip: A },
    })
  })

  it('answers echoes of both kinds, with what they had with them', async () => {
    await using cable = await laid()
    const payload = 'who is there?'
    const v4 = begun(cable).ipv4({ src: A, dst: B }).icmp({ type: 8, id: 7, seq: 9 }, payload)
    const reply = await answer(cable, v4, { icmp: { type: 0 } })
    expect(reply.icmp).toEqual({ type: 0, id: 7, seq: 9 })
    expect(Buffer.from(reply.payload ?? '').toString()).toBe(payload)
    const v6 = begun(cable).ipv6({ src: A6, dst: B6 }).icmp({ type: 128, id: 7, seq: 9 }, payload)
    const reply6 = await answer(cable, v6, { icmp: { type: 129 } })
    expect(reply6.icmp).toEqual({ type: 129, id: 7, seq: 9 })
    expect(reply6.ipv6).toMatchObject({ src: 'fd77::2', dst: 'fd77::1' })
  })

  it('refuses a connection of TCP, over IPv4 and IPv6: the checksum was right', async () => {
    await using cable = await laid()
    const syn = { sport: 4321, dport: 9, seq: 1_000_000_000, flags: 'syn' }
    const refused = { sport: 9, dport: 4321, seq: 0, ack: 1_000_000_001, flags: 'rst,ack', window: 0 }
    const v4 = begun(cable).ipv4({ src: A, dst: B }).tcp(syn)
    expect((await answer(cable, v4, { tcp: {} })).tcp).toEqual(refused)
    const v6 = begun(cable).ipv6({ src: A6, dst: B6 }).tcp(syn)
    expect((await answer(cable, v6, { tcp: {} })).tcp).toEqual(refused)
  })

  it('sends back what came for a port that nobody has, and keeps silent when a checksum is wrong', async () => {
    await using cable = await laid()
    const udp = { sport: 5000, dport: 9 }
    const wrong = begun(cable)
      .ipv4({ src: A, dst: B })
      .udp({ ...udp, checksum: 1 }, 'wrong')
    await cable.pair.a.inject(wrong)
    const right = begun(cable).ipv4({ src: A, dst: B }).udp(udp, 'right')
    const { icmp, payload } = await answer(cable, right, { icmp: { type: 3 } })
    expect(icmp).toMatchObject({ type: 3, code: 3 })
    expect(
      Buffer.from(payload as Uint8Array)
        .subarray(28)
        .toString(),
    ).toBe('right')
    expect(cable.right.exec('cat', '/proc/net/snmp')).toMatch(/Udp: InDatagrams.*\nUdp: 0 1 1 \d+ \d+ \d+ 1 /)
  })
})
