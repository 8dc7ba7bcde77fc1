// rtnetlink on bytes: the requests that the link thread sends about links and namespace ids, and the messages that the
// kernel answers or sends by itself (those about addresses: addresses.ts). Called by route.ts and by the link thread's
// monitor. Pure functions; no socket here, and no policy about what to ask when.

import { viewOf } from '../frame/view.js'
import { AttributeDecoder, AttributeWriter, align, DecodeError } from './attribute.js'
import * as nl from './constants.js'
import { type LinkDetails, readDetail } from './link-details.js'
import { type Message, type Request, requestOf } from './message.js'

export const IFINFOMSG_LEN = 16
const RTGENMSG_LEN = 1

/** Which link: by name or by index, in the socket's namespace or in the one that it knows as `nsid`. */
export type LinkQuery = ({ name: string; ifindex?: undefined } | { name?: undefined; ifindex: number }) & {
  nsid?: number | undefined
  extMask?: number | undefined
} // extMask: RTEXT_FILTER_*

/** What to change of a link; what is undefined stays as it is. */
export interface LinkChange {
  ifindex: number
  up?: boolean | undefined
  mtu?: number | undefined
  /** MAC, 6 bytes. */
  address?: Uint8Array | undefined
  /** A new name; may hold %d. When it moves it is the name over there. */
  name?: string | undefined
  /** The namespace to move to, by a descriptor or by a process in it; and the index over there (from Linux 5.13). */
  netnsFd?: number | undefined
  netnsPid?: number | undefined
  newIfindex?: number | undefined
  alias?: string | undefined
  txqlen?: number | undefined
  /** IN6_ADDR_GEN_MODE_* */
  addrGenMode?: number | undefined
  /** IF_OPER_DORMANT of a link that is up, IF_OPER_UP of one that is dormant or unknown; anything else changes nothing. */
  operstate?: number | undefined
}

/** Where the counters are in struct rtnl_link_stats64, in words of 64 bits. */
const STATS64 = {
  rx_packets: 0,
  tx_packets: 1,
  rx_bytes: 2,
  tx_bytes: 3,
  rx_errors: 4,
  tx_errors: 5,
  rx_dropped: 6,
  tx_dropped: 7,
  multicast: 8,
  collisions: 9,
  tx_carrier_errors: 17,
} as const

/** Each is rounded above 2^53. */
export type LinkStats = Record<keyof typeof STATS64, number>

/** An RTM_NEWLINK or RTM_DELLINK. What the kernel left out is zero, '' or empty. */
export interface Link {
  kind: 'link'
  type: 'new' | 'del'
  /** Namespace that the link is in, as the receiving socket's own knows it; -1: that one itself. */
  nsid: number
  ifindex: number
  name: string
  flags: number
  mtu: number
  /** IF_OPER_* */
  operstate: number
  carrier: boolean
  address: Uint8Array
  txqlen: number
  /** Of its queue; 'noop' until the kernel has acted on its first carrier. */
  qdisc: string
  /** An XDP program looks at what it receives, in whatever mode. */
  xdp: boolean
  /** Of a 'del' that is a move: where to, as the namespace that the link has left knows it. */
  newNetnsid: number | undefined
  newIfindex: number | undefined
  stats64: LinkStats | undefined
  details: LinkDetails
}

/** An RTM_NEWNSID or RTM_DELNSID: namespace `from` (-1: the socket's own) began or ceased to know `nsid`. */
export interface NsidEvent {
  kind: 'nsid'
  type: 'new' | 'del'
  nsid: number
  from: number
}

// struct ifinfomsg { unsigned char ifi_family, pad; unsigned short ifi_type; int ifi_index; unsigned ifi_flags, ifi_change; }
function ifinfomsg(ifindex: number, flags = 0, change = 0): Uint8Array {
  const bytes = new Uint8Array(IFINFOMSG_LEN)
  const view = viewOf(bytes)
  view.setUint8(0, nl.AF_UNSPEC)
  view.setInt32(4, ifindex, nl.HOST_LITTLE_ENDIAN)
  view.setUint32(8, flags, nl.HOST_LITTLE_ENDIAN)
  view.setUint32(12, change, nl.HOST_LITTLE_ENDIAN)
  return bytes
}

function subjectOf(link: { name?: string | undefined; ifindex?: number | undefined }): string {
  return link.name ?? `ifindex ${link.ifindex}`
}

export function getLinkRequest(query: LinkQuery): Request {
  return requestOf('RTM_GETLINK', subjectOf(query), nl.RTM_GETLINK, whichLink(query))
}

export function delLinkRequest(query: LinkQuery): Request {
  return requestOf('RTM_DELLINK', subjectOf(query), nl.RTM_DELLINK, whichLink(query))
}

function whichLink({ ifindex = 0, nsid, name, extMask }: LinkQuery): Uint8Array {
  const attributes = new AttributeWriter(ifinfomsg(ifindex))
  if (nsid !== undefined) attributes.s32(nl.IFLA_TARGET_NETNSID, nsid)
  if (name !== undefined) attributes.string(nl.IFLA_IFNAME, name)
  if (extMask !== undefined) attributes.u32(nl.IFLA_EXT_MASK, extMask)
  return attributes.finish()
}

/**
 * One request with all the changes. The kernel takes them one by one, in its own order (move, MAC,
 * MTU, name, flags, txqlen, addrGenMode): a refusal leaves the ones before it done.
 */
export function setLinkRequest(change: LinkChange): Request {
  const { up, addrGenMode } = change
  const header = ifinfomsg(change.ifindex, up ? nl.IFF_UP : 0, up === undefined ? 0 : nl.IFF_UP)
  const attributes = new AttributeWriter(header)
  if (change.netnsFd !== undefined) attributes.s32(nl.IFLA_NET_NS_FD, change.netnsFd)
  if (change.netnsPid !== undefined) attributes.u32(nl.IFLA_NET_NS_PID, change.netnsPid)
  if (change.newIfindex !== undefined) attributes.s32(nl.IFLA_NEW_IFINDEX, change.newIfindex)
  if (change.address !== undefined) attributes.bytes(nl.IFLA_ADDRESS, change.address)
  if (change.mtu !== undefined) attributes.u32(nl.IFLA_MTU, change.mtu)
  if (change.name !== undefined) attributes.string(nl.IFLA_IFNAME, change.name)
  if (change.operstate !== undefined) attributes.u8(nl.IFLA_OPERSTATE, change.operstate)
  if (change.txqlen !== undefined) attributes.u32(nl.IFLA_TXQLEN, change.txqlen)
  if (change.alias !== undefined) attributes.bytes(nl.IFLA_IFALIAS, Buffer.from(change.alias))
  if (addrGenMode !== undefined) {
    attributes.nested(nl.IFLA_AF_SPEC, (families) =>
      families.nested(nl.AF_INET6, (inet6) => inet6.u8(nl.IFLA_INET6_ADDR_GEN_MODE, addrGenMode)),
    )
  }
  return requestOf('RTM_SETLINK', subjectOf(change), nl.RTM_SETLINK, attributes.finish())
}

export function newAltnameRequest(ifindex: number, altname: string): Request {
  const attributes = new AttributeWriter(ifinfomsg(ifindex))
  attributes.nested(nl.IFLA_PROP_LIST, (names) => names.string(nl.IFLA_ALT_IFNAME, altname))
  const flags = nl.NLM_F_CREATE | nl.NLM_F_EXCL | nl.NLM_F_APPEND
  return requestOf('RTM_NEWLINKPROP', altname, nl.RTM_NEWLINKPROP, attributes.finish(), flags)
}

// struct rtgenmsg { unsigned char rtgen_family; }, padded to 4
function rtgenmsg(): Uint8Array {
  return new Uint8Array(align(RTGENMSG_LEN))
}

/** By which number does the socket's namespace know that of `netnsFd`? */
export function getNsidRequest(netnsFd: number): Request {
  return requestOf(
    'RTM_GETNSID',
    `namespace fd ${netnsFd}`,
    nl.RTM_GETNSID,
    new AttributeWriter(rtgenmsg()).s32(nl.NETNSA_FD, netnsFd).finish(),
  )
}

/** Gives the namespace a number of the kernel's choice; EEXIST if it has one. */
export function newNsidRequest(netnsFd: number): Request {
  return requestOf(
    'RTM_NEWNSID',
    `namespace fd ${netnsFd}`,
    nl.RTM_NEWNSID,
    new AttributeWriter(rtgenmsg())
      .s32(nl.NETNSA_NSID, nl.NETNSA_NSID_NOT_ASSIGNED)
      .s32(nl.NETNSA_FD, netnsFd)
      .finish(),
  )
}

function parseStats64(bytes: Uint8Array): LinkStats {
  // Later kernels append words; the ones that are read have been there since Linux 2.6.35.
  if (bytes.length < 18 * 8) throw new DecodeError(`link statistics of ${bytes.length} bytes`)
  const view = viewOf(bytes)
  const words = Object.entries(STATS64).map(([name, index]) => {
    return [name, Number(view.getBigUint64(8 * index, nl.HOST_LITTLE_ENDIAN))]
  })
  return Object.fromEntries(words) as LinkStats
}

/** `nsid`: of the datagram's control message, -1 if it had none. */
export function parseLink(message: Message, nsid = -1): Link {
  const { payload } = message
  const attributes = new AttributeDecoder(payload, IFINFOMSG_LEN)
  attributes.end()
  const view = viewOf(payload)
  const link: Link = {
    kind: 'link',
    type: message.type === nl.RTM_DELLINK ? 'del' : 'new',
    nsid,
    ifindex: view.getInt32(4, nl.HOST_LITTLE_ENDIAN),
    name: '',
    flags: view.getUint32(8, nl.HOST_LITTLE_ENDIAN),
    mtu: 0,
    operstate: 0,
    carrier: false,
    address: new Uint8Array(0),
    txqlen: 0,
    qdisc: '',
    xdp: false,
    newNetnsid: undefined,
    newIfindex: undefined,
    stats64: undefined,
    details: {},
  }
  while (attributes.next()) readLinkAttribute(link, attributes)
  attributes.end()
  return link
}

function readLinkAttribute(link: Link, attribute: AttributeDecoder): void {
  const { type } = attribute
  readDetail(link.details, attribute)
  if (type === nl.IFLA_IFNAME) link.name = attribute.string()
  else if (type === nl.IFLA_MTU) link.mtu = attribute.u32()
  else if (type === nl.IFLA_OPERSTATE) link.operstate = attribute.u8()
  else if (type === nl.IFLA_CARRIER) link.carrier = attribute.u8() !== 0
  else if (type === nl.IFLA_ADDRESS) link.address = attribute.bytes()
  else if (type === nl.IFLA_QDISC) link.qdisc = attribute.string()
  else if (type === nl.IFLA_TXQLEN) link.txqlen = attribute.u32()
  else if (type === nl.IFLA_NEW_NETNSID) link.newNetnsid = attribute.s32()
  else if (type === nl.IFLA_NEW_IFINDEX) link.newIfindex = attribute.s32()
  else if (type === nl.IFLA_TARGET_NETNSID) link.nsid = attribute.s32()
  else if (type === nl.IFLA_XDP) link.xdp = isAttached(attribute)
  else if (type === nl.IFLA_STATS64) link.stats64 = parseStats64(attribute.bytes())
}

function isAttached(attribute: AttributeDecoder): boolean {
  let mode = nl.XDP_ATTACHED_NONE
  attribute.nested((xdp) => {
    while (xdp.next()) if (xdp.type === nl.IFLA_XDP_ATTACHED) mode = xdp.u8()
  })
  return mode !== nl.XDP_ATTACHED_NONE
}

/** The number in an RTM_*NSID message, -1 if none is assigned. */
export function parseNsid(message: Message): number {
  let nsid = nl.NETNSA_NSID_NOT_ASSIGNED
  const attributes = new AttributeDecoder(message.payload, RTGENMSG_LEN)
  while (attributes.next()) {
    if (attributes.type === nl.NETNSA_NSID) nsid = attributes.s32()
  }
  attributes.end()
  return nsid
}

/**
 * What a message of the monitor means; undefined for one that says nothing about a link's life. A
 * bridge reports its ports as links of family AF_BRIDGE, and one that is taken out of it as an
 * RTM_DELLINK, although it lives on.
 */
export function parseRouteEvent(message: Message, nsid = -1): Link | NsidEvent | undefined {
  const { type, payload } = message
  if (type === nl.RTM_NEWLINK || type === nl.RTM_DELLINK) {
    return payload[0] === nl.AF_UNSPEC || payload[0] === undefined ? parseLink(message, nsid) : undefined
  }
  if (type === nl.RTM_NEWNSID || type === nl.RTM_DELNSID) {
    return {
      kind: 'nsid',
      type: type === nl.RTM_DELNSID ? 'del' : 'new',
      nsid: parseNsid(message),
      from: nsid,
    }
  }
  return undefined
}
