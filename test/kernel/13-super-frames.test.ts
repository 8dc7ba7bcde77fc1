// With offloads on, a TAP's kernel hands out super-frames with a GSO type and unfinished checksums in their
// virtio-net headers, and takes the same back as received; passed on unchanged they make a working TCP
// connection. With offloads off, every frame is a wire frame with a finished checksum.
// Relied on by src/datapath/forward.ts (isSuperFrame exempts from the MTU check) and src/link/tap.ts.

import { once } from 'node:events'
import { expect } from 'vitest'
import { Slab, VNET_HDR_LEN } from '../../src/frame/slab.js'
import { receive, transmit, tunSetOffload, tunSetVnetLe } from '../../src/native.js'
import { Netns } from '../support/netns.js'
import { RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')

const TUN_F_CSUM = 0x01
const TUN_F_TSO = 0x02 | 0x04 | 0x08
const NEEDS_CSUM = 1
const LONGEST_WIRE_FRAME = 1514
const BYTES = 4_000_000

const server = `require('net').createServer(socket => { let n = 0
  socket.on('data', d => { n += d.length }).on('end', () => { console.log(n); process.exit() })
}).listen(7, () => console.log('listening'))`
const client = `require('net').connect(7, '10.9.8.2').end(Buffer.alloc(${BYTES}))`

interface Seen {
  superFrames: number
  unfinished: number
  longest: number
}

/** A TAP in a namespace of its own, with an address. */
function host(netns: Netns, address: string, offload: number): RawTap {
  const tap = RawTap.open()
  tunSetVnetLe(tap.fd)
  expect(tunSetOffload(tap.fd, offload)).toBe(0)
  tap.moveTo(netns, 'e')
  netns.ip('link', 'set', 'e', 'addrgenmode', 'none', 'up')
  netns.ip('addr', 'add', `${address}/24`, 'dev', 'e')
  return tap
}

/** One burst from one TAP to the other, and what was in it. */
function pass(from: RawTap, to: RawTap, slab: Slab, seen: Seen): void {
  const count = receive(slab.bytes, from.fd, 64)
  for (let slot = 0; slot < count; slot++) {
    const header = (slab.starts[slot] as number) - VNET_HDR_LEN
    const length = (slab.lengths[slot] ?? 0) - VNET_HDR_LEN
    if (slab.bytes[header + 1] !== 0) seen.superFrames++
    else seen.longest = Math.max(seen.longest, length)
    if (((slab.bytes[header] ?? 0) & NEEDS_CSUM) !== 0) seen.unfinished++
  }
  transmit(slab.bytes, to.fd, Math.max(0, count))
}

async function transfer(offload: number): Promise<{ seen: Seen; received: number }> {
  using left = Netns.create('left')
  using right = Netns.create('right')
  using a = host(left, '10.9.8.1', offload)
  using b = host(right, '10.9.8.2', offload)
  const seen: Seen = { superFrames: 0, unfinished: 0, longest: 0 }
  const slab = new Slab()
  let done = false
  const listening = right.spawn(process.execPath, ['-e', server])
  await once(listening.stdout!, 'data')
  let printed = ''
  listening.stdout?.on('data', (text) => {
    printed += text
  })
  listening.once('exit', () => {
    done = true
  })
  left.spawn(process.execPath, ['-e', client])
  const deadline = performance.now() + 25_000
  while (!done && performance.now() < deadline) {
    for (let n = 0; n < 50; n++) {
      pass(a, b, slab, seen)
      pass(b, a, slab, seen)
    }
    await new Promise(setImmediate)
  }
  return { seen, received: Number(printed) }
}

it('with offloads: super-frames and unfinished checksums, and TCP works', async () => {
  const { seen, received } = await transfer(TUN_F_CSUM | TUN_F_TSO)
  expect(received).toBe(BYTES)
  expect(seen.superFrames).toBeGreaterThan(0)
  expect(seen.unfinished).toBeGreaterThan(0)
  expect(seen.longest).toBeLessThanOrEqual(LONGEST_WIRE_FRAME)
})

it('without: wire frames with finished checksums only', async () => {
  const { seen, received } = await transfer(0)
  expect(received).toBe(BYTES)
  expect(seen).toEqual({ superFrames: 0, unfinished: 0, longest: LONGEST_WIRE_FRAME })
})
