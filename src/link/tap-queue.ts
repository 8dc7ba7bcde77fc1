// One queue of a TAP: opened, attached and set up, with what to say when that is refused. Called by tap.ts.

import { errno, systemError, type UvethError } from '../errors.js'
import { VNET_HDR_LEN } from '../frame/slab.js'
import {
  IFF_NO_CARRIER,
  tunGetFeatures,
  tunOpen,
  tunSetCarrier,
  tunSetIff,
  tunSetIfindex,
  tunSetVnetHdrSz,
  tunSetVnetLe,
} from '../native.js'
import { isExhausted, openError } from '../netns/open.js'
import { fallbackForced } from './fallback.js'
import { offer } from './offloads.js'

/** What a queue is opened with. */
export interface QueueWish {
  name: string
  /** IFF_*. */
  flags: number
  ifindex?: number | undefined
  /** A namespace; undefined: home. */
  netnsFd?: number | undefined
}

/** Opens one queue, adds its descriptor to `fds` at once, and sets it up, with the offloads that the kernel takes. */
export function openQueue({ name, flags, ifindex, netnsFd }: QueueWish, fds: number[]): void {
  const fd = tunOpen(netnsFd)
  if (fd < 0) throw tunError(fd)
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
  offer(fd, name, true)
}

function tunError(number: number): UvethError {
  if (isExhausted(number)) return openError('/dev/net/tun', number)
  const hints: Record<number, string> = {
    [errno.ENOENT]:
      'no TUN device here: modprobe tun; mkdir -p /dev/net && mknod /dev/net/tun c 10 200; in a container: --device /dev/net/tun',
    [errno.ENODEV]: 'the kernel has no TUN driver: modprobe tun',
    [errno.EPERM]: 'not allowed by the device cgroup; in a container: --device /dev/net/tun',
    [errno.EACCES]: 'run as root, or let others open it: uveth doctor says how',
  }
  return systemError(number, 'open', '/dev/net/tun', hints[number])
}

function setIffError(number: number, name: string): UvethError {
  // With IFF_TUN_EXCL a taken name is EBUSY, whatever kind of device has it (test/kernel/01).
  if (number === errno.EBUSY) return systemError(errno.EEXIST, 'ioctl(TUNSETIFF)', name)
  const hint =
    number === errno.EPERM
      ? 'CAP_NET_ADMIN is needed: run as root, in a sandbox (uveth sandbox COMMAND), or in a container with --cap-add NET_ADMIN'
      : undefined
  return systemError(number, 'ioctl(TUNSETIFF)', name, hint)
}
