// The main thread's side of the link thread: starts it at first use, sends orders, hands events to
// the pair that they concern. One link thread for each JavaScript thread that uses the library. Where it is lost, another
// one has its pairs, by the descriptors that it left to this thread (native/src/fds.rs).
//
//   running --it ended--> restarting: orders wait; each pair has itself adopted (again) --all have tried--> running
//      |                      |
//      +----------------------+--it ended before it ran, or too often--> failed: every pair is closed

import { type MessagePort, Worker } from 'node:worker_threads'
import { apart } from '../apart.js'
import { fromWire, invalid, UvethError } from '../errors.js'
import { CONFIGURATION, setLimits } from '../wishes/limits.js'
import type { Given } from '../wishes/shape.js'
import { Losses } from './losses.js'
import { frameMemory } from './memory.js'
import type { LinkMessage, LinkRequest, LinkSetup } from './protocol.js'

export type PairEvent = Exclude<LinkMessage, { event: 'ready' | 'reply' | 'refused' }>

/** One serves many pairs; more spread pairs, and the queues of a pair, over cores. */
const DEFAULT_WORKERS = 1

interface Pending {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A pair, as the main thread has it. */
interface Registered {
  hear(event: PairEvent): void
  /** The link thread that had it is gone: has `give` adopt it in the next one. Must not reject. */
  again?: (give: Give, why: string) => Promise<void>
}

/** Gives an order while others wait. */
export type Give = <T>(request: LinkRequest, transfer?: MessagePort[]) => Promise<T>

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
  link ??= new Link(startThread, inherit)
  return link
}

/** What the link thread opens stays open when it is lost. Loaded here: a program that makes no pair needs no addon. */
async function inherit(): Promise<Heir> {
  const { heirOpen, heirClose } = await import('../native.js')
  const number = heirOpen()
  const end = () => heirClose(number)
  process.once('exit', end) // it closes all at once then
  return { number, end }
}

function startThread(): Worker {
  const workerData: LinkSetup = { workers, memory: frameMemory().shared }
  return new Worker(new URL('./thread.js', import.meta.url), {
    name: 'uveth-link',
    workerData,
    execArgv: [], // the user's loaders and inspectors have no business here
  })
}

/** What a thread leaves under its number is kept until the next one adopts it, or until the end. */
interface Heir {
  number: number
  end(): void
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
  readonly #start: () => LinkThread
  readonly #inherit: (() => Promise<Heir>) | undefined
  readonly #pending = new Map<number, Pending>()
  readonly #pairs = new Map<number, Registered>()
  #thread!: LinkThread
  /** It runs, and its workers do. */
  #runs!: Promise<void>
  /** And it has the pairs of the one before. */
  #ready: Promise<void>
  #heir: Heir | undefined
  readonly #losses = new Losses()
  /** Orders that wait until they can be given. */
  #waiting = 0
  #lastId = 0
  #lastHandle = 0
  #failure: Error | undefined

  /** `inherit`: as what this thread inherits descriptors; without it a thread that is lost ends its pairs. */
  constructor(start: () => LinkThread, inherit?: () => Promise<Heir>) {
    this.#start = start
    this.#inherit = inherit
    this.#begin()
    this.#ready = this.#runs.then(() => this.#nameHeir())
    this.#ready.catch(() => {}) // whoever asked has its own handler
  }

  #begin(): void {
    const { promise, resolve, reject } = withResolvers()
    this.#runs = promise
    this.#pending.set(0, { resolve, reject })
    const thread = this.#start()
    let met: Error | undefined
    thread.on('message', (message: LinkMessage) => this.#hear(message))
    thread.on('error', (error) => {
      met = error
      // What it had is closed, or left, at its exit.
      if (this.#heir === undefined) this.#fail(error)
    })
    thread.on('exit', () => this.#lost(met ?? new Error('it ended')))
    this.#thread = thread
    this.#hold()
  }

  async #nameHeir(): Promise<void> {
    this.#heir ??= await this.#inherit?.()
    if (this.#heir !== undefined) await this.#give({ op: 'heir', handle: 0, heir: this.#heir.number })
  }

  /** Resolves when it runs, and its workers do. */
  get ready(): Promise<void> {
    return this.#ready
  }

  /** A number for a new pair, whose events go to it until it is closed. */
  register(pair: Registered): number {
    const handle = ++this.#lastHandle
    this.#pairs.set(handle, pair)
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
    this.#waiting++
    this.#hold()
    try {
      await this.#ready
    } finally {
      this.#waiting--
      this.#hold()
    }
    return await this.#give<T>(request, transfer)
  }

  readonly #give = async <T>(request: LinkRequest, transfer: MessagePort[] = []): Promise<T> => {
    if (this.#failure !== undefined) throw this.#failure
    const id = ++this.#lastId
    const { promise, resolve, reject } = withResolvers()
    this.#pending.set(id, { resolve, reject })
    this.#hold()
    try {
      this.#thread.postMessage({ id, ...request }, transfer)
    } catch (error) {
      this.#settle(id, ({ reject }) => reject(error as Error)) // nobody will answer it
    }
    return (await promise) as T
  }

  /** The process lives for as long as it has a pair or waits for an answer. */
  #hold(): void {
    if (this.#waiting + this.#pending.size + this.#pairs.size > 0) this.#thread.ref()
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
        this.#pairs.get(message.handle)?.hear(message)
    }
  }

  #settle(id: number, how: (pending: Pending) => void): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    this.#hold()
    if (pending) how(pending)
  }

  #lost(error: Error): void {
    const ran = this.#failure === undefined && !this.#pending.has(0)
    if (this.#heir === undefined || !ran || this.#losses.tooMany()) return this.#fail(error)
    const { message } = failure(error)
    process.emitWarning(`${message}\nAnother one has its pairs`, { code: 'ERR_LINK' })
    this.#rejectAll(failure(error))
    this.#begin()
    this.#ready = this.#runs.then(() => this.#again(message))
    this.#ready.catch(() => {}) // whoever asked has its own handler
  }

  /** Those that there are go on; what else it has left is closed. */
  async #again(why: string): Promise<void> {
    const thread = this.#thread
    await this.#nameHeir()
    await Promise.all([...this.#pairs.values()].map((pair) => pair.again?.(this.#give, why)))
    if (thread === this.#thread) await this.#give({ op: 'rest', handle: 0 })
  }

  /** Its descriptors were closed when it ended, or are now, so the pairs are gone. */
  #fail(error: Error): void {
    this.#failure ??= failure(error)
    this.#heir?.end()
    if (link === this) link = undefined
    const pairs = [...this.#pairs]
    this.#pairs.clear()
    this.#rejectAll(this.#failure)
    for (const [handle, { hear }] of pairs) {
      const why = this.#failure.message
      apart(() => hear({ event: 'closed', handle, reason: 'failed', end: null, stats: [null, null], why }))
    }
  }

  #rejectAll(error: Error): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject } of pending) reject(error)
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
