// What the driver remembers of networks and endpoints: the engine describes each once and never again, also not to a
// daemon that has started anew. Kept as JSON beside the file of wanted pairs, written before the engine is answered. Used
// by driver.ts. What a pair is at present stands with the wanted pairs, not here.

import { invalid, UvethError } from '../errors.js'
import { readOwnIfThere, replaceOwn } from '../own-file.js'

/** A range of addresses, both as CIDR. */
export interface Subnet {
  pool: string
  gateway?: string
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

  endpoint(ids: { network: string; endpoint: string }): { network: Network; endpoint: Endpoint } {
    const network = this.network(ids.network)
    const endpoint = network.endpoints[ids.endpoint]
    if (endpoint !== undefined) return { network, endpoint }
    const message = `ENODEV: network ${ids.network} has no endpoint ${ids.endpoint}`
    throw new UvethError(message, { code: 'ENODEV', attribute: 'EndpointID' })
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

function read(path: string): Network[] {
  const text = readOwnIfThere(path)
  if (text === undefined) return []
  try {
    const { version, networks } = JSON.parse(text) as { version?: unknown; networks?: unknown }
    if (version === 1 && Array.isArray(networks)) return networks as Network[]
  } catch {} // said below
  throw invalid(`'${path}' is no file of networks: move it away`, undefined, 'EINVAL')
}
