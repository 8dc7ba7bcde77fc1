// Routes of a link on bytes: the requests that add and list them. Called by the CNI plugin, for the namespace of a pod
// and for its host. Pure functions; which routes there are to be is for others to say.

import { formatPrefix, type Prefix, prefixOf } from '../frame/address.js'
import { viewOf } from '../frame/view.js'
import { AttributeDecoder, AttributeWriter } from './attribute.js'
import * as nl from './constants.js'
import { type Client, type Message, requestOf } from './message.js'

const RTMSG_LEN = 12

/** A unicast route over one link; what is not there is as `ip route add` has it. */
export interface Route {
  destination: Prefix
  gateway?: Uint8Array | undefined
  /** The address that is spoken from. */
  source?: Uint8Array | undefined
  /** RT_SCOPE_* */
  scope?: number | undefined
  table?: number | undefined
  priority?: number | undefined
  mtu?: number | undefined
  advmss?: number | undefined
}

// struct rtmsg { __u8 family, dst_len, src_len, tos, table, protocol, scope, type; __u32 flags; }
function rtmsg(family: number, length: number, scope: number): Uint8Array {
  return Uint8Array.of(family, length, 0, 0, 0, nl.RTPROT_BOOT, scope, nl.RTN_UNICAST, 0, 0, 0, 0)
}

function familyOf(address: Uint8Array): number {
  return address.length === 4 ? nl.AF_INET : nl.AF_INET6
}

/** EEXIST if there is such a route. */
export function addRoute(client: Client, ifindex: number, route: Route): void {
  const { destination, gateway, source, scope = nl.RT_SCOPE_UNIVERSE, table = nl.RT_TABLE_MAIN } = route
  const { address, length } = destination
  const writer = new AttributeWriter(rtmsg(familyOf(address), length, scope)).u32(nl.RTA_TABLE, table)
  if (length > 0) writer.bytes(nl.RTA_DST, address)
  writer.u32(nl.RTA_OIF, ifindex)
  if (gateway !== undefined) writer.bytes(nl.RTA_GATEWAY, gateway)
  if (source !== undefined) writer.bytes(nl.RTA_PREFSRC, source)
  if (route.priority !== undefined) writer.u32(nl.RTA_PRIORITY, route.priority)
  const { mtu, advmss } = route
  if (mtu !== undefined || advmss !== undefined)
    writer.nested(nl.RTA_METRICS, (metrics) => {
      if (mtu !== undefined) metrics.u32(nl.RTAX_MTU, mtu)
      if (advmss !== undefined) metrics.u32(nl.RTAX_ADVMSS, advmss)
    })
  const flags = nl.NLM_F_CREATE | nl.NLM_F_EXCL
  client.request(
    requestOf('RTM_NEWROUTE', formatPrefix(destination), nl.RTM_NEWROUTE, writer.finish(), flags),
  )
}

/** The unicast routes over a link, of both families and of all tables but the kernel's local one. */
export function routesOf(client: Client, ifindex: number): Route[] {
  return [nl.AF_INET, nl.AF_INET6].flatMap((family) => {
    const header = rtmsg(family, 0, 0)
    header.fill(0, 1)
    const payload = new AttributeWriter(header).u32(nl.RTA_OIF, ifindex).finish()
    const request = requestOf('RTM_GETROUTE', `ifindex ${ifindex}`, nl.RTM_GETROUTE, payload, nl.NLM_F_DUMP)
    return client.request(request).flatMap((message) => parseRoute(message, family, ifindex))
  })
}

/** Nothing, where it is another family's, another link's or another kind of route. */
function parseRoute({ payload }: Message, wanted: number, ifindex: number): Route[] {
  const [family = 0, length = 0, , , , , scope = 0, type = 0] = payload
  const attributes = new AttributeDecoder(payload, RTMSG_LEN)
  const width = family === nl.AF_INET ? 4 : 16
  const found: Route & { oif: number } = {
    ...{
      destination: prefixOf(new Uint8Array(width), length),
      scope,
      oif: 0,
    },
    table: viewOf(payload).getUint8(4),
  }
  while (attributes.next()) {
    if (attributes.type === nl.RTA_DST) found.destination.address = attributes.bytes()
    else if (attributes.type === nl.RTA_OIF) found.oif = attributes.u32()
    else if (attributes.type === nl.RTA_GATEWAY) found.gateway = attributes.bytes()
    else if (attributes.type === nl.RTA_PREFSRC) found.source = attributes.bytes()
    else if (attributes.type === nl.RTA_PRIORITY) found.priority = attributes.u32()
    else if (attributes.type === nl.RTA_TABLE) found.table = attributes.u32()
  }
  attributes.end()
  const { oif, ...route } = found
  const asked = family === wanted && oif === ifindex && type === nl.RTN_UNICAST
  return asked && route.table !== nl.RT_TABLE_LOCAL ? [route] : []
}
