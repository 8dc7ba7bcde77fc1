// A progress bar on a terminal, for orders that are many, and frames. Called by batch.ts and replay.ts; says nothing
// anywhere else.

import type { WriteStream } from 'node:tty'

/** Fewer than this are done before anybody could read it. */
const MANY = 50
const WIDTH = 30
/** ms between two pictures. */
const PERIOD = 100

export class Progress {
  readonly #stream: WriteStream
  readonly #total: number | undefined
  readonly #what: string
  #done = 0
  #drawn = 0
  #visible = false

  /** Without `total` it only counts. */
  constructor(stream: WriteStream, total?: number, what = 'orders') {
    this.#what = what
    this.#stream = stream
    this.#total = total
  }

  step(): void {
    this.#done++
    const many = (this.#total ?? this.#done) > MANY
    const now = performance.now()
    if (!this.#stream.isTTY || !many || now - this.#drawn < PERIOD) return
    this.#drawn = now
    this.#visible = true
    this.#stream.write(`\r${picture(this.#done, this.#total, this.#what)}`)
  }

  /** Takes it away, before anything else is written. */
  clear(): void {
    if (this.#visible) this.#stream.write('\r\u001b[K')
    this.#visible = false
  }
}

export function picture(done: number, total: number | undefined, what = 'orders'): string {
  if (total === undefined) return `${done} ${what}`
  const full = Math.round((WIDTH * Math.min(done, total)) / total)
  return `[${'#'.repeat(full)}${' '.repeat(WIDTH - full)}] ${done}/${total}`
}
