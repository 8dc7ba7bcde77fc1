// A TAP made with IFF_MULTI_QUEUE takes more queues by its name, at home, and keeps them when it moves. A
// flow's frames written on queue q bring that flow's answers out on queue q.
// Relied on by src/link/tap.ts (Tap.open attaches all queues before the move) and src/link/linked-pair.ts (queue q
// of one end is wired to queue q of the other, so that frames of one flow never overtake each other), and by
// src/link/foreign-queues.ts (who may attach one, how many there are, and that a deleted TAP is gone for all).

import { expect } from 'vitest'
import { tunSetOwner, tunSetPersist } from '../../src/native.js'
import { NETLINK_ROUTE } from '../../src/netlink/constants.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import { delLink, getQueues } from '../../src/netlink/tun.js'
import { tunSetQueue } from '../support/native.js'
import { homeLink, Netns } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import {
  EAGAIN,
  EBUSY,
  EINVAL,
  FLAGS,
  IFF_MULTI_QUEUE,
  IFF_TUN_EXCL,
  plainFrame,
  RawTap,
  VNET_HDR_LEN,
} from '../support/raw-tap.js'
import { needs } from '../support/skip.js'
import { joinAsNobody } from '../support/stranger.js'

const it = needs('root', 'tun', 'netns', 'ip')

const FIRST = FLAGS | IFF_MULTI_QUEUE
const MORE = FIRST & ~IFF_TUN_EXCL

/** An ARP request from 10.9.8.2 (02:00:00:00:00:02) for 10.9.8.1. */
function arpRequest(): Uint8Array {
  const head = 'ffffffffffff 020000000002 0806'
  const body = '0001 0800 06 04 0001 020000000002 0a090802 000000000000 0a090801'
  return Uint8Array.from(Buffer.from(`${head} ${body}`.replaceAll(' ', ''), 'hex'))
}

/** An ICMP echo request from there: request and answer are one flow to the kernel. */
function echoRequest(to: Uint8Array): Uint8Array {
  const ip = Buffer.from('4500001c000000004001', 'hex')
  const addresses = Buffer.from('0a0908020a090801', 'hex')
  const icmp = Buffer.from('0800f7fe00000001', 'hex')
  const packet = Buffer.concat([ip, Buffer.alloc(2), addresses, icmp])
  packet.writeUInt16BE(checksum(packet.subarray(0, 20)), 10)
  return Buffer.concat([to, Buffer.from('020000000002', 'hex'), Buffer.from('0800', 'hex'), packet])
}

function checksum(header: Buffer): number {
  let sum = 0
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16)
  return ~sum & 0xffff
}

it('more queues attach by name', () => {
  using first = RawTap.open(undefined, FIRST)
  using second = RawTap.open(first.name, MORE)
  expect(second.name).toBe(first.name)
})

it('a TAP without the flag takes none: refused', () => {
  using tap = RawTap.open()
  expect(() => RawTap.open(tap.name, MORE)).toThrow(new RegExp(`answered (${-EINVAL}|${-EBUSY})`))
})

needs(
  'root',
  'tun',
  'setpriv',
)('with an owner, nobody in particular may attach one', () => {
  using tap = RawTap.open(undefined, FIRST)
  // Without one some kernels refuse it too, as Debian's 6.12; most do not.
  expect([0, -1]).toContain(joinAsNobody(tap.name))
  expect(tunSetOwner(tap.fd, 0xfffffffe)).toBe(0)
  expect(joinAsNobody(tap.name)).toBe(-1)
})

it('how many are attached is told, and a TAP that is deleted is gone, though others hold it and want it kept', () => {
  using socket = NetlinkSocket.open(NETLINK_ROUTE)
  using ours = RawTap.open(undefined, FIRST)
  using foreign = RawTap.open(ours.name, MORE)
  const { ifindex } = homeLink(ours.name)
  expect(getQueues(socket, { ifindex })).toBe(2)
  tunSetQueue(foreign.fd, false)
  expect(getQueues(socket, { ifindex })).toBe(2)
  expect(tunSetPersist(foreign.fd, true)).toBe(0)
  delLink(socket, { ifindex })
  expect(() => getQueues(socket, { ifindex })).toThrow(/ENODEV/)
})

it('queues stay attached when the device moves, and it dies with the last descriptor', () => {
  using target = Netns.create()
  using first = RawTap.open(undefined, FIRST)
  using second = RawTap.open(first.name, MORE)
  first.moveTo(target, 'e')
  expect(second.name).toBe('e')
  expect(second.netns).toBe(target.inode)
  first.close()
  expect(target.has('e')).toBe(true)
  second.close()
  expect(target.has('e')).toBe(false)
})

it('after the move no queue can be added from home', () => {
  using target = Netns.create()
  using first = RawTap.open(undefined, FIRST)
  first.moveTo(target, 'e')
  // At home the name is free, so that another device would be made.
  using other = RawTap.open(`${first.name}x%d`, MORE)
  expect(other.netns).not.toBe(first.netns)
})

it('a queue that is detached: reads nothing, and what it held is gone; writes are taken; it can come back', () => {
  using q0 = RawTap.open(undefined, FIRST)
  using q1 = RawTap.open(q0.name, MORE)
  q0.up()
  using socket = PacketSocket.open(null, q0.name)
  for (let n = 0; n < 50; n++) socket.send(plainFrame(60, n))
  for (const tap of [q0, q1]) {
    expect(tunSetQueue(tap.fd, false)).toBe(0)
    expect(tap.read()).toBe(-EAGAIN)
    expect(tap.write(plainFrame())).toBe(VNET_HDR_LEN + 60)
    expect(tunSetQueue(tap.fd, true)).toBe(0)
  }
  socket.send(plainFrame(60, 99))
  expect([q0.read(), q1.read()].filter((answer) => typeof answer !== 'number')).toHaveLength(1)
})

it.each([0, 1, 2])('answers to what is written on queue %i come out on it', async (queue) => {
  using target = Netns.create()
  using q0 = RawTap.open(undefined, FIRST)
  using q1 = RawTap.open(q0.name, MORE)
  using q2 = RawTap.open(q0.name, MORE)
  const queues = [q0, q1, q2]
  const chosen = queues[queue] as RawTap
  q0.moveTo(target, 'e')
  target.ip('link', 'set', 'e', 'addrgenmode', 'none', 'up')
  target.ip('addr', 'add', '10.9.8.1/24', 'dev', 'e')
  chosen.write(arpRequest())
  const mac = Buffer.from(target.link('e').address.replaceAll(':', ''), 'hex')
  // The first answer leaves before the flow is known to be of this queue.
  for (let n = 0; n < 2; n++) chosen.write(echoRequest(mac))
  drain(queues)
  const rounds = 20
  for (let n = 0; n < rounds; n++) chosen.write(echoRequest(mac))
  const answers = drain(queues)
  expect(answers[queue]).toBe(rounds)
})

/** Counts the IPv4 frames that wait in each queue. */
function drain(queues: RawTap[]): number[] {
  return queues.map((tap) => {
    let count = 0
    for (;;) {
      const bytes = tap.read()
      if (typeof bytes === 'number') return count
      if (bytes[VNET_HDR_LEN + 12] === 8 && bytes[VNET_HDR_LEN + 13] === 0) count++
    }
  })
}
