// Whether this machine, as this process sees it, can run uveth. Called by cli/doctor.ts. It opens
// what a pair would open, among others a TAP of its own for a moment, and leaves nothing behind. No
// link thread, no pair: the doctor must work where those do not.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { errno, systemError, UvethError } from '../errors.js'
import {
  closeFd,
  IFF_MULTI_QUEUE,
  IFF_NO_CARRIER,
  IFF_NO_PI,
  IFF_TAP,
  IFF_TUN_EXCL,
  IFF_VNET_HDR,
  netnsCreate,
  TUN_F_CSUM,
  TUN_F_TSO,
  TUN_F_USO,
  tunGetFeatures,
  tunOpen,
  tunSetCarrier,
  tunSetIff,
  tunSetOffload,
} from '../native.js'
import { NETLINK_ROUTE } from '../netlink/constants.js'
import { NetlinkSocket } from '../netlink/socket.js'
import { NetlinkPort, VETH_PORT } from '../netlink/user-socket.js'
import { NETNS_DIRECTORY } from '../netns/names.js'
import { seesAllProcesses } from '../netns/processes.js'
import { DEVICE } from '../sandbox/device.js'
import { sandboxObstacle } from '../sandbox/obstacle.js'
import { isConfined } from '../sandbox/place.js'
import { openFailed } from './ability.js'
import {
  type Finding,
  judgeCapabilities,
  judgeKernel,
  judgeSandbox,
  judgeUses,
  remedyFor,
  verdict,
} from './finding.js'
import { examineTunnel } from './tunnel.js'

const THROWAWAY = '_uvdoctor%d'

export function examineMachine(): Finding[] {
  const status = readFileSync('/proc/self/status', 'utf8')
  const tun = examineTun(status)
  const tap = tun.some(({ check, status }) => check === 'tap' && status === 'ok')
  // It is there where giving it is not what helps, also for a user who may not open it.
  const device = !tun.some(({ check, remedy }) => check === 'tun' && remedy?.includes('--device'))
  const surroundings = { device, tap, allProcesses: seesAllProcesses(), confined: isConfined() }
  return [
    ...judgeKernel(release()),
    ...judgeCapabilities(status),
    ...tun,
    ...examineTunnel(),
    examineMonitor(status),
    examineNamespaces(),
    examineWorkshop(status),
    ...judgeSandbox(status, textOf('/proc/self/uid_map') ?? '', textOf('/proc/sys/kernel/io_uring_disabled')),
    ...judgeUses(status, surroundings),
    examineSandbox(),
  ]
}

/** Whether the port id of the netlink interface is free. Only while no daemon of ours has it. */
export function examinePort(): Finding {
  const check = 'netlink'
  try {
    NetlinkPort.bind(VETH_PORT).close()
    return { check, status: 'ok', what: 'the netlink port is free' }
  } catch (error) {
    if (!(error instanceof UvethError)) throw error
    const remedy = 'end the process that has it, or use another one: uveth daemon --netlink PORT'
    return { check, status: 'warn', what: `the netlink port cannot be had: ${error.message}`, remedy }
  }
}

function examineTun(status: string): Finding[] {
  const fd = tunOpen()
  if (fd < 0) return [openFailed(fd)]
  try {
    const opens: Finding = { check: 'tun', status: 'ok', what: `${DEVICE} opens` }
    return [opens, ...examineFeatures(fd), ...examineTap(fd, status)]
  } finally {
    closeFd(fd)
  }
}

function examineFeatures(fd: number): Finding[] {
  const features = tunGetFeatures(fd)
  if (features < 0) {
    const what = systemError(features, 'ioctl(TUNGETFEATURES)').message
    return [{ check: 'tun.features', status: 'fail', what, remedy: 'a kernel with the whole TUN driver' }]
  }
  return [
    verdict('tun.vnet_hdr', (features & IFF_VNET_HDR) !== 0, 'virtio-net headers', {
      status: 'fail',
      what: 'the TUN driver has no virtio-net headers',
      remedy: 'another kernel: every one from 2.6.27 has them',
    }),
    verdict('tun.multi_queue', (features & IFF_MULTI_QUEUE) !== 0, 'several queues for each end', {
      status: 'warn',
      what: 'one queue for each end only',
      remedy: 'Linux 3.8 or newer',
    }),
    verdict('tun.no_carrier', (features & IFF_NO_CARRIER) !== 0, 'interfaces are born without carrier', {
      status: 'warn',
      what: 'interfaces are born with carrier, which is then taken away',
      remedy: 'nothing to do; newer kernels know IFF_NO_CARRIER',
    }),
  ]
}

/** What only a TAP itself can tell. It is gone when its descriptor is closed. */
function examineTap(fd: number, status: string): Finding[] {
  const made = tunSetIff(fd, THROWAWAY, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL)
  if (made < 0) {
    const what = `no interface can be made: ${systemError(made, 'ioctl(TUNSETIFF)').message}`
    const remedy =
      made === errno.EPERM
        ? remedyFor(status, 'NET_ADMIN')
        : 'a kernel with CONFIG_TUN that is not locked down'
    return [{ check: 'tap', status: 'fail', what, remedy }]
  }
  const offload = (check: string, mask: number, name: string, remedy: string): Finding =>
    verdict(check, tunSetOffload(fd, mask) >= 0, name, { status: 'warn', what: `no ${name}: slower`, remedy })
  const switched = tunSetCarrier(fd, true) >= 0 && tunSetCarrier(fd, false) >= 0
  return [
    { check: 'tap', status: 'ok', what: 'an interface can be made' },
    offload('tap.csum', TUN_F_CSUM, 'checksum offload', 'another kernel'),
    offload('tap.tso', TUN_F_CSUM | TUN_F_TSO, 'TCP segmentation offload', 'another kernel'),
    offload(
      'tap.uso',
      TUN_F_CSUM | TUN_F_TSO | TUN_F_USO,
      'UDP segmentation offload',
      'Linux 6.2 or newer has it',
    ),
    verdict('tap.carrier', switched, 'carrier can be switched', {
      status: 'fail',
      what: 'carrier cannot be switched',
      remedy: 'Linux 5.0 or newer',
    }),
  ]
}

function examineMonitor(status: string): Finding {
  const check = 'all_nsid'
  try {
    using socket = NetlinkSocket.open(NETLINK_ROUTE)
    if (socket.listenAllNsid()) return { check, status: 'ok', what: 'events of all network namespaces' }
    const what = 'events of other network namespaces are not heard'
    return { check, status: 'warn', what, remedy: remedyFor(status, 'NET_BROADCAST') }
  } catch (error) {
    if (!(error instanceof UvethError)) throw error
    const remedy = 'rtnetlink sockets must be allowed (seccomp, RestrictAddressFamilies of systemd)'
    return { check, status: 'fail', what: error.message, remedy }
  }
}

function examineNamespaces(): Finding {
  const check = 'netns'
  if (!existsSync(NETNS_DIRECTORY)) {
    return { check, status: 'ok', what: `no ${NETNS_DIRECTORY} yet: ip netns add NAME makes it` }
  }
  try {
    const count = readdirSync(NETNS_DIRECTORY).length
    return { check, status: 'ok', what: `${NETNS_DIRECTORY}: ${count} named network namespaces` }
  } catch (error) {
    return { check, status: 'warn', what: (error as Error).message, remedy: 'run as root' }
  }
}

/** The namespace that ends for others are made in (link/workshop.ts): one is made, and gone at once. */
function examineWorkshop(status: string): Finding {
  const check = 'workshop'
  const fd = netnsCreate()
  if (fd >= 0) {
    closeFd(fd)
    return { check, status: 'ok', what: 'an end for another network namespace appears there at once' }
  }
  const what = `an end for another network namespace is seen here for a moment, as _uvethN: ${systemError(fd, 'unshare').message}`
  const remedy =
    fd === errno.EPERM
      ? remedyFor(status, 'SYS_ADMIN')
      : 'sysctl user.max_net_namespaces says how many there may be'
  return { check, status: 'warn', what, remedy }
}

/** For users who are not root. Root is told, and has nothing to mend: it needs none. */
function examineSandbox(): Finding {
  const check = 'use.sandbox'
  const root = process.getuid?.() === 0
  const obstacle = sandboxObstacle(root)
  const what = 'uveth sandbox, which needs no root'
  if (obstacle === undefined) return { check, status: 'ok', what: `possible: ${what}` }
  if (root) return { check, status: 'ok', what: `not possible for other users: ${what}: ${obstacle}` }
  const [, why = obstacle, remedy = 'run as root'] = /^(.*?) \((.*)\)$/.exec(obstacle) ?? []
  return { check, status: 'warn', what: `not possible: ${what}: ${why}`, remedy }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // older kernels, or a /proc that hides it
  }
}
