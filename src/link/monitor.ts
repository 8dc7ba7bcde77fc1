// Hears of changes to links, their addresses and their routes from the kernel. An event is a hint only: whoever is told looks at the
// kernel's present state. One socket at home hears every namespace that home has a number for, and
// holds none of them open (test/kernel/15). Where that is not allowed (no CAP_NET_BROADCAST), ends in other
// namespaces are looked at from time to time.

import { EPOLLIN, watch } from '../native.js'
import { parseAddress } from '../netlink/addresses.js'
import {
  IFF_UP,
  NETLINK_ROUTE,
  RTM_DELADDR,
  RTM_NEWADDR,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEXTHOP,
  RTNLGRP_NSID,
} from '../netlink/constants.js'
import type { Message } from '../netlink/message.js'
import { GIVEN_ROUTES, placeTaken, reroutedLink } from '../netlink/routes.js'
import { parseRouteEvent } from '../netlink/rtnl.js'
import { NetlinkSocket } from '../netlink/socket.js'
import type { Hint } from './device.js'
import { fallbackForced } from './fallback.js'
import { HOME_NSID } from './whereabouts.js'

/** Bytes: some thousand events, while the link thread waits for RTNL. */
const RECEIVE_BUFFER = 4 << 20
type LinkHint = Extract<Hint, { of: 'link' }>

/** What is told of, also of namespaces that home has a number for. */
const GROUPS = [
  RTNLGRP_LINK,
  ...[RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
  ...[RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEXTHOP],
]

/** ms between two looks where the kernel does not tell. */
const LOOK_INTERVAL = 100

/** Starts it; what it answers hears at once all that the kernel has said up to now. */
export function startMonitor(hear: (hint: Hint) => void): () => void {
  const socket = NetlinkSocket.open(NETLINK_ROUTE)
  socket.setReceiveBuffer(RECEIVE_BUFFER)
  socket.filter(GIVEN_ROUTES)
  const hearsAll = !fallbackForced('all-nsid') && socket.listenAllNsid()
  // Of namespaces home's own numbers are told in any case.
  for (const group of [RTNLGRP_NSID, ...GROUPS]) socket.join(group)
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
  const links = new Map<string, LinkHint>()
  const note = (nsid: number, ifindex: number, more: Partial<LinkHint> = {}) => {
    const key = `${nsid}:${ifindex}`
    links.set(key, { of: 'link', nsid, ifindex, ...links.get(key), ...more })
  }
  for (const { message, nsid } of events) {
    const readdressed = addressed(message)
    if (readdressed !== undefined) note(nsid, readdressed, { addresses: true })
    const rerouted = reroutedLink(message)
    if (rerouted !== undefined) note(nsid, rerouted, { routes: true })
    const place = placeTaken(message)
    if (place !== undefined) hear({ of: 'route', nsid, place })
    const event = parseRouteEvent(message, nsid)
    if (event?.kind === 'link') note(event.nsid, event.ifindex, event.flags & IFF_UP ? {} : { down: true })
    else if (event?.kind === 'nsid' && event.type === 'del' && event.from === HOME_NSID)
      hear({ of: 'netns', nsid: event.nsid })
  }
  for (const hint of links.values()) hear(hint)
}

/** The link that was given an address, or has lost one; not those that the kernel gives. */
function addressed(message: Message): number | undefined {
  if (message.type !== RTM_NEWADDR && message.type !== RTM_DELADDR) return undefined
  const { address, ifindex } = parseAddress(message)
  return address && ifindex
}
