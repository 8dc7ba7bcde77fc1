// Answers on their way to netlink clients. A client whose receive buffer is full gets its answers
// later, in order, as long as it goes on to read: there is no event for that, so it is tried from
// time to time. Used by netlink.ts. It never waits.

import { errno } from '../errors.js'

/** ms between two attempts. */
const INTERVAL = 5
/** ms without progress until a client counts as one that does not read: its answers are dropped. */
const PATIENCE = 5_000
/** Bytes that may wait for one client. */
const LONGEST_BACKLOG = 1 << 20

interface Backlog {
  datagrams: Uint8Array[]
  bytes: number
  /** Time of the last progress, as performance.now() gives it. */
  since: number
}

export class Outbox {
  readonly #transmit: (datagram: Uint8Array, port: number) => number
  readonly #backlogs = new Map<number, Backlog>()
  #timer: NodeJS.Timeout | undefined

  /** `transmit` answers 0 or a negative errno. */
  constructor(transmit: (datagram: Uint8Array, port: number) => number) {
    this.#transmit = transmit
  }

  send(datagrams: Uint8Array[], port: number): void {
    for (const datagram of datagrams) this.#send(datagram, port)
  }

  /** One last attempt; what is left is dropped. */
  close(): void {
    this.#flush()
    clearInterval(this.#timer)
    this.#backlogs.clear()
  }

  #send(datagram: Uint8Array, port: number): void {
    const backlog = this.#backlogs.get(port)
    if (backlog === undefined) {
      // Whoever has gone (ECONNREFUSED) or cannot be reached wants no answer.
      if (this.#transmit(datagram, port) !== errno.EAGAIN) return
      this.#backlogs.set(port, { datagrams: [datagram], bytes: datagram.length, since: performance.now() })
      this.#timer ??= setInterval(() => this.#flush(), INTERVAL)
    } else if (backlog.bytes + datagram.length <= LONGEST_BACKLOG) {
      backlog.datagrams.push(datagram)
      backlog.bytes += datagram.length
    }
  }

  #flush(): void {
    const now = performance.now()
    for (const [port, backlog] of this.#backlogs) {
      for (let next = backlog.datagrams[0]; next !== undefined; next = backlog.datagrams[0]) {
        if (this.#transmit(next, port) === errno.EAGAIN) break
        backlog.datagrams.shift()
        backlog.bytes -= next.length
        backlog.since = now
      }
      if (backlog.datagrams.length === 0 || now - backlog.since > PATIENCE) this.#backlogs.delete(port)
    }
    if (this.#backlogs.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
