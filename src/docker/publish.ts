// Published ports of containers: chosen, remembered, and told to the packet filter; withdrawn with the container, or when
// it reaches the world by another network. Called by driver.ts.

import { setImmediate } from 'node:timers/promises'
import { forgetUdp } from '../netlink/conntrack.js'
import type { Logger } from '../wishes/end.js'
import type { Filter } from './filter.js'
import { allowLoopback } from './kernel.js'
import { type Asked, choosePort } from './ports.js'
import type { Endpoint, Network, Published, Records } from './records.js'

export class Ports {
  readonly #records: Records
  readonly #filter: Filter
  readonly #logger: Logger
  /** One container after the other: nobody is to choose what another one is about to have. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(records: Records, filter: Filter, logger: Logger) {
    this.#records = records
    this.#filter = filter
    this.#logger = logger
  }

  /** `plugIn`: as an end with published ports is; nothing is done where there are none. */
  async publish(
    network: Network,
    endpoint: Endpoint,
    asked: readonly Asked[],
    plugIn: () => Promise<void>,
  ): Promise<void> {
    if (asked.length === 0) return
    const mine = this.#turn.then(() => this.#choose(endpoint, asked))
    this.#turn = mine.catch(() => {})
    const ports = await mine
    if (!allowLoopback(network))
      this.#logger.warn(
        { network: network.id },
        '/proc/sys is read-only: 127.0.0.1 does not reach published ports',
      )
    try {
      await Promise.all([this.#filter.allow(), plugIn()])
    } catch (error) {
      this.withdraw(endpoint)
      throw error
    }
    this.#logger.info({ network: network.id, addresses: endpoint.addresses, ports }, 'ports published')
  }

  /** Nobody has them from now on; they lead where they did until the filter has settled. */
  withdraw(endpoint: Endpoint): void {
    const { ports } = endpoint
    if (ports === undefined) return
    delete endpoint.ports
    this.#filter.forbid(this.#records.save(), () => this.#forget(endpoint, ports))
  }

  /**
   * Who goes on sending from the same port would be sent where he was before: the kernel looks at its rules only once.
   * After the answer, in the next turn of the loop: to find them takes some 10 ms for each address.
   */
  async forgetSenders(endpoint: Endpoint): Promise<void> {
    await setImmediate()
    this.#forget(endpoint, endpoint.ports ?? [])
  }

  #forget({ addresses }: Endpoint, ports: readonly Published[]): void {
    const numbers = ports.filter(({ protocol }) => protocol === 'udp').map(({ hostPort }) => hostPort)
    try {
      for (const address of addresses) forgetUdp(address.includes(':') ? 6 : 4, numbers)
    } catch (error) {
      const why = (error as Error).message
      this.#logger.warn(
        { ports: numbers, error: why },
        'who sent to these UDP ports before may be sent there on',
      )
    }
  }

  async #choose(endpoint: Endpoint, asked: readonly Asked[]): Promise<Published[]> {
    const all = this.#records.list().flatMap(({ endpoints }) => Object.values(endpoints))
    const others = all.filter((other) => other !== endpoint).flatMap(({ ports = [] }) => ports)
    const ports: Published[] = []
    for (const each of asked) ports.push(await choosePort(each, [...others, ...ports], endpoint.addresses))
    endpoint.ports = ports
    return ports
  }
}
