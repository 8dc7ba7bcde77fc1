// One TAP as the kernel gives it, with nothing of ours around it but the addon: for test/kernel/, which asks
// what the kernel itself does. `using tap = RawTap.open()` makes it at home, under a unique name. read() and
// write() answer what the system call answers: bytes, or a negative errno; they never throw for it.

import { readSync, writeFileSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import {
  closeFd,
  fdInode,
  netnsOpen,
  tunGetDevNetns,
  tunGetIff,
  tunOpen,
  tunSetIff,
  tunSetIfindex,
  tunSetVnetHdrSz,
} from '../../src/native.js'
import { NETLINK_ROUTE } from '../../src/netlink/constants.js'
import { getLink, setLink } from '../../src/netlink/route.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import { isHome } from '../../src/netns/open.js'
import { type Netns, run, uniqueName } from './netns.js'

export const IFF_TAP = 0x0002
export const IFF_NO_CARRIER = 0x0040
export const IFF_MULTI_QUEUE = 0x0100
export const IFF_NO_PI = 0x1000
const IFF_VNET_HDR = 0x4000
export const IFF_TUN_EXCL = 0x8000
/** As src/link/tap.ts opens its own, but with carrier. */
export const FLAGS = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL

export const VNET_HDR_LEN = 12
export const ETH_HLEN = 14
/** libuv has no name for it: the file is a TAP's, but the TAP is gone, or not made yet. */
export const EBADFD = 77
export const { EAGAIN, EBUSY, EINVAL, EIO } = constants.errno

/** A broadcast frame of `length` bytes (no virtio-net header) with an ethertype for experiments. */
export function plainFrame(length = 60, fill = 0): Uint8Array {
  const frame = new Uint8Array(length).fill(fill)
  frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 1, 0x88, 0xb5].slice(0, length))
  return frame
}

/** The frame with a virtio-net header in front that asks for nothing. */
export function withHeader(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(VNET_HDR_LEN + frame.length)
  bytes.set(frame, VNET_HDR_LEN)
  return bytes
}

/** read(2): the bytes, or a negative errno. */
export function tryRead(fd: number, size = 70_000): Uint8Array | number {
  const buffer = new Uint8Array(size)
  const length = answer(() => readSync(fd, buffer))
  return length < 0 ? length : buffer.subarray(0, length)
}

/** write(2): the number of bytes, or a negative errno. */
export function tryWrite(fd: number, bytes: Uint8Array): number {
  return answer(() => writeSync(fd, bytes))
}

function answer(call: () => number): number {
  try {
    return call()
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno as number
  }
}

export class RawTap implements Disposable {
  readonly fd: number

  private constructor(fd: number) {
    this.fd = fd
  }

  static open(name = uniqueName('k'), flags = FLAGS, ifindex?: number): RawTap {
    const tap = new RawTap(tunOpen())
    if (ifindex !== undefined) tunSetIfindex(tap.fd, ifindex)
    const made = tunSetIff(tap.fd, name, flags)
    if (made < 0) {
      tap.close()
      throw new Error(`TUNSETIFF ${name} answered ${made}`)
    }
    if (flags & IFF_VNET_HDR) tunSetVnetHdrSz(tap.fd, VNET_HDR_LEN)
    return tap
  }

  /** As of now. */
  get name(): string {
    return tunGetIff(this.fd).name
  }

  get gone(): boolean {
    return tunGetIff(this.fd).errno === -EBADFD
  }

  /** Inode of the namespace that the device is in now. */
  get netns(): number {
    const fd = tunGetDevNetns(this.fd)
    const { ino } = fdInode(fd)
    closeFd(fd)
    return ino
  }

  get atHome(): boolean {
    return isHome(this.netns)
  }

  /** Up, and silent: without IPv6, which would report memberships where a container engine has it forwarded. At home only. */
  up(): void {
    run('ip', 'link', 'set', 'dev', this.name, 'addrgenmode', 'none')
    try {
      writeFileSync(`/proc/sys/net/ipv6/conf/${this.name}/disable_ipv6`, '1')
    } catch {} // there is none, or it may not be written
    run('ip', 'link', 'set', 'dev', this.name, 'up')
  }

  down(): void {
    run('ip', 'link', 'set', 'dev', this.name, 'down')
  }

  /** From home into a namespace, and under a new name, by one request, as src/link/create.ts does it. */
  moveTo(netns: Netns, name?: string, newIfindex?: number): void {
    using home = NetlinkSocket.open(NETLINK_ROUTE)
    const { ifindex } = getLink(home, { name: this.name })
    const netnsFd = netnsOpen(netns.path)
    try {
      setLink(home, { ifindex, netnsFd, name, newIfindex })
    } finally {
      closeFd(netnsFd)
    }
  }

  read(size?: number): Uint8Array | number {
    return tryRead(this.fd, size)
  }

  /** `frame` goes without a virtio-net header: an empty one is put in front. */
  write(frame: Uint8Array): number {
    return tryWrite(this.fd, withHeader(frame))
  }

  close(): void {
    closeFd(this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
