// Networks of a container engine: what libnetwork asks of a remote driver, carried out as orders about pairs. Called by
// plugin.ts, one method for each of the protocol's. A network is a bridge of the kernel's and a pair for each container,
// `a` in the bridge and `b` with the container; or, with `-o p2p=true`, one pair whose ends two containers have.
//
//   CreateEndpoint: known --Join--> the pair is made, at home; the engine moves the end into the container and names it
//                     |                 ^                  |  (a restart of the daemon: made there again, resume())
//                DeleteEndpoint <---- Leave <--------------+  the engine brings the end back
//
// The engine calls again what it has not heard the answer of, and forgets on its own: what ends something that is not
// known succeeds.

import { invalid } from '../errors.js'
import { type Caller, home } from '../orders/caller.js'
import { Orders, type PairRegistry } from '../orders/handlers.js'
import type { SentWish } from '../orders/wanted.js'
import type { Logger } from '../wishes/end.js'
import { Filter } from './filter.js'
import { makeBridge, plug, removeBridge } from './kernel.js'
import { Ports } from './publish.js'
import {
  type Endpoint,
  freeSide,
  hostEndOf,
  type Network,
  pairOf,
  Records,
  rivalry,
  shortOf,
} from './records.js'
import {
  idsOf,
  networkIdOf,
  planFor,
  portsOf,
  readEndpoint,
  readNetwork,
  sandboxOf,
  waysOut,
} from './request.js'
import { hasEnded, livingEnds, prepare, resumeEnd } from './resume.js'

type Ids = ReturnType<typeof idsOf>

/** What the driver needs of the daemon. */
export interface Around {
  registry: PairRegistry
  logger: Logger
  daemon: {
    /** Gives up a wanted pair that could not be made again. */
    forget(id: string): Promise<boolean>
  }
}

export class Driver {
  readonly #registry: PairRegistry
  readonly #logger: Logger
  readonly #daemon: Around['daemon']
  readonly #records: Records
  readonly #filter: Filter
  readonly #ports: Ports
  readonly #caller: Caller = home()
  /** Ids of pairs that are being made here, and not again after a restart. */
  readonly #making = new Set<string>()
  readonly #resuming = new Set<Promise<void>>()
  /** Since we began: how they end, while they have a pair, we hear of the engine. */
  readonly #joined = new WeakSet<Endpoint>()

  private constructor({ registry, logger, daemon }: Around, records: Records) {
    this.#registry = registry
    this.#logger = logger
    this.#daemon = daemon
    this.#records = records
    this.#filter = new Filter(records, logger)
    this.#ports = new Ports(records, this.#filter, logger)
  }

  /** Networks are as they were, for their pairs to be made again; `path` is their file. What failed is in the log. */
  static async open(around: Around, path: string): Promise<Driver> {
    const driver = new Driver(around, Records.open(path))
    const networks = driver.#records.list()
    for (const network of networks) await driver.#attempt(network.id, () => prepare(network))
    await driver.#filter.find()
    await driver.#attempt('all', () => driver.#filter.allow())
    around.registry.on('event', ({ event, id, reason }) => {
      if (event === 'removed' && reason === 'netns-deleted')
        void driver.#attempt(id, () => driver.#forgetEnded())
      if (event !== 'added' || driver.#making.has(id)) return
      const resumed = driver.#resume(id).finally(() => driver.#resuming.delete(resumed))
      driver.#resuming.add(resumed)
    })
    return driver
  }

  /** Pairs have been made again: they are plugged in. */
  async begin(): Promise<void> {
    await Promise.all(this.#resuming)
    await this.#forgetEnded()
  }

  /** Asked again, it is answered when the first one is. */
  async createNetwork(given: unknown): Promise<object> {
    const network = readNetwork(given)
    return await this.#registry.inTurn(`docker ${network.id}`, async () => {
      if (this.#records.has(network.id)) return {}
      for (const rival of this.#records.rivalsOf(network)) await this.#giveUp(rival)
      this.#records.add(network)
      try {
        const saved = this.#records.save()
        // First: a bridge that nobody knows of after our death would keep its addresses.
        const made = [saved.then(() => makeBridge(network)), this.#filter.allow()]
        await Promise.allSettled(made) // nothing is to go on when it is removed
        await Promise.all(made)
      } catch (error) {
        await this.#remove(network.id).catch(() => {}) // what failed first is told
        throw error
      }
      return {}
    })
  }

  /** The engine gives no two networks the same addresses: it has removed this one while no daemon ran. */
  async #giveUp(network: Network): Promise<void> {
    await this.#forgetEnded()
    if (Object.values(network.endpoints).some(({ sandbox }) => sandbox)) throw rivalry(network)
    this.#logger.warn({ network: network.id }, 'a network was removed while no daemon ran')
    await this.deleteNetwork({ NetworkID: network.id })
  }

  async deleteNetwork(given: unknown): Promise<object> {
    const id = networkIdOf(given)
    return await this.#registry.inTurn(`docker ${id}`, () => this.#remove(id))
  }

  async #remove(id: string): Promise<object> {
    if (!this.#records.has(id)) return {}
    const network = this.#records.network(id)
    for (const endpoint of Object.keys(network.endpoints)) await this.#unplug(network, endpoint)
    this.#records.remove(id)
    try {
      await removeBridge(network)
    } catch (error) {
      // The engine takes the network for removed, whatever it hears.
      this.#logger.warn({ network: id, error: (error as Error).message }, 'a bridge could not be removed')
      throw error
    } finally {
      const saved = this.#records.save() // last: who asks again after our death finds what is left
      this.#filter.forbid(saved)
      await saved
    }
    return {}
  }

  async createEndpoint(given: unknown): Promise<object> {
    const ids = idsOf(given)
    const network = this.#records.network(ids.network)
    const { endpoint, chosen } = readEndpoint(given)
    const ports = portsOf(given)
    if (network.p2p) {
      if (ports.length > 0)
        throw invalid(
          'a network of one pair (p2p=true) publishes no ports: leave -p out',
          'portmap',
          'EOPNOTSUPP',
        )
      await this.#forgetEnded()
      endpoint.side = freeSide(network, ids.endpoint)
    }
    network.endpoints[ids.endpoint] = endpoint
    await this.#records.save()
    return { Interface: chosen ? {} : { MacAddress: endpoint.mac } }
  }

  operInfo(given: unknown): object {
    const ids = idsOf(given)
    const { network } = this.#records.endpoint(ids)
    return { Value: { pair: pairOf(network, ids.endpoint) } }
  }

  async deleteEndpoint(given: unknown): Promise<object> {
    const ids = idsOf(given)
    if (this.#records.has(ids.network)) await this.#unplug(this.#records.network(ids.network), ids.endpoint)
    await this.#records.save()
    return {}
  }

  async join(given: unknown): Promise<object> {
    const ids = idsOf(given)
    const { network, endpoint } = this.#records.endpoint(ids)
    const make = network.p2p ? this.#cable : this.#spoke
    const name = await make.call(this, ids, network, endpoint)
    await this.#filter.settled() // its address may have been another one's
    const { since } = this.#registry.find(`id:${pairOf(network, ids.endpoint)}`, 0).entry.wish
    const [side, sandbox] = [endpoint.side ?? 'b', sandboxOf(given)]
    // Where its end is to be made again, once the engine has moved it.
    if (sandbox !== '') {
      since[side] = { ...since[side], netns: sandbox }
      endpoint.sandbox = sandbox
      this.#joined.add(endpoint)
    }
    await this.#records.save()
    return { InterfaceName: { SrcName: name, DstPrefix: 'eth' }, ...waysOut(network) }
  }

  async leave(given: unknown): Promise<object> {
    delete this.#records.find(idsOf(given))?.sandbox
    return await this.internal(given)
  }

  /** Of the networks that a container has, this is the one by which it reaches the world, and is reached. */
  async external(given: unknown): Promise<object> {
    const ids = idsOf(given)
    const { network, endpoint } = this.#records.endpoint(ids)
    const plugIn = () => plug(hostEndOf(ids.endpoint), network, endpoint)
    await this.#ports.publish(network, endpoint, portsOf(given), plugIn)
    endpoint.gateway = true
    await this.#records.save()
    void this.#ports.forgetSenders(endpoint)
    return {}
  }

  async internal(given: unknown): Promise<object> {
    const known = this.#records.find(idsOf(given))
    if (known === undefined) return {}
    delete known.gateway
    this.#ports.withdraw(known)
    await this.#records.save()
    return {}
  }

  get #orders(): Orders {
    return new Orders(this.#registry, this.#caller)
  }

  /** A pair between the bridge and the container; answers what its end is called yet. */
  async #spoke({ endpoint: id }: Ids, network: Network, endpoint: Endpoint): Promise<string> {
    const pair = pairOf(network, id)
    const [host, guest] = [hostEndOf(id), `uc${shortOf(id)}`]
    const mtu = network.mtu === undefined ? {} : { mtu: network.mtu }
    const impair = planFor(network, endpoint)
    await this.#make(pair, {
      quiet: !network.subnets.some(({ pool }) => pool.includes(':')),
      a: { name: host, up: true, ...mtu },
      b: { name: guest, ...mtu, ...(impair && { impair }) },
    })
    await plug(host, network, endpoint)
    return guest
  }

  /** One end of the network's only pair. */
  async #cable({ endpoint: id }: Ids, network: Network, endpoint: Endpoint): Promise<string> {
    const pair = pairOf(network, id)
    const { side = 'a' } = endpoint
    const names = { a: `ua${shortOf(network.id)}`, b: `ub${shortOf(network.id)}` }
    const mtu = network.mtu === undefined ? {} : { mtu: network.mtu }
    await this.#make(pair, { a: { name: names.a, ...mtu }, b: { name: names.b, ...mtu } })
    await this.#resume(pair)
    await this.#orders.setImpair(names[side], planFor(network, endpoint))
    return names[side]
  }

  /** Unless it is there already, and stays. */
  async #make(id: string, wish: SentWish['wish']): Promise<void> {
    await this.#registry.inTurn(id, async () => {
      if (this.#registry.byId(id) !== undefined) return
      this.#making.add(id)
      await this.#daemon.forget(id)
      await this.#orders.addPair({ ...wish, id }).finally(() => this.#making.delete(id))
    })
  }

  /** The only pair of a network stays for as long as one container has an end of it, or is to have one. */
  async #unplug(network: Network, endpoint: string): Promise<void> {
    const known = network.endpoints[endpoint]
    delete network.endpoints[endpoint]
    if (known !== undefined) this.#ports.withdraw(known)
    const pair = pairOf(network, endpoint)
    await this.#registry.inTurn(pair, async () => {
      if (network.p2p && Object.keys(network.endpoints).length > 0) return
      if (this.#registry.byId(pair) === undefined) await this.#daemon.forget(pair)
      else await this.#orders.deletePair(`id:${pair}`)
    })
  }

  /** Containers of whose end the engine has not told: it was down, or we. */
  async #forgetEnded(): Promise<void> {
    for (const network of this.#records.list()) {
      const ended = Object.entries(network.endpoints).filter(([id, endpoint]) =>
        hasEnded(endpoint, this.#registry.byId(pairOf(network, id))?.pair, this.#joined.has(endpoint)),
      )
      for (const [id] of ended) await this.#unplug(network, id)
      if (ended.length > 0) await this.#records.save()
    }
  }

  /** Resolves when nothing is left to be done of what was answered. */
  async settled(): Promise<void> {
    await this.#filter.settled().catch(() => {}) // it is in the log
  }

  /** A pair that was made again: its ends go where they were, and a container finds its way out. */
  async #resume(pair: string): Promise<void> {
    const there = this.#registry.byId(pair)?.pair
    if (there === undefined) return
    for (const { network, endpoint } of livingEnds(this.#records.list(), pair))
      await this.#attempt(network.id, () => resumeEnd(this.#orders, there, network, endpoint))
  }

  async #attempt(network: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#logger.warn(
        { network, error: (error as Error).message },
        'a network of the engine could not be restored',
      )
    }
  }
}
