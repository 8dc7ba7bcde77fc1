// Ports of the machine that lead to a container's (`docker run -p`): what the engine asks for, read; which of the machine's
// are free. Called by driver.ts. No process listens on them: the packet filter has them (rules.ts), so nothing holds one
// against a program that listens there later; what listens already is heard of here.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { invalid, UvethError } from '../errors.js'
import { parseAddress, parseCidr } from '../frame/address.js'
import type { Published } from './records.js'

/** A published port whose number is still to be chosen, from a range. */
export interface Asked extends Omit<Published, 'hostPort'> {
  first: number
  last: number
}

const PROTOCOLS: Readonly<Record<number, Published['protocol']>> = { 6: 'tcp', 17: 'udp' }
/** Where nobody names one. */
const FREE = { first: 49_153, last: 65_535 }
/** All of the machine's addresses of a family. */
const ANY = { 4: '0.0.0.0', 16: '::' } as const
const WIDTHS = [4, 16] as const

/** As libnetwork has them: `{"Proto":6,"Port":80,"HostIP":"","HostPort":8080,"HostPortEnd":8080}`. */
export function readPorts(given: unknown): Asked[] {
  if (given === undefined || given === null) return []
  if (!Array.isArray(given))
    throw invalid(`portmap must be an array, not ${JSON.stringify(given)}`, 'portmap')
  return given.map(readPort)
}

function readPort(given: unknown): Asked {
  const { Proto, Port, HostIP, HostPort, HostPortEnd } = Object(given) as Record<string, unknown>
  const protocol = PROTOCOLS[Proto as number]
  if (protocol === undefined)
    throw invalid(`of TCP and UDP ports are published, not of protocol ${JSON.stringify(Proto)}`, 'portmap')
  const address = HostIP ?? ''
  if (typeof address !== 'string' || (address !== '' && parseAddress(address) === undefined))
    throw invalid(`HostIP must be an IP address, not ${JSON.stringify(HostIP)}`, 'portmap')
  const port = number(Port, 'Port', 1)
  const host = number(HostPort ?? 0, 'HostPort', 0)
  const end = number(HostPortEnd ?? 0, 'HostPortEnd', 0)
  const range = host === 0 ? FREE : { first: host, last: Math.max(host, end) }
  return { protocol, port, ...range, ...(address !== '' && { hostAddress: address }) }
}

function number(given: unknown, name: string, least: number): number {
  if (Number.isInteger(given) && (given as number) >= least && (given as number) <= 65_535)
    return given as number
  throw invalid(`${name} must be a port from ${least} to 65535, not ${JSON.stringify(given)}`, 'portmap')
}

/** By how many bytes of address, 4 or 16, it is reached; for which addresses, where not for all. */
export function isReachedBy({ hostAddress }: Pick<Published, 'hostAddress'>, width: number): boolean {
  return hostAddress === undefined || parseAddress(hostAddress)?.length === width
}

/** The one address that it is published at; undefined for all. */
export function addressOf({ hostAddress }: Published): string | undefined {
  return Object.values(ANY).includes(hostAddress as '::') ? undefined : hostAddress
}

/** Of the machine's ports the first that nobody has; `others` are published already; `addresses` are the container's. */
export async function choosePort(
  { first, last, ...asked }: Asked,
  others: readonly Published[],
  addresses: readonly string[],
): Promise<Published> {
  for (let hostPort = first; hostPort <= last; hostPort++) {
    const published = { ...asked, hostPort }
    if (others.some((other) => meets(published, other))) continue
    const mine = WIDTHS.filter((width) => isReachedBy(published, width) && has(addresses, width))
    const free = await Promise.all(mine.map((width) => isFree(published, addressOf(published) ?? ANY[width])))
    if (!free.includes(false)) return published
  }
  const { hostAddress = '', protocol } = asked
  const which = first === last ? `port ${first}` : `each port from ${first} to ${last}`
  const where = hostAddress === '' ? '' : ` of ${hostAddress}`
  const message = `EADDRINUSE: ${which}/${protocol}${where} is taken on this machine`
  throw new UvethError(message, { code: 'EADDRINUSE', attribute: 'portmap' })
}

function has(addresses: readonly string[], width: number): boolean {
  return addresses.some((address) => parseCidr(address)?.address.length === width)
}

function meets(one: Published, other: Published): boolean {
  if (one.protocol !== other.protocol || one.hostPort !== other.hostPort) return false
  const [mine, its] = [addressOf(one), addressOf(other)]
  if (mine !== undefined && its !== undefined) return mine === its
  return WIDTHS.some((width) => isReachedBy(one, width) && isReachedBy(other, width))
}

/** What the daemon lacks to see whether somebody listens. */
const HINTS: Readonly<Record<string, string>> = {
  EACCES: ' (below 1024 the daemon needs CAP_NET_BIND_SERVICE)',
  EAFNOSUPPORT: ' (the daemon needs AF_INET and AF_INET6: RestrictAddressFamilies of its service)',
}

/** Whether nobody listens there. */
async function isFree({ protocol, hostPort: port }: Published, host: string): Promise<boolean> {
  const ipv6Only = host.includes(':')
  try {
    if (protocol === 'tcp') {
      const server = createServer().listen({ port, host, ipv6Only, exclusive: true })
      await once(server, 'listening')
      server.close()
    } else {
      const socket = createSocket({ type: ipv6Only ? 'udp6' : 'udp4', ipv6Only })
      try {
        socket.bind({ port, address: host, exclusive: true })
        await once(socket, 'listening')
      } finally {
        socket.close()
      }
    }
    return true
  } catch (error) {
    const { code = 'EIO' } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') return false
    const why = HINTS[code] ?? ''
    const message = `${code}: port ${port}/${protocol} of ${host} cannot be published on this machine${why}`
    throw new UvethError(message, { code, attribute: 'portmap' })
  }
}
