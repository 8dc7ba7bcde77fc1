// Scheduling: which direction is forwarded next, when what is held is sent, how long to ask and when to sleep.
// A worker has one loop for all its pairs (worker.ts), a pair that is looped in its owner's thread has one of its
// own (inline.ts). It knows directions and the engine (engine.ts) that says which of them have frames; it calls
// nothing that waits for the kernel's RTNL, and allocates nothing for a burst.
//
//   serve():  orders -> a burst of each hot direction -> what is held and due -> again, while frames come
//                       every ROUNDS rounds, and when no more come: ask the engine what is hot
//             until the thread's event loop has something to do

import { errno } from '../errors.js'
import { Slab } from '../frame/slab.js'
import { type LoopedDirection, type LoopedPair, Met } from './direction.js'
import type { Engine } from './engine.js'
import { forward } from './forward.js'
import type { Notice } from './orders.js'
import { nextSpin } from './spin.js'

/** Busy rounds between two looks at the engine, which finds other directions and the event loop. */
const ROUNDS = 16
/** ms, for pairs that are inspected: after that the engine is looked at, however few rounds it were. */
const ROUNDS_LAST = 2
/** Ready tokens taken at once; what is ready beyond that comes with the next look. */
const READY = 64

/**
 * Bytes. After such a burst a worker sleeps at once: who sends in bulk has more to send before the next
 * read, and needs the core (one TCP stream: 5 % faster, with 22 % less CPU here, than asking first).
 */
const BULK_BYTES = 16 * 1024
/** For so many sleeps: acknowledgements wake it in between. */
const BULK_SLEEPS = 16
/** ms that draining a pair keeps its thread from the others: then it serves them, before the next piece. */
const DRAIN_PIECE = 2

/** The thread that a loop runs in. */
export interface LoopThread {
  /** Are there orders to be carried out before the next burst? Asked in every round. */
  readonly called: boolean
  obey(): void
  tell(notice: Notice): void
  /** The pair is not served any more. */
  failed(handle: number, error: unknown): void
}

export interface LoopSetup {
  rounds?: number
  /** ms that it sleeps at most; then it gives way after each look, whatever the engine says. */
  nap?: number
}

export class Loop {
  /** Pairs that are inspected, or hold frames: kept up to date by each. */
  readonly inspected = new Set<LoopedPair>()
  readonly slab = new Slab()
  readonly #engine: Engine
  readonly #thread: LoopThread
  readonly #rounds: number
  readonly #nap: number
  readonly #pairs = new Set<LoopedPair>()
  /** The place of a direction is its token. */
  readonly #directions: (LoopedDirection | undefined)[] = []
  readonly #ready = new Int32Array(READY)
  /** Tokens that had frames when last looked at. */
  readonly #hot = new Int32Array(READY)
  #hotCount = 0
  #spin = 0
  /** Sleeps that are still to be taken at once, since a burst of more than BULK_BYTES came. */
  #bulk = 0
  #leave = false
  /** When the engine was looked at last, by the clock of #release(); in memory, since V8 allocates a number for a field. */
  readonly #looked = new Float64Array(1)
  #isLate = false
  readonly #met = new Met()

  constructor(
    engine: Engine,
    thread: LoopThread,
    { rounds = ROUNDS, nap = Number.POSITIVE_INFINITY }: LoopSetup = {},
  ) {
    this.#engine = engine
    this.#thread = thread
    this.#rounds = rounds
    this.#nap = nap
  }

  add(pair: LoopedPair): void {
    this.#pairs.add(pair)
    for (const direction of pair.directions) {
      const free = this.#directions.indexOf(undefined)
      const token = free < 0 ? this.#directions.length : free
      this.#directions[token] = direction
      this.#engine.add(direction.rx, token)
    }
  }

  remove(pair: LoopedPair): void {
    this.#directions.forEach((direction, token) => {
      if (direction?.pair !== pair) return
      if (!direction.gone) this.#engine.remove(direction.rx)
      this.#directions[token] = undefined
    })
    this.#pairs.delete(pair)
    this.inspected.delete(pair)
  }

  /** Carrier is about to come on: nothing that was sent before is to be delivered. As drain() below. */
  drain(pair: LoopedPair): number {
    for (const direction of pair.directions) direction.toldDown = false
    const drained = drain(pair.directions, this.slab)
    pair.discard()
    return drained
  }

  /** A promise was made that only a turn of the event loop can settle: serve() returns after this round. */
  leave(): void {
    this.#leave = true
  }

  /** Serves until this thread's event loop has something to do (test/kernel/22). */
  serve(): void {
    const thread = this.#thread
    thread.obey() // what woke us may be an order whose generation is not raised yet
    for (const pair of this.#pairs) if (pair.waiting) this.#adjust(pair)
    for (let round = 0; ; ) {
      if (thread.called) thread.obey()
      let moved = 0
      for (let i = 0; i < this.#hotCount; i++) moved += this.#serveOne(this.#directions[this.#hot[i]])
      if (this.inspected.size > 0) moved += this.#release()
      if (this.#leave) break
      if (moved > 0 && ++round < this.#rounds && !this.#isLate) continue
      round = 0
      this.#isLate = false
      if (this.#look(moved > 0 ? 0 : this.#untilDue()) || this.#nap < Number.POSITIVE_INFINITY) return
    }
    this.#leave = false
  }

  #adjust(pair: LoopedPair): void {
    try {
      pair.adjust()
    } catch (error) {
      this.#failed(pair, error)
    }
  }

  /** One burst of one direction. Frames received. */
  #serveOne(direction: LoopedDirection | undefined): number {
    if (direction === undefined || direction.gone) return 0
    const met = this.#met
    let received: number
    try {
      received = forward(direction, this.slab, met)
    } catch (error) {
      return this.#failed(direction.pair, error)
    }
    if (received < 0) return this.#lost(direction, received)
    if (met.bytes > BULK_BYTES) this.#bulk = BULK_SLEEPS
    if (met.down > 0 && !direction.toldDown) {
      direction.toldDown = true
      this.#thread.tell({ event: 'down', handle: direction.pair.handle, end: direction.end === 0 ? 1 : 0 })
    }
    return received
  }

  #lost(direction: LoopedDirection, error: number): number {
    // EBADFD: the device is gone for good (test/kernel/05, 06). Anything else is tried again when the engine reports it.
    if (error !== errno.EBADFD) return 0
    direction.gone = true
    this.#engine.remove(direction.rx)
    this.#thread.tell({ event: 'gone', handle: direction.pair.handle, end: direction.end })
    return 0
  }

  /** Sends what was held and is due. Frames sent. */
  #release(): number {
    const now = performance.now()
    this.#isLate = now - this.#looked[0] > ROUNDS_LAST
    if (this.#isLate) this.#looked[0] = now
    let released = 0
    for (const pair of this.inspected) {
      try {
        if (pair.due <= now) released += pair.release(now)
      } catch (error) {
        this.#failed(pair, error)
      }
    }
    return released
  }

  /** Nobody foresaw it. It is about this pair: the others are served on. */
  #failed(pair: LoopedPair, error: unknown): number {
    this.remove(pair)
    this.#thread.failed(pair.handle, error)
    return 0
  }

  /** ns until the next held frame is due; -1: not before something else happens. */
  #untilDue(): number {
    if (this.inspected.size === 0 && this.#nap === Number.POSITIVE_INFINITY) return -1
    const now = performance.now()
    let due = now + this.#nap
    for (const pair of this.inspected) due = Math.min(due, pair.due)
    return due === Number.POSITIVE_INFINITY ? -1 : Math.max(0, Math.round((due - now) * 1e6))
  }

  /** Asks the engine what is ready; true when the event loop is. `timeout` in ns, -1 to sleep. */
  #look(timeout: number): boolean {
    const asleep = timeout !== 0
    const eager = asleep && this.#bulk === 0
    const since = eager ? performance.now() : 0
    const count = this.#engine.wait(this.#ready, eager ? this.#spin : 0, timeout)
    if (eager) this.#spin = nextSpin(this.#spin, (performance.now() - since) * 1e6)
    else if (asleep) this.#bulk--
    let events = false
    this.#hotCount = 0
    for (let i = 0; i < count; i++) {
      const token = this.#ready[i]
      if (token < 0) events = true
      else this.#hot[this.#hotCount++] = token
    }
    return events
  }
}

/** Reads and drops what was sent while there is no carrier, or a piece of it; how many frames: 0 when none are left. */
export function drain(directions: readonly LoopedDirection[], slab: Slab): number {
  const met = new Met()
  const end = performance.now() + DRAIN_PIECE
  let drained = 0
  for (const direction of directions) {
    while (!direction.gone) {
      const received = forward(direction, slab, met)
      if (received <= 0) break
      drained += received
      if (performance.now() > end) return drained
    }
  }
  return drained
}
