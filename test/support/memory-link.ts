// The link thread in the test's own thread: its orders, its pool with real workers, and a MemoryHost where it makes
// its devices, instead of the kernel. `await MemoryLink.start()`, then `createPair()` as with the library.
// The threads' entries are those of the build, so what is shown here is what was built last (npm run build).

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { configure, Link } from '../../dist/link/link.js'
import { LinkedPairs } from '../../dist/link/linked-pairs.js'
import { frameMemory } from '../../dist/link/memory.js'
import { Pool } from '../../dist/link/pool.js'
import { PooledWorker } from '../../dist/link/pooled-worker.js'
import type { PairOptions } from '../../dist/pair/options.js'
import { Pair } from '../../dist/pair/pair.js'
import { MemoryHost } from './memory-device.js'

const IDLE = { heir: () => {}, rest: () => {} }

export class MemoryLink implements AsyncDisposable {
  readonly host = new MemoryHost()
  readonly link: Link
  /** All that were ever started; those of the pool stand first. */
  readonly workers: PooledWorker[]
  readonly #near: MessagePort

  private constructor(near: MessagePort, workers: PooledWorker[]) {
    this.#near = near
    this.workers = workers
    this.link = new Link(() => near)
  }

  static async start(size = 1): Promise<MemoryLink> {
    configure({ workers: size })
    const workers: PooledWorker[] = []
    const { port1, port2 } = new MessageChannel()
    const pairs = new LinkedPairs(port2)
    const pool = await Pool.start(
      size,
      (notice) => pairs.heard(notice),
      (index, own, hearing) => {
        const worker = new PooledWorker(index, own, hearing, frameMemory().shared)
        workers.push(worker)
        return worker
      },
    )
    const made = new MemoryLink(port1, workers)
    made.host.hear = (hint) => pairs.hear(hint)
    const { open, adopt } = made.host
    pairs.serve({ pool, open, adopt, catchUp: () => made.host.catchUp(), ...IDLE })
    return made
  }

  /** As createPair(): ends are `a` and `b` if they have no other names, and up if it is not said. */
  async createPair({ a, b, ...options }: PairOptions = {}): Promise<Pair> {
    const ends = { a: { name: 'a', up: true, ...a }, b: { name: 'b', up: true, ...b } }
    return await Pair.create({ ...options, ...ends }, this.link)
  }

  /** The link thread dies, as far as this side hears of it. */
  die(error: Error): void {
    this.#near.emit('error', error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#near.close()
    await Promise.all(this.workers.map((worker) => worker.end('the test is over')))
  }
}
