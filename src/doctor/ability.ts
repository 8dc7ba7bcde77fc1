// Whether pairs can be made at all, as cheaply as it can be told: the device opens and CAP_NET_ADMIN is
// effective. For `health`, which is asked every few seconds, and for machine.ts, which goes on to try. Makes
// no device.

import { existsSync, readFileSync } from 'node:fs'
import { errno, systemError } from '../errors.js'
import { closeFd, tunOpen } from '../native.js'
import { type Finding, judgeCapabilities } from './finding.js'

export const DEVICE = '/dev/net/tun'

/** Why no pair can be made, and what helps, in one line; null where nothing speaks against it. */
export function whyNoPairs(): string | null {
  const findings = [
    useDevice(() => []),
    judgeCapabilities(readFileSync('/proc/self/status', 'utf8')).filter(({ status }) => status === 'fail'),
  ].flat()
  return findings.map(({ what, remedy }) => `${what} (${remedy})`).join('; ') || null
}

/** What `use` finds with the device open, or why it does not open. */
export function useDevice(use: (fd: number) => Finding[]): Finding[] {
  const fd = tunOpen()
  if (fd < 0) return [openFailed(fd)]
  try {
    return use(fd)
  } finally {
    closeFd(fd)
  }
}

/** Why the device does not open, and what helps. */
function openFailed(number: number): Finding {
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
