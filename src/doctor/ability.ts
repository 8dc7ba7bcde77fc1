// Whether pairs can be made at all, as cheaply as it can be told: the device opens and CAP_NET_ADMIN is
// effective. For `health`, which is asked every few seconds, and for machine.ts, which goes on to try. Makes
// no device, and waits for no lock of the kernel's: the daemon's main thread asks.

import { existsSync, readFileSync } from 'node:fs'
import { errno, systemError } from '../errors.js'
import { closeFds, tunOpen } from '../native.js'
import { type Finding, judgeCapabilities } from './finding.js'

export const DEVICE = '/dev/net/tun'

/** Why no pair can be made, and what helps, in one line; null where nothing speaks against it. */
export function whyNoPairs(): string | null {
  const findings = [
    tryDevice(),
    judgeCapabilities(readFileSync('/proc/self/status', 'utf8')).filter(({ status }) => status === 'fail'),
  ].flat()
  return findings.map(({ what, remedy }) => `${what} (${remedy})`).join('; ') || null
}

/** The device was opened, and its descriptor is being closed: until then nothing is opened beside it. */
let closing = false

/** Why the device does not open; nothing where it does. The close waits for RTNL, up to 25 ms seen, elsewhere. */
function tryDevice(): Finding[] {
  if (closing) return []
  const fd = tunOpen()
  if (fd < 0) return [openFailed(fd)]
  closing = true
  closeFds([fd], () => {
    closing = false
  })
  return []
}

/** Why the device does not open, from what `tunOpen` answered, and what helps. */
export function openFailed(number: number): Finding {
  const { message } = systemError(number, 'open', DEVICE)
  const finding = { check: 'tun', status: 'fail', what: message } as const
  if (!existsSync(DEVICE)) {
    const node = `mkdir -p /dev/net && mknod ${DEVICE} c 10 200`
    return { ...finding, remedy: `modprobe tun; ${node}; in a container: --device ${DEVICE}` }
  }
  if (number === errno.EPERM) {
    const remedy = `the device cgroup forbids it; in a container: --device ${DEVICE}`
    return { ...finding, remedy }
  }
  if (number === errno.EACCES) return { ...finding, remedy: `run as root, or chmod 0666 ${DEVICE}` }
  return { ...finding, remedy: 'the kernel has no TUN driver: modprobe tun' }
}
