// A TAP hands an XDP program a super-frame as one long frame, in either mode; a program that a BPF link attaches is told to
// nobody, and is seen by who asks. TUNSETOFFLOAD takes what is offered for what the user wants, and the wish can be put
// back: what is not offered is off then, and requested.
// Relied on by src/link/offloads.ts and reconfigure.ts (the peer's kernel cuts), and LinkedPair.glance().

import { expect } from 'vitest'
import { tunSetOffload, tunSetVnetLe } from '../../src/native.js'
import { NETLINK_GENERIC, NETLINK_ROUTE, RTNLGRP_LINK } from '../../src/netlink/constants.js'
import { wantedFeatures, wantFeatures } from '../../src/netlink/ethtool.js'
import { getLink } from '../../src/netlink/route.js'
import { parseRouteEvent } from '../../src/netlink/rtnl.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import { run } from '../support/netns.js'
import { ETH_HLEN, RawTap, tryWrite, VNET_HDR_LEN } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'
import { detachXdp, XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE, XdpCounter } from '../support/xdp.js'

const it = needs('root', 'tun', 'ip', 'bpf')
/** UDP's super-frames. */
const itUso = needs('root', 'tun', 'ip', 'bpf', 'kernel 6.2')
const itEthtool = needs('root', 'tun', 'ethtool')

const CSUM = 0x01
const TSO = 0x02 | 0x04 | 0x08
const MODES = [
  ["the driver's", XDP_FLAGS_DRV_MODE],
  ['the generic', XDP_FLAGS_SKB_MODE],
] as const

/** Ten datagrams of 1,000 bytes from 10.9.8.2 to 10.9.8.1 in one super-frame, its virtio-net header in front. */
function superFrame(): Uint8Array {
  const payload = 10_000
  const frame = Buffer.alloc(VNET_HDR_LEN + ETH_HLEN + 28 + payload)
  const header = { flags: 1, gsoType: 5, hdrLen: ETH_HLEN + 28, gsoSize: 1000, csumStart: 34, csumOffset: 6 }
  frame.set([header.flags, header.gsoType])
  frame.writeUInt16LE(header.hdrLen, 2)
  frame.writeUInt16LE(header.gsoSize, 4)
  frame.writeUInt16LE(header.csumStart, 6)
  frame.writeUInt16LE(header.csumOffset, 8)
  const ip = VNET_HDR_LEN + ETH_HLEN
  frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 8, 0, 0x45], VNET_HDR_LEN)
  frame.writeUInt16BE(28 + payload, ip + 2)
  frame.set([0, 0, 0, 0, 64, 17, 0, 0, 10, 9, 8, 2, 10, 9, 8, 1], ip + 4)
  frame.writeUInt16BE(8 + payload, ip + 24)
  return frame
}

itUso.each(MODES)('a program in %s mode sees a super-frame as one frame', (_, mode) => {
  using tap = RawTap.open()
  using program = XdpCounter.load()
  using socket = NetlinkSocket.open(NETLINK_ROUTE)
  tunSetVnetLe(tap.fd)
  tap.up()
  const { ifindex } = getLink(socket, { name: tap.name })
  program.attach({ ifindex }, mode)
  expect(getLink(socket, { ifindex }).xdp).toBe(true)
  expect(tryWrite(tap.fd, superFrame())).toBeGreaterThan(10_000)
  expect(program.seen).toEqual({ frames: 1, longest: ETH_HLEN + 28 + 10_000 })
  detachXdp({ ifindex }, mode)
  expect(getLink(socket, { ifindex }).xdp).toBe(false)
})

it.each(MODES)('rtnetlink tells of one in %s mode, if the link is up', (_, mode) => {
  using tap = RawTap.open()
  using program = XdpCounter.load()
  using socket = NetlinkSocket.open(NETLINK_ROUTE)
  tap.up()
  const { ifindex } = getLink(socket, { name: tap.name })
  using monitor = listening()
  program.attach({ ifindex }, mode)
  expect(programsTold(monitor, ifindex)).toContain(true)
})

it.each(MODES)('and not of a BPF link in %s mode, which is there for who asks', (_, mode) => {
  using tap = RawTap.open()
  using program = XdpCounter.load()
  using socket = NetlinkSocket.open(NETLINK_ROUTE)
  tap.up()
  const { ifindex } = getLink(socket, { name: tap.name })
  using monitor = listening()
  {
    using _link = program.link({ ifindex }, mode)
    expect(getLink(socket, { ifindex }).xdp).toBe(true)
  }
  expect(getLink(socket, { ifindex }).xdp).toBe(false)
  expect(programsTold(monitor, ifindex)).not.toContain(true)
})

function listening(): NetlinkSocket {
  const monitor = NetlinkSocket.open(NETLINK_ROUTE)
  monitor.join(RTNLGRP_LINK)
  return monitor
}

/** Of each event about this link: does it name a program? */
function programsTold(monitor: NetlinkSocket, ifindex: number): boolean[] {
  const events = monitor.receive()
  if (events === 'overrun') throw new Error('events were lost')
  return events.flatMap(({ message }) => {
    const event = parseRouteEvent(message)
    return event?.kind === 'link' && event.ifindex === ifindex ? [event.xdp] : []
  })
}

itEthtool('what is offered becomes what is wanted, and a wish that is put back waits for the offer', () => {
  using tap = RawTap.open()
  using route = NetlinkSocket.open(NETLINK_ROUTE)
  using generic = NetlinkSocket.open(NETLINK_GENERIC)
  const { ifindex } = getLink(route, { name: tap.name })
  const tso = 'tx-tcp-segmentation'
  const shown = () => run('ethtool', '-k', tap.name).match(/^\ttx-tcp-segmentation: (.*)$/m)?.[1]
  tunSetOffload(tap.fd, CSUM | TSO)
  expect(wantedFeatures(generic, ifindex).has(tso)).toBe(true)
  tunSetOffload(tap.fd, CSUM)
  expect(wantedFeatures(generic, ifindex).has(tso)).toBe(false)
  expect(shown()).toBe('off')
  wantFeatures(generic, ifindex, new Map([[tso, true]]))
  expect(shown()).toBe('off [requested on]')
  run('ethtool', '-K', tap.name, 'tso', 'off')
  expect(wantedFeatures(generic, ifindex).has(tso)).toBe(false)
  tunSetOffload(tap.fd, CSUM | TSO)
  expect(shown()).toBe('on')
  wantFeatures(generic, ifindex, new Map([[tso, false]]))
  expect(shown()).toBe('off')
})
