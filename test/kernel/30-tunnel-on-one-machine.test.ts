// What the kernel's vxlan device sends over veth is delivered to a UDP socket of the same machine as it stands in memory: the
// checksum inside is unfinished (the sum of the pseudo header), as it is left to a network card, and nobody cuts a
// super-frame. Nothing beside a datagram says so. And a UDP socket that is bound to a port which others have, too, and connected to
// port 0 of an address gets what comes from that address, from whichever port.
// Relied on by src/frame/unfinished.ts and src/link/tunnel.ts.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { expect, onTestFinished } from 'vitest'
import { onesSum } from '../../src/frame/checksum.js'
import { FIELD, Packet } from '../../src/frame/packet.js'
import { VXLAN_HLEN } from '../../src/frame/vxlan.js'
import { closeFd, socketSetOption, udpBind, udpConnect, udpOpen, udpReceive } from '../../src/native.js'
import { inside } from '../support/daemon.js'
import { Netns } from '../support/netns.js'
import { launch } from '../support/program.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'netns', 'ip', 'veth', 'vxlan', 'nsenter')
const anywhere = needs()

it('the checksum of a TCP segment holds the sum of its pseudo header, and no more', async () => {
  await using left = Netns.create('left')
  await using right = Netns.create('right')
  left.ip('link', 'add', 'o0', 'type', 'veth', 'peer', 'o1', 'netns', right.name)
  for (const [netns, link, address] of [
    [left, 'o0', '10.9.0.1/24'],
    [right, 'o1', '10.9.0.2/24'],
  ] as const) {
    netns.ip('addr', 'add', address, 'dev', link)
    netns.ip('link', 'set', link, 'up')
  }
  left.ip('link', 'add', 'vx0', 'type', 'vxlan', 'id', '42', 'remote', '10.9.0.2', 'dstport', '4789')
  left.ip('addr', 'add', '10.42.0.1/24', 'dev', 'vx0')
  left.ip('link', 'set', 'vx0', 'up')
  left.ip('neigh', 'add', '10.42.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'vx0')
  await using hearing = launch(
    ({ dgram, say }) => {
      const socket = dgram.createSocket('udp4')
      socket.on('message', (bytes) => say({ event: 'heard', hex: bytes.toString('hex') }))
      socket.bind(4789, () => say({ event: 'bound' }))
    },
    null,
    { prefix: inside(right) },
  )
  await hearing.next('bound')
  left.spawn('node', ['-e', "require('net').connect(80, '10.42.0.2').on('error', () => {})"])
  const packet = new Packet()
  for (;;) {
    const { hex } = await hearing.next('heard')
    const bytes = new Uint8Array(Buffer.from(hex as string, 'hex'))
    packet.read(bytes, VXLAN_HLEN, bytes.length - VXLAN_HLEN)
    if (packet.fields[FIELD.proto] !== 6) continue
    const { l3, l4, payloadEnd } = packet
    const check = ((bytes[l4 + 16] as number) << 8) | (bytes[l4 + 17] as number)
    expect(check).toBe(onesSum(bytes, l3 + 12, 8, 6 + payloadEnd - l4))
    return
  }
})

anywhere(
  'a port of several sockets: connected to port 0 of an address, one gets what comes from there',
  async () => {
    const bound = (address: string) =>
      new Promise<Socket>((resolve) => {
        const socket = createSocket('udp4')
        onTestFinished(() => void socket.close())
        socket.bind(0, address, () => resolve(socket))
      })
    const finder = createSocket('udp4').bind(0, '127.0.0.1')
    await once(finder, 'listening')
    const { port } = finder.address()
    await new Promise<void>((closed) => finder.close(closed))
    const [first, second] = [udpOpen(false), udpOpen(false)]
    onTestFinished(() => void [first, second].map(closeFd))
    const here = Uint8Array.of(127, 0, 0, 1)
    expect(udpBind(first, here, port)).toBe(0)
    expect(udpBind(second, here, port)).toBeLessThan(0)
    for (const fd of [first, second]) expect(socketSetOption(fd, 1, 2, 1)).toBe(0)
    expect([udpBind(second, here, port), udpConnect(second, Uint8Array.of(127, 0, 0, 2), 0)]).toEqual([0, 0])
    for (const address of ['127.0.0.2', '127.0.0.3']) {
      const socket = await bound(address)
      await new Promise((sent) => socket.send(address, port, '127.0.0.1', sent))
    }
    const meta = new Int32Array(5)
    const bytes = new Uint8Array(100)
    const texts = [first, second].map((fd) =>
      Buffer.from(bytes.subarray(0, udpReceive(fd, bytes, meta))).toString(),
    )
    expect(texts).toEqual(['127.0.0.3', '127.0.0.2'])
    expect(udpReceive(first, bytes, meta)).toBeLessThan(0)
  },
)
