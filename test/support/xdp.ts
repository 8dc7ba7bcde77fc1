// A real XDP program that lets every frame pass and counts what it sees, and the three ways to attach it: by rtnetlink as
// `ip link set X xdp` does, in the driver's mode or the generic one, and by a BPF link as libbpf and cilium/ebpf do.
// `using program = XdpCounter.load()`.

import { closeFd as closeNetns, netnsOpen } from '../../src/native.js'
import { AttributeWriter } from '../../src/netlink/attribute.js'
import { IFLA_XDP, NETLINK_ROUTE, RTM_SETLINK } from '../../src/netlink/constants.js'
import { requestOf } from '../../src/netlink/message.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import { closeFd, xdpLink, xdpLoad, xdpSeen } from './native.js'

const IFLA_XDP_FD = 1
const IFLA_XDP_FLAGS = 3
export const XDP_FLAGS_SKB_MODE = 2
export const XDP_FLAGS_DRV_MODE = 4

/** The namespace of an interface, by its path; undefined: home. */
interface Place {
  path?: string
  ifindex: number
}

export class XdpCounter implements Disposable {
  readonly #program: number
  readonly #map: number

  private constructor(program: number, map: number) {
    this.#program = program
    this.#map = map
  }

  static load(): XdpCounter {
    const into = new Int32Array(2)
    const loaded = xdpLoad(into)
    if (loaded < 0) throw new Error(`BPF_PROG_LOAD answered ${loaded}`)
    const [program = -1, map = -1] = into
    return new XdpCounter(program, map)
  }

  /** Since it was loaded: how many frames it has seen, and the length of the longest. */
  get seen(): { frames: number; longest: number } {
    const into = new Int32Array(2)
    const answer = xdpSeen(this.#map, into)
    if (answer < 0) throw new Error(`BPF_MAP_LOOKUP_ELEM answered ${answer}`)
    const [frames = 0, longest = 0] = into
    return { frames, longest }
  }

  /** `ip link set X xdp`. */
  attach(place: Place, flags = XDP_FLAGS_DRV_MODE): void {
    setXdp(place, this.#program, flags)
  }

  /** By a BPF link, which `closeFd` (or the end of the process) takes away. */
  link({ path, ifindex }: Place, flags = XDP_FLAGS_DRV_MODE): Disposable {
    const netns = path === undefined ? -1 : netnsOpen(path)
    const fd = xdpLink(netns, ifindex, this.#program, flags)
    if (netns >= 0) closeNetns(netns)
    if (fd < 0) throw new Error(`BPF_LINK_CREATE answered ${fd}`)
    return { [Symbol.dispose]: () => void closeFd(fd) }
  }

  [Symbol.dispose](): void {
    closeFd(this.#program)
    closeFd(this.#map)
  }
}

/** `ip link set X xdp off`. */
export function detachXdp(place: Place, flags = XDP_FLAGS_DRV_MODE): void {
  setXdp(place, -1, flags)
}

function setXdp({ path, ifindex }: Place, fd: number, flags: number): void {
  const netns = path === undefined ? -1 : netnsOpen(path)
  try {
    using socket = NetlinkSocket.open(NETLINK_ROUTE, netns)
    const header = new Uint8Array(16)
    new DataView(header.buffer).setInt32(4, ifindex, true)
    const wish = new AttributeWriter(header).nested(IFLA_XDP, (xdp) =>
      xdp.s32(IFLA_XDP_FD, fd).u32(IFLA_XDP_FLAGS, flags),
    )
    socket.request(requestOf('RTM_SETLINK', `ifindex ${ifindex}`, RTM_SETLINK, wish.finish()))
  } finally {
    if (netns >= 0) closeNetns(netns)
  }
}
