// The forwarding workers of this process, as the link thread commands them: which one serves which
// queue of a pair, and orders that are carried out before the call returns. Started by thread.ts;
// workers are the link thread's own children, so they are gone before its descriptors are closed.

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import {
  CONTROL_WORDS,
  DONE,
  GENERATION,
  type Notice,
  type Order,
  type Surrendered,
  TURNS,
  type WorkerSetup,
} from '../datapath/orders.js'
import type { PortCouple } from '../datapath/port.js'
import type { PairState } from '../datapath/served.js'
import { UvethError } from '../errors.js'

/** ms. A worker answers within one burst; this long means that it is stuck or dead. */
const ORDER_TIMEOUT = 5_000
/** ms that users' code may keep its thread, and how often it is looked at. */
const HOOK_PATIENCE = 2_000
const HOOK_LOOK = 250
const TOO_LONG = `a hook took more than ${HOOK_PATIENCE / 1000} s for one burst, or to be loaded`

interface Hearing {
  heard(notice: Notice): void
  failed(error: Error): void
}

class PooledWorker {
  readonly index: number
  readonly #worker: Worker
  readonly #control: Int32Array
  /** What it leaves when it releases a pair. */
  readonly #left: MessagePort
  readonly #patience: number
  /** Who waits for a module. */
  #loaded: ((error: string | undefined) => void) | undefined
  #ended = false
  readonly ready: Promise<void>
  /** Queue pairs that it serves: new ones go to the worker with the fewest. */
  load = 0

  constructor(index: number, own: boolean, { heard, failed }: Hearing) {
    const control = new SharedArrayBuffer(4 * CONTROL_WORDS)
    const { port1, port2 } = new MessageChannel()
    const workerData: WorkerSetup = { index, own, control, left: port2 }
    this.index = index
    this.#left = port1
    this.#patience = own ? HOOK_PATIENCE : ORDER_TIMEOUT
    this.#control = new Int32Array(control)
    this.#worker = new Worker(new URL('../datapath/worker.js', import.meta.url), {
      name: own ? 'uveth-worker-own' : `uveth-worker-${index}`,
      workerData,
      transferList: [port2],
      execArgv: [], // the user's loaders and inspectors have no business here
    })
    this.ready = new Promise((started) => {
      this.#worker.on('message', (notice: Notice) => {
        if (notice.event === 'ready') started()
        else if (notice.event === 'loaded') this.#loaded?.(notice.error)
        else heard(notice)
      })
    })
    this.#worker.on('error', failed)
    // A hook may call process.exit(), which ends its thread.
    if (own) this.#worker.on('exit', (code) => this.#ended || failed(new Error(`its thread exited: ${code}`)))
  }

  /** Posts an order and waits until it has been carried out. */
  order(order: Order, transfer: MessagePort[] = []): void {
    this.#worker.postMessage(order, transfer)
    const generation = Atomics.add(this.#control, GENERATION, 1) + 1
    const deadline = performance.now() + this.#patience
    for (;;) {
      const done = Atomics.load(this.#control, DONE)
      if (done >= generation) return
      if (Atomics.wait(this.#control, DONE, done, deadline - performance.now()) === 'timed-out') {
        throw new UvethError(`ETIMEDOUT: a forwarding worker did not carry out '${order.op}'`, {
          code: 'ETIMEDOUT',
        })
      }
    }
  }

  /** Takes a pair out of it, with all that another worker needs to go on. */
  surrender(handle: number): Surrendered {
    this.order({ op: 'release', handle, surrender: true })
    return receiveMessageOnPort(this.#left)?.message as Surrendered
  }

  /** Turns of its event loop so far. */
  get turns(): number {
    return Atomics.load(this.#control, TURNS)
  }

  /** Loads a module of hooks; why not, or undefined. One at a time. */
  loadModule(url: string): Promise<string | undefined> {
    return new Promise((loaded) => {
      this.#loaded = loaded
      const order = () => this.#ended || this.order({ op: 'load', url })
      this.ready.then(order).catch((error: Error) => loaded(error.message))
    })
  }

  /** `why` is for who waits for a module. */
  end(why: string): Promise<number> {
    this.#ended = true
    this.#loaded?.(why)
    this.#left.close()
    return this.#worker.terminate()
  }
}

/** Where a pair is served. */
interface Placement {
  counters: SharedArrayBuffer
  queues: readonly PortCouple[]
  /** The first one has the pair's port, and its inspectors. */
  workers: PooledWorker[]
  /** A worker that serves this pair alone. */
  own: PooledWorker | undefined
  /** One that is to become its own. */
  starting: PooledWorker | undefined
  /** Takes its own worker away, which does not answer. */
  giveUp: ((why: string) => void) | undefined
  watchdog: NodeJS.Timeout | undefined
  /** Modules are loaded one after the other. */
  turn: Promise<unknown>
}

export class Pool {
  readonly #workers: PooledWorker[]
  readonly #hearing: Hearing
  readonly #serving = new Map<number, Placement>()

  private constructor(size: number, hearing: Hearing) {
    this.#hearing = hearing
    this.#workers = Array.from({ length: size }, (_, index) => new PooledWorker(index, false, hearing))
  }

  static async start(
    size: number,
    heard: (notice: Notice) => void,
    failed: (error: Error) => void,
  ): Promise<Pool> {
    const pool = new Pool(size, { heard, failed })
    await Promise.all(pool.#workers.map(({ ready }) => ready))
    return pool
  }

  /** `together`: as in gather(). */
  adopt(
    { handle, counters, together }: { handle: number; counters: SharedArrayBuffer; together: boolean },
    queues: readonly PortCouple[],
    port: MessagePort,
  ): void {
    const unowned = { own: undefined, starting: undefined, giveUp: undefined, watchdog: undefined }
    const placement = { counters, queues, workers: [], ...unowned, turn: Promise.resolve() }
    this.#serving.set(handle, placement)
    const ranked = [...this.#workers].sort((one, other) => one.load - other.load)
    this.#place(handle, placement, together ? ranked.slice(0, 1) : ranked, port, undefined)
  }

  /** Afterwards no worker touches the pair's descriptors. */
  release(handle: number): void {
    const placement = this.#serving.get(handle)
    if (placement === undefined) return
    this.#serving.delete(handle)
    clearInterval(placement.watchdog)
    void placement.starting?.end('the pair is closed')
    for (const worker of placement.workers) {
      worker.load -= placement.queues.length / placement.workers.length
      try {
        worker.order({ op: 'release', handle, surrender: false })
      } catch (error) {
        if (worker !== placement.own) throw error
      }
    }
    void placement.own?.end('the pair is closed')
  }

  /** Afterwards nothing that was sent before carrier comes on is left to be delivered. */
  drain(handle: number): void {
    const placement = this.#serving.get(handle)
    for (const worker of placement?.workers ?? []) {
      try {
        worker.order({ op: 'drain', handle })
      } catch (error) {
        if (worker !== placement?.own) throw error
        placement.giveUp?.(TOO_LONG)
      }
    }
  }

  /** Inspected, all queues of a pair are served by one worker, in one order; otherwise by several. */
  gather(handle: number, together: boolean): void {
    const placement = this.#serving.get(handle)
    if (placement === undefined || placement.queues.length === 1 || placement.own !== undefined) return
    if (together === (placement.workers.length === 1)) return
    this.#move(handle, placement, together ? placement.workers.slice(0, 1) : this.#workers)
  }

  /**
   * Gives a pair a worker of its own, which has loaded the module; the reason when it could not. `lost` is
   * called when that worker has ended or a hook does not come back: the pair is served by nobody then.
   */
  own(handle: number, url: string, lost: (why: string) => void): Promise<string | undefined> {
    const placement = this.#serving.get(handle)
    if (placement === undefined) return Promise.resolve('the pair is closed')
    const loaded = placement.turn.then(() => this.#own(handle, placement, url, lost))
    placement.turn = loaded
    return loaded
  }

  async #own(
    handle: number,
    placement: Placement,
    url: string,
    lost: (why: string) => void,
  ): Promise<string | undefined> {
    if (placement.own !== undefined) return await placement.own.loadModule(url)
    const giveUp = (why: string) => {
      clearInterval(placement.watchdog)
      const served = placement.own === own && this.#serving.get(handle) === placement
      if (served) this.#serving.delete(handle)
      // What it counted stands only when it is gone.
      void own.end(why).then(() => served && lost(why))
    }
    const failed = (error: Error) => giveUp(error.stack ?? error.message)
    const own = new PooledWorker(this.#workers.length, true, { ...this.#hearing, failed })
    placement.starting = own
    placement.watchdog = watchHooks(own, () => giveUp(TOO_LONG))
    const error = await own.loadModule(url)
    placement.starting = undefined
    if (error !== undefined || this.#serving.get(handle) !== placement) {
      clearInterval(placement.watchdog)
      await own.end('')
      return error ?? 'the pair is closed'
    }
    placement.own = own
    placement.giveUp = giveUp
    this.#move(handle, placement, [own])
    return undefined
  }

  #move(handle: number, placement: Placement, to: PooledWorker[]): void {
    const left = placement.workers.map((worker) => {
      worker.load -= placement.queues.length / placement.workers.length
      return worker.surrender(handle)
    })
    const [first] = left
    if (first?.port != null) this.#place(handle, placement, to, first.port, first.state)
  }

  #place(
    handle: number,
    placement: Placement,
    candidates: PooledWorker[],
    port: MessagePort,
    state: PairState | undefined,
  ): void {
    const ranked = [...candidates].sort((one, other) => one.load - other.load)
    const chosen = new Map<PooledWorker, PortCouple[]>()
    placement.queues.forEach((couple, queue) => {
      const worker = ranked[queue % ranked.length] as PooledWorker
      chosen.set(worker, [...(chosen.get(worker) ?? []), couple])
      worker.load++
    })
    placement.workers = [...chosen.keys()]
    let line: MessagePort | undefined = port
    for (const [worker, queues] of chosen) {
      const { counters } = placement
      worker.order({ op: 'adopt', handle, counters, queues, port: line, state }, line && [line])
      line = undefined
      state = undefined
    }
  }
}

/**
 * Looks whether a worker takes no turns any more, once it has taken its first. Looks are counted instead of time:
 * where the whole process was stopped, neither goes on.
 */
function watchHooks(worker: PooledWorker, stuck: () => void): NodeJS.Timeout {
  let seen = 0
  let looks = 0
  return setInterval(() => {
    const { turns } = worker
    looks = turns === seen && turns > 0 ? looks + 1 : 0
    seen = turns
    if (looks * HOOK_LOOK > HOOK_PATIENCE) stuck()
  }, HOOK_LOOK)
}
