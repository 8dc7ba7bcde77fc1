// /dev/net/tun, as this user may open it or not, and what helps: another thing for a user whom its mode keeps out,
// for a machine without the driver and for a container. Asked by doctor/, testing/available.ts and obstacle.ts.
// Looks only, and works without the addon.

import { closeSync, openSync, readFileSync, statSync } from 'node:fs'

export const DEVICE = '/dev/net/tun'
const [GROUP, OTHERS] = [0o060, 0o006]

/** Why this process cannot open it, with a remedy in brackets; undefined where it can. */
export function deviceRefusal(): string | undefined {
  try {
    closeSync(openSync(DEVICE, 'r+'))
    return undefined
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    return `${DEVICE} cannot be opened: ${code} (${deviceRemedy(code)})`
  }
}

/** The same for users who are not root, asked by root: by its mode. */
export function deviceRefusalOfOthers(): string | undefined {
  const mode = statSync(DEVICE, { throwIfNoEntry: false })?.mode ?? 0
  return (mode & OTHERS) === OTHERS ? undefined : `${DEVICE} is not for all users (${opening()})`
}

/** What helps where opening it has failed with `code`. */
export function deviceRemedy(code: string): string {
  const flag = `--device ${DEVICE}`
  switch (code) {
    case 'ENOENT':
      return `as root: modprobe tun; mkdir -p /dev/net && mknod -m 0666 ${DEVICE} c 10 200; in a container: ${flag}`
    case 'EPERM':
      return `the device cgroup forbids it; in a container: ${flag}`
    case 'EACCES':
      return whoMayOpen()
    default:
      return 'the kernel has no TUN driver: modprobe tun'
  }
}

function whoMayOpen(): string {
  const { mode, gid } = statSync(DEVICE)
  if ((mode & OTHERS) === OTHERS)
    return 'its mode allows it: a security module, or a mount without devices, does not'
  return (mode & GROUP) === GROUP && gid !== 0
    ? `join its group, ${groupName(gid)}, or ${opening()}`
    : opening()
}

/** Distributions have it so: without CAP_NET_ADMIN it gives nobody an interface. */
function opening(): string {
  return `as root: chmod 0666 ${DEVICE}; to keep it, a udev rule: KERNEL=="tun", MODE="0666"`
}

function groupName(gid: number): string {
  try {
    const groups = readFileSync('/etc/group', 'utf8').split('\n')
    return groups.map((line) => line.split(':')).find(([, , id]) => id === String(gid))?.[0] ?? String(gid)
  } catch {
    return String(gid)
  }
}
