// The pairs of the link thread: orders that come as messages, what workers met and what the kernel says find their
// pair here. Started by thread.ts, which gives the way to open a device; it knows neither kinds of device nor how
// threads are made. What fails here is answered, or ends the pair that it is about, and no other.

import type { MessagePort } from 'node:worker_threads'
import { sendFrame } from '../channel.js'
import type { Notice } from '../datapath/orders.js'
import { pairClosed, toWire } from '../errors.js'
import { sendCopies } from './copies.js'
import type { AdoptDevice, Hint, OpenDevice } from './device.js'
import { LinkedPair } from './linked-pair.js'
import type { Pool } from './pool.js'
import type { Descriptors, LinkMessage, LinkRequest } from './protocol.js'
import { NO_PAIR, Turns } from './turns.js'

/** ms. The kernel's own events tell why a device is gone; the worker only knows that it is. */
const GONE_DELAY = 20
/** ms. Nothing tells that somebody has attached a queue. */
const QUEUES_LOOK = 250
/** ms, of pairs that frames have crossed meanwhile. */
const GLANCE = 1_000

/** What is needed to serve orders. */
export interface Means {
  open: OpenDevice
  adopt: AdoptDevice
  pool: Pool
  /** Hears at once all that the kernel has said up to now. */
  catchUp(): void
  /** As the orders say. */
  heir(heir: number): void
  rest(): void
}

export class LinkedPairs {
  readonly #port: MessagePort
  readonly #pairs = new Map<number, LinkedPair>()
  /** One that has just been made: somebody may have changed its ends since they were looked at. */
  #newcomer: LinkedPair | undefined
  /** Inline pairs that were asked back: what goes on when they are. */
  readonly #returned = new Map<number, () => void>()
  /** Pairs with several queues, which are looked at from time to time. */
  readonly #watched = new Map<number, NodeJS.Timeout>()
  /** While there is a pair. */
  #glances: NodeJS.Timeout | undefined
  readonly #turns = new Turns({ errand: (handle) => this.#pairs.get(handle)?.turn() })

  /** `port`: to and from the main thread. */
  constructor(port: MessagePort) {
    this.#port = port
  }

  /** From now on orders are carried out: those of a pair one after the other, and every pair's in their turn. */
  serve(means: Means): void {
    this.#port.on('message', ({ id, ...request }: LinkRequest & { id: number }) => {
      const answer = () => void this.#answer(id, request, means)
      const { op, handle } = request
      if (op === 'create' || op === 'rest') this.#turns.order(NO_PAIR, answer, true)
      else if (op === 'returned' || !this.#pairs.has(handle)) answer()
      else this.#turns.order(handle, answer, !(op === 'carrier' && request.patient))
    })
    this.#tell({ event: 'ready' })
  }

  /** What a worker met is looked into: the kernel's answer counts, not the worker's. */
  heard(notice: Notice): void {
    if (notice.event === 'ready' || notice.event === 'loaded') return
    if (notice.event === 'failed') return this.#pairs.get(notice.handle)?.fail(notice.why)
    const look = () => this.#pairs.get(notice.handle)?.look([notice.end])
    if (notice.event === 'gone') setTimeout(look, GONE_DELAY)
    else look()
  }

  hear(hint: Hint): void {
    for (const pair of [...this.#pairs.values()]) pair.hear(hint)
    // A namespace that has died may have had the number that its own has now.
    if (hint.of !== 'netns') this.#newcomer?.hear(hint)
  }

  #glance(): void {
    for (const pair of this.#pairs.values()) pair.glance()
  }

  #tell(message: LinkMessage): void {
    if (message.event === 'closed') {
      this.#pairs.delete(message.handle)
      this.#turns.forget(message.handle)
      clearInterval(this.#watched.get(message.handle))
      this.#watched.delete(message.handle)
      if (this.#pairs.size === 0) this.#glances = void clearInterval(this.#glances)
    }
    this.#port.postMessage(message)
  }

  #recall(handle: number): Promise<void> {
    this.#tell({ event: 'recall', handle })
    return new Promise((back) => this.#returned.set(handle, back))
  }

  async #answer(id: number, request: LinkRequest, means: Means): Promise<void> {
    try {
      const value =
        request.op === 'create' ? await this.#create(request, means) : await this.#carryOut(request, means)
      this.#tell({ event: 'reply', id, value })
    } catch (error) {
      this.#tell({ event: 'refused', id, error: toWire(error) })
    }
  }

  async #create(request: Extract<LinkRequest, { op: 'create' }>, means: Means): Promise<Descriptors> {
    const tell = (message: LinkMessage) => this.#tell(message)
    const recall = (handle: number) => this.#recall(handle)
    const errand = (handle: number) => this.#turns.errand(handle)
    const pair = await LinkedPair.create({ ...means, tell, recall, errand }, request)
    if (request.shared) pair.lend(true)
    this.#newcomer = pair
    try {
      means.catchUp()
    } catch (error) {
      await pair.close('failed', null)
      throw error
    } finally {
      this.#newcomer = undefined
    }
    const { handle, plan } = request
    this.#pairs.set(handle, pair)
    this.#glances ??= setInterval(() => this.#glance(), GLANCE).unref()
    if (plan.queues > 1) this.#watched.set(handle, setInterval(() => pair.look(), QUEUES_LOOK).unref())
    pair.look()
    await pair.settled()
    return pair.ending ? [[], []] : pair.lend()
  }

  async #carryOut(request: Exclude<LinkRequest, { op: 'create' }>, means: Means): Promise<unknown> {
    const { handle } = request
    if (request.op === 'heir') return means.heir(request.heir)
    if (request.op === 'rest') return means.rest()
    const pair = this.#pairs.get(handle)
    if (request.op === 'returned') return this.#returned.get(handle)?.()
    if (request.op === 'close') return await pair?.close('close', null)
    // The numbers of closed descriptors may be another pair's by now.
    if (pair === undefined || pair.ending) throw pairClosed()
    switch (request.op) {
      case 'change':
        means.catchUp() // what it finds of the end is known when it is answered
        pair.change(request.end, request.change)
        return await pair.settled()
      case 'carrier':
        pair.setMode(request.mode)
        return await pair.settled()
      case 'inspect':
        return pair.inspect(request.inspected)
      case 'own':
        return await means.pool.own(handle, request.url)
      case 'readopt':
        return pair.readopt(request.begin)
      case 'suspend':
        return await pair.suspend().catch((error: unknown) => {
          pair.fail(error) // whether anybody serves it is not known
          throw error
        })
      case 'goOn':
        return pair.goOn(request)
      case 'lend':
        return await sendFrame(request.socket, request.message, () => pair.lend().flat())
      case 'keep':
        return await sendCopies(request.path, request.names, () => pair.lend(true).flat())
      case 'stats':
        return pair.stats()
    }
  }
}
