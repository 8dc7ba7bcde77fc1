// The ring between the kernel and us holds txqueuelen frames; what is sent beyond that is dropped, and
// counted as the interface's tx_dropped. Changing txqueuelen changes the ring.
// Relied on by src/pair/options.ts (txQueueLength), and by src/pair/stats.ts: the kernel's drops and ours add up.

import { expect } from 'vitest'
import { homeLink, run } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { plainFrame, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')

function countRing(tap: RawTap): number {
  let count = 0
  while (typeof tap.read() !== 'number') count++
  return count
}

it('is 1000 frames by default', () => {
  using tap = RawTap.open()
  expect(homeLink(tap.name).txqlen).toBe(1000)
})

it.each([1, 50, 3000])('holds %i, and counts what it drops', (length) => {
  using tap = RawTap.open()
  run('ip', 'link', 'set', tap.name, 'txqueuelen', `${length}`)
  tap.up()
  using socket = PacketSocket.open(null, tap.name)
  const before = homeLink(tap.name).stats64.tx.dropped
  const sent = length + 25
  for (let n = 0; n < sent; n++) socket.send(plainFrame())
  const dropped = homeLink(tap.name).stats64.tx.dropped - before
  expect(dropped).toBe(25)
  expect(countRing(tap)).toBe(length)
})
