// One TAP device and what we know of it: the link thread's side of an end. Opens it (always at home:
// one opened inside a namespace would keep that alive, test/kernel/03), asks the kernel what it is now, and gives
// the short-lived rtnetlink sockets that changes go through. Knows nothing of pairs.

import type { PortSpec } from '../datapath/port.js'
import { errno, systemError, UvethError } from '../errors.js'
import { MAX_MTU, MAX_OVERHEAD } from '../frame/ethernet.js'
import { formatMac } from '../frame/mac.js'
import { VNET_HDR_LEN } from '../frame/slab.js'
import {
  closeFd,
  IFF_MULTI_QUEUE,
  IFF_NO_CARRIER,
  IFF_NO_PI,
  IFF_TAP,
  IFF_TUN_EXCL,
  IFF_VNET_HDR,
  TUN_F_CSUM,
  TUN_F_TSO,
  TUN_F_USO,
  tunGetDevNetns,
  tunGetFeatures,
  tunGetIff,
  tunOpen,
  tunSetCarrier,
  tunSetIff,
  tunSetIfindex,
  tunSetOffload,
  tunSetVnetHdrSz,
  tunSetVnetLe,
} from '../native.js'
import { IFF_UP, NETLINK_GENERIC, NETLINK_ROUTE } from '../netlink/constants.js'
import { allocNsid, getLink } from '../netlink/route.js'
import type { Link } from '../netlink/rtnl.js'
import { NetlinkSocket } from '../netlink/socket.js'
import { inodeOf, isHome, nameOf } from '../netns/open.js'
import { fallbackForced } from './fallback.js'
import type { EndState } from './protocol.js'

/** The namespace number of home, where the socket of every question stands. */
export const HOME_NSID = -1

export class Tap {
  /** One descriptor per queue. */
  readonly fds: number[]
  state: EndState
  /** Number by which home knows the namespace that the device is in. */
  nsid = HOME_NSID
  /** Home's number for that namespace was taken back: it is dying, and the device with it. */
  netnsGone = false
  /** What the kernel last said, or we last set. */
  carrier = false
  /** TUN_F_*: the offloads that the kernel took. */
  readonly offloads: number

  private constructor(fds: number[], name: string, offloads: number) {
    this.fds = fds
    this.offloads = offloads
    const unknown = { address: '', mtu: 0, up: false, flags: 0, txQueueLength: 0 }
    this.state = { name, ifindex: 0, netns: null, netnsInode: 0, ...unknown }
  }

  /** Makes the device at home, with carrier off. `name` may be a `%d` template; the kernel chooses the index if you do not. */
  static open(name: string, queues: number, ifindex?: number): Tap {
    const fds: number[] = []
    try {
      const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0)
      const offloads = openQueue(name, flags | IFF_TUN_EXCL, fds, ifindex)
      const given = tunGetIff(fds[0] as number).name
      for (let queue = 1; queue < queues; queue++) openQueue(given, flags, fds)
      return new Tap(fds, given, offloads)
    } catch (error) {
      for (const fd of fds) closeFd(fd)
      throw error
    }
  }

  /** Of its queues. The kernel takes super-frames whatever it was told that we take (test/kernel/13). */
  get ports(): PortSpec[] {
    const capabilities = {
      header: VNET_HDR_LEN,
      checksum: true,
      segmentation: true,
      longestFrame: MAX_MTU + MAX_OVERHEAD,
    }
    return this.fds.map((fd) => ({ kind: 'descriptor', fd, capabilities }))
  }

  /** The descriptor for everything that concerns the device and not a queue. */
  get fd(): number {
    return this.fds[0] as number
  }

  /** False once the device was deleted, by whomever. */
  alive(): boolean {
    return tunGetIff(this.fd).errno !== errno.EBADFD
  }

  /**
   * The kernel's description of the device, or undefined when it is gone. `home` is a socket at home.
   * The descriptor follows moves and renames (test/kernel/04), the question reaches everywhere (15).
   */
  look(home: NetlinkSocket): Link | undefined {
    // A move or a rename between two questions makes an answer wrong, so it is asked again.
    for (let attempt = 0; attempt < 5; attempt++) {
      const { errno: failed, name } = tunGetIff(this.fd)
      if (failed < 0) return undefined
      const link = this.#ask(home)
      if (link?.name === name) return link
      this.#locate(home, name)
    }
    return undefined
  }

  /** Looks, and takes over what is found. 'gone', or whether anything is different from before. */
  refresh(home: NetlinkSocket): 'gone' | 'changed' | 'same' {
    const before = this.state
    const link = this.look(home)
    if (link === undefined) return this.alive() ? 'same' : 'gone'
    const { name, mtu, flags, txqlen: txQueueLength } = link
    const up = (flags & IFF_UP) !== 0
    this.state = { ...this.state, name, address: formatMac(link.address), mtu, up, flags, txQueueLength }
    this.carrier = link.carrier
    const keys = Object.keys(before) as (keyof EndState)[]
    return keys.some((key) => before[key] !== this.state[key]) ? 'changed' : 'same'
  }

  /** Runs `use` with a socket for ethtool's questions, as withRoute() does for rtnetlink's. */
  withGeneric<T>(use: (socket: NetlinkSocket) => T): T {
    return this.#withNetns((fd) => {
      using socket = NetlinkSocket.open(NETLINK_GENERIC, fd)
      return use(socket)
    })
  }

  /**
   * Runs `use` with a socket of the namespace that the device is in; changes must be asked for there.
   * The socket lives for this call: it keeps that namespace alive (test/kernel/16).
   */
  withRoute<T>(home: NetlinkSocket, use: (socket: NetlinkSocket) => T): T {
    if (this.nsid === HOME_NSID) return use(home)
    return this.#withNetns((fd) => {
      using socket = NetlinkSocket.open(NETLINK_ROUTE, fd)
      return use(socket)
    })
  }

  setCarrier(on: boolean): void {
    this.carrier = on
    const result = tunSetCarrier(this.fd, on)
    if (result < 0 && result !== errno.EBADFD)
      throw systemError(result, 'ioctl(TUNSETCARRIER)', this.state.name)
  }

  #ask(home: NetlinkSocket): Link | undefined {
    if (this.state.ifindex === 0) return undefined
    try {
      return getLink(home, { ifindex: this.state.ifindex, nsid: this.#targetNsid() })
    } catch (error) {
      if (error instanceof UvethError) return undefined // not where it was
      throw error
    }
  }

  #targetNsid(): number | undefined {
    return this.nsid === HOME_NSID ? undefined : this.nsid
  }

  /** Finds the device again, by its descriptor: namespace first, then its index there. */
  #locate(home: NetlinkSocket, name: string): void {
    try {
      this.#withNetns((fd) => {
        const inode = inodeOf(fd)
        this.nsid = isHome(inode) ? HOME_NSID : allocNsid(home, fd)
        this.netnsGone = false
        const { ifindex } = getLink(home, { name, nsid: this.#targetNsid() })
        this.state = { ...this.state, name, ifindex, netns: nameOf(inode), netnsInode: inode }
      })
    } catch (error) {
      if (!(error instanceof UvethError)) throw error // it moved on, or died; the caller asks again
    }
  }

  #withNetns<T>(use: (fd: number) => T): T {
    const fd = tunGetDevNetns(this.fd)
    if (fd < 0) throw systemError(fd, 'ioctl(TUNGETDEVNETNS)', this.state.name)
    try {
      return use(fd)
    } finally {
      closeFd(fd)
    }
  }
}

/** Opens one queue, adds its descriptor to `fds` at once, and sets it up. The offloads that it has. */
function openQueue(name: string, flags: number, fds: number[], ifindex?: number): number {
  const fd = tunOpen()
  if (fd < 0) throw openError(fd)
  fds.push(fd)
  // Without an off-to-on transition operstate stays UNKNOWN (test/kernel/02, 07).
  const bornOff = (tunGetFeatures(fd) & IFF_NO_CARRIER) !== 0 && !fallbackForced('no-carrier')
  const check = (result: number, call: string) => {
    if (result < 0) throw systemError(result, `ioctl(${call})`, name)
  }
  if (ifindex !== undefined) check(tunSetIfindex(fd, ifindex), 'TUNSETIFINDEX')
  const made = tunSetIff(fd, name, flags | (bornOff ? IFF_NO_CARRIER : 0))
  if (made < 0) throw setIffError(made, name)
  if (!bornOff) check(tunSetCarrier(fd, false), 'TUNSETCARRIER')
  check(tunSetVnetHdrSz(fd, VNET_HDR_LEN), 'TUNSETVNETHDRSZ')
  check(tunSetVnetLe(fd), 'TUNSETVNETLE')
  // test/kernel/14: unknown bits are refused, so from most to least.
  const uso = fallbackForced('uso') ? 0 : TUN_F_USO
  const masks = [TUN_F_CSUM | TUN_F_TSO | uso, TUN_F_CSUM | TUN_F_TSO, TUN_F_CSUM, 0]
  const taken = masks.find((mask) => tunSetOffload(fd, mask) >= 0)
  if (taken === undefined) throw systemError(errno.EINVAL, 'ioctl(TUNSETOFFLOAD)', name)
  return taken
}

function openError(number: number): UvethError {
  const hints: Record<number, string> = {
    [errno.ENOENT]:
      'no TUN device here: modprobe tun; mkdir -p /dev/net && mknod /dev/net/tun c 10 200; in a container: --device /dev/net/tun',
    [errno.ENODEV]: 'the kernel has no TUN driver: modprobe tun',
    [errno.EPERM]: 'not allowed by the device cgroup; in a container: --device /dev/net/tun',
    [errno.EACCES]: 'run as root',
  }
  return systemError(number, 'open', '/dev/net/tun', hints[number])
}

function setIffError(number: number, name: string): UvethError {
  // With IFF_TUN_EXCL a taken name is EBUSY, whatever kind of device has it (test/kernel/01).
  if (number === errno.EBUSY) return systemError(errno.EEXIST, 'ioctl(TUNSETIFF)', name)
  const hint =
    number === errno.EPERM ? 'CAP_NET_ADMIN is needed: run as root, or with --cap-add NET_ADMIN' : undefined
  return systemError(number, 'ioctl(TUNSETIFF)', name, hint)
}
