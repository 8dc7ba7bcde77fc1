// Whether pairs can be made at all, as cheaply as it can be told: the device opens and CAP_NET_ADMIN is
// effective. For `health`, which is asked every few seconds, and for machine.ts, which goes on to try. Makes
// no device, and waits for no lock of the kernel's: the daemon's main thread asks.

import { readFileSync } from 'node:fs'
import { systemError } from '../errors.js'
import { closeFds, tunOpen } from '../native.js'
import { DEVICE, deviceRemedy } from '../sandbox/device.js'
import { type Finding, judgeCapabilities } from './finding.js'

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
  const { message, code } = systemError(number, 'open', DEVICE)
  return { check: 'tun', status: 'fail', what: message, remedy: deviceRemedy(code) }
}
