// What makes a pair a container's way out: addresses and routes of both ends, as the `ptp` plugin gives them. Called by
// plugin.ts, which has had the pair made. The container speaks to everybody by its gateway, which is the host's end;
// the host has a route to each of the container's addresses.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { formatPrefix, parseAddress, parseCidr, parsePrefix, prefixOf } from '../frame/address.js'
import type { LinkAddress } from '../netlink/addresses.js'
import { NETLINK_ROUTE, RT_SCOPE_HOST, RT_SCOPE_LINK } from '../netlink/constants.js'
import { addAddress, getLink, givenAddresses, setLink } from '../netlink/route.js'
import { addRoute, type Route, routesOf } from '../netlink/routes.js'
import { NetlinkSocket } from '../netlink/socket.js'
import { allowIpv6, HOME_PATH, withNetnsDescriptor } from '../netns/open.js'
import { CODE, Refusal } from './refusal.js'
import type { Attachment, Result, RouteWish } from './request.js'

/** An address of the container, and its gateway. */
interface Place {
  cidr: LinkAddress
  gateway: Uint8Array | undefined
}

/** What the container's end is to have. */
interface Plan {
  places: Place[]
  routes: Route[]
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
  return { places, routes: [...own, ...routes.map((route) => planRoute(route, places))] }
}

function planRoute({ dst, gw, ...rest }: RouteWish, places: readonly Place[]): Route {
  const destination = parsePrefix(dst)
  const named = gw === undefined ? undefined : parseAddress(gw)
  if (destination === undefined || (gw !== undefined && named === undefined))
    throw new Refusal(CODE.configuration, `ipam: the route to '${dst}' by '${gw ?? ''}' is none`)
  const width = destination.address.length
  const gateway = named ?? places.find(({ gateway }) => gateway?.length === width)?.gateway
  return { destination, gateway, ...rest }
}

/** Addresses and routes of both ends, and both up. */
export function wire(attachment: Attachment, plan: Plan): void {
  const { places, routes } = plan
  const { netns, ifname } = attachment
  if (places.some(({ cidr }) => cidr.address.length === 16))
    withNetnsDescriptor(netns, (fd) => allowIpv6(fd, ifname))
  inNamespace(netns, (client) => {
    const { ifindex } = getLink(client, { name: ifname })
    // Its network is behind the gateway, not on the link.
    for (const { cidr } of places)
      addAddress(client, ifindex, { ...cidr, ...broadcastOf(cidr), noPrefixRoute: true }, true)
    setLink(client, { ifindex, up: true })
    for (const route of routes) addRoute(client, ifindex, route)
  })
  inNamespace(HOME_PATH, (client) => {
    const { ifindex } = getLink(client, { name: attachment.host })
    for (const gateway of gatewaysOf(places))
      addAddress(client, ifindex, { address: gateway, prefixLength: 8 * gateway.length }, true)
    setLink(client, { ifindex, up: true })
    for (const { cidr } of places)
      addRoute(client, ifindex, {
        destination: prefixOf(cidr.address),
        scope: cidr.address.length === 4 ? RT_SCOPE_HOST : undefined,
      })
  })
  if (places.length > 0) forward(places)
}

/** Refuses where what the result says is not what is there. */
export function checkWiring(
  { netns, ifname }: Attachment,
  { places, routes }: Plan,
  mac: string | undefined,
): void {
  inNamespace(netns, (client) => {
    const link = getLink(client, { name: ifname })
    const there = Buffer.from(link.address).toString('hex')
    if (mac !== undefined && mac.replaceAll(':', '').toLowerCase() !== there)
      changed(`${ifname} is not ${mac}`)
    const addresses = givenAddresses(client, link).map(({ address }) => address.join())
    const missing = places.find(({ cidr }) => !addresses.includes(cidr.address.join()))
    if (missing !== undefined)
      changed(`${ifname} has not the address ${formatPrefix(prefixOf(missing.cidr.address))}`)
    const known = routesOf(client, link.ifindex).map(routeText)
    const lost = routes.find((route) => !known.includes(routeText(route)))
    if (lost !== undefined) changed(`${ifname} has not the route to ${formatPrefix(lost.destination)}`)
  })
}

function changed(what: string): never {
  throw new Refusal(CODE.changed, `the container's interface was changed: ${what}`)
}

function routeText({ destination, gateway }: Route): string {
  return `${destination.address.join()}/${destination.length} ${gateway?.join() ?? ''}`
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

function forward(places: readonly Place[]): void {
  for (const [width, setting] of [
    [4, '/proc/sys/net/ipv4/ip_forward'],
    [16, '/proc/sys/net/ipv6/conf/all/forwarding'],
  ] as const)
    if (places.some(({ cidr }) => cidr.address.length === width) && existsSync(setting)) allow(setting)
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

function gatewaysOf(places: readonly Place[]): Uint8Array[] {
  const found = new Map(
    places.flatMap(({ gateway }) => (gateway ? [[gateway.join(), gateway] as const] : [])),
  )
  return [...found.values()]
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
