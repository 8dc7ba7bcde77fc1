// An end that is a VXLAN tunnel to another host: what may be wished for of it. Tables only; end.ts has it as an end of a
// pair, link/tunnel.ts makes it.

import { invalid } from '../errors.js'
import { formatAddress, parseAddress } from '../frame/address.js'
import { MAX_VNI, VXLAN_PORT } from '../frame/vxlan.js'
import { about, at, type Given, object, type Read, type Shape, value, whole } from './shape.js'

/** ::ffff:0:0/96: an address of IPv4 in other words. */
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff)

/**
 * Of a host that the kernel finds by its routes: neither a group, nor an address that means something on one link only, nor
 * one of IPv4 in words of IPv6, which a socket of that does not reach.
 */
function isHost(address: Uint8Array): boolean {
  const [first, second] = address as unknown as [number, number]
  if (address.every((byte) => byte === 0)) return false
  if (address.length === 4) return first < 224
  const mapped = MAPPED.every((byte, at) => address[at] === byte)
  return !mapped && first !== 0xff && !(first === 0xfe && second >> 6 === 2)
}

const HOST = value<string, Uint8Array>(
  'an IP address of a host like 192.0.2.1 or 2001:db8::1',
  { anyOf: ['ipv4', 'ipv6'].map((format) => ({ type: 'string', format })) },
  (given) => {
    const address = typeof given === 'string' ? parseAddress(given) : undefined
    return address !== undefined && isHost(address) ? address : undefined
  },
)

/** ms. With less a busy machine would be late for three of them. */
const [SHORTEST, LONGEST] = [100, 3_600_000]
const KEEPALIVE = value<number>(
  'milliseconds, from 100 to 3600000',
  { type: 'number', minimum: SHORTEST, maximum: LONGEST },
  (given) => (typeof given === 'number' && given >= SHORTEST && given <= LONGEST ? given : undefined),
)

const PARTS = object(
  {
    id: about('the network (VNI) that frames are marked with; others are dropped', whole(0, MAX_VNI)),
    remote: about('the other host: frames go there, and come from nowhere else', HOST),
    local: about('the address that frames leave from and come to; default: any of this host', HOST),
    port: about(`UDP port on both hosts; default ${VXLAN_PORT}`, whole(1, 0xffff)),
    keepalive: about(
      'ms between datagrams by which the tunnel follows the other side, where that is uveth and does the same: it has carrier while that has, and not when nothing came in three times that time; default: it is always up',
      KEEPALIVE,
    ),
  },
  ['id', 'remote'],
)

export type VxlanPlan = Read<typeof PARTS> & { port: number }

export const VXLAN: Shape<Given<typeof PARTS>, VxlanPlan> = {
  ...PARTS,
  read(given, attribute) {
    const plan = { port: VXLAN_PORT, ...PARTS.read(given, attribute) }
    if (plan.local !== undefined && plan.local.length !== plan.remote.length)
      throw invalid('local and remote must be addresses of one family', at(attribute, 'local'))
    return plan
  },
}

/** Is a tunnel wished for where an interface may stand, too? */
export function isTunnel(end: unknown): end is { vxlan: Given<typeof VXLAN> } {
  return typeof end === 'object' && end !== null && 'vxlan' in end
}

/** What an end that is one is called: no interface can be. */
export function tunnelName({ id, remote, port }: VxlanPlan): string {
  const host = formatAddress(remote)
  if (port === VXLAN_PORT) return `vxlan${id}:${host}`
  return `vxlan${id}:${remote.length === 16 ? `[${host}]` : host}:${port}`
}

/** To one remote there is one tunnel by a port. */
export function wayOf(vxlan: Given<typeof VXLAN>): string {
  const { remote, port } = VXLAN.read(vxlan, '')
  return `to ${formatAddress(remote)} by port ${port}`
}

/** What an end of a pair keeps where it is a tunnel; all else is an interface's. */
const KEPT: readonly string[] = ['vxlan', 'impair', 'schedule', 'rules']

/** An end, refused where it is a tunnel and more. */
export function interfaceOrTunnel<G, R extends { vxlan?: VxlanPlan }, S extends Shape<G, R>>(end: S): S {
  // An object, in all of which nothing that is no tunnel's may stand beside it.
  const others = Object.keys(end.parts ?? {}).filter((key) => !KEPT.includes(key))
  const alone = {
    dependentSchemas: { vxlan: { properties: Object.fromEntries(others.map((key) => [key, false])) } },
  }
  return {
    ...end,
    schema: { ...end.schema, ...alone },
    read(given: unknown, attribute: string): R {
      const read = end.read(given, attribute)
      const more = read.vxlan && Object.keys(read).find((key) => !KEPT.includes(key))
      if (more === undefined) return read
      const name = at(attribute, more)
      throw invalid(`${name} is an interface's: a tunnel has none, and takes ${KEPT.join(', ')}`, name)
    },
  }
}

/** A pair, refused where it has a tunnel and more than one queue: a tunnel is one socket. */
export function pairWithTunnel<
  G,
  R extends { b?: { vxlan?: VxlanPlan }; queues?: number },
  S extends Shape<G, R>,
>(pair: S): S {
  return {
    ...pair,
    read(given: unknown, attribute: string): R {
      const read = pair.read(given, attribute)
      if (read.b?.vxlan !== undefined && (read.queues ?? 1) > 1)
        throw invalid('a pair with a tunnel has one queue', at(attribute, 'queues'))
      return read
    },
  }
}
