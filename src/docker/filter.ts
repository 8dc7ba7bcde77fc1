// The packet filter of the machine is told what networks may, by `iptables`, in the words of rules.ts. Called by driver.ts
// and publish.ts. One run after the other: each compares with what the one before has left.

import { existsSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Logger } from '../wishes/end.js'
import { run } from './kernel.js'
import type { Network, Records } from './records.js'
import { bridgesOf, changeOf, type Family, isOf, noRules, rulesFor } from './rules.js'

export class Filter {
  readonly #records: Records
  readonly #logger: Logger
  /** By the family in whose tables there are chains of ours, as far as we have seen: rules, by table. */
  readonly #said = new Map<Family, Map<string, readonly string[]>>()
  #last: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined
  #taken: Promise<void> = Promise.resolve()

  constructor(records: Records, logger: Logger) {
    this.#records = records
    this.#logger = logger
  }

  /** What a daemon that was killed had yet to take back is ours to. Where nothing can be read, nothing is there. */
  async find(): Promise<void> {
    const ours = this.#records.list().map(({ bridge }) => bridge)
    const each = (['iptables', 'ip6tables'] as const).map(async (family) => {
      const saved = await run([`${family}-save`]).catch(() => '')
      const others = bridgesOf(saved).filter((bridge) => !ours.includes(bridge))
      const used = others.some((bridge) => existsSync(`/proc/sys/net/ipv4/conf/${bridge}`))
      if (saved.includes(':UVETH') && !used) this.#said.set(family, new Map())
    })
    await Promise.all(each)
  }

  /** What networks may now, is in force when it resolves. Who comes before the next run begins shares it. */
  allow(): Promise<void> {
    this.#next ??= this.#last
      .catch(() => {}) // whoever waited for that one was told
      .then(() => this.#apply())
    this.#last = this.#next
    return this.#next
  }

  /**
   * Takes back what has gone, and does `then`, once it is written down and whoever let it go has been answered: the kernel
   * is 20 ms and more in giving up rules. Meanwhile they lead to an address that nobody has: for who may get it next, there
   * is `settled()`.
   */
  forbid(written: Promise<void>, then = () => {}): void {
    const gone = written
      .catch(() => {}) // told
      .then(() => setImmediate())
      .then(() => this.allow())
      .then(then)
    this.#taken = Promise.all([this.#taken, gone]).then(() => {})
    this.#taken.catch(({ message }: Error) =>
      this.#logger.warn({ error: message }, 'rules of the packet filter could not be taken back'),
    )
  }

  /** Resolves when nothing is left to be taken back; what could not be is tried again. */
  async settled(): Promise<void> {
    await this.#taken.catch(() => (this.#taken = this.allow()))
  }

  async #apply(): Promise<void> {
    this.#next = undefined
    const bridged = this.#records.list().filter(({ p2p }) => !p2p)
    const six = bridged.some(({ subnets }) => subnets.some(({ pool }) => isOf('ip6tables', pool)))
    const runs = [this.#say('iptables', bridged), this.#say('ip6tables', six ? bridged : [])]
    await Promise.allSettled(runs) // the next ones are to find what both have left
    await Promise.all(runs)
  }

  /** Of tables that are as we left them only what differs is changed. */
  async #say(family: Family, networks: readonly Network[]): Promise<void> {
    const said = this.#said.get(family)
    const some = networks.length > 0
    if (!some && said === undefined) return
    const saved = await run([`${family}-save`])
    const tables = some ? rulesFor(family, networks, saved) : []
    const texts = tables.map((table) => {
      const before = said?.get(table.table)
      const left = before !== undefined && before.length === table.present
      return left ? changeOf(table, before) : table.text
    })
    this.#said.set(family, new Map()) // what stands there if this fails, nobody knows
    const text = some ? texts.join('') : noRules(saved)
    if (text !== '') await run([`${family}-restore`, '--noflush', '-w'], text)
    if (some) this.#said.set(family, new Map(tables.map(({ table, rules }) => [table, rules])))
    else this.#said.delete(family)
  }
}
