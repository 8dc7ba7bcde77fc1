// Copies of frames as they pass, for `for await (const frame of end.frames(match))`. The frames wait in a
// bounded ring (hooks/ring.ts) that the forwarding thread writes; made by inspection.ts.

import { RingReader } from '../hooks/ring.js'
import { nextFrame } from '../hooks/watch.js'

export class FrameStream implements AsyncIterableIterator<Uint8Array>, AsyncDisposable {
  readonly #ring: RingReader
  readonly #stop: () => void
  #ended = false
  #wake: (() => void) | undefined

  /** @internal */
  constructor(ring: SharedArrayBuffer, stop: () => void) {
    this.#ring = new RingReader(ring)
    this.#stop = stop
  }

  /** Frames that found no room, because nobody read. */
  get lost(): number {
    return this.#ring.lost(0)
  }

  /** The next frame; done when the stream was returned or the pair has ended. For one reader at a time. */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const value = nextFrame(this.#ring)
      if (value !== undefined) return { value, done: false }
      if (this.#ended) return { value: undefined, done: true }
      if (this.#ring.arm()) await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Ends it; what has come already is thrown away. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.end()
    for (; nextFrame(this.#ring) !== undefined; );
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** @internal No more frames will come. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#stop()
    this.wake()
  }

  /** @internal There may be more. */
  wake(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
