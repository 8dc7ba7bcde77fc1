// What the driver remembers of networks and endpoints: the engine describes each once and never again, also not to a
// daemon that has started anew. Kept as JSON beside the file of wanted pairs, written before the engine is answered. Used
// by driver.ts. What a pair is at present stands with the wanted pairs, not here.

import { invalid, UvethError } from '../errors.js'
import { formatPrefix, parseCidr, prefixOf } from '../frame/address.js'
import { readOwnIfThere, replaceOwn } from '../own-file.js'

/** Interface names are made of so much of an id. */
const SHORT = 11

/** A range of addresses, both as CIDR. */
export interface Subnet {
  pool: string
  gateway?: string
}

/** A port of the machine that leads to one of a container's. */
export interface Published {
  protocol: 'tcp' | 'udp'
  /** Of the container. */
  port: number
  /** Of the machine; and at which of its addresses, where not at all of them. */
  hostPort: number
  hostAddress?: string
}

/** A container's place in a network. */
export interface Endpoint {
  mac: string
  /** As CIDR: of IPv4, of IPv6. */
  addresses: string[]
  /** In netem's words: in place of the network's. */
  impair?: string
  /** Which end of the network's only pair it has. */
  side?: 'a' | 'b'
  /** The file of the namespace that its end is in, once it has joined. */
  sandbox?: string
  /** By this one the container reaches the world. */
  gateway?: boolean
  /** And by these the world reaches it. */
  ports?: Published[]
}

export interface Network {
  id: string
  bridge: string
  internal: boolean
  /** One pair and nothing else. */
  p2p: boolean
  masquerade: boolean
  mtu?: number
  /** In netem's words: for what each container sends. */
  impair?: string
  subnets: Subnet[]
  /** By their ids. */
  endpoints: Record<string, Endpoint>
}

export function shortOf(id: string): string {
  return id.slice(0, SHORT)
}

/** Id of the pair that an endpoint has an end of. */
export function pairOf({ id, p2p }: Network, endpoint: string): string {
  return `docker-${shortOf(p2p ? id : endpoint)}`
}

/** Name of the end that is in the bridge. */
export function hostEndOf(endpoint: string): string {
  return `uv${shortOf(endpoint)}`
}

export class Records {
  readonly #path: string
  readonly #networks: Map<string, Network>
  #writing: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  private constructor(path: string, networks: Network[]) {
    this.#path = path
    this.#networks = new Map(networks.map((network) => [network.id, network]))
  }

  /** None where there is no file yet. */
  static open(path: string): Records {
    return new Records(path, read(path))
  }

  list(): Network[] {
    return [...this.#networks.values()]
  }

  has(id: string): boolean {
    return this.#networks.has(id)
  }

  network(id: string): Network {
    const network = this.#networks.get(id)
    if (network !== undefined) return network
    throw new UvethError(`ENODEV: uveth knows no network ${id}`, { code: 'ENODEV', attribute: 'NetworkID' })
  }

  /** Undefined where the engine has told of none, or has ended it. */
  find(ids: { network: string; endpoint: string }): Endpoint | undefined {
    return this.#networks.get(ids.network)?.endpoints[ids.endpoint]
  }

  endpoint(ids: { network: string; endpoint: string }): { network: Network; endpoint: Endpoint } {
    const network = this.network(ids.network)
    const endpoint = this.find(ids)
    if (endpoint !== undefined) return { network, endpoint }
    const message = `ENODEV: network ${ids.network} has no endpoint ${ids.endpoint}`
    throw new UvethError(message, { code: 'ENODEV', attribute: 'EndpointID' })
  }

  /** Networks whose containers have addresses that this one's are to have. */
  rivalsOf({ p2p, subnets }: Network): Network[] {
    const bridged = p2p ? [] : this.list().filter((other) => !other.p2p)
    return bridged.filter((other) =>
      other.subnets.some((one) => subnets.some(({ pool }) => overlaps(one.pool, pool))),
    )
  }

  add(network: Network): void {
    this.#networks.set(network.id, network)
  }

  remove(id: string): void {
    this.#networks.delete(id)
  }

  /** Resolves when the file says what is known now. Who comes meanwhile shares the next writing. */
  save(): Promise<void> {
    this.#next ??= this.#writing
      .catch(() => {}) // whoever wrote then was told
      .then(async () => {
        this.#next = undefined
        await replaceOwn(this.#path, `${JSON.stringify({ version: 1, networks: this.list() })}\n`)
      })
    this.#writing = this.#next
    return this.#next
  }
}

function overlaps(one: string, other: string): boolean {
  const [mine, its] = [parseCidr(one), parseCidr(other)]
  if (mine === undefined || its === undefined) return false
  const length = Math.min(mine.prefixLength, its.prefixLength)
  return formatPrefix(prefixOf(mine.address, length)) === formatPrefix(prefixOf(its.address, length))
}

type Fields<T> = Readonly<Partial<Record<keyof T, unknown>>>

/** As far as what goes on with it would stumble. */
function isNetwork(given: unknown): given is Network {
  const { id, bridge, subnets, endpoints } = Object(given) as Fields<Network>
  return (
    typeof id === 'string' &&
    typeof bridge === 'string' &&
    Array.isArray(subnets) &&
    subnets.every((subnet) => typeof (Object(subnet) as Fields<Subnet>).pool === 'string') &&
    endpoints === Object(endpoints) &&
    Object.values(endpoints as object).every(isEndpoint)
  )
}

function isEndpoint(given: unknown): given is Endpoint {
  const { addresses, ports = [] } = Object(given) as Fields<Endpoint>
  return (
    Array.isArray(addresses) && addresses.every((each) => typeof each === 'string') && Array.isArray(ports)
  )
}

function read(path: string): Network[] {
  const text = readOwnIfThere(path)
  if (text === undefined) return []
  try {
    const { version, networks } = JSON.parse(text) as { version?: unknown; networks?: unknown }
    if (version === 1 && Array.isArray(networks) && networks.every(isNetwork)) return networks
  } catch {} // said below
  throw invalid(`'${path}' is no file of networks: move it away`, undefined, 'EINVAL')
}

/** Of two networks with the same addresses: that the first one has containers. */
export function rivalry({ id, subnets }: Network): UvethError {
  const pools = subnets.map(({ pool }) => pool).join(', ')
  return invalid(`network ${shortOf(id)} has containers with addresses of ${pools}`, 'IPv4Data', 'EEXIST')
}

/** Of a network that is one pair: the end that nobody else has. */
export function freeSide({ id, endpoints }: Network, endpoint: string): 'a' | 'b' {
  const others = Object.keys(endpoints).filter((other) => other !== endpoint)
  const taken = others.map((other) => endpoints[other]?.side)
  const side = (['a', 'b'] as const).find((each) => !taken.includes(each))
  if (side !== undefined) return side
  const message = `network ${shortOf(id)} is one pair (p2p=true), and two containers have its ends`
  throw invalid(message, 'p2p', 'EBUSY')
}
