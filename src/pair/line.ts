// The line from the thread that owns a pair to the one that forwards for it: posts adjustments, hears
// notices, waits for answers. Used by inspection.ts; the other side is datapath/served.ts.

import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { type Adjustment, type AdjustNotice, post } from '../datapath/adjust.js'
import type { StateWords } from '../datapath/counters.js'

export class Line {
  readonly #state: StateWords
  readonly #heard: (notice: AdjustNotice) => void
  /** Who waits for an adjustment to be in force: by the number of the question. */
  readonly #syncs = new Map<number, () => void>()
  #port: MessagePort | undefined
  #lastSync = 0

  /** `state`: the pair's shared words. */
  constructor(state: StateWords, heard: (notice: AdjustNotice) => void) {
    this.#state = state
    this.#heard = heard
  }

  get open(): boolean {
    return this.#port !== undefined
  }

  /** A new line, in place of the one before; its far side. Does not keep the process alive. */
  connect(): MessagePort {
    this.#port?.close()
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    port1.on('message', (notice: AdjustNotice) => this.#hear(notice))
    port1.unref()
    this.#release()
    return port2
  }

  /** Acts on every frame that is sent after this returned. */
  post(adjustment: Adjustment): void {
    if (this.#port !== undefined) post(this.#port, this.#state, adjustment)
  }

  /** Resolves when everything that was posted is in force. */
  sync(): Promise<void> {
    if (this.#port === undefined) return Promise.resolve()
    const id = ++this.#lastSync
    const done = new Promise<void>((resolve) => this.#syncs.set(id, resolve))
    this.post({ op: 'sync', id })
    return done
  }

  /** Takes what was said while this thread was busy. */
  listen(): void {
    if (this.#port === undefined) return
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port)) {
      this.#hear(next.message as AdjustNotice)
    }
  }

  close(): void {
    this.#port?.close()
    this.#port = undefined
    this.#release()
  }

  #hear(notice: AdjustNotice): void {
    if (notice.event !== 'done') return this.#heard(notice)
    this.#syncs.get(notice.id)?.()
    this.#syncs.delete(notice.id)
  }

  /** Nobody will answer any more what was asked on the line before. */
  #release(): void {
    for (const resolve of this.#syncs.values()) resolve()
    this.#syncs.clear()
  }
}
