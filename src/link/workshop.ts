// The workshop: a network namespace of this process's own, without a name, where ends that are bound for other namespaces
// are made. Nobody watches there, so they appear where they belong at once: with their name, index, MAC address and MTU,
// by one event. Used by create.ts in the link thread; lives as long as the process.

import { systemError } from '../errors.js'
import { closeFd, netnsCreate } from '../native.js'
import { NETLINK_ROUTE } from '../netlink/constants.js'
import { NetlinkSocket } from '../netlink/socket.js'
import { isExhausted } from '../netns/open.js'
import { fallbackForced } from './fallback.js'

export interface Workshop {
  readonly netnsFd: number
  /** There. */
  readonly socket: NetlinkSocket
}

let made: Workshop | 'refused' | undefined

/** Made at first use. Undefined where that takes more than this process may. */
export function workshop(): Workshop | undefined {
  made ??= fallbackForced('workshop') ? 'refused' : open()
  return made === 'refused' ? undefined : made
}

function open(): Workshop | 'refused' {
  const netnsFd = netnsCreate()
  if (isExhausted(netnsFd)) throw systemError(netnsFd, 'open', '/proc/thread-self/ns/net')
  if (netnsFd < 0) return 'refused'
  try {
    return { netnsFd, socket: NetlinkSocket.open(NETLINK_ROUTE, netnsFd) }
  } catch (error) {
    closeFd(netnsFd)
    throw error
  }
}
