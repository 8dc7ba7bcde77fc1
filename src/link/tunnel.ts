// A VXLAN tunnel to another host as the device of an end: a UDP socket at home, and no interface. Made by thread.ts for an
// end whose plan says so. What its datagrams carry is datapath/vxlan-port.ts's; knows nothing of pairs. Nothing of it can
// be changed. It is up as long as it is there; with keep-alives, while the other side is (keepalive.ts).

import { statSync } from 'node:fs'
import type { PortSpec, VxlanSpec } from '../datapath/port.js'
import { errnoOf, invalid, pairClosed, systemError } from '../errors.js'
import { formatAddress } from '../frame/address.js'
import { allocateLife, KEEPALIVE_LENGTH, lifeOf, writeKeepalive } from '../frame/keepalive.js'
import { VNET_HDR_LEN } from '../frame/slab.js'
import { VXLAN_HLEN, writeVxlan } from '../frame/vxlan.js'
import {
  closeFd,
  closeFds,
  fdAdopt,
  pollerAdd,
  pollerOpen,
  pollerRemove,
  pollerWait,
  SOL_UDP,
  socketSetOption,
  UDP_GRO,
  UDP_SEGMENT,
  udpBind,
  udpConnect,
  udpOpen,
  udpSend,
} from '../native.js'
import { HOME_PATH } from '../netns/open.js'
import { tunnelName, type VxlanPlan } from '../wishes/vxlan.js'
import type { Device, Hint, Sight } from './device.js'
import { fallbackForced } from './fallback.js'
import { type Far, Keepalive } from './keepalive.js'
import { type EndChange, type EndState, NOTHING, UNKNOWN } from './protocol.js'

/** <asm-generic/socket.h>, <linux/in.h>, <linux/in6.h>, <linux/udp.h>. */
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_SNDBUFFORCE = 32
const SO_RCVBUFFORCE = 33
const IPPROTO_IP = 0
const IP_MTU_DISCOVER = 10
const IPPROTO_IPV6 = 41
const IPV6_MTU_DISCOVER = 23
const IPV6_V6ONLY = 26
const PMTUDISC_DONT = 0
const UDP_CORK = 1

const IFF_UP = 0x1
const IFF_RUNNING = 0x40
const IFF_LOWER_UP = 0x10000
/** Bytes that wait for a worker that comes late: as many as a TAP's queue has of full frames. */
const BUFFER = 8 * 1024 * 1024
/** Bytes of the longest datagram of IPv4 and of IPv6. */
const LONGEST = { 4: 65_507, 16: 65_527 }
const ETH_HLEN = 14

const NONE = new Uint8Array(0)

/** Told when the device is to be looked at. */
type Changed = (device: Tunnel) => void

/** Those of this process: a port of this host may serve several remotes. */
const tunnels = new Set<Tunnel>()

export class Tunnel implements Device {
  readonly ports: readonly PortSpec[]
  state: EndState
  readonly lasting = NOTHING
  readonly carrier = undefined
  readonly program = false
  shared = false
  uncarried = { before: 0, since: null }
  readonly plan: VxlanPlan
  readonly #fd: number
  readonly #keepalive: Keepalive | undefined

  constructor(fd: number, plan: VxlanPlan, changed: Changed) {
    const { id, remote, local, port, keepalive } = plan
    this.#fd = fd
    this.plan = plan
    const longest = LONGEST[remote.length as 4 | 16] - VXLAN_HLEN
    const spec: VxlanSpec = {
      kind: 'vxlan',
      fd,
      capabilities: { header: VNET_HDR_LEN, longestFrame: longest },
      id,
      remote,
      port,
      segments: canSegment(fd),
      joined: join(fd),
      life: allocateLife(),
    }
    this.ports = [spec]
    this.state = {
      ...UNKNOWN,
      name: tunnelName(plan),
      netnsInode: statSync(HOME_PATH).ino,
      address: '00:00:00:00:00:00',
      mtu: longest - ETH_HLEN,
      ...standingOf(undefined),
      vxlan: {
        ...{ id, remote: formatAddress(remote), local: local ? formatAddress(local) : null, port },
        ...{ keepalive: keepalive ?? null, far: null },
      },
    }
    if (keepalive !== undefined) {
      const send = (ready: boolean) => sendKeepalive(fd, plan, ready)
      const life = lifeOf(spec.life)
      const unread = () => isUnread(fd)
      this.#keepalive = new Keepalive({
        interval: keepalive,
        life,
        send,
        unread,
        changed: () => changed(this),
      })
      this.#see()
    }
    tunnels.add(this)
  }

  static open(plan: VxlanPlan, changed: Changed): Tunnel {
    const { remote, port } = plan
    const others = [...tunnels].filter(({ plan: other }) => other.port === port)
    if (others.some(({ plan: other }) => Buffer.compare(other.remote, remote) === 0))
      throw inUse(
        plan,
        'another pair has a tunnel to that host by that port: give this one another, on both hosts',
      )
    const fd = udpOpen(remote.length === 16)
    if (fd < 0) throw systemError(fd, 'socket', tunnelName(plan))
    try {
      prepare(fd, plan)
      bind(
        fd,
        plan,
        others.map((other) => other.#fd),
      )
      return new Tunnel(fd, plan, changed)
    } catch (error) {
      closeFd(fd)
      throw error
    }
  }

  /** A socket that is there, and stays as it is. */
  static adopt(fd: number, plan: VxlanPlan, changed: Changed): Tunnel {
    // A thread that was lost may have closed it before: the number is another file's then.
    if (socketSetOption(fd, SOL_UDP, UDP_CORK, 0) < 0) throw pairClosed()
    const adopted = fdAdopt(fd)
    if (adopted < 0) throw systemError(adopted, 'fcntl', tunnelName(plan))
    return new Tunnel(fd, plan, changed)
  }

  concerns(hint: Hint): boolean {
    return hint.of === 'device' && hint.device === this
  }

  look(): Sight {
    return this.#see() ? 'changed' : 'same'
  }

  /** Takes over what keep-alives have told; was there anything new? */
  #see(): boolean {
    const { vxlan } = this.state
    const far = this.#keepalive?.far
    if (vxlan === undefined || far === undefined || far === vxlan.far) return false
    this.state = { ...this.state, ...standingOf(far), vxlan: { ...vxlan, far } }
    return true
  }

  /** The kernel counts nothing of it. */
  stats(): null {
    return null
  }

  begin(): void {
    this.#keepalive?.begin()
  }

  goOn(carrier: boolean): void {
    this.#keepalive?.begin(carrier ? 'up' : 'silent')
    this.#see()
  }

  tell(ready: boolean): void {
    this.#keepalive?.tell(ready)
  }

  change(change: EndChange): void {
    const [key] = Object.entries(change).find(([, value]) => value !== undefined) ?? []
    if (key !== undefined)
      throw invalid(`'${this.state.name}' is a tunnel, no interface: it has no ${key}`, key, 'EOPNOTSUPP')
  }

  setCarrier(): void {}

  setWhole(): void {}

  acted(): boolean {
    return true
  }

  whenUp(): void {}

  close(): Promise<void> {
    this.#keepalive?.end(true)
    tunnels.delete(this)
    return new Promise((done) => closeFds([this.#fd], done))
  }

  letGo(): void {
    this.#keepalive?.end(false)
    tunnels.delete(this)
    closeFd(this.#fd)
  }
}

/** What is seen of it, `far` as keep-alives tell; without them it is up. */
function standingOf(far: Far | undefined): Pick<EndState, 'up' | 'flags'> {
  const up = far === undefined || far === 'up'
  return { up, flags: up ? IFF_UP | IFF_RUNNING | IFF_LOWER_UP : 0 }
}

/** What is refused, or lost on its way, is sent again in the next interval. */
function sendKeepalive(fd: number, { id, remote, port }: VxlanPlan, ready: boolean): void {
  const bytes = new Uint8Array(VXLAN_HLEN + KEEPALIVE_LENGTH)
  writeVxlan(bytes, 0, id)
  writeKeepalive(bytes, VXLAN_HLEN, ready)
  const send = () => udpSend(fd, remote, port, NONE, bytes, 0, bytes.length, 0)
  // A refusal may be what an earlier datagram has met (ICMP), which is over once it is told.
  if (send() < 0) send()
}

/** This thread's, made for the first that is asked. */
let poller: number | undefined

/** Has nobody received what came to the socket? */
function isUnread(fd: number): boolean {
  poller ??= pollerOpen()
  if (poller < 0 || pollerAdd(poller, fd, 0) < 0) return false
  const ready = new Int32Array(2)
  const count = pollerWait(poller, ready, 0, 0)
  pollerRemove(poller, fd)
  return ready.subarray(0, Math.max(0, count)).includes(0)
}

function inUse(plan: VxlanPlan, why: string): Error {
  return systemError(errnoOf('EADDRINUSE') as number, 'bind', tunnelName(plan), why, 'b.vxlan.port')
}

/** As the kernel's vxlan device: datagrams that are too long for the way are fragmented, and may be on it. */
function prepare(fd: number, { remote }: VxlanPlan): void {
  if (remote.length === 16) {
    socketSetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)
    socketSetOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DONT)
  } else socketSetOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
  // Forced takes CAP_NET_ADMIN over the first user namespace; otherwise net.core.[rw]mem_max is what there is.
  for (const [forced, plain] of [
    [SO_RCVBUFFORCE, SO_RCVBUF],
    [SO_SNDBUFFORCE, SO_SNDBUF],
  ] as const)
    if (socketSetOption(fd, SOL_SOCKET, forced, BUFFER) < 0) socketSetOption(fd, SOL_SOCKET, plain, BUFFER)
}

/**
 * The first tunnel of a port hears whatever comes to it, and counts what is not its own; the kernel gives the others what
 * comes from their remotes (any port: the other side sends from one of its choice). So nobody else may have the port: it
 * is shared for the moment that another tunnel takes to have a part of it.
 */
function bind(fd: number, plan: VxlanPlan, sharing: readonly number[]): void {
  const { remote, port } = plan
  const local = plan.local ?? new Uint8Array(remote.length)
  let bound = udpBind(fd, local, port)
  const taken = bound === errnoOf('EADDRINUSE')
  if (taken && sharing.length === 0)
    throw inUse(plan, `another program of this host has UDP port ${port}: give another one`)
  if (taken) {
    const share = (how: number) => {
      for (const each of [fd, ...sharing]) socketSetOption(each, SOL_SOCKET, SO_REUSEADDR, how)
    }
    share(1)
    bound = udpBind(fd, local, port)
    share(0)
  }
  if (bound < 0) throw systemError(bound, 'bind', tunnelName(plan), hintOf(bound), 'b.vxlan.local')
  const joined = taken ? udpConnect(fd, remote, 0) : 0
  if (joined < 0) throw systemError(joined, 'connect', tunnelName(plan), NO_WAY, 'b.vxlan.remote')
}

const NO_WAY = 'a tunnel whose port another one has, too, takes a route to its remote'

function hintOf(error: number): string | undefined {
  return error === errnoOf('EADDRNOTAVAIL') ? 'local is no address of this host' : undefined
}

/** From Linux 4.18. */
function canSegment(fd: number): boolean {
  return !fallbackForced('udp-segment') && socketSetOption(fd, SOL_UDP, UDP_SEGMENT, 0) >= 0
}

/** From Linux 5.0. */
function join(fd: number): boolean {
  const wanted = !fallbackForced('udp-gro')
  return socketSetOption(fd, SOL_UDP, UDP_GRO, wanted ? 1 : 0) >= 0 && wanted
}
