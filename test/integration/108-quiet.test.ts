// A fresh link talks by itself, because the kernel looks for IPv6 neighbours; a quiet pair does not.

import { expect } from 'vitest'
import { atRest, Cable } from '../support/cable.js'
import { until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'ipv6')
/** ms; longer than the kernel's own chatter takes to begin. */
const A_WHILE = 3_000

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

it('a pair that is not quiet sends IPv6 of its own', async () => {
  await using cable = await Cable.lay({ quiet: false })
  const IPV6 = [0x86, 0xdd]
  const frame = await cable.b.receiveWhere(
    (bytes) => bytes[12] === IPV6[0] && bytes[13] === IPV6[1],
    patient(10_000),
  )
  expect(frame).toBeDefined()
  await until('chatter of both ends', () => {
    const { a, b } = cable.pair.counters()
    return a.tx_packets > 0 && b.tx_packets > 0
  })
})

it('a quiet pair sends nothing for as long as nobody uses it', async () => {
  await using cable = await Cable.lay()
  await pause(A_WHILE)
  const { a, b } = await atRest(cable.pair)
  expect([a.tx_packets, a.rx_packets, b.tx_packets, b.rx_packets]).toEqual([0, 0, 0, 0])
  expect([a.tx_dropped, b.tx_dropped]).toEqual([0, 0])
  expect([...cable.a.drain(), ...cable.b.drain()]).toEqual([])
  const { a: left, b: right } = cable.links()
  expect([left.inet6_addr_gen_mode, right.inet6_addr_gen_mode]).toEqual(['none', 'none'])
})

it('nor after it was down and up again, or moved and up again', async () => {
  await using cable = await Cable.lay()
  await cable.pair.b.down()
  await cable.pair.b.up()
  await cable.pair.a.move(cable.right.name, { up: true })
  await pause(A_WHILE)
  const { a, b } = await atRest(cable.pair)
  expect([a.tx_packets, b.tx_packets, a.tx_dropped, b.tx_dropped]).toEqual([0, 0, 0, 0])
})

it('nor with an MTU that is too small for IPv6, where the mode cannot be set', async () => {
  await using cable = await Cable.lay({ a: { mtu: 1_279 }, b: { mtu: 68 } })
  await pause(A_WHILE)
  const { a, b } = await atRest(cable.pair)
  expect([a.tx_packets, b.tx_packets]).toEqual([0, 0])
})
