// Where a TAP is: its name, its index and its namespace, which others may change at any time. Finds it by its
// descriptor, which follows it everywhere (test/kernel/04), asks the kernel for it from home (15), and leads changes
// into its namespace. Made by tap.ts, one for each; knows no settings.

import { errno, systemError, UvethError } from '../errors.js'
import { closeFd, tunGetDevNetns, tunGetIff } from '../native.js'
import type { LinkAddress } from '../netlink/addresses.js'
import { NETLINK_ROUTE } from '../netlink/constants.js'
import { allocNsid, getLink, givenAddresses } from '../netlink/route.js'
import { givenRoutes } from '../netlink/routes.js'
import type { Link } from '../netlink/rtnl.js'
import { NetlinkSocket } from '../netlink/socket.js'
import { allowIpv6, inodeOf, isExhausted, isHome, nameOf } from '../netns/open.js'
import type { Death, Hint } from './device.js'

/** The namespace number of home, where the socket of every question stands. */
export const HOME_NSID = -1

export class Whereabouts {
  ifindex = 0
  /** A name under /run/netns, null for home, otherwise `net:[inode]`; and its inode. */
  netns: string | null = null
  netnsInode = 0
  readonly #home: NetlinkSocket
  readonly #fd: number
  #name: string
  /** Number by which home knows the namespace that the device is in. */
  #nsid = HOME_NSID
  /** Home's number for that namespace was taken back: it is dying, and the device with it. */
  #netnsGone = false

  /** `home` is a socket there, `fd` of the device. */
  constructor(home: NetlinkSocket, fd: number, name: string) {
    this.#home = home
    this.#fd = fd
    this.#name = name
  }

  concerns(hint: Hint): boolean {
    switch (hint.of) {
      case 'link':
        return this.#nsid === hint.nsid && this.ifindex === hint.ifindex
      case 'route':
        return this.#nsid === hint.nsid
      case 'netns':
        if (this.#nsid !== hint.nsid) return false
        this.#netnsGone = true
        return true
      case 'all':
        return true
      case 'away':
        return this.#nsid !== HOME_NSID
      case 'device':
        return false
    }
  }

  /** As questions from home name it. */
  get query(): { ifindex: number; nsid: number | undefined } {
    return { ifindex: this.ifindex, nsid: this.#nsid === HOME_NSID ? undefined : this.#nsid }
  }

  /** False once the device was deleted, by whomever. */
  get alive(): boolean {
    return tunGetIff(this.#fd).errno !== errno.EBADFD
  }

  /** The kernel's description of the device, or why there is none; undefined when it was not to be found just now. */
  look(): Link | Death | undefined {
    const nsid = this.#nsid
    return this.link() ?? (this.alive ? undefined : this.#death(nsid))
  }

  /** The kernel's description of the device, or undefined when it is gone. */
  link(): Link | undefined {
    // A move or a rename between two questions makes an answer wrong, so it is asked again.
    for (let attempt = 0; attempt < 5; attempt++) {
      const { errno: failed, name } = tunGetIff(this.#fd)
      if (failed < 0) return undefined
      this.#name = name
      const link = this.#ask()
      if (link?.name === name) return link
      this.#locate()
    }
    return undefined
  }

  /** The addresses that somebody has given it; undefined when it was not to be found just now. */
  addresses(link: Link): LinkAddress[] | undefined {
    return ifThere(() => givenAddresses(this.#home, link, this.query.nsid))
  }

  /** The routes that somebody has given it; undefined when it was not to be found just now, or may not be looked for. */
  routes(): Uint8Array[] | undefined {
    return ifThere(() => this.withRoute((socket) => givenRoutes(socket, this.ifindex)))
  }

  /** What another link of that namespace is called. */
  nameOf(ifindex: number): string | undefined {
    return this.#ask(ifindex)?.name
  }

  /**
   * Runs `use` with a socket of the namespace that the device is in; changes must be asked for there.
   * The socket lives for this call: it keeps that namespace alive (test/kernel/16).
   */
  withRoute<T>(use: (socket: NetlinkSocket) => T): T {
    return this.#nsid === HOME_NSID ? use(this.#home) : this.withSocket(NETLINK_ROUTE, use)
  }

  /** The same with one of another family. To enter home again would take CAP_SYS_ADMIN. */
  withSocket<T>(protocol: number, use: (socket: NetlinkSocket) => T): T {
    if (this.#nsid === HOME_NSID) {
      using socket = NetlinkSocket.open(protocol)
      return use(socket)
    }
    return this.#withNetns((fd) => {
      using socket = NetlinkSocket.open(protocol, fd)
      return use(socket)
    })
  }

  allowIpv6(): void {
    const allow = (fd: number) => allowIpv6(fd, this.#name)
    if (this.#nsid === HOME_NSID) allow(-1)
    else this.#withNetns(allow)
  }

  #ask(ifindex = this.ifindex): Link | undefined {
    return ifindex === 0 ? undefined : ifThere(() => getLink(this.#home, { ...this.query, ifindex }))
  }

  /** Finds the device again, by its descriptor: namespace first, then its index there. */
  #locate(): void {
    try {
      this.#withNetns((fd) => {
        const inode = inodeOf(fd)
        this.#nsid = isHome(inode) ? HOME_NSID : allocNsid(this.#home, fd)
        this.#netnsGone = false
        // With the number, also where it has been renamed meanwhile: its index may be the same as before.
        Object.assign(this, { netns: nameOf(inode), netnsInode: inode })
        this.ifindex = getLink(this.#home, { name: this.#name, nsid: this.query.nsid }).ifindex
      })
    } catch (error) {
      // It moved on, or died: it is asked again. One that is being made is not found without descriptors.
      if (!(error instanceof UvethError) || (this.ifindex === 0 && isExhausted(error.errno))) throw error
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
    return this.netns === null || nameOf(this.netnsInode) === this.netns ? 'deleted' : 'netns-deleted'
  }

  #withNetns<T>(use: (fd: number) => T): T {
    const fd = tunGetDevNetns(this.#fd)
    if (fd < 0) throw systemError(fd, 'ioctl(TUNGETDEVNETNS)', this.#name)
    try {
      return use(fd)
    } finally {
      closeFd(fd)
    }
  }
}

/** Undefined where it is not where it was. */
function ifThere<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch (error) {
    if (error instanceof UvethError) return undefined
    throw error
  }
}
