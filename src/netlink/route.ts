// The rtnetlink operations of the link thread, one function each, over a NETLINK_ROUTE socket of
// the namespace in which the link is. Synchronous: each waits for the kernel's RTNL lock, so
// neither the main thread nor a forwarding worker may call them. Refusals are thrown by the socket.

import {
  getAddressesRequest,
  isLinkLocalOf,
  type LinkAddress,
  newAddressRequest,
  parseAddress,
} from './addresses.js'
import { AF_INET, AF_INET6 } from './constants.js'
import { type Client, only } from './message.js'
import {
  getLinkRequest,
  getNsidRequest,
  type Link,
  type LinkChange,
  type LinkQuery,
  newAltnameRequest,
  newNsidRequest,
  parseLink,
  parseNsid,
  setLinkRequest,
} from './rtnl.js'

/** ENODEV if there is no such link. */
export function getLink(client: Client, query: LinkQuery): Link {
  return parseLink(only(client.request(getLinkRequest(query))))
}

/**
 * Changes a link. Going up comes in a request of its own, after the rest: inside one the kernel
 * sets the link up before it looks at addrGenMode, and IPv6 would have spoken by then.
 */
export function setLink(client: Client, change: LinkChange): void {
  if (change.up === true && change.addrGenMode !== undefined) {
    client.request(setLinkRequest({ ...change, up: undefined }))
    client.request(setLinkRequest({ ifindex: change.ifindex, up: true }))
  } else {
    client.request(setLinkRequest(change))
  }
}

/** EEXIST if the link has this address. `nodad`: see newAddressRequest. */
export function addAddress(client: Client, ifindex: number, address: LinkAddress, nodad = false): void {
  client.request(newAddressRequest(ifindex, address, nodad))
}

/** The addresses that somebody has given the link for good; not what the kernel, or a lease, lends it. */
export function givenAddresses(
  client: Client,
  { ifindex, name, address: mac }: Link,
  nsid?: number,
): LinkAddress[] {
  // A kernel without IPv6 answers with what it has.
  const messages = [AF_INET, AF_INET6].flatMap((family) =>
    client.request(getAddressesRequest(family, ifindex, nsid)).filter(({ payload }) => payload[0] === family),
  )
  return messages.flatMap((message) => {
    const { address } = parseAddress(message)
    if (address === undefined || isLinkLocalOf(address, mac)) return []
    const { label, ...rest } = address
    return label === undefined || label === name ? [rest] : [address]
  })
}

/** One more name of the link; EEXIST if another has it. */
export function addAltname(client: Client, ifindex: number, altname: string): void {
  client.request(newAltnameRequest(ifindex, altname))
}

/** The number by which the socket's namespace knows that of `netnsFd`, -1 if it has none. */
export function getNsid(client: Client, netnsFd: number): number {
  return parseNsid(only(client.request(getNsidRequest(netnsFd))))
}

/** Like getNsid, but lets the kernel assign a number where there is none. It stays until either namespace dies. */
export function allocNsid(client: Client, netnsFd: number): number {
  const known = getNsid(client, netnsFd)
  if (known >= 0) return known
  try {
    client.request(newNsidRequest(netnsFd))
  } catch (error) {
    // Somebody else, or a link that was moved there, was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return getNsid(client, netnsFd)
}
