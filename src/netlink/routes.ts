// Routes of a link on bytes: the request that adds one, those that somebody has given a link, and whether one is among
// them. Called by the CNI plugin, for the namespace of a pod and for its host, and by the link thread, which gives an end
// again what it had. Pure functions; which routes there are to be is for others to say.

import { formatPrefix, type Prefix } from '../frame/address.js'
import { viewOf } from '../frame/view.js'
import { AttributeDecoder, AttributeWriter } from './attribute.js'
import * as nl from './constants.js'
import { type Client, type Message, requestOf } from './message.js'

const RTMSG_LEN = 12
const NHMSG_LEN = 8
/** Of whom routes are that somebody has given. */
const GIVEN: readonly number[] = [nl.RTPROT_BOOT, nl.RTPROT_STATIC]
const PLACE = [nl.RTA_DST, nl.RTA_TABLE, nl.RTA_PRIORITY]

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

/** EEXIST if there is such a route. */
export function addRoute(client: Client, ifindex: number, route: Route): void {
  giveRoute(client, ifindex, messageOf(route), formatPrefix(route.destination))
}

/** An RTM_NEWROUTE without its link. */
function messageOf(route: Route): Uint8Array {
  const { destination, gateway, source, scope = nl.RT_SCOPE_UNIVERSE, table = nl.RT_TABLE_MAIN } = route
  const { address, length } = destination
  const family = address.length === 4 ? nl.AF_INET : nl.AF_INET6
  // struct rtmsg { __u8 family, dst_len, src_len, tos, table, protocol, scope, type; __u32 flags; }
  const header = [family, length, 0, 0, 0, nl.RTPROT_BOOT, scope, nl.RTN_UNICAST, 0, 0, 0, 0]
  const writer = new AttributeWriter(Uint8Array.from(header)).u32(nl.RTA_TABLE, table)
  if (length > 0) writer.bytes(nl.RTA_DST, address)
  if (gateway !== undefined) writer.bytes(nl.RTA_GATEWAY, gateway)
  if (source !== undefined) writer.bytes(nl.RTA_PREFSRC, source)
  if (route.priority !== undefined) writer.u32(nl.RTA_PRIORITY, route.priority)
  const { mtu, advmss } = route
  if (mtu !== undefined || advmss !== undefined)
    writer.nested(nl.RTA_METRICS, (metrics) => {
      if (mtu !== undefined) metrics.u32(nl.RTAX_MTU, mtu)
      if (advmss !== undefined) metrics.u32(nl.RTAX_ADVMSS, advmss)
    })
  return writer.finish()
}

/** The first of these that nobody has given the link, with all that is wished for it: in any table, unless one is. */
export function missingRoute(client: Client, ifindex: number, wanted: readonly Route[]): Route | undefined {
  const present = givenRoutes(client, ifindex).map(partsOf)
  return wanted.find((route) => {
    const parts = [...partsOf(messageOf(route))].filter(([type]) => type !== nl.RTA_TABLE || route.table)
    return !present.some((there) => parts.every(([type, part]) => there.get(type) === part))
  })
}

/** Attributes by their types, as text; with 0 of its family and the length of its destination. */
function partsOf(route: Uint8Array): Map<number, string> {
  const parts = new Map([[0, route.subarray(0, 2).join()]])
  const attributes = new AttributeDecoder(route, RTMSG_LEN)
  while (attributes.next()) parts.set(attributes.type, attributes.bytes().join())
  return parts
}

/** A route that somebody has given a link: an RTM_NEWROUTE without the link, to be given to another one. */
export interface GivenRoute {
  ifindex: number
  route: Uint8Array
}

/**
 * Of RTM_NEWROUTE and RTM_DELROUTE, where it is one that somebody has given for good (`ip route add`); not those that the
 * kernel, a router or a routing daemon gives, nor those over several links. What counts on in it, or is a number of this
 * boot, is left out.
 */
export function parseGivenRoute({ type, payload }: Message): GivenRoute | undefined {
  if (type !== nl.RTM_NEWROUTE && type !== nl.RTM_DELROUTE) return undefined
  if (!GIVEN.includes(payload[5] ?? 0)) return undefined
  const header = payload.slice(0, RTMSG_LEN)
  const flags = viewOf(header)
  flags.setUint32(8, flags.getUint32(8, nl.HOST_LITTLE_ENDIAN) & nl.RTNH_F_ONLINK, nl.HOST_LITTLE_ENDIAN)
  const route = new AttributeWriter(header)
  const attributes = new AttributeDecoder(payload, RTMSG_LEN)
  let ifindex = 0
  let lent = false
  while (attributes.next()) {
    if (attributes.type === nl.RTA_OIF) ifindex = attributes.u32()
    else if (attributes.type === nl.RTA_CACHEINFO) lent = expires(attributes.bytes())
    else if (attributes.type !== nl.RTA_NH_ID) route.bytes(attributes.type, attributes.bytes())
  }
  attributes.end()
  return ifindex === 0 || lent ? undefined : { ifindex, route: route.finish() }
}

// struct rta_cacheinfo { __u32 clntref, lastuse; __s32 expires; … }
function expires(cacheinfo: Uint8Array): boolean {
  return viewOf(cacheinfo).getInt32(8, nl.HOST_LITTLE_ENDIAN) !== 0
}

/** The link whose given routes are others since: by a route, or by the end of what several go by (`ip nexthop del`). */
export function reroutedLink(message: Message): number | undefined {
  if (message.type !== nl.RTM_DELNEXTHOP) return parseGivenRoute(message)?.ifindex
  let ifindex: number | undefined
  const attributes = new AttributeDecoder(message.payload, NHMSG_LEN)
  while (attributes.next()) if (attributes.type === nl.NHA_OIF) ifindex = attributes.u32()
  attributes.end()
  return ifindex
}

/** Where a route has come in the place of another (`ip route replace`): whose link that was nobody says. */
export function placeTaken({ type, flags, payload }: Message): string | undefined {
  return type === nl.RTM_NEWROUTE && (flags & nl.NLM_F_REPLACE) !== 0 ? placeOf(payload) : undefined
}

/** What no two routes of a namespace have in common, but those that share what they carry. */
export function placeOf(route: Uint8Array): string {
  const parts = partsOf(route)
  return [parts.get(0), route[3], ...PLACE.map((type) => parts.get(type))].join(' ')
}

/** Type and protocol of an event, where they stand in it; BPF reads big-endian, whatever the machine is. */
const [TYPE_AT, PROTOCOL_AT] = [4, 16 + 5]
const seen = (type: number) => (nl.HOST_LITTLE_ENDIAN ? type << 8 : type)

/**
 * For a socket that hears of routes: it takes of these only those that somebody has given, of nexthops only that they end,
 * and all of anything else. A routing daemon gives a million, and nobody is to read them.
 */
export const GIVEN_ROUTES = program([
  [nl.BPF_LD_H_ABS, 0, 0, TYPE_AT],
  [nl.BPF_JEQ, 2, 0, seen(nl.RTM_NEWROUTE)],
  [nl.BPF_JEQ, 1, 0, seen(nl.RTM_DELROUTE)],
  [nl.BPF_JEQ, 4, 3, seen(nl.RTM_NEWNEXTHOP)],
  [nl.BPF_LD_B_ABS, 0, 0, PROTOCOL_AT],
  [nl.BPF_JEQ, 1, 0, nl.RTPROT_BOOT],
  [nl.BPF_JEQ, 0, 1, nl.RTPROT_STATIC],
  [nl.BPF_RET, 0, 0, 0xffff_ffff], // the whole of it
  [nl.BPF_RET, 0, 0, 0],
])

/** struct sock_filter { __u16 code; __u8 jt, jf; __u32 k; } */
function program(instructions: readonly [code: number, jt: number, jf: number, k: number][]): Uint8Array {
  const bytes = new Uint8Array(8 * instructions.length)
  const view = viewOf(bytes)
  instructions.forEach(([code, jt, jf, k], n) => {
    view.setUint16(8 * n, code, nl.HOST_LITTLE_ENDIAN)
    bytes.set([jt, jf], 8 * n + 2)
    view.setUint32(8 * n + 4, k, nl.HOST_LITTLE_ENDIAN)
  })
  return bytes
}

/** Those of a link: what stands on others behind these, as it can be given again. */
export function givenRoutes(client: Client, ifindex: number): Uint8Array[] {
  const found = dump(client, ifindex).map(parseGivenRoute)
  const routes = found.flatMap((given) => (given?.ifindex === ifindex ? [given.route] : []))
  return [...routes.filter((route) => !hasGateway(route)), ...routes.filter(hasGateway)]
}

function hasGateway(route: Uint8Array): boolean {
  const parts = partsOf(route)
  return parts.has(nl.RTA_GATEWAY) || parts.has(nl.RTA_VIA)
}

/** EEXIST where there is a way to the same destination by now. */
export function giveRoute(
  client: Client,
  ifindex: number,
  route: Uint8Array,
  subject = `ifindex ${ifindex}`,
): void {
  const payload = new AttributeWriter(route).u32(nl.RTA_OIF, ifindex).finish()
  const flags = nl.NLM_F_CREATE | nl.NLM_F_EXCL
  client.request(requestOf('RTM_NEWROUTE', subject, nl.RTM_NEWROUTE, payload, flags))
}

/** All that somebody has given it: a routing daemon may have given a million. A kernel without IPv6 answers with what it has. */
function dump(client: Client, ifindex: number): Message[] {
  const each = [nl.AF_INET, nl.AF_INET6].flatMap((family) => GIVEN.map((by) => [family, by] as const))
  return each.flatMap(([family, protocol]) => {
    const header = new Uint8Array(RTMSG_LEN)
    header[0] = family
    header[5] = protocol
    const payload = new AttributeWriter(header).u32(nl.RTA_OIF, ifindex).finish()
    const request = requestOf('RTM_GETROUTE', `ifindex ${ifindex}`, nl.RTM_GETROUTE, payload, nl.NLM_F_DUMP)
    return client.request(request).filter(({ payload }) => payload[0] === family && payload[5] === protocol)
  })
}
