// A TAP as the device of an end. Opened always at home (one opened inside a namespace would keep that alive,
// test/kernel/03) by create.ts; asks the kernel what it is now, changes it over short-lived sockets of the
// namespace that it is in, and tells how it died. Knows nothing of pairs.

import type { Capabilities, PortSpec } from '../datapath/port.js'
import { errno, pairClosed, systemError, UvethError } from '../errors.js'
import { MAX_MTU, MAX_OVERHEAD } from '../frame/ethernet.js'
import { formatMac } from '../frame/mac.js'
import { VNET_HDR_LEN } from '../frame/slab.js'
import {
  closeFd,
  closeFds,
  EPOLLOUT,
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_TAP,
  IFF_TUN_EXCL,
  IFF_VNET_HDR,
  tunGetDevNetns,
  tunGetIff,
  tunSetCarrier,
  unwatch,
  watch,
} from '../native.js'
import {
  IF_OPER_DORMANT,
  IF_OPER_TESTING,
  IF_OPER_UP,
  IFF_UP,
  IN6_ADDR_GEN_MODE_NONE,
  NETLINK_ROUTE,
} from '../netlink/constants.js'
import { allocNsid, getLink } from '../netlink/route.js'
import type { Link } from '../netlink/rtnl.js'
import { NetlinkSocket } from '../netlink/socket.js'
import type { NetnsPlace } from '../netns/names.js'
import { inodeOf, isExhausted, isHome, nameOf, withTarget } from '../netns/open.js'
import type { Death, Device, Hint, Sight } from './device.js'
import { closeToOthers, foreignQueuesOf, removeForAll } from './foreign-queues.js'
import type { EndChange, EndPlan, EndState, KernelCounts } from './protocol.js'
import { carryOut, moveTo, type Setting, settingsOf } from './requests.js'
import { openQueue } from './tap-queue.js'
import { Uncarried } from './uncarried.js'

/** The namespace number of home, where the socket of every question stands. */
export const HOME_NSID = -1

const CAPABILITIES: Capabilities = { header: VNET_HDR_LEN, longestFrame: MAX_MTU + MAX_OVERHEAD }

const WITH_CARRIER: readonly number[] = [IF_OPER_UP, IF_OPER_DORMANT, IF_OPER_TESTING]

interface Opening {
  /** May be a `%d` template. */
  name: string
  queues: number
  /** undefined: the kernel chooses. */
  ifindex: number | undefined
  /** No IPv6 chatter, ever. */
  quiet: boolean
}

export class Tap implements Device {
  /** One descriptor per queue. */
  readonly fds: readonly number[]
  readonly ports: readonly PortSpec[]
  state: EndState
  carrier = false
  readonly #home: NetlinkSocket
  readonly #quiet: boolean
  /** Number by which home knows the namespace that the device is in. */
  #nsid = HOME_NSID
  /** Home's number for that namespace was taken back: it is dying, and the device with it. */
  #netnsGone = false
  readonly #drops = new Uncarried()

  private constructor(home: NetlinkSocket, fds: number[], name: string, quiet: boolean) {
    this.#home = home
    this.#quiet = quiet
    this.fds = fds
    this.ports = fds.map((fd) => ({ kind: 'descriptor', fd, capabilities: CAPABILITIES }))
    const unknown = { address: '', mtu: 0, up: false, flags: 0, txQueueLength: 0, foreignQueues: 0 }
    this.state = { name, ifindex: 0, netns: null, netnsInode: 0, ...unknown }
  }

  /** Makes it at home, with carrier off. `home` is a socket there. */
  static open(home: NetlinkSocket, { name, queues, ifindex, quiet }: Opening): Tap {
    const fds: number[] = []
    try {
      const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0)
      openQueue(name, flags | IFF_TUN_EXCL, fds, ifindex)
      const given = tunGetIff(fds[0] as number).name
      for (let queue = 1; queue < queues; queue++) openQueue(given, flags, fds)
      if (queues > 1) closeToOthers(fds[0] as number)
      return new Tap(home, fds, given, quiet)
    } catch (error) {
      for (const fd of fds) closeFd(fd)
      throw error
    }
  }

  concerns(hint: Hint): boolean {
    switch (hint.of) {
      case 'link':
        return this.#nsid === hint.nsid && this.state.ifindex === hint.ifindex
      case 'netns':
        if (this.#nsid !== hint.nsid) return false
        this.#netnsGone = true
        return true
      case 'all':
        return true
      case 'away':
        return this.#nsid !== HOME_NSID
    }
  }

  look(): Sight {
    const before = this.state
    const nsid = this.#nsid
    const link = this.#link()
    if (link === undefined) return this.#alive() ? 'same' : this.#death(nsid)
    const { name, mtu, flags, txqlen: txQueueLength } = link
    const up = (flags & IFF_UP) !== 0
    const foreignQueues = foreignQueuesOf(this.#home, this.#where, this.fds) ?? this.state.foreignQueues
    const address = formatMac(link.address)
    this.state = { ...this.state, name, address, mtu, up, flags, txQueueLength, foreignQueues }
    this.carrier = link.carrier
    const keys = Object.keys(before) as (keyof EndState)[]
    return keys.some((key) => before[key] !== this.state[key]) ? 'changed' : 'same'
  }

  stats(): KernelCounts | null {
    const stats = this.#link()?.stats64
    return stats === undefined ? null : { stats, uncarried: this.#drops.uncarried(stats.tx_dropped) }
  }

  begin({ up, addresses, dad }: EndPlan): void {
    const settings: Setting[] = this.#quiet ? [{ addrGenMode: IN6_ADDR_GEN_MODE_NONE }] : []
    if (up) settings.push({ up })
    this.#carryOut(settings, { addresses, dad })
    this.look()
  }

  change(change: EndChange): void {
    try {
      if (change.netns !== undefined) this.#move(change.netns, change.name)
      this.look()
      this.#carryOut(settingsOf(change, this.#quiet), change)
    } catch (error) {
      throw this.#alive() ? error : pairClosed()
    }
  }

  setCarrier(on: boolean): void {
    if (!on) this.#drops.begin(this.#link()?.stats64?.tx_dropped)
    this.carrier = on
    const result = tunSetCarrier(this.#fd, on)
    if (result < 0 && result !== errno.EBADFD)
      throw systemError(result, 'ioctl(TUNSETCARRIER)', this.state.name)
  }

  acted(on: boolean): boolean {
    const link = this.#link()
    if (link === undefined || !this.state.up) return true
    // What a link shows with carrier, whatever mode its owner gave it; and a moment before the first queue takes
    // frames: until then `noop` drops them.
    const acted = WITH_CARRIER.includes(link.operstate) === on && !(on && link.qdisc === 'noop')
    if (acted && on) this.#drops.end(link.stats64?.tx_dropped)
    return acted
  }

  /** A TAP that goes up becomes writable (test/kernel/06): noticed also where the kernel tells nothing. */
  whenUp(up: () => void): void {
    watch(this.#fd, EPOLLOUT, up)
  }

  close(): Promise<void> {
    if (this.fds.length > 1 && this.#link() !== undefined) removeForAll(this.#home, this.#where, this.#fd)
    for (const fd of this.fds) unwatch(fd)
    return new Promise((done) => closeFds([...this.fds], done))
  }

  /** It was opened in vain. */
  discard(): void {
    for (const fd of this.fds) closeFd(fd)
  }

  /** The descriptor for everything that concerns the device and not a queue. */
  get #fd(): number {
    return this.fds[0] as number
  }

  /** False once the device was deleted, by whomever. */
  #alive(): boolean {
    return tunGetIff(this.#fd).errno !== errno.EBADFD
  }

  /** Where nothing is to be done nobody enters its namespace: that takes more than to move it there. */
  #carryOut(settings: Setting[], wish: Pick<EndChange, 'addresses' | 'dad'>): void {
    if (settings.length === 0 && (wish.addresses ?? []).length === 0) return
    this.#withRoute((socket) => carryOut(socket, this.state.ifindex, settings, wish))
  }

  /** Moves it while it is in use: it is down and has no addresses then. */
  #move(place: NetnsPlace, name: string | undefined): void {
    withTarget(place, (target) => {
      this.#withRoute((socket) => moveTo(socket, this.state.ifindex, { ...target, name }))
    })
  }

  /**
   * The kernel's description of the device, or undefined when it is gone.
   * The descriptor follows moves and renames (test/kernel/04), the question reaches everywhere (15).
   */
  #link(): Link | undefined {
    // A move or a rename between two questions makes an answer wrong, so it is asked again.
    for (let attempt = 0; attempt < 5; attempt++) {
      const { errno: failed, name } = tunGetIff(this.#fd)
      if (failed < 0) return undefined
      const link = this.#ask()
      if (link?.name === name) return link
      this.#locate(name)
    }
    return undefined
  }

  #ask(): Link | undefined {
    if (this.state.ifindex === 0) return undefined
    try {
      return getLink(this.#home, this.#where)
    } catch (error) {
      if (error instanceof UvethError) return undefined // not where it was
      throw error
    }
  }

  get #where(): { ifindex: number; nsid: number | undefined } {
    return { ifindex: this.state.ifindex, nsid: this.#nsid === HOME_NSID ? undefined : this.#nsid }
  }

  /** Finds the device again, by its descriptor: namespace first, then its index there. */
  #locate(name: string): void {
    try {
      this.#withNetns((fd) => {
        const inode = inodeOf(fd)
        this.#nsid = isHome(inode) ? HOME_NSID : allocNsid(this.#home, fd)
        this.#netnsGone = false
        const { ifindex } = getLink(this.#home, { name, nsid: this.#where.nsid })
        this.state = { ...this.state, name, ifindex, netns: nameOf(inode), netnsInode: inode }
      })
    } catch (error) {
      // It moved on, or died: it is asked again. One that is being made is not found without descriptors.
      if (!(error instanceof UvethError) || (this.state.ifindex === 0 && isExhausted(error.errno)))
        throw error
    }
  }

  /** `nsid`: of the namespace that it was last seen in. */
  #death(nsid: number): Death {
    if (nsid === HOME_NSID) return 'deleted'
    if (this.#nsid === nsid && this.#netnsGone) return 'netns-deleted'
    try {
      getLink(this.#home, { ifindex: 1, nsid }) // every namespace has its loopback as link 1
    } catch {
      return 'netns-deleted'
    }
    // The number of a dead namespace is given to the next one that asks: a name tells more.
    const { netns, netnsInode } = this.state
    return netns === null || nameOf(netnsInode) === netns ? 'deleted' : 'netns-deleted'
  }

  /**
   * Runs `use` with a socket of the namespace that the device is in; changes must be asked for there.
   * The socket lives for this call: it keeps that namespace alive (test/kernel/16).
   */
  #withRoute<T>(use: (socket: NetlinkSocket) => T): T {
    if (this.#nsid === HOME_NSID) return use(this.#home)
    return this.#withNetns((fd) => {
      using socket = NetlinkSocket.open(NETLINK_ROUTE, fd)
      return use(socket)
    })
  }

  #withNetns<T>(use: (fd: number) => T): T {
    const fd = tunGetDevNetns(this.#fd)
    if (fd < 0) throw systemError(fd, 'ioctl(TUNGETDEVNETNS)', this.state.name)
    try {
      return use(fd)
    } finally {
      closeFd(fd)
    }
  }
}
