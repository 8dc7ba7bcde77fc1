// The loop of a pair that is forwarded on the event loop of the thread that made it (createPair({ inline:
// true })), so that hooks can be functions of that thread. Slower than a worker: a look at a TAP costs a turn
// of the event loop, and what is held is sent with the accuracy of timers. Made by pair.ts.

import type { MessagePort } from 'node:worker_threads'
import { errno } from '../errors.js'
import { Slab } from '../frame/slab.js'
import { hookFrom, type Judge } from '../hooks/guard.js'
import { EPOLLIN, unwatch, watch } from '../native.js'
import type { Adjustment } from './adjust.js'
import { blocksOf } from './counters.js'
import { forward } from './forward.js'
import type { PortCouple } from './port.js'
import { type ServedDirection, ServedPair } from './served.js'

/** Bursts of a direction before the event loop has its turn. */
const BURSTS = 8

export class InlineLoop {
  readonly #handle: number
  readonly #counters: SharedArrayBuffer
  readonly #port: MessagePort
  readonly #slab = new Slab()
  readonly #waiting: ((pair: ServedPair) => void)[] = []
  #pair: ServedPair | undefined
  #timer: NodeJS.Timeout | undefined

  /** `port`: where adjustments come from. */
  constructor(handle: number, counters: SharedArrayBuffer, port: MessagePort) {
    this.#handle = handle
    this.#counters = counters
    this.#port = port
  }

  /** The descriptors are ours until end(). */
  begin(queues: readonly PortCouple[]): void {
    const pair = new ServedPair({
      handle: this.#handle,
      counters: this.#counters,
      index: blocksOf(this.#counters) - 1,
      queues,
      port: this.#port,
      scratch: new Slab(),
      hookOf: async (url, options) => hookFrom(await import(url), options),
      inspected: new Set(),
    })
    this.#pair = pair
    for (const give of this.#waiting.splice(0)) give(pair)
    pair.adjust()
    this.#port.on('message', (adjustment: Adjustment) => {
      pair.apply(adjustment)
      pair.compose()
      this.#turn()
    })
    this.#port.unref()
    for (const direction of pair.directions) this.#watch(direction)
  }

  /** The descriptors are not touched any more. */
  end(): void {
    for (const { rx } of this.#pair?.directions ?? []) unwatch(rx.fd)
    this.#pair?.close()
    this.#pair = undefined
    clearTimeout(this.#timer)
  }

  /** Carrier went: what is held was sent with the old one. */
  discard(): void {
    this.#pair?.discard()
  }

  use(end: 0 | 1, id: number, judge: Judge, failed: (error: unknown) => void): void {
    if (this.#pair === undefined) this.#waiting.push((pair) => pair.use(end, id, judge, failed))
    else this.#pair.use(end, id, judge, failed)
  }

  #watch(direction: ServedDirection): void {
    if (!direction.gone) watch(direction.rx.fd, EPOLLIN, () => this.#serve(direction))
  }

  #serve(direction: ServedDirection): void {
    if (this.#pair === undefined) return
    let received = 0
    for (let burst = 0; burst < BURSTS; burst++) {
      received = forward(direction, this.#slab)
      if (received <= 0) break
    }
    // The link thread hears of a device's end by itself.
    if (received === errno.EBADFD) direction.gone = true
    this.#turn()
    this.#watch(direction)
  }

  /** Sends what is due, and comes back for the rest. */
  #turn(): void {
    const pair = this.#pair
    if (pair === undefined) return
    pair.release(performance.now())
    clearTimeout(this.#timer)
    const { due } = pair
    if (due === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.#turn(), Math.max(0, due - performance.now()))
  }
}
