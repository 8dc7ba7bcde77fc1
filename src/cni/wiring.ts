// What makes a pair a container's way out: addresses and routes of both ends, as the `ptp` plugin gives them. Called by
// plugin.ts, which has had the pair made. The container speaks to everybody by its gateway, which is the host's end;
// the host has a route to each of the container's addresses.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import {
  formatAddress,
  formatPrefix,
  parseAddress,
  parseCidr,
  parsePrefix,
  prefixOf,
} from '../frame/address.js'
import type { LinkAddress } from '../netlink/addresses.js'
import { IFF_UP, NETLINK_ROUTE, RT_SCOPE_HOST, RT_SCOPE_LINK } from '../netlink/constants.js'
import { addAddress, getLink, givenAddresses, setLink } from '../netlink/route.js'
import { addRoute, missingRoute, type Route } from '../netlink/routes.js'
import { NetlinkSocket } from '../netlink/socket.js'
import { allowIpv6, HOME_PATH, withNetnsDescriptor } from '../netns/open.js'
import { CODE, Refusal } from './refusal.js'
import type { Attachment, Result, RouteWish } from './request.js'

/** An address of the container, and its gateway. */
interface Place {
  cidr: LinkAddress
  gateway: Uint8Array | undefined
}

/** What an end is to have. */
interface Half {
  addresses: LinkAddress[]
  routes: Route[]
}

interface Plan {
  container: Half
  host: Half
}

/** Reads what IPAM gave. */
export function planWiring({ ips = [], routes = [] }: Result): Plan {
  const places = ips.map(({ address, gateway }) => {
    const cidr = parseCidr(address)
    const by = gateway === undefined || gateway === '' ? undefined : parseAddress(gateway)
    if (cidr === undefined || (gateway && by === undefined))
      throw new Refusal(CODE.configuration, `ipam: '${address}' by gateway '${gateway}' is no address`)
    return { cidr, gateway: by }
  })
  const own = places.flatMap(({ cidr, gateway }): Route[] => {
    const network = prefixOf(cidr.address, cidr.prefixLength)
    const source = cidr.address
    if (gateway === undefined) return [{ destination: network, source, scope: scopeOfLink(source) }]
    const near = { destination: prefixOf(gateway), source, scope: scopeOfLink(source) }
    return network.length === 8 * source.length ? [near] : [near, { destination: network, gateway, source }]
  })
  // Its network is behind the gateway, not on the link.
  const addresses = places.map(({ cidr }) => ({ ...cidr, ...broadcastOf(cidr), noPrefixRoute: true }))
  return {
    container: { addresses, routes: [...own, ...routes.map((route) => planRoute(route, places))] },
    host: { addresses: gatewaysOf(places), routes: places.map(({ cidr }) => routeTo(cidr)) },
  }
}

function planRoute({ dst, gw, ...rest }: RouteWish, places: readonly Place[]): Route {
  const destination = parsePrefix(dst)
  const named = gw ? parseAddress(gw) : undefined
  if (destination === undefined || (gw && named === undefined))
    throw new Refusal(CODE.configuration, `ipam: the route to '${dst}' by '${gw ?? ''}' is none`)
  const width = destination.address.length
  const gateway = named ?? places.find(({ gateway }) => gateway?.length === width)?.gateway
  return { destination, gateway, ...rest }
}

/** Addresses and routes of both ends, and both up. */
export function wire({ netns, ifname, host }: Attachment, plan: Plan): void {
  if (widthsOf(plan).has(16)) withNetnsDescriptor(netns, (fd) => allowIpv6(fd, ifname))
  give(netns, ifname, plan.container)
  give(HOME_PATH, host, plan.host)
  forward(widthsOf(plan))
}

function give(path: string, name: string, { addresses, routes }: Half): void {
  inNamespace(path, (client) => {
    const { ifindex } = getLink(client, { name })
    for (const address of addresses) addAddress(client, ifindex, address, true)
    setLink(client, { ifindex, up: true })
    for (const route of routes) addRoute(client, ifindex, route)
  })
}

/** Refuses where what ADD made is not what is there. */
export function checkWiring({ netns, ifname, host }: Attachment, plan: Plan, mac: string | undefined): void {
  checkEnd(netns, ifname, plan.container, mac)
  checkEnd(HOME_PATH, host, plan.host)
}

function checkEnd(path: string, name: string, { addresses, routes }: Half, mac?: string): void {
  inNamespace(path, (client) => {
    const link = getLink(client, { name })
    const there = Buffer.from(link.address).toString('hex')
    if (mac !== undefined && mac.replaceAll(':', '').toLowerCase() !== there) changed(`${name} is not ${mac}`)
    if ((link.flags & IFF_UP) === 0) changed(`${name} is down`)
    const present = givenAddresses(client, link).map(({ address }) => address.join())
    const missing = addresses.find(({ address }) => !present.includes(address.join()))
    if (missing !== undefined) changed(`${name} has not the address ${formatAddress(missing.address)}`)
    const lost = missingRoute(client, link.ifindex, routes)
    if (lost !== undefined) changed(`${name} has not the route to ${formatPrefix(lost.destination)}`)
    if (!link.carrier) changed(`${name} has no carrier`)
  })
}

function changed(what: string): never {
  throw new Refusal(CODE.changed, `it is not as ADD has made it: ${what}`)
}

/** Of rtnetlink in the namespace at `path`. */
function inNamespace<T>(path: string, use: (client: NetlinkSocket) => T): T {
  return withNetnsDescriptor(path, (fd) => {
    const client = NetlinkSocket.open(NETLINK_ROUTE, fd)
    try {
      return use(client)
    } finally {
      client.close()
    }
  })
}

/** Lengths of the container's addresses. */
function widthsOf({ container }: Plan): Set<number> {
  return new Set(container.addresses.map(({ address }) => address.length))
}

function forward(widths: Set<number>): void {
  for (const [width, setting] of [
    [4, '/proc/sys/net/ipv4/ip_forward'],
    [16, '/proc/sys/net/ipv6/conf/all/forwarding'],
  ] as const)
    if (widths.has(width) && existsSync(setting)) allow(setting)
}

/** Where settings cannot be written, it is for others to have made them. */
function allow(setting: string): void {
  if (readFileSync(setting, 'utf8').trim() !== '0') return
  try {
    writeFileSync(setting, '1')
  } catch (error) {
    throw new Refusal(CODE.cable, `${setting} cannot be written: ${(error as Error).message}`)
  }
}

function gatewaysOf(places: readonly Place[]): LinkAddress[] {
  const found = new Map(
    places.flatMap(({ gateway }) => (gateway ? [[gateway.join(), gateway] as const] : [])),
  )
  return [...found.values()].map((address) => ({ address, prefixLength: 8 * address.length }))
}

function routeTo({ address }: LinkAddress): Route {
  return { destination: prefixOf(address), scope: address.length === 4 ? RT_SCOPE_HOST : undefined }
}

function scopeOfLink(address: Uint8Array): number | undefined {
  return address.length === 4 ? RT_SCOPE_LINK : undefined
}

/** As `ip addr add … brd +` has it. */
function broadcastOf({ address, prefixLength }: LinkAddress): { broadcast?: Uint8Array } {
  if (address.length !== 4 || prefixLength > 30) return {}
  const { mask } = prefixOf(address, prefixLength)
  return { broadcast: address.map((byte, at) => byte | (~(mask[at] as number) & 0xff)) }
}
