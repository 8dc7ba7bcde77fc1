// The original driver's own interface: the generic-netlink family `veth`, served on a port of
// NETLINK_USERSOCK in the daemon's own network namespace. Started by daemon.ts. What messages mean
// is family.ts's; here orders are taken in, carried out one after the other, and answered when they
// are in force. A port that somebody else has is tried again until it is free.

import { errno, errnoOf, UvethError } from '../errors.js'
import type { Logger } from '../index.js'
import { firstHeader, type Message, parseSome } from '../netlink/message.js'
import { type Datagram, NetlinkPort, VETH_PORT } from '../netlink/user-socket.js'
import { home } from '../orders/caller.js'
import { Orders, type PairRegistry } from '../orders/handlers.js'
import { type Order, outcomeOf, readMessage, refuseCut } from './family.js'
import { Hearing } from './hearing.js'
import { Outbox } from './outbox.js'

/** `on`: at VETH_PORT; a number: at that port id. */
export type NetlinkSetting = 'on' | 'off' | number

export interface NetlinkOptions {
  setting?: NetlinkSetting
  logger?: Logger
  /** ms between two attempts to get the port. */
  retryInterval?: number
}

interface NetlinkView {
  /** `waiting`: the port could not be bound, and is tried again every few seconds. */
  state: 'on' | 'off' | 'waiting'
  port: number
  /** Why it waits. */
  reason: string | null
}

export interface Netlink {
  /** Datagrams of those who may not order. */
  readonly refused: number
  /** For `health` and `doctor`. */
  view(): NetlinkView
  /** Refuses what still waits (ESHUTDOWN), finishes what is being carried out, and frees the port. */
  close(): Promise<void>
}

const RETRY_INTERVAL = 3_000
/** Bytes of orders that may wait here; beyond it their senders wait, as at a full socket. */
const LONGEST_QUEUE = 4 << 20
/** What a waiting order takes beside its bytes. */
const ORDER_OVERHEAD = 512
/** Pairs removed at once. */
const MOST_TOGETHER = 64
/** Datagrams that are still answered at the end. */
const MOST_REFUSED = 10_000
/** Orders taken in at once, before others get their turn of the event loop; and ms, whatever it is that comes. */
const ORDERS_PER_TURN = 64
const TURN = 5
/**
 * After a turn in which somebody was refused, the port is left alone for so many times as long: a flood has a third of this
 * thread at most. Its senders meet a full socket then, and the orders of others an idle thread. Those that come by this
 * port need room there, which is in turns: so no rest is longer than so many ms, however long a busy machine made the turn.
 */
const REST = 2
const LONGEST_REST = 4

/** An order of one who may give it, or an answer that has to come after those of earlier orders. */
interface Job {
  port: number
  message: Message
  work: { order: Order } | { answers: Uint8Array[] }
}

/** Listens, or waits for its port. */
export function startNetlink(registry: PairRegistry, options: NetlinkOptions = {}): Netlink {
  return new Server(registry, options)
}

class Server implements Netlink {
  readonly #registry: PairRegistry
  readonly #logger: Logger | undefined
  readonly #number: number
  readonly #retryInterval: number
  readonly #caller = home()
  readonly #outbox = new Outbox((datagram, port) => this.#port?.send(datagram, port) ?? errno.EBADF)
  readonly #queue: Job[] = []
  #queued = 0 // bytes
  #port: NetlinkPort | undefined
  #paused = false
  #working: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #state: NetlinkView['state'] = 'off'
  #reason: string | null = null
  #refused = 0

  constructor(registry: PairRegistry, { setting = 'on', logger, retryInterval }: NetlinkOptions) {
    this.#registry = registry
    this.#logger = logger
    this.#number = typeof setting === 'number' ? setting : VETH_PORT
    this.#retryInterval = retryInterval ?? RETRY_INTERVAL
    if (setting !== 'off') this.#open()
  }

  view(): NetlinkView {
    return { state: this.#state, port: this.#number, reason: this.#reason }
  }

  get refused(): number {
    return this.#refused
  }

  async close(): Promise<void> {
    clearTimeout(this.#retry)
    this.#state = 'off'
    this.#refuseAll()
    await this.#working
    this.#refuseAll() // what came meanwhile
    this.#outbox.close()
    this.#port?.close()
    this.#port = undefined
  }

  /** Answers everything that waits, here or in the socket, with ESHUTDOWN: nobody waits in vain. */
  #refuseAll(): void {
    const hearing = new Hearing()
    try {
      for (let count = 0; count < MOST_REFUSED; count++) {
        const datagram = this.#port?.receive(hearing.past)
        if (datagram === undefined) break
        this.#take(datagram, hearing)
      }
    } catch {
      // a socket that fails has nothing more to say
    }
    for (const { message, port, work } of this.#queue.splice(0)) {
      const answers = 'answers' in work ? work.answers : outcomeOf(message, port, errno.ESHUTDOWN)
      this.#outbox.send(answers, port)
    }
  }

  #open(): void {
    try {
      this.#port = NetlinkPort.bind(this.#number)
      this.#state = 'on'
      this.#reason = null
      this.#logger?.info({ port: this.#number }, 'netlink: listening')
      this.#port.whenReadable(() => this.#takeIn())
    } catch (error) {
      this.#wait(error)
    }
  }

  /** Without its port, or after it failed: tries again. The log has each reason once. */
  #wait(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    if (reason !== this.#reason) this.#logger?.warn({ port: this.#number, reason }, 'netlink: not listening')
    this.#port?.close()
    this.#port = undefined
    this.#state = 'waiting'
    this.#reason = reason
    this.#retry = setTimeout(() => this.#open(), this.#retryInterval)
    this.#retry.unref()
  }

  #takeIn(): void {
    const port = this.#port
    if (this.#state !== 'on' || port === undefined) return
    const hearing = new Hearing()
    const began = performance.now()
    try {
      for (let orders = 0; orders < ORDERS_PER_TURN && this.#queued < LONGEST_QUEUE; ) {
        const datagram = port.receive(hearing.past)
        if (datagram === undefined) break
        if (this.#take(datagram, hearing)) orders++
        if (performance.now() - began > TURN) break
      }
      this.#paused = this.#queued >= LONGEST_QUEUE
      if (this.#paused) return
      if (hearing.refused === 0) port.whenReadable(() => this.#takeIn())
      else setTimeout(() => this.#takeIn(), restAfter(began)).unref()
    } catch (error) {
      this.#wait(error)
    } finally {
      this.#refused += hearing.refused
    }
  }

  /** Nothing of anybody's who may not order is kept here: such are answered at once, or not at all. True: who may. */
  #take(datagram: Datagram, hearing: Hearing): boolean {
    const { bytes, port, cut } = datagram
    const { may, most } = hearing.hear(datagram)
    if (most === 0) return false
    const messages = cut ? firstHeader(bytes) : parseSome(may ? bytes.slice() : bytes, most)
    if (!may) hearing.answered(datagram, messages.length)
    for (const message of messages) {
      const work = cut ? { answers: refuseCut(message, port) } : readMessage(message, { port, admin: may })
      if (may) this.#enqueue({ port, message, work })
      else if ('answers' in work) for (const answer of work.answers) this.#port?.send(answer, port)
    }
    return may
  }

  #enqueue(job: Job): void {
    this.#queue.push(job)
    this.#queued += sizeOf(job)
    this.#working ??= this.#workOff()
  }

  async #workOff(): Promise<void> {
    await undefined // so that #working is set before the end of the queue unsets it
    while (this.#queue.length > 0) {
      const jobs = this.#queue.splice(0, this.#together())
      const going = new Set<string>()
      const answers = jobs.map((job) => this.#answersTo(job, going))
      for (const [index, job] of jobs.entries()) {
        this.#outbox.send((await answers[index]) ?? [], job.port)
        this.#queued -= sizeOf(job)
      }
      if (this.#paused && this.#queued < LONGEST_QUEUE / 2) this.#takeIn()
    }
    this.#working = undefined
  }

  /**
   * How many jobs at the head of the queue may be begun at once: one that makes a pair, or whatever
   * stands in front of the next such one. Removals wait for the kernel (19 ms each), and do it together.
   */
  #together(): number {
    const next = this.#queue.findIndex(({ work }) => 'order' in work && work.order.op === 'add')
    return next === 0 ? 1 : Math.min(next < 0 ? this.#queue.length : next, MOST_TOGETHER)
  }

  /** `going`: ids of pairs that an order before this one removes just now. */
  async #answersTo({ work, message, port }: Job, going: Set<string>): Promise<Uint8Array[]> {
    return 'answers' in work
      ? work.answers
      : outcomeOf(message, port, await this.#carryOut(work.order, going))
  }

  /** 0, or a negative errno. */
  async #carryOut(order: Order, going: Set<string>): Promise<number> {
    const orders = new Orders(this.#registry, this.#caller)
    try {
      if (order.op === 'add') {
        await orders.addPair({ a: { name: order.name }, b: { name: order.peer } })
      } else {
        // Not Registry.find: a name here is a name.
        const id = this.#registry.at(order.name, this.#caller.inode)?.entry.pair.id
        if (id === undefined || going.has(id)) return errno.ENODEV
        going.add(id)
        await orders.deletePair(`id:${id}`)
      }
      return 0
    } catch (error) {
      const number = error instanceof UvethError ? (error.errno ?? errnoOf(error.code)) : undefined
      if (number === undefined) this.#logger?.warn({ err: error, order }, 'netlink: an order failed')
      return number ?? errno.EIO
    }
  }
}

function restAfter(began: number): number {
  return Math.min(LONGEST_REST, REST * (performance.now() - began))
}

function sizeOf({ message }: Job): number {
  return message.payload.length + ORDER_OVERHEAD
}
