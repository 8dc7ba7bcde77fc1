// What the engine asks of the driver, read: the JSON bodies of libnetwork's remote protocol, as plain values with known
// types. Called by driver.ts. Pure. Fields that are not known are ignored, as the protocol wants it; an `-o` option
// that nobody knows is refused, since a driver option with a slip would be a network without it.

import { createHash } from 'node:crypto'
import { invalid, renamed } from '../errors.js'
import { planImpair } from '../faults/impair-plan.js'
import { impairWord, parseImpairWords } from '../faults/impair-words.js'
import { formatAddress, parseCidr } from '../frame/address.js'
import { MAX_MTU, MIN_MTU } from '../frame/ethernet.js'
import { type Asked, readPorts } from './ports.js'
import { type Endpoint, type Network, type Subnet, shortOf } from './records.js'

type Body = Readonly<Record<string, unknown>>

/** Of libnetwork: 64 hexadecimal digits, or 25 characters in a swarm. */
const ID = /^[0-9a-zA-Z]{12,128}$/
const DOCKER = 'com.docker.network.'

/** The object that `given` is; none is empty. Names of attributes are the engine's. */
function body(given: unknown, name: string): Body {
  if (given === undefined || given === null) return {}
  if (typeof given === 'object' && !Array.isArray(given)) return given as Body
  throw invalid(`${name} must be an object, not ${JSON.stringify(given)}`, name)
}

/** An engine that asks again, because the daemon has ended meanwhile, has nothing left to send. */
function request(given: unknown): Body {
  if (given !== undefined) return body(given, 'the request')
  throw invalid('the request is empty, as when an engine asks again whom it has lost: repeat the command')
}

function text(from: Body, name: string): string {
  const given = from[name] ?? ''
  if (typeof given === 'string') return given
  throw invalid(`${name} must be a text, not ${JSON.stringify(given)}`, name)
}

function id(from: Body, name: string): string {
  const given = text(from, name)
  if (ID.test(given)) return given
  throw invalid(`${name} must be an id of the engine's, not '${given}'`, name)
}

function flag(from: Body, name: string, otherwise = false): boolean {
  const given = from[name] ?? otherwise
  if (given === true || given === 'true') return true
  if (given === false || given === 'false') return false
  throw invalid(`${name} must be true or false, not ${JSON.stringify(given)}`, name)
}

export function idsOf(given: unknown): { network: string; endpoint: string } {
  const from = request(given)
  return { network: id(from, 'NetworkID'), endpoint: id(from, 'EndpointID') }
}

export function networkIdOf(given: unknown): string {
  return id(request(given), 'NetworkID')
}

/** Where the container's end is to go: the file of its namespace. */
export function sandboxOf(given: unknown): string {
  return text(body(given, 'the request'), 'SandboxKey')
}

/** A network as CreateNetwork describes it, without endpoints. */
export function readNetwork(given: unknown): Network {
  const from = request(given)
  const network = id(from, 'NetworkID')
  const options = body(from.Options, 'Options')
  const own = body(options[`${DOCKER}generic`], `${DOCKER}generic`)
  refuseOthers(own, ['impair', 'p2p'], `-o takes impair, p2p and ${DOCKER}driver.mtu`)
  const impair = impairOf(own)
  const mtu = mtuOf(own)
  const [v4, v6] = [subnets(from, 'IPv4Data'), subnets(from, 'IPv6Data')]
  return {
    id: network,
    bridge: `uv-${shortOf(network)}`,
    internal: flag(options, `${DOCKER}internal`),
    p2p: flag(own, 'p2p'),
    masquerade: flag(own, `${DOCKER}bridge.enable_ip_masquerade`, true),
    subnets: [...v4, ...v6],
    endpoints: {},
    ...(mtu !== undefined && { mtu }),
    ...(impair !== undefined && { impair }),
  }
}

/** Names that begin with `com.` are the engine's. */
function refuseOthers(options: Body, known: readonly string[], hint: string): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name) && !name.startsWith('com.'))
  if (unknown !== undefined) throw invalid(`there is no option '${unknown}': ${hint}`, unknown)
}

function mtuOf(own: Body): number | undefined {
  const name = `${DOCKER}driver.mtu`
  const given = text(own, name)
  if (given === '') return undefined
  const mtu = Number(given)
  if (/^\d{1,5}$/.test(given) && mtu >= MIN_MTU && mtu <= MAX_MTU) return mtu
  throw invalid(`${name} must be a whole number from ${MIN_MTU} to ${MAX_MTU}, not '${given}'`, name)
}

function subnets(from: Body, name: string): Subnet[] {
  const given = from[name] ?? []
  if (!Array.isArray(given)) throw invalid(`${name} must be an array, not ${JSON.stringify(given)}`, name)
  return given.flatMap((each) => {
    const part = body(each, name)
    const pool = cidr(part, 'Pool')
    const gateway = cidr(part, 'Gateway')
    // `--ipam-driver null`: no addresses at all.
    if (pool === '' || parseCidr(pool)?.prefixLength === 0) return []
    return [{ pool, ...(gateway !== '' && { gateway }) }]
  })
}

/** Empty where there is none. */
function cidr(from: Body, name: string): string {
  const given = text(from, name)
  if (given !== '' && parseCidr(given) === undefined)
    throw invalid(`${name} must be an IP address with prefix length, not '${given}'`, name)
  return given
}

/** An endpoint as CreateEndpoint describes it, and whether the engine has chosen its MAC address. */
export function readEndpoint(given: unknown): { endpoint: Endpoint; chosen: boolean } {
  const from = body(given, 'the request')
  const its = body(from.Interface, 'Interface')
  const [v4, v6] = [cidr(its, 'Address'), cidr(its, 'AddressIPv6')]
  const options = body(from.Options, 'Options')
  refuseOthers(options, ['impair'], 'driver-opt takes impair')
  const impair = impairOf(options)
  const chosen = text(its, 'MacAddress')
  const id = idsOf(given).endpoint
  return {
    endpoint: {
      mac: chosen || macFor(v4, id),
      addresses: [v4, v6].filter((address) => address !== ''),
      ...(impair !== undefined && { impair }),
    },
    chosen: chosen !== '',
  }
}

/** The ports that a container is to be reached by: each call that may bring them has them here. */
export function portsOf(given: unknown): Asked[] {
  return readPorts(body(body(given, 'the request').Options, 'Options')[`${DOCKER}portmap`])
}

/** As the engine's own bridges have them: of the IPv4 address, so that neighbours know it again; otherwise of the id. */
export function macFor(v4: string, id: string): string {
  const bytes = parseCidr(v4)?.address ?? createHash('sha256').update(id).digest().subarray(0, 4)
  return [0x02, 0x42, ...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** As it was written: checked here, so that a slip is told before anything is made. */
function impairOf(own: Body): string | undefined {
  const given = text(own, 'impair').trim()
  if (given === '') return undefined
  planOf(given)
  return given
}

/** The impairment that such a text means; `none`, as for a link, is none. */
export function planOf(impair: string) {
  if (impair === 'none') return null
  try {
    return planImpair(parseImpairWords(impair.split(/\s+/)), 'impair')
  } catch (error) {
    throw renamedTo(error)
  }
}

/** What a container sends is impaired so: by its own words, or the network's. */
export function planFor({ impair: general }: Network, { impair = general }: Endpoint) {
  return impair === undefined ? null : planOf(impair)
}

/** In the words that were written, not those of the library. */
function renamedTo(error: unknown): unknown {
  return renamed(error, (attribute) => `impair ${impairWord(attribute.replace(/^impair\.?/, ''))}`.trim())
}

/** The address alone, as the engine wants a gateway. */
export function gatewayOf({ gateway }: Subnet): string {
  const address = gateway === undefined ? undefined : parseCidr(gateway)?.address
  return address === undefined ? '' : formatAddress(address)
}

/** By which of its addresses a container reaches the world, as Join answers it. */
export function waysOut({ p2p, internal, subnets }: Network): object {
  const gateways = (p2p || internal ? [] : subnets).map(gatewayOf).filter((gateway) => gateway !== '')
  const six = (gateway: string) => gateway.includes(':')
  return {
    Gateway: gateways.find((gateway) => !six(gateway)) ?? '',
    GatewayIPv6: gateways.find(six) ?? '',
    // Otherwise the engine gives the container a way out of its own.
    DisableGatewayService: gateways.length === 0 && !internal,
  }
}
