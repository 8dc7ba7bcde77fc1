// One forwarding worker, as the link thread commands it: started, given orders that are carried out before the call
// returns, told to load modules, ended. Made by pool.ts, which decides what it serves; the thread is datapath/worker.ts.
//
//   new ---> starting ---> serving ---> ended        end() was called
//                |            |
//                +------------+------> dead          its thread failed or exited: died() is called, or `ready` rejects
//
//                 order, finish, drain, surrender   loadModule            end
//   starting      not yet: wait for `ready`         waits for that        -> ended
//   serving       waits until it is carried out     resolves when loaded  -> ended
//   ended, dead   false: it touches nothing more    says so               resolves
//
// No clock says that it is dead: where the process or the machine is stopped, neither thread goes on. It is dead when
// its thread is gone. Only users' code is not waited for without end, and there looks are counted, which wait for
// each other: a process that stood still has looked once meanwhile.

import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import {
  CONTROL_WORDS,
  DONE,
  DRAINED,
  GENERATION,
  type Notice,
  type Order,
  type Surrendered,
  TASK,
  TURNS,
  type WorkerSetup,
} from '../datapath/orders.js'
import { add, load, type Words, wait } from '../frame/words.js'

/** ms between two looks at a worker that has not answered, or does not turn. */
const LOOK = 250
/** ms that one that runs users' code is waited for at once; and between two looks afterwards. */
const AT_ONCE = 2
const PAUSE = 5
/** ms, in looks, that users' code may keep its thread. */
const HOOK_PATIENCE = 2_000
export const TOO_LONG = `a hook took more than ${HOOK_PATIENCE / 1000} s for one burst, or to be loaded`

export interface Hearing {
  heard(notice: Notice): void
  /** Not after end(). */
  died(worker: PooledWorker, why: string): void
}

export class PooledWorker {
  readonly index: number
  /** It serves one pair only, and runs users' hooks. */
  readonly own: boolean
  readonly #worker: Worker
  readonly #control: Words<'control'>
  /** What it leaves when it releases a pair. */
  readonly #left: MessagePort
  #serving = false
  /** A drain that is not done yet. */
  #draining: number | undefined
  /** Who waits for a module. */
  #loaded: ((error: string | undefined) => void) | undefined
  #over = false
  /** Rejects when it dies before that. */
  readonly ready: Promise<void>
  /** Queue pairs that it serves: new ones go to the worker with the fewest. */
  load = 0

  /** `memory`: a FrameMemory's. */
  constructor(index: number, own: boolean, { heard, died }: Hearing, memory: SharedArrayBuffer) {
    const control = new SharedArrayBuffer(4 * CONTROL_WORDS)
    const { port1, port2 } = new MessageChannel()
    const workerData: WorkerSetup = { index, own, control, memory, left: port2 }
    this.index = index
    this.own = own
    this.#left = port1
    this.#control = new Int32Array(control)
    this.#worker = new Worker(new URL('../datapath/worker.js', import.meta.url), {
      name: own ? 'uveth-worker-own' : `uveth-worker-${index}`,
      workerData,
      transferList: [port2],
      execArgv: [], // the user's loaders and inspectors have no business here
    })
    this.ready = new Promise((started, failed) => {
      this.#worker.on('message', (notice: Notice) => {
        if (notice.event === 'ready') {
          this.#serving = true
          started()
        } else if (notice.event === 'loaded') this.#loaded?.(notice.error)
        else heard(notice)
      })
      const dead = (why: string) => {
        if (this.#over) return
        this.#close(why)
        if (this.#serving) died(this, why)
        else failed(new Error(why))
      }
      this.#worker.on('error', (error: Error) => dead(error.stack ?? error.message))
      // A hook may call process.exit(), which ends its thread.
      this.#worker.on('exit', (code) => dead(`its thread exited: ${code}`))
    })
    this.ready.catch(() => {}) // who waits for it is told
  }

  get serving(): boolean {
    return this.#serving && !this.#over
  }

  /**
   * Posts an order and waits until it has been carried out; false if it will not be. One that runs users' code is not
   * waited for: it carries out what was posted before what comes later.
   */
  order(order: Order, transfer: MessagePort[] = []): boolean {
    if (this.#over) return false
    const generation = this.#post(order, transfer)
    while (!this.own) {
      const done = load(this.#control, DONE)
      if (done >= generation) return true
      if (wait(this.#control, DONE, done, LOOK) === 'timed-out' && !this.#exists()) return false
    }
    return true
  }

  /** The same for one that runs users' code: others are not kept waiting for that. */
  async finish(order: Order): Promise<boolean> {
    if (this.#over) return false
    const generation = this.#post(order)
    for (let looks = 0; !this.#done(generation); looks++) {
      if (this.#over || !this.#exists() || looks * PAUSE > HOOK_PATIENCE) return false
      await sleep(PAUSE)
    }
    return true
  }

  /** A piece of what is to be drained: frames read, 0 when none are left; undefined when it is not done yet, or dead. */
  drain(handle: number): number | undefined {
    const order: Order = { op: 'drain', handle }
    if (!this.own) return this.order(order) ? load(this.#control, DRAINED) : undefined
    if (this.#over) return undefined
    this.#draining ??= this.#post(order)
    if (!this.#done(this.#draining)) return undefined
    this.#draining = undefined
    return load(this.#control, DRAINED)
  }

  #post(order: Order, transfer: MessagePort[] = []): number {
    this.#worker.postMessage(order, transfer)
    return add(this.#control, GENERATION, 1) + 1
  }

  #done(generation: number): boolean {
    const done = load(this.#control, DONE)
    if (done < generation) wait(this.#control, DONE, done, AT_ONCE)
    return load(this.#control, DONE) >= generation
  }

  /** Takes a pair out of it, with all that another worker needs to go on; undefined if it cannot say. */
  surrender(handle: number): Surrendered | undefined {
    if (!this.order({ op: 'release', handle, surrender: true })) return undefined
    return receiveMessageOnPort(this.#left)?.message as Surrendered | undefined
  }

  /** Loads a module of hooks; why not, or undefined. One at a time. */
  loadModule(url: string): Promise<string | undefined> {
    return new Promise((loaded) => {
      this.#loaded = loaded
      const order = () => {
        if (!this.order({ op: 'load', url })) loaded(TOO_LONG)
      }
      this.ready.then(order).catch((error: Error) => loaded(error.message))
    })
  }

  /** Calls `stuck` when it takes no turns any more, once it has taken its first; also while nothing is ordered. */
  watch(stuck: () => void): NodeJS.Timeout {
    let seen = 0
    let looks = 0
    return setInterval(() => {
      const turns = load(this.#control, TURNS)
      looks = turns === seen && turns > 0 ? looks + 1 : 0
      seen = turns
      if (looks * LOOK > HOOK_PATIENCE) stuck()
    }, LOOK)
  }

  /** `why` is for who waits for a module. */
  end(why: string): Promise<unknown> {
    this.#close(why)
    return this.#worker.terminate()
  }

  #close(why: string): void {
    this.#over = true
    this.#loaded?.(why)
    this.#left.close()
  }

  /** Its thread, as the kernel has it: a dead one cannot tell us, while we wait. */
  #exists(): boolean {
    const task = load(this.#control, TASK)
    return task === 0 || existsSync(`/proc/self/task/${task}`)
  }
}
