// A TAP as the device of an end. Never opened where it is to stand, unless that is home, or a namespace that this process
// ends itself (it would keep it alive, test/kernel/03): create.ts knows where; asks the kernel what it is now, and changes
// it, wherever it is (whereabouts.ts). Knows nothing of pairs.

import { isDeepStrictEqual } from 'node:util'
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
  tunGetIff,
  tunSetCarrier,
  unwatch,
  watch,
} from '../native.js'
import {
  IF_OPER_DORMANT,
  IF_OPER_TESTING,
  IF_OPER_UNKNOWN,
  IF_OPER_UP,
  IFF_RUNNING,
  IFF_UP,
  IN6_ADDR_GEN_MODE_NONE,
  NETLINK_GENERIC,
} from '../netlink/constants.js'
import { setLink } from '../netlink/route.js'
import type { Link } from '../netlink/rtnl.js'
import type { NetlinkSocket } from '../netlink/socket.js'
import type { NetnsPlace } from '../netns/names.js'
import { withTarget } from '../netns/open.js'
import type { Device, Hint, Sight } from './device.js'
import { closeToOthers, foreignQueuesOf, removeForAll } from './foreign-queues.js'
import { KeptRoutes } from './kept-routes.js'
import { offer, offerAnew } from './offloads.js'
import {
  type EndChange,
  type EndPlan,
  type EndState,
  type KernelCounts,
  type Lasting,
  NOTHING,
  UNKNOWN,
} from './protocol.js'
import { carryOut, giveAltnames, giveRoutes, moveTo, type Setting, settingsOf } from './requests.js'
import { openQueue } from './tap-queue.js'
import { Uncarried, type UncarriedState } from './uncarried.js'
import { Whereabouts } from './whereabouts.js'

const CAPABILITIES: Capabilities = { header: VNET_HDR_LEN, longestFrame: MAX_MTU + MAX_OVERHEAD }

/** Without IFF_NAPI, whose GRO costs more than it saves (test/kernel/28). */
const KIND = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR

/** What a link shows with carrier, whatever mode its owner gave it. */
const WITH_CARRIER: readonly number[] = [IF_OPER_UP, IF_OPER_DORMANT, IF_OPER_TESTING]

/** Do others take it for one with the carrier that it had? Dormant it may be by its owner's mode, or since a nudge. */
function lags({ flags, operstate, details }: Link, on: boolean): boolean {
  if (!on) return (flags & IFF_RUNNING) !== 0
  const held = (details.linkmode ?? 'DEFAULT') !== 'DEFAULT'
  return operstate === IF_OPER_UNKNOWN || (operstate === IF_OPER_DORMANT && !held)
}

interface Opening {
  /** May be a `%d` template. */
  name: string
  queues: number
  /** undefined: the kernel chooses. */
  ifindex: number | undefined
  /** No IPv6 chatter, ever. */
  quiet: boolean
  /** The namespace to make it in; undefined: home. */
  netnsFd?: number
}

export class Tap implements Device {
  /** One descriptor per queue. */
  readonly fds: readonly number[]
  readonly ports: readonly PortSpec[]
  state: EndState
  lasting: Lasting = NOTHING
  carrier = false
  program = false
  shared = false
  /** Its addresses are to be asked for: a new one has none. */
  #readdressed = false
  #routes = new KeptRoutes()
  readonly #home: NetlinkSocket
  readonly #quiet: boolean
  readonly #where: Whereabouts
  readonly #drops = new Uncarried()

  private constructor(home: NetlinkSocket, fds: number[], name: string, quiet: boolean) {
    this.#home = home
    this.#quiet = quiet
    this.fds = fds
    this.#where = new Whereabouts(home, fds[0] as number, name)
    this.ports = fds.map((fd) => ({ kind: 'descriptor', fd, capabilities: CAPABILITIES }))
    this.state = { ...UNKNOWN, name }
  }

  /** Makes it, with carrier off. `home` is a socket at home. */
  static open(home: NetlinkSocket, { name, queues, ifindex, quiet, netnsFd }: Opening): Tap {
    const fds: number[] = []
    try {
      const flags = KIND | (queues > 1 ? IFF_MULTI_QUEUE : 0)
      openQueue({ name, flags: flags | IFF_TUN_EXCL, ifindex, netnsFd }, fds)
      const given = tunGetIff(fds[0] as number).name
      for (let queue = 1; queue < queues; queue++) openQueue({ name: given, flags, netnsFd }, fds)
      if (queues > 1) closeToOthers(fds[0] as number)
      return new Tap(home, fds, given, quiet)
    } catch (error) {
      for (const fd of fds) closeFd(fd)
      throw error
    }
  }

  /** One that is there, and stays as it is. */
  static adopt(home: NetlinkSocket, fds: readonly number[], quiet: boolean): Tap {
    const { errno: failed, name, flags } = tunGetIff(fds[0] as number)
    if (failed < 0) throw failed === errno.EBADFD ? pairClosed() : systemError(failed, 'ioctl(TUNGETIFF)')
    if ((flags & KIND) !== KIND)
      throw systemError(errno.EINVAL, 'ioctl(TUNGETIFF)', name, 'it is no TAP of ours')
    const tap = new Tap(home, [...fds], name, quiet)
    tap.#readdressed = true
    tap.#routes = KeptRoutes.of(undefined)
    return tap
  }

  concerns(hint: Hint): boolean {
    if (!this.#where.concerns(hint) || !this.#routes.hear(hint)) return false
    if (hint.of !== 'route' && (hint.of !== 'link' || hint.addresses)) this.#readdressed = true
    return true
  }

  look(): Sight {
    const before = this.state
    const link = this.#where.look()
    if (link === undefined) return 'same'
    if (typeof link === 'string') return link
    const { name, mtu, flags, txqlen: txQueueLength } = link
    const { ifindex, netns, netnsInode, query } = this.#where
    const up = (flags & IFF_UP) !== 0
    const foreignQueues = foreignQueuesOf(this.#home, query, this.fds) ?? before.foreignQueues
    const address = formatMac(link.address)
    const { altnames: more = [] } = link.details
    const altnames = more.join('\n') === before.altnames.join('\n') ? before.altnames : more
    const place = { name, ifindex, netns, netnsInode, altnames }
    this.state = { ...place, address, mtu, up, flags, txQueueLength, foreignQueues }
    this.carrier = link.carrier
    this.program = link.xdp
    const first = before.ifindex === 0
    const moved = !first && (before.ifindex !== ifindex || before.netnsInode !== netnsInode)
    if (moved) this.#readdressed = true
    // One that was adopted has frames waiting: its routes are asked for by its second look.
    const since = { readdressed: this.#readdressed, switched: before.up !== up, moved }
    if (!first) this.#routes.look(since, () => this.#where.routes())
    const lasts = this.#lookAtLasting(link)
    const keys = Object.keys(before) as (keyof EndState)[]
    return lasts || keys.some((key) => before[key] !== this.state[key]) ? 'changed' : 'same'
  }

  /** Has it changed? */
  #lookAtLasting(link: Link): boolean {
    const before = this.lasting
    const { ifalias: alias = '', altnames = [] } = link.details
    const addresses = this.#readdressed ? this.#where.addresses(link) : before.addresses
    this.#readdressed = addresses === undefined
    const { known: routes } = this.#routes
    this.lasting = { alias, altnames, addresses: addresses ?? before.addresses, routes }
    return !isDeepStrictEqual(before, this.lasting)
  }

  stats(): KernelCounts | null {
    const link = this.#where.link()
    if (link?.stats64 === undefined) return null
    const { stats64: stats, flags } = link
    const { master: index, ...others } = link.details
    const master = index === undefined ? undefined : this.#where.nameOf(index)
    const uncarried = this.#drops.uncarried(stats.tx_dropped)
    return { stats, uncarried, details: { ...others, flags, ...(master !== undefined && { master }) } }
  }

  begin({ up, addresses, dad, ipv6, altnames = [], routes = [] }: EndPlan): void {
    const settings: Setting[] = this.#quiet ? [{ addrGenMode: IN6_ADDR_GEN_MODE_NONE }] : []
    if (up) settings.push({ up })
    if (altnames.length > 0)
      this.#where.withRoute((socket) => giveAltnames(socket, this.#where.ifindex, altnames))
    if (ipv6) this.#where.allowIpv6()
    this.#carryOut(settings, { addresses, dad })
    if (routes.length > 0) this.#where.withRoute((socket) => giveRoutes(socket, this.#where.ifindex, routes))
    if (routes.length > 0) this.#routes = KeptRoutes.of(routes)
    this.look()
  }

  change(change: EndChange): void {
    try {
      if (change.netns !== undefined) this.#move(change.netns, change.name)
      this.#readdressed = true // the kernel tells of a fresh IPv6 address from a queue of its own, later
      this.look()
      this.#carryOut(settingsOf(change, this.#quiet), change)
    } catch (error) {
      throw this.#where.alive ? error : pairClosed()
    }
  }

  setCarrier(on: boolean): void {
    if (!on) this.#drops.begin(this.#where.link()?.stats64?.tx_dropped)
    this.carrier = on
    const result = tunSetCarrier(this.#fd, on)
    if (result < 0 && result !== errno.EBADFD)
      throw systemError(result, 'ioctl(TUNSETCARRIER)', this.state.name)
  }

  setWhole(whole: boolean): void {
    const change = () => offer(this.#fd, this.state.name, whole)
    try {
      this.#where.withSocket(NETLINK_GENERIC, (socket) => offerAnew(socket, this.#where.ifindex, change))
    } catch (error) {
      // Its namespace may not be entered: what the user wants of it is not known then. Or it is gone, as a look will find.
      if (!(error instanceof UvethError)) throw error
      if (this.#where.alive) change()
    }
  }

  acted(on: boolean): boolean {
    if (!this.state.up) return true
    let link = this.#where.link()
    if (link !== undefined && lags(link, on) && this.#nudge(on)) link = this.#where.link()
    if (link === undefined) return true
    // Carrier comes a moment before the first queue takes frames: until then `noop` drops them.
    // One that came up before the kernel has acted on its birth without carrier shows neither.
    const acted = on
      ? WITH_CARRIER.includes(link.operstate) && link.qdisc !== 'noop' && !lags(link, on)
      : ![...WITH_CARRIER, IF_OPER_UNKNOWN].includes(link.operstate)
    if (acted && on) this.#drops.end(link.stats64?.tx_dropped)
    return acted
  }

  /**
   * Before Linux 6.8 the kernel acts within a second. Has it tell others at once (test/kernel/29); who ordered the change
   * waits for the kernel all the same.
   */
  #nudge(on: boolean): boolean {
    try {
      const operstate = on ? IF_OPER_UP : IF_OPER_DORMANT
      this.#where.withRoute((socket) => setLink(socket, { ifindex: this.#where.ifindex, operstate }))
      return true
    } catch (error) {
      // Its namespace may not be entered: it is waited for. Or it is gone, as a look will find.
      if (error instanceof UvethError) return false
      throw error
    }
  }

  /** A TAP that goes up becomes writable (test/kernel/06): noticed also where the kernel tells nothing. */
  whenUp(up: () => void): void {
    watch(this.#fd, EPOLLOUT, up)
  }

  close(): Promise<void> {
    if ((this.shared || this.fds.length > 1) && this.#where.link() !== undefined)
      removeForAll(this.#home, this.#where.query, this.#fd)
    for (const fd of this.fds) unwatch(fd)
    return new Promise((done) => closeFds([...this.fds], done))
  }

  get uncarried(): UncarriedState {
    return this.#drops.state
  }

  set uncarried(state: UncarriedState) {
    this.#drops.state = state
  }

  letGo(): void {
    for (const fd of this.fds) unwatch(fd)
    for (const fd of this.fds) closeFd(fd)
  }

  /** The descriptor for everything that concerns the device and not a queue. */
  get #fd(): number {
    return this.fds[0] as number
  }

  /** Where nothing is to be done nobody enters its namespace: that takes more than to move it there. */
  #carryOut(settings: Setting[], wish: Pick<EndChange, 'addresses' | 'dad'>): void {
    const readdresses = (wish.addresses ?? []).length > 0
    if (settings.length === 0 && !readdresses) return
    this.#readdressed ||= readdresses
    this.#where.withRoute((socket) => carryOut(socket, this.#where.ifindex, settings, wish))
  }

  /** Moves it while it is in use: it is down and has no addresses then. */
  #move(place: NetnsPlace, name: string | undefined): void {
    withTarget(place, (target) => {
      this.#where.withRoute((socket) => moveTo(socket, this.#where.ifindex, { ...target, name }))
    })
  }
}
