// What may not be changed while a TAP is in use: the length of its queue. The kernel throws away what is sent while it
// changes that. Relied on by what README.md says of txQueueLength, and by nobody changing it of his own accord.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'vitest'
import { homeLink, run } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { plainFrame, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip', 'kernel 6.2')

/** Sends through a TAP and reads it for as long as `changing` goes on; sends and what came of them. */
async function during(tap: RawTap, changing: () => Promise<void>) {
  using socket = PacketSocket.open(null, tap.name)
  const before = homeLink(tap.name).stats64.tx.dropped
  let busy = true
  const changes = changing().finally(() => {
    busy = false
  })
  let [sent, read] = [0, 0]
  while (busy) {
    for (let n = 0; n < 20; n++) if (socket.send(plainFrame())) sent++
    await setImmediate()
    while (typeof tap.read() !== 'number') read++
  }
  await changes
  return { sent, read, dropped: homeLink(tap.name).stats64.tx.dropped - before }
}

it('a change of txqueuelen loses what is sent meanwhile, and counts most of it as dropped', async () => {
  using tap = RawTap.open()
  tap.up()
  const change = `for n in $(seq 30); do
    ip link set ${tap.name} txqueuelen 2000; ip link set ${tap.name} txqueuelen 1000
  done`
  const shell = spawn('sh', ['-c', change])
  const { sent, read, dropped } = await during(tap, async () => void (await once(shell, 'close')))
  expect(read).toBeLessThan(sent)
  const lost = sent - read
  expect(dropped).toBeLessThanOrEqual(lost)
  expect(dropped).toBeGreaterThan(lost / 2)
})

it('what waits beyond the end of a shorter queue is thrown away, and nothing counts it', async () => {
  using tap = RawTap.open()
  tap.up()
  using socket = PacketSocket.open(null, tap.name)
  const before = homeLink(tap.name).stats64.tx.dropped
  for (let n = 0; n < 100; n++) expect(socket.send(plainFrame())).toBe(true)
  run('ip', 'link', 'set', tap.name, 'txqueuelen', '10')
  let read = 0
  while (typeof tap.read() !== 'number') read++
  expect(read).toBeLessThan(100)
  expect(homeLink(tap.name).stats64.tx.dropped - before).toBe(0)
})
