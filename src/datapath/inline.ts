// The loop of a pair that is forwarded on the event loop of the thread that made it (createPair({ inline:
// true })), so that hooks can be functions of that thread: the loop of loop.ts over an engine that never sleeps.
// Slower than a worker: a look at a TAP costs a turn of the event loop, and what is held is sent with the
// accuracy of timers. Made by pair.ts.

import type { MessagePort } from 'node:worker_threads'
import type { FrameMemory } from '../frame/memory.js'
import { Slab } from '../frame/slab.js'
import { hookFrom, type Judge } from '../hooks/guard.js'
import { EPOLLIN, unwatch, watch } from '../native.js'
import type { Adjustment } from './adjust.js'
import { blocksOf } from './counters.js'
import type { Engine } from './engine.js'
import { Loop } from './loop.js'
import { openPorts } from './open-ports.js'
import type { PortCouple, WatchedPort } from './port.js'
import { type PairState, ServedPair } from './served.js'

/** Bursts of a direction before the event loop has its turn. */
const ROUNDS = 8

/** The event loop itself as an engine: instead of sleeping, it has the loop called when something is ready. */
class TurnEngine implements Engine {
  readonly #serve: () => void
  readonly #ports: WatchedPort[] = []
  /** Tokens of ports that had something to read; not watched until they were found empty. */
  readonly #found = new Set<number>()
  /** One was found that the loop has not heard of. */
  #fresh = false
  #turn: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(serve: () => void) {
    this.#serve = serve
  }

  add(port: WatchedPort, token: number): void {
    this.#ports[token] = port
    this.#watch(token)
  }

  remove(port: WatchedPort): void {
    this.#found.delete(this.#ports.indexOf(port))
    unwatch(port.fd)
  }

  wait(ready: Int32Array, _spin: number, timeout: number): number {
    let count = 0
    if (timeout === 0 || this.#fresh) for (const token of this.#found) ready[count++] = token
    if (this.#fresh) {
      this.#fresh = false
      return count
    }
    this.stop()
    if (timeout === 0) this.#turn = setImmediate(this.#serve)
    else {
      for (const token of this.#found) this.#watch(token)
      this.#found.clear()
      if (timeout > 0) this.#timer = setTimeout(this.#serve, timeout / 1e6)
    }
    ready[count++] = -1
    return count
  }

  /** Does not call any more, but for ports that are watched. */
  stop(): void {
    clearImmediate(this.#turn)
    clearTimeout(this.#timer)
  }

  #watch(token: number): void {
    watch((this.#ports[token] as WatchedPort).fd, EPOLLIN, () => {
      this.#found.add(token)
      this.#fresh = true
      this.#serve()
    })
  }
}

export class InlineLoop {
  readonly #handle: number
  readonly #counters: SharedArrayBuffer
  readonly #port: MessagePort
  readonly #memory: FrameMemory
  readonly #state: PairState
  readonly #waiting: ((pair: ServedPair) => void)[] = []
  readonly #engine = new TurnEngine(() => this.#serve())
  /** It gets no orders, and the link thread hears of a device's end, or its peer's, by itself. */
  readonly #loop = new Loop(
    this.#engine,
    {
      called: false,
      obey: () => undefined,
      tell: () => undefined,
      failed: (_handle, error) => {
        throw error
      },
    },
    { rounds: ROUNDS },
  )
  #pair: ServedPair | undefined

  /** `port`: where adjustments come from; `state`: what it begins with; `memory`: of the process, for what is held. */
  constructor(
    handle: number,
    counters: SharedArrayBuffer,
    { port, state }: { port: MessagePort; state: PairState },
    memory: FrameMemory,
  ) {
    this.#memory = memory
    this.#handle = handle
    this.#counters = counters
    this.#port = port
    this.#state = state
  }

  /** The descriptors are ours until end(). */
  begin(queues: readonly PortCouple[]): void {
    const pair = new ServedPair({
      handle: this.#handle,
      counters: this.#counters,
      index: blocksOf(this.#counters) - 1,
      ports: openPorts(queues),
      port: this.#port,
      scratch: new Slab(),
      memory: this.#memory,
      hookOf: async (url, options) => hookFrom(import(url), options),
      inspected: this.#loop.inspected,
    })
    this.#pair = pair
    pair.resume(this.#state)
    for (const give of this.#waiting.splice(0)) give(pair)
    pair.adjust()
    this.#port.on('message', (adjustment: Adjustment) => {
      pair.apply(adjustment)
      pair.compose()
      this.#serve()
    })
    this.#port.unref()
    this.#loop.add(pair)
    this.#serve() // a step of a schedule may be due before anything else comes
  }

  /** The descriptors are not touched any more. */
  end(): void {
    const pair = this.#pair
    if (pair === undefined) return
    this.#pair = undefined
    this.#engine.stop()
    this.#loop.remove(pair)
    pair.close()
  }

  /** Carrier went: what is held was sent with the old one. */
  discard(): void {
    this.#pair?.discard()
  }

  use(end: 0 | 1, id: number, judge: Judge, failed: (error: unknown) => void): void {
    if (this.#pair === undefined) this.#waiting.push((pair) => pair.use(end, id, judge, failed))
    else this.#pair.use(end, id, judge, failed)
  }

  #serve(): void {
    if (this.#pair !== undefined) this.#loop.serve()
  }
}
