// Published ports of containers: chosen, remembered, and told to the packet filter; withdrawn with the container, or when
// it reaches the world by another network. Called by driver.ts.

import { forgetUdp } from '../netlink/conntrack.js'
import type { Logger } from '../wishes/end.js'
import { allowLoopback } from './kernel.js'
import { type Asked, choosePort } from './ports.js'
import type { Endpoint, Network, Published, Records } from './records.js'

export class Ports {
  readonly #records: Records
  readonly #filter: () => Promise<void>
  readonly #logger: Logger
  /** One container after the other: nobody is to choose what another one is about to have. */
  #turn: Promise<unknown> = Promise.resolve()

  /** `filter` tells the packet filter what the records say. */
  constructor(records: Records, filter: () => Promise<void>, logger: Logger) {
    this.#records = records
    this.#filter = filter
    this.#logger = logger
  }

  /** Whether there is any to be published. */
  async publish(network: Network, endpoint: Endpoint, asked: readonly Asked[]): Promise<boolean> {
    if (asked.length === 0) return false
    const mine = this.#turn.then(() => this.#choose(endpoint, asked))
    this.#turn = mine.catch(() => {})
    const ports = await mine
    if (!allowLoopback(network))
      this.#logger.warn(
        { network: network.id },
        '/proc/sys is read-only: 127.0.0.1 does not reach published ports',
      )
    try {
      await this.#filter()
    } catch (error) {
      await this.withdraw(endpoint).catch(() => {}) // what failed first is told
      throw error
    }
    this.#forget(ports)
    this.#logger.info({ network: network.id, addresses: endpoint.addresses, ports }, 'ports published')
    return true
  }

  async withdraw(endpoint: Endpoint): Promise<void> {
    const { ports } = endpoint
    if (ports === undefined) return
    delete endpoint.ports
    await this.#filter()
    this.#forget(ports)
  }

  /** Who goes on sending from the same port would be sent where he was before: the kernel looks at its rules only once. */
  #forget(ports: readonly Published[]): void {
    for (const { hostPort } of ports.filter(({ protocol }) => protocol === 'udp')) {
      try {
        forgetUdp(hostPort)
      } catch (error) {
        const why = (error as Error).message
        this.#logger.warn(
          { port: hostPort, error: why },
          'who sent to this UDP port before may be sent there on',
        )
      }
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
