// What may be changed while a TAP is in use. Its offloads: nothing is lost, frames that wait in the ring stay as
// they are, and a user's `ethtool -K` is undone. Not the length of its queue: the kernel throws away what is sent
// while it changes that.
// Relied on by src/link/offloads.ts (offloads off and on, the queue left alone, features put back) and by
// src/datapath/inspector.ts (which cuts the super-frames that still come).

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'vitest'
import { socketSetOption, tunSetOffload } from '../../src/native.js'
import { closeFd, packetOpen, packetSend } from '../support/native.js'
import { homeLink, run } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { plainFrame, RawTap, VNET_HDR_LEN } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'
import { superFrame } from '../unit/frame/super-frame.js'

const it = needs('root', 'tun', 'ip', 'kernel 6.2')
const itEthtool = needs('root', 'tun', 'netns', 'ip', 'ethtool')

const OFFLOADS = 0x01 | 0x02 | 0x04
const SOL_PACKET = 263
const PACKET_VNET_HDR = 15
/** A packet socket's virtio-net header has no num_buffers. */
const SHORT_HEADER = 10

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

it('offloads that are switched off and on lose no frame', async () => {
  using tap = RawTap.open()
  tap.up()
  const { sent, read } = await during(tap, async () => {
    for (let n = 0; n < 100; n++) {
      expect(tunSetOffload(tap.fd, n % 2 === 0 ? OFFLOADS : 0)).toBe(0)
      await setImmediate()
    }
  })
  expect(read).toBe(sent)
})

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

it('super-frames that wait in the ring stay super-frames', async () => {
  using tap = RawTap.open()
  expect(tunSetOffload(tap.fd, OFFLOADS)).toBe(0)
  tap.up()
  const fd = packetOpen(-1, homeLink(tap.name).ifindex)
  try {
    expect(socketSetOption(fd, SOL_PACKET, PACKET_VNET_HDR, 1)).toBeGreaterThanOrEqual(0)
    const bytes = superFrame({ proto: 'tcp', version: 4, payload: new Uint8Array(5_000), size: 1_000 })
    const message = Buffer.concat([bytes.subarray(0, SHORT_HEADER), bytes.subarray(VNET_HDR_LEN)])
    expect(packetSend(fd, message)).toBeGreaterThanOrEqual(0)
    expect(tunSetOffload(tap.fd, 0)).toBe(0)
    const came = tap.read() as Uint8Array
    expect(came.length).toBe(bytes.length)
    expect(came[1]).not.toBe(0)
    // What is sent from now on is cut by the kernel.
    expect(packetSend(fd, message)).toBeGreaterThanOrEqual(0)
    const cut = tap.read() as Uint8Array
    expect(cut[1]).toBe(0)
    expect(cut.length).toBeLessThan(1_100)
  } finally {
    closeFd(fd)
  }
})

itEthtool('setting the mask again undoes a user’s ethtool -K', () => {
  using tap = RawTap.open()
  const tso6 = () => /tx-tcp6-segmentation: (\w+)/.exec(run('ethtool', '-k', tap.name))?.[1]
  tunSetOffload(tap.fd, OFFLOADS)
  run('ethtool', '-K', tap.name, 'tx-tcp6-segmentation', 'off')
  expect(tso6()).toBe('off')
  tunSetOffload(tap.fd, 0)
  expect(tso6()).toBe('off')
  tunSetOffload(tap.fd, OFFLOADS)
  expect(tso6()).toBe('on')
})
