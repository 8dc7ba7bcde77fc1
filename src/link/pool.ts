// The forwarding workers of this process, as the link thread commands them: which one serves which
// queue of a pair, and orders that are carried out before the call returns. Started by thread.ts;
// workers are the link thread's own children, so they are gone before its descriptors are closed.

import { Worker } from 'node:worker_threads'
import {
  CONTROL_WORDS,
  DONE,
  GENERATION,
  type Notice,
  type Order,
  type WorkerSetup,
} from '../datapath/orders.js'
import { UvethError } from '../errors.js'

/** ms. A worker answers within one burst; this long means that it is stuck or dead. */
const ORDER_TIMEOUT = 5_000

class PooledWorker {
  readonly #worker: Worker
  readonly #control: Int32Array
  /** Queue pairs that it serves: new ones go to the worker with the fewest. */
  load = 0

  constructor(
    index: number,
    started: () => void,
    heard: (notice: Notice) => void,
    failed: (error: Error) => void,
  ) {
    const control = new SharedArrayBuffer(4 * CONTROL_WORDS)
    const workerData: WorkerSetup = { index, control }
    this.#control = new Int32Array(control)
    this.#worker = new Worker(new URL('../datapath/worker.js', import.meta.url), {
      name: `uveth-worker-${index}`,
      workerData,
      execArgv: [], // the user's loaders and inspectors have no business here
    })
    this.#worker.on('message', (notice: Notice) => (notice.event === 'ready' ? started() : heard(notice)))
    this.#worker.on('error', failed)
  }

  /** Posts an order and waits until it has been carried out. */
  order(order: Order): void {
    this.#worker.postMessage(order)
    const generation = Atomics.add(this.#control, GENERATION, 1) + 1
    const deadline = performance.now() + ORDER_TIMEOUT
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
}

export class Pool {
  readonly #workers: PooledWorker[]
  readonly #serving = new Map<number, PooledWorker[]>()

  private constructor(workers: PooledWorker[]) {
    this.#workers = workers
  }

  static async start(
    size: number,
    heard: (notice: Notice) => void,
    failed: (error: Error) => void,
  ): Promise<Pool> {
    const workers: PooledWorker[] = []
    const ready = Array.from(
      { length: size },
      (_, index) =>
        new Promise<void>((started) => workers.push(new PooledWorker(index, started, heard, failed))),
    )
    await Promise.all(ready)
    return new Pool(workers)
  }

  /** Queue q of a goes with queue q of b (test/kernel/18), each such couple to the least loaded worker. */
  adopt(handle: number, counters: SharedArrayBuffer, a: number[], b: number[]): void {
    const ranked = [...this.#workers].sort((one, other) => one.load - other.load)
    const chosen = new Map<PooledWorker, [number, number][]>()
    a.forEach((fd, queue) => {
      const worker = ranked[queue % ranked.length] as PooledWorker
      const queues = chosen.get(worker) ?? []
      chosen.set(worker, queues)
      queues.push([fd, b[queue] as number])
      worker.load++
    })
    this.#serving.set(handle, [...chosen.keys()])
    for (const [worker, queues] of chosen) worker.order({ op: 'adopt', handle, counters, queues })
  }

  /** Afterwards no worker touches the pair's descriptors. */
  release(handle: number, queues: number): void {
    const workers = this.#serving.get(handle) ?? []
    this.#serving.delete(handle)
    for (const worker of workers) {
      worker.load -= queues / workers.length
      worker.order({ op: 'release', handle })
    }
  }

  /** Afterwards nothing that was sent before carrier comes on is left to be delivered. */
  drain(handle: number): void {
    for (const worker of this.#serving.get(handle) ?? []) worker.order({ op: 'drain', handle })
  }
}
