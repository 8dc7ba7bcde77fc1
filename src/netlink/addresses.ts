// Addresses of links on bytes: the requests that add and list them, and what the kernel says of each. Called by route.ts
// and by the link thread's monitor. Pure functions; which of them somebody has given a link is said here, too.

import { type Cidr, formatCidr } from '../frame/address.js'
import { viewOf } from '../frame/view.js'
import { AttributeDecoder, AttributeWriter } from './attribute.js'
import * as nl from './constants.js'
import { type Message, type Request, requestOf } from './message.js'

const IFADDRMSG_LEN = 8
/** IFAPROT_*: an address that the kernel has given a link by itself (from Linux 5.18; not told before). */
const OF_THE_KERNEL = [1, 2, 3]

/** An address of a link. What is not there is as `ip addr add` has it. */
export interface LinkAddress extends Cidr {
  /** The other end of a point-to-point address. */
  peer?: Uint8Array
  broadcast?: Uint8Array
  /** Of IPv4: what older tools call it, where that is not the link's name. */
  label?: string
  /** RT_SCOPE_* */
  scope?: number
  /** Without the route to its network. */
  noPrefixRoute?: boolean
  /** Of that route. */
  metric?: number
}

/** The link that a message about an address speaks of, and its address, where somebody has given it that for good. */
export interface AddressOfLink {
  family: number
  ifindex: number
  address: LinkAddress | undefined
}

// struct ifaddrmsg { __u8 ifa_family, ifa_prefixlen, ifa_flags, ifa_scope; __u32 ifa_index; }
function ifaddrmsg(family: number, ifindex: number, prefixLength = 0, scope = 0): Uint8Array {
  const header = Uint8Array.of(family, prefixLength, 0, scope, 0, 0, 0, 0)
  viewOf(header).setUint32(4, ifindex, nl.HOST_LITTLE_ENDIAN)
  return header
}

/**
 * An address as `ip addr add` adds it: no broadcast address, scope host for 127/8, unless it says otherwise. `nodad`: an
 * IPv6 address can be bound at once, without duplicate address detection.
 */
export function newAddressRequest(ifindex: number, given: LinkAddress, nodad = false): Request {
  const { prefixLength, address, peer = address, broadcast, label, metric } = given
  const family = address.length === 4 ? nl.AF_INET : nl.AF_INET6
  const loopback = family === nl.AF_INET && address[0] === 127
  const { scope = loopback ? nl.RT_SCOPE_HOST : nl.RT_SCOPE_UNIVERSE } = given
  const header = ifaddrmsg(family, ifindex, prefixLength, scope)
  header[2] = nodad && family === nl.AF_INET6 ? nl.IFA_F_NODAD : 0
  const attributes = new AttributeWriter(header).bytes(nl.IFA_LOCAL, address).bytes(nl.IFA_ADDRESS, peer)
  if (broadcast !== undefined) attributes.bytes(nl.IFA_BROADCAST, broadcast)
  if (label !== undefined) attributes.string(nl.IFA_LABEL, label)
  // In place of the flags of the header, which are too few for it.
  if (given.noPrefixRoute) attributes.u32(nl.IFA_FLAGS, (header[2] as number) | nl.IFA_F_NOPREFIXROUTE)
  if (metric !== undefined) attributes.u32(nl.IFA_RT_PRIORITY, metric)
  const flags = nl.NLM_F_CREATE | nl.NLM_F_EXCL
  return requestOf('RTM_NEWADDR', formatCidr(given), nl.RTM_NEWADDR, attributes.finish(), flags)
}

/** All of a link, in the socket's namespace or in the one that it knows as `nsid`. */
export function getAddressesRequest(family: number, ifindex: number, nsid: number | undefined): Request {
  const attributes = new AttributeWriter(ifaddrmsg(family, ifindex))
  if (nsid !== undefined) attributes.s32(nl.IFA_TARGET_NETNSID, nsid)
  const subject = `ifindex ${ifindex}`
  return requestOf('RTM_GETADDR', subject, nl.RTM_GETADDR, attributes.finish(), nl.NLM_F_DUMP)
}

/** Of RTM_NEWADDR and RTM_DELADDR. `label` is told of every IPv4 address: whose name is the link's says nothing. */
export function parseAddress({ payload }: Message): AddressOfLink {
  const [family = 0, prefixLength = 0, , scope = 0] = payload
  const attributes = new AttributeDecoder(payload, IFADDRMSG_LEN)
  attributes.end()
  const found = { local: undefined as Uint8Array | undefined, flags: payload[2] ?? 0, protocol: 0 }
  const address: LinkAddress = { address: new Uint8Array(0), prefixLength }
  while (attributes.next()) {
    const { type } = attributes
    if (type === nl.IFA_ADDRESS) address.address = attributes.bytes()
    else if (type === nl.IFA_LOCAL) found.local = attributes.bytes()
    else if (type === nl.IFA_BROADCAST) address.broadcast = attributes.bytes()
    else if (type === nl.IFA_LABEL) address.label = attributes.string()
    else if (type === nl.IFA_FLAGS) found.flags = attributes.u32()
    else if (type === nl.IFA_RT_PRIORITY) address.metric = attributes.u32()
    else if (type === nl.IFA_PROTO) found.protocol = attributes.u8()
  }
  attributes.end()
  const { local = address.address, flags, protocol } = found
  if (Buffer.compare(local, address.address) !== 0) address.peer = address.address
  address.address = local
  if (scope !== nl.RT_SCOPE_UNIVERSE) address.scope = scope
  if (flags & nl.IFA_F_NOPREFIXROUTE) address.noPrefixRoute = true
  const given = (flags & nl.IFA_F_PERMANENT) !== 0 && !OF_THE_KERNEL.includes(protocol)
  const ifindex = viewOf(payload).getUint32(4, nl.HOST_LITTLE_ENDIAN)
  return { family, ifindex, address: given ? address : undefined }
}

/** What IPv6 gives a link with this MAC address by itself, where the kernel does not say so. */
export function isLinkLocalOf({ address, scope }: LinkAddress, mac: Uint8Array): boolean {
  if (address.length !== 16 || scope !== nl.RT_SCOPE_LINK) return false
  const [one = 0, two = 0, three = 0, four = 0, five = 0, six = 0] = mac
  const host = [one ^ 2, two, three, 0xff, 0xfe, four, five, six]
  return Buffer.compare(address, Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...host)) === 0
}
