// The forwarding workers of this process: which one serves which queue of a pair (placement.ts decides), and what
// becomes of pairs whose worker dies. Commanded by the link thread; workers are its own children, so they are gone
// before its descriptors are closed. It knows pairs by their handles only.

import type { Notice } from '../datapath/orders.js'
import type { PortCouple } from '../datapath/port.js'
import type { PairState } from '../datapath/served.js'
import { UvethError } from '../errors.js'
import { actionsOf, decide, type Places, type Wanted } from './placement.js'
import { type Hearing, type PooledWorker, TOO_LONG } from './pooled-worker.js'
import type { Beginning } from './protocol.js'

/** A pair as the pool knows it. */
export interface Adoptee {
  handle: number
  counters: SharedArrayBuffer
  queues: readonly PortCouple[]
  /** Its worker is gone, and the pair is served by nobody: it is to be adopted again. */
  lost(why: string): void
}

interface Served extends Adoptee {
  /** The first one has the pair's line, and its inspectors. */
  places: Places<PooledWorker>
  /** A worker that serves this pair alone. */
  own: PooledWorker | undefined
  /** One that is to become its own. */
  starting: PooledWorker | undefined
  watchdog: NodeJS.Timeout | undefined
  /** Modules are loaded one after the other. */
  turn: Promise<unknown>
}

type MakeWorker = (index: number, own: boolean, hearing: Hearing) => PooledWorker

export class Pool {
  readonly #make: MakeWorker
  readonly #workers: PooledWorker[]
  readonly #hearing: Hearing
  readonly #serving = new Map<number, Served>()

  private constructor(size: number, heard: (notice: Notice) => void, make: MakeWorker) {
    this.#make = make
    this.#hearing = { heard, died: (worker, why) => this.#replace(worker, why) }
    this.#workers = Array.from({ length: size }, (_, index) => make(index, false, this.#hearing))
  }

  static async start(size: number, heard: (notice: Notice) => void, make: MakeWorker): Promise<Pool> {
    const pool = new Pool(size, heard, make)
    await Promise.all(pool.#workers.map(({ ready }) => ready))
    return pool
  }

  /** `together`: as in gather(). */
  adopt(pair: Adoptee, begin: Beginning, together: boolean): void {
    const unowned = { places: [], own: undefined, starting: undefined, watchdog: undefined }
    const served: Served = { ...pair, ...unowned, turn: Promise.resolve() }
    this.#serving.set(pair.handle, served)
    this.#place(served, { to: together ? 'together' : 'spread' }, begin)
  }

  /** Afterwards no worker touches the pair's descriptors. */
  async release(handle: number): Promise<void> {
    const served = this.#serving.get(handle)
    if (served !== undefined) await this.#drop(served)
  }

  /** The same, and nothing that was held is lost: what another thread goes on from. */
  async suspend(handle: number): Promise<PairState> {
    const served = this.#serving.get(handle)
    if (served === undefined) return []
    const left = [...new Set(served.places)].map((worker) => worker.surrender(handle))
    await this.#drop(served)
    for (const surrendered of left) surrendered?.port?.close()
    return left.find((surrendered) => surrendered?.port !== undefined)?.state ?? []
  }

  /**
   * Afterwards nothing that was sent before carrier comes on is left to be delivered, when it has answered 0: a piece
   * at a time, between which a worker serves its other pairs. Frames read; undefined when that is not known yet.
   */
  drain(handle: number): number | undefined {
    let drained = 0
    for (const worker of new Set(this.#serving.get(handle)?.places)) {
      // One that is dead has left nothing behind: its pairs are lost, and adopted again.
      const piece = worker.drain(handle) ?? (worker.own && worker.serving ? undefined : 0)
      if (piece === undefined) return undefined
      drained += piece
    }
    return drained
  }

  /** Inspected, all queues of a pair are served by one worker, in one order; otherwise by several. */
  gather(handle: number, together: boolean): void {
    const served = this.#serving.get(handle)
    if (served === undefined || served.own !== undefined) return
    this.#place(served, { to: together ? 'together' : 'spread' })
  }

  /**
   * Gives a pair a worker of its own, which has loaded the module; the reason when it could not. When that worker has
   * ended or a hook does not come back, the pair is lost.
   */
  own(handle: number, url: string): Promise<string | undefined> {
    const served = this.#serving.get(handle)
    if (served === undefined) return Promise.resolve('the pair is closed')
    const loaded = served.turn.then(() => this.#own(served, url))
    served.turn = loaded
    return loaded
  }

  async #own(served: Served, url: string): Promise<string | undefined> {
    if (served.own !== undefined) return await served.own.loadModule(url)
    const died = (worker: PooledWorker, why: string) => this.#giveUp(served, worker, why)
    const own = this.#make(this.#workers.length, true, { ...this.#hearing, died })
    served.starting = own
    served.watchdog = own.watch(() => this.#giveUp(served, own, TOO_LONG))
    const error = await own.loadModule(url)
    served.starting = undefined
    if (error !== undefined || this.#serving.get(served.handle) !== served) {
      clearInterval(served.watchdog)
      await own.end('')
      return error ?? 'the pair is closed'
    }
    served.own = own
    this.#place(served, { to: 'own', worker: own })
    return undefined
  }

  /** Takes its own worker away, or the one that was to become that: it has ended, or does not answer. */
  #giveUp(served: Served, own: PooledWorker, why: string): void {
    clearInterval(served.watchdog)
    const serves = served.own === own && this.#serving.get(served.handle) === served
    if (serves) this.#serving.delete(served.handle)
    // What it counted stands only when it is gone.
    void own.end(why).then(() => serves && served.lost(why))
  }

  /** Another thread in its place. The pairs that it had a part of are lost, and adopted again when that runs. */
  #replace(dead: PooledWorker, why: string): void {
    const lost = [...this.#serving.values()].filter(({ places }) => places.includes(dead))
    for (const served of lost) void this.#drop(served)
    const next = this.#make(dead.index, false, this.#hearing)
    this.#workers[dead.index] = next
    const tell = () => {
      for (const served of lost) served.lost(why)
    }
    next.ready.then(tell, tell)
  }

  /** No worker serves it any more; its own is not waited for by others. */
  async #drop({ handle, places, own, watchdog, starting }: Served): Promise<void> {
    this.#serving.delete(handle)
    clearInterval(watchdog)
    void starting?.end('the pair is closed')
    for (const worker of places) worker.load--
    const release = { op: 'release', handle, surrender: false } as const
    if (own === undefined) for (const worker of new Set(places)) worker.order(release)
    else {
      await own.finish(release)
      await own.end('the pair is closed')
    }
  }

  /** `begin`: when it is new. Otherwise the workers that it leaves hand over what the next ones need. */
  #place(served: Served, wanted: Wanted<PooledWorker>, begin?: Beginning): void {
    const { handle, counters, places: now } = served
    const running = this.#workers.filter(({ serving }) => serving)
    if (running.length === 0) throw new UvethError('no forwarding worker runs', { code: 'ERR_LINK' })
    const next = decide(served.queues.length, now, wanted, running)
    let line = begin?.port
    let state = begin?.state
    for (const action of actionsOf(now, next)) {
      const { worker } = action
      if (action.do === 'leave') {
        const left = worker.surrender(handle)
        line ??= left?.port
        if (left?.port !== undefined) state = left.state
      } else {
        // One that is dying took the line with it: #replace() comes, and finds the pair where it was.
        if (line === undefined && worker === next[0]) return
        const queues = action.queues.map((queue) => served.queues[queue] as PortCouple)
        worker.order({ op: 'adopt', handle, counters, queues, port: line, state }, line && [line])
        line = undefined
        state = undefined
      }
    }
    for (const worker of now) worker.load--
    for (const worker of next) worker.load++
    served.places = next
  }
}
