// What a loop asks which of its ports have something to read, and waits in. Called by loop.ts, between bursts only.
// EpollEngine is a worker's: its thread sleeps in it. inline.ts has another one, and unit tests a third. An engine
// knows ports and tokens, and never reads from a port itself.

import { pollerAdd, pollerOpen, pollerRemove, pollerWait } from '../native.js'
import type { WatchedPort } from './port.js'

export interface Engine {
  /** From now on `token` (0 or more) is reported while the port has something to read, or is gone. */
  add(port: WatchedPort, token: number): void
  remove(port: WatchedPort): void
  /**
   * Asks for `spin` ns, then sleeps for up to `timeout` ns (-1: without limit, 0: not at all) until something is
   * ready. Writes tokens into `ready`, as many as there is room for, and answers how many; a negative one says
   * that the thread's event loop has something to do.
   */
  wait(ready: Int32Array, spin: number, timeout: number): number
}

export class EpollEngine implements Engine {
  readonly #poller = pollerOpen()

  constructor() {
    if (this.#poller < 0) throw new Error(`epoll_create1 failed with errno ${-this.#poller}`)
  }

  add(port: WatchedPort, token: number): void {
    const added = pollerAdd(this.#poller, port.fd, token)
    if (added < 0) throw new Error(`epoll_ctl failed with errno ${-added}`)
  }

  remove(port: WatchedPort): void {
    pollerRemove(this.#poller, port.fd)
  }

  wait(ready: Int32Array, spin: number, timeout: number): number {
    const count = pollerWait(this.#poller, ready, spin, timeout)
    if (count < 0) throw new Error(`epoll_wait failed with errno ${-count}`)
    return count
  }
}
