// What the kernel does for a tunnel to another host: it cuts and joins datagrams, many by one call (link/tunnel.ts). Called by
// machine.ts. Opens a UDP socket for a moment, and sends nothing.

import { systemError } from '../errors.js'
import { closeFd, SOL_UDP, socketSetOption, UDP_GRO, UDP_SEGMENT, udpOpen } from '../native.js'
import { type Finding, verdict } from './finding.js'

export function examineTunnel(): Finding[] {
  const fd = udpOpen(false)
  if (fd < 0) {
    const what = `no tunnels to other hosts: ${systemError(fd, 'socket').message}`
    const remedy = 'IPv4 sockets must be allowed (seccomp, RestrictAddressFamilies of systemd)'
    return [{ check: 'tunnel', status: 'warn', what, remedy }]
  }
  try {
    const option = (check: string, name: number, cuts: string, remedy: string): Finding =>
      verdict(
        check,
        socketSetOption(fd, SOL_UDP, name, 1) >= 0,
        `a tunnel's datagrams are ${cuts} by the kernel`,
        {
          status: 'warn',
          what: `a tunnel's datagrams are not ${cuts} by the kernel: slower`,
          remedy,
        },
      )
    return [
      option('tunnel.segment', UDP_SEGMENT, 'cut', 'Linux 4.18 or newer'),
      option('tunnel.join', UDP_GRO, 'joined', 'Linux 5.0 or newer'),
    ]
  } finally {
    closeFd(fd)
  }
}
