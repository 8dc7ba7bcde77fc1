// The routes of a lab: those that were given, or the shortest way from each node to each subnet. Called by plan.ts.
// A cycle is no harm: each node has one way, the first of the shortest ones.

import { invalid } from '../errors.js'
import {
  type Cidr,
  formatAddress,
  formatCidr,
  formatPrefix,
  parseAddress,
  parsePrefix,
} from '../frame/address.js'
import type { LAB } from '../wishes/lab.js'
import type { Read } from '../wishes/shape.js'
import type { LabEnd, LabNode } from './segments.js'

/** As `ip route add TO via VIA` takes it. */
export interface Route {
  readonly to: string
  readonly via: string
}

type Family = 4 | 16
const FAMILIES = [4, 16] as const
const EVERYWHERE = { 4: '0.0.0.0/0', 16: '::/0' }

/** By names of nodes. */
export function planRoutes(
  wish: NonNullable<Read<typeof LAB>['routes']>,
  nodes: readonly LabNode[],
  ends: readonly LabEnd[],
): Map<string, Route[]> {
  if (wish !== 'auto') return givenRoutes(wish, nodes, ends)
  const ways = nodes
    .filter(({ kind }) => kind !== 'bridge')
    .map(({ name }): [string, Route[]] => [
      name,
      FAMILIES.flatMap((family) => shortest(name, family, nodes, ends)),
    ])
  return new Map(ways)
}

/** Breadth first. What is behind a nat is not to be reached from its outside. */
function shortest(from: string, family: Family, nodes: readonly LabNode[], ends: readonly LabEnd[]): Route[] {
  const known = new Set(subnetsOf(from, family, ends))
  const seen = new Set([from])
  const routes: Route[] = []
  const waiting: { node: string; via: string | undefined }[] = [{ node: from, via: undefined }]
  for (const { node, via } of waiting) {
    for (const [address, { node: next, name }] of neighboursOf(node, family, ends)) {
      const { kind, outside } = nodes.find((one) => one.name === next) as LabNode
      if (seen.has(next) || (kind !== 'router' && kind !== 'nat') || outside.includes(name)) continue
      seen.add(next)
      const hop = via ?? address
      for (const to of subnetsOf(next, family, ends)) {
        if (!known.has(to)) routes.push({ to, via: hop })
        known.add(to)
      }
      waiting.push({ node: next, via: hop })
    }
  }
  return routes
}

function subnetsOf(node: string, family: Family, ends: readonly LabEnd[]): string[] {
  return ends
    .filter((end) => end.node === node)
    .flatMap(({ cidrs }) => cidrs.filter(({ address }) => address.length === family).map(subnetOf))
}

/** `10.0.0.0/24` of `10.0.0.1/24`. */
function subnetOf(cidr: Cidr): string {
  const prefix = parsePrefix(formatCidr(cidr))
  return prefix === undefined ? '' : formatPrefix(prefix)
}

/** Ends of other nodes that share a wire and a subnet with one of this node, each by its first address there. */
function neighboursOf(node: string, family: Family, ends: readonly LabEnd[]): [string, LabEnd][] {
  const own = ends.filter((end) => end.node === node && end.up)
  return own.flatMap((end) =>
    ends.flatMap((other): [string, LabEnd][] => {
      if (other.segment !== end.segment || other.node === node) return []
      const there = other.cidrs.find(
        ({ address }) => address.length === family && end.cidrs.some((cidr) => holds(cidr, address)),
      )
      return there === undefined ? [] : [[formatAddress(there.address), other]]
    }),
  )
}

/** Is `address` in the subnet of `cidr`? */
function holds({ address: own, prefixLength }: Cidr, address: Uint8Array): boolean {
  return (
    own.length === address.length &&
    subnetOf({ address, prefixLength }) === subnetOf({ address: own, prefixLength })
  )
}

function givenRoutes(
  wish: Record<string, Record<string, string>>,
  nodes: readonly LabNode[],
  ends: readonly LabEnd[],
): Map<string, Route[]> {
  const names = nodes.map(({ name }) => name)
  return new Map(
    Object.entries(wish).map(([node, table]): [string, Route[]] => {
      const attribute = `routes.${node}`
      const found = nodes.find(({ name }) => name === node)
      if (found === undefined)
        throw invalid(`${attribute}: there is no node ${node}, only ${names.join(', ')}`, attribute)
      if (found.kind === 'bridge') throw invalid(`${attribute}: a bridge has no routes`, attribute)
      const rows = Object.entries(table)
      const up = ends.filter((end) => end.up)
      const taken = new Set(subnetsOf(node, 4, up))
      const routes = rows.flatMap(([to, via]) =>
        givenRoute(node, to, via, names, ends).map((route) => once(route, taken, `${attribute}.${to}`)),
      )
      return [node, routes]
    }),
  )
}

/** A kernel has one route to a destination; of IPv6, another one behind that to a subnet of its own. */
function once(route: Route, taken: Set<string>, attribute: string): Route {
  if (taken.has(route.to)) throw invalid(`${attribute}: there is a way to ${route.to} already`, attribute)
  taken.add(route.to)
  return route
}

function givenRoute(
  node: string,
  destination: string,
  via: string,
  names: readonly string[],
  ends: readonly LabEnd[],
): Route[] {
  const attribute = `routes.${node}.${destination}`
  const prefix = destination === 'default' ? undefined : parsePrefix(destination)
  if (destination !== 'default' && prefix === undefined)
    throw invalid(`${attribute}: a destination is "default" or a prefix like 10.0.0.0/8`, attribute)
  const families = prefix === undefined ? FAMILIES : [prefix.address.length as Family]
  const hops = names.includes(via)
    ? hopsTo(node, via, families, ends)
    : addressOnWire(node, via, families, ends)
  if (hops.length > 0)
    return hops.map(([family, hop]) => ({ to: prefix ? formatPrefix(prefix) : EVERYWHERE[family], via: hop }))
  const forIt = prefix === undefined ? '' : ' for it'
  if (names.includes(via))
    throw invalid(`${attribute}: ${via} has no address${forIt} on a subnet of ${node}`, attribute)
  if (parseAddress(via) === undefined)
    throw invalid(`${attribute}: ${via} is neither a node nor an address`, attribute)
  throw invalid(`${attribute}: ${via} is not beside ${node}, or of another version of IP`, attribute)
}

function hopsTo(
  node: string,
  via: string,
  families: readonly Family[],
  ends: readonly LabEnd[],
): [Family, string][] {
  return families.flatMap((family): [Family, string][] => {
    const hop = neighboursOf(node, family, ends).find(([, end]) => end.node === via)
    return hop === undefined ? [] : [[family, hop[0]]]
  })
}

function addressOnWire(
  node: string,
  via: string,
  families: readonly Family[],
  ends: readonly LabEnd[],
): [Family, string][] {
  const address = parseAddress(via)
  if (address === undefined || !families.includes(address.length as Family)) return []
  const own = ends.filter((end) => end.node === node && end.up).flatMap(({ cidrs }) => cidrs)
  const near = own.some((cidr) => holds(cidr, address))
  const itself = own.some((cidr) => formatAddress(cidr.address) === formatAddress(address))
  return near && !itself ? [[address.length as Family, formatAddress(address)]] : []
}
