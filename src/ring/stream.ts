// What another thread puts into a ring (ring/ring.ts), as an async iterator: copies of frames as they pass,
// or what became of each. Bounded: what nobody reads in time is lost, and counted. Made by inspection.ts.

import type { Cause } from '../frame/cause.js'
import { FrameRecord } from './record.js'
import { RingReader } from './ring.js'

export class RingStream<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #ring: RingReader
  readonly #read: (ring: RingReader) => T | undefined
  readonly #stop: () => void
  #ended = false
  #wake: (() => void) | undefined

  /** @internal `read` answers a copy of the next item, or undefined. */
  constructor(ring: SharedArrayBuffer, read: (ring: RingReader) => T | undefined, stop: () => void) {
    this.#ring = new RingReader(ring)
    this.#read = read
    this.#stop = stop
  }

  /** Items that found no room, because nobody read. */
  get lost(): number {
    return this.#ring.lost(0) + this.#ring.lost(1)
  }

  /** The next one if it is there already. */
  now(): T | undefined {
    return this.#read(this.#ring)
  }

  /** The next one; done when the stream was returned or the pair has ended. For one reader at a time. */
  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      const value = this.now()
      if (value !== undefined) return { value, done: false }
      if (this.#ended) return { value: undefined, done: true }
      if (!this.#ring.arm()) continue
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Ends it; what has come already is thrown away. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.end()
    while (this.now() !== undefined);
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** @internal No more will come. */
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

/** One frame at one end: sent by it, with what became of it, or delivered to it. */
export interface Sighting {
  end: 'a' | 'b'
  /** Sent by that end's kernel; otherwise delivered to it, or dropped at the moment when it was to be. */
  sent: boolean
  /**
   * Why it was dropped; undefined when it was not. What is dropped later than it was sent (held frames when carrier
   * goes; the causes down and error) says so where it was to be delivered.
   */
  cause: Cause | undefined
  /** What dropped or changed it, in its own words: `rule 3`. */
  reason: string | undefined
  /** ms that it is to be held, or was. */
  delay: number
  /** The same for a frame when it is sent and when it is delivered. */
  id: number
  /** ms since 1970. */
  time: number
  /** Bytes of the whole frame. */
  length: number
  /** A copy; cut off at the snaplen. */
  frame: Uint8Array
}

/** What reads the frames in a capture's ring, one by one; undefined when there is none. */
export function sightingReader(): (ring: RingReader) => Sighting | undefined {
  const record = new FrameRecord()
  return (ring) => {
    if (!record.next()) {
      const at = ring.next()
      if (at < 0) return undefined
      record.read(ring, at)
      record.next()
    }
    const { outbound: sent, cause, reason, delay, id, time, origin, original: length, start } = record
    const frame = record.bytes.slice(start, start + record.length)
    if (record.done) ring.release()
    const end = record.end === 0 ? 'a' : 'b'
    return { end, sent, cause, reason, delay, id, time: origin + time, length, frame }
  }
}
