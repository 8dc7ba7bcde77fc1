// Hears of changes to links from the kernel. An event is a hint only: whoever is told looks at the
// kernel's present state. One socket at home hears every namespace that home has a number for, and
// holds none of them open (test/kernel/15). Where that is not allowed (no CAP_NET_BROADCAST), ends in other
// namespaces are looked at from time to time.

import { EPOLLIN, watch } from '../native.js'
import { NETLINK_ROUTE, RTNLGRP_LINK, RTNLGRP_NSID } from '../netlink/constants.js'
import { parseRouteEvent } from '../netlink/rtnl.js'
import { NetlinkSocket } from '../netlink/socket.js'
import type { Hint } from './device.js'
import { fallbackForced } from './fallback.js'
import { HOME_NSID } from './whereabouts.js'

/** Bytes: some thousand events, while the link thread waits for RTNL. */
const RECEIVE_BUFFER = 4 << 20
/** ms between two looks where the kernel does not tell. */
const LOOK_INTERVAL = 100

/** Starts it; what it answers hears at once all that the kernel has said up to now. */
export function startMonitor(hear: (hint: Hint) => void): () => void {
  const socket = NetlinkSocket.open(NETLINK_ROUTE)
  socket.setReceiveBuffer(RECEIVE_BUFFER)
  const hearsAll = !fallbackForced('all-nsid') && socket.listenAllNsid()
  socket.join(RTNLGRP_LINK)
  socket.join(RTNLGRP_NSID) // home's own numbers are told in any case
  if (!hearsAll) setInterval(() => hear({ of: 'away' }), LOOK_INTERVAL)
  const catchUp = () => deliver(socket, hear)
  const handle = () => {
    catchUp()
    watch(socket.fd, EPOLLIN, handle)
  }
  watch(socket.fd, EPOLLIN, handle)
  return catchUp
}

function deliver(socket: NetlinkSocket, hear: (hint: Hint) => void): void {
  const events = socket.receive()
  if (events === 'overrun') return hear({ of: 'all' })
  // A change comes as several events; each end is looked at once for all of them.
  const links = new Map<string, [number, number]>()
  for (const { message, nsid } of events) {
    const event = parseRouteEvent(message, nsid)
    if (event?.kind === 'link') links.set(`${event.nsid}:${event.ifindex}`, [event.nsid, event.ifindex])
    else if (event?.kind === 'nsid' && event.type === 'del' && event.from === HOME_NSID)
      hear({ of: 'netns', nsid: event.nsid })
  }
  for (const [nsid, ifindex] of links.values()) hear({ of: 'link', nsid, ifindex })
}
