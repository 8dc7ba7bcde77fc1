// Who waits for frames of a pair: one frame (waitFor) or all of them (frames). Used by inspection.ts, which
// arms a watch in the data path for each and hands over what that finds.

import { UvethError } from '../errors.js'
import type { MatchPlan } from '../faults/match-plan.js'
import { nextFrame } from '../hooks/watch.js'
import type { RingReader } from '../ring/ring.js'
import { RingStream } from '../ring/stream.js'
import { BYTES } from '../wishes/capture.js'
import type { Rings } from './rings.js'

/** Arms a watch, and takes it away. */
export interface Watchable {
  watch(match: MatchPlan, ring: SharedArrayBuffer | undefined): number
  unwatch(id: number): void
  /** Takes what was found while this thread was busy. */
  listen(): void
}

interface Waiting {
  resolve(frame: Uint8Array): void
  reject(error: unknown): void
}

/** Bytes of frames that may wait for a reader. */
const FRAMES_RING = 1 << 20

export class Watching {
  readonly #rings: Rings
  readonly #waiting = new Map<number, Waiting>()
  readonly #streams = new Map<number, RingStream<unknown>>()

  /** `rings`: of the pair. */
  constructor(rings: Rings) {
    this.#rings = rings
  }

  /** The next frame that matches; armed when this returns. `timeout` in ms. */
  waitFor(
    at: Watchable,
    match: MatchPlan,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    signal?.throwIfAborted()
    const id = at.watch(match, undefined)
    return new Promise<Uint8Array>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      const timer = Number.isFinite(timeout)
        ? setTimeout(() => this.#late(at, id, match, timeout), timeout)
        : undefined
      const abort = () => reject(signal?.reason)
      signal?.addEventListener('abort', abort, { once: true })
      this.#cleanUp.set(id, () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      })
    }).finally(() => {
      this.#cleanUp.get(id)?.()
      this.#cleanUp.delete(id)
      this.#waiting.delete(id)
      at.unwatch(id)
    })
  }

  /** Copies of the frames that match, from now on; `bytes` of them may wait for their reader. */
  frames(at: Watchable, match: MatchPlan, bytes = FRAMES_RING): RingStream<Uint8Array> {
    BYTES.read(bytes, 'bytes')
    const ring = this.#rings.open(bytes, 'bytes')
    const id = at.watch(match, ring)
    return this.stream(id, ring, nextFrame, () => at.unwatch(id))
  }

  /** A stream of what a watch or capture puts into its ring, woken when there is something; `stop` ends that. */
  stream<T>(
    id: number,
    ring: SharedArrayBuffer,
    read: (ring: RingReader) => T | undefined,
    stop: () => void,
  ): RingStream<T> {
    const stream = new RingStream(ring, read, () => {
      this.#streams.delete(id)
      stop()
      this.#rings.close(ring)
    })
    this.#streams.set(id, stream)
    return stream
  }

  /** The frame that somebody waits for. */
  found(id: number, frame: Uint8Array): void {
    this.#waiting.get(id)?.resolve(frame)
  }

  /** A stream's ring is not empty any more. */
  wake(id: number): void {
    this.#streams.get(id)?.wake()
  }

  /** Whoever would have told is gone. */
  wakeAll(): void {
    for (const stream of this.#streams.values()) stream.wake()
  }

  close(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    for (const stream of [...this.#streams.values()]) stream.end()
  }

  readonly #cleanUp = new Map<number, () => void>()

  #late(at: Watchable, id: number, match: MatchPlan, timeout: number): void {
    at.listen() // it may have been found while this thread was busy: then this comes too late
    const what = JSON.stringify(match.normal)
    const error = new UvethError(`ETIMEDOUT: no frame that matches ${what} within ${timeout} ms`, {
      code: 'ETIMEDOUT',
    })
    this.#waiting.get(id)?.reject(error)
  }
}
