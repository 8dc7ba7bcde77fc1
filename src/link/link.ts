// The main thread's side of the link thread: starts it at first use, sends orders, hands events to
// the pair that they concern. One link thread for each JavaScript thread that uses the library.

import { type MessagePort, Worker } from 'node:worker_threads'
import { apart } from '../apart.js'
import { fromWire, invalid, UvethError } from '../errors.js'
import { CONFIGURATION, setLimits } from '../wishes/limits.js'
import type { Given } from '../wishes/shape.js'
import { frameMemory } from './memory.js'
import type { LinkMessage, LinkRequest, LinkSetup } from './protocol.js'

export type PairEvent = Exclude<LinkMessage, { event: 'ready' | 'reply' | 'refused' }>

/** One serves many pairs; more spread pairs, and the queues of a pair, over cores. */
const DEFAULT_WORKERS = 1

interface Pending {
  resolve(value: unknown): void
  reject(error: Error): void
}

let workers = DEFAULT_WORKERS
let link: Link | undefined

/**
 * Sets the number of forwarding workers of this thread's pairs (default 1). It is fixed by the first
 * `createPair`: EBUSY afterwards, unless it is the same number. `memory`: for frames that wait, from now on; what has
 * more then keeps it. `limits`: how much of each thing there may be, from now on.
 */
export function configure(options: Given<typeof CONFIGURATION>): void {
  const { workers: wanted = workers, memory, limits = {} } = CONFIGURATION.read(options, '')
  if (link !== undefined && wanted !== workers) {
    throw invalid(`the workers (${workers}) are running: configure before the first pair`, 'workers', 'EBUSY')
  }
  workers = wanted
  if (memory !== undefined) frameMemory().bound = memory
  setLimits(limits)
}

export function workerCount(): number {
  return workers
}

/** The link thread, started if need be. */
export function linkThread(): Link {
  link ??= new Link(startThread())
  return link
}

function startThread(): Worker {
  const workerData: LinkSetup = { workers, memory: frameMemory().shared }
  return new Worker(new URL('./thread.js', import.meta.url), {
    name: 'uveth-link',
    workerData,
    execArgv: [], // the user's loaders and inspectors have no business here
  })
}

/** What of a thread is needed: its messages, its end, and whether the process lives for it. */
export interface LinkThread {
  on(event: 'message', hear: (message: LinkMessage) => void): unknown
  on(event: 'error', hear: (error: Error) => void): unknown
  on(event: 'exit', hear: () => void): unknown
  postMessage(message: unknown, transfer: MessagePort[]): void
  ref(): void
  unref(): void
}

export class Link {
  readonly #thread: LinkThread
  readonly #ready: Promise<void>
  readonly #pending = new Map<number, Pending>()
  readonly #pairs = new Map<number, (event: PairEvent) => void>()
  #lastId = 0
  #lastHandle = 0
  #failure: Error | undefined

  constructor(thread: LinkThread) {
    this.#thread = thread
    const { promise, resolve, reject } = withResolvers()
    this.#ready = promise
    this.#pending.set(0, { resolve, reject })
    this.#thread.on('message', (message: LinkMessage) => this.#hear(message))
    this.#thread.on('error', (error) => this.#fail(error))
    this.#thread.on('exit', () => this.#fail(new Error('it ended')))
  }

  /** Resolves when it runs, and its workers do. */
  get ready(): Promise<void> {
    return this.#ready
  }

  /** A number for a new pair, whose events go to `hear` until it is closed. */
  register(hear: (event: PairEvent) => void): number {
    const handle = ++this.#lastHandle
    this.#pairs.set(handle, hear)
    this.#hold()
    return handle
  }

  forget(handle: number): void {
    this.#pairs.delete(handle)
    this.#hold()
  }

  /** Resolves when the order is in force. */
  async request<T>(request: LinkRequest, transfer: MessagePort[] = []): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure
    const id = ++this.#lastId
    const { promise, resolve, reject } = withResolvers()
    this.#pending.set(id, { resolve, reject })
    this.#hold()
    await this.#ready
    try {
      this.#thread.postMessage({ id, ...request }, transfer)
    } catch (error) {
      this.#settle(id, ({ reject }) => reject(error as Error)) // nobody will answer it
    }
    return (await promise) as T
  }

  /** The process lives for as long as it has a pair or waits for an answer. */
  #hold(): void {
    if (this.#pending.size + this.#pairs.size > 0) this.#thread.ref()
    else this.#thread.unref()
  }

  #hear(message: LinkMessage): void {
    switch (message.event) {
      case 'ready':
        return this.#settle(0, (pending) => pending.resolve(undefined))
      case 'reply':
        return this.#settle(message.id, (pending) => pending.resolve(message.value))
      case 'refused':
        return this.#settle(message.id, (pending) => pending.reject(fromWire(message.error)))
      default:
        this.#pairs.get(message.handle)?.(message)
    }
  }

  #settle(id: number, how: (pending: Pending) => void): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    this.#hold()
    if (pending) how(pending)
  }

  /** Its descriptors were closed when it ended, so the pairs are gone. */
  #fail(error: Error): void {
    this.#failure ??= failure(error)
    if (link === this) link = undefined
    const pending = [...this.#pending.values()]
    const pairs = [...this.#pairs]
    this.#pending.clear()
    this.#pairs.clear()
    for (const { reject } of pending) reject(this.#failure)
    for (const [handle, hear] of pairs) {
      const why = this.#failure.message
      apart(() => hear({ event: 'closed', handle, reason: 'failed', end: null, stats: [null, null], why }))
    }
  }
}

/** Why the thread ended, as the caller sees it: one sentence, unless nobody foresaw it. */
function failure(error: Error & { code?: string }): UvethError {
  const { code, message, stack = message } = error
  if (code === 'ERR_NO_ADDON') return new UvethError(message, { code })
  return new UvethError(`the link thread failed: ${stack}`, { code: 'ERR_LINK' })
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers(): {
  promise: Promise<void>
  resolve(value: unknown): void
  reject(error: Error): void
} {
  let resolve!: (value: unknown) => void
  let reject!: (error: Error) => void
  const promise = new Promise<unknown>((yes, no) => {
    resolve = yes
    reject = no
  }) as Promise<void>
  promise.catch(() => {}) // whoever asked has its own handler
  return { promise, resolve, reject }
}
