// The part of a capture that writes, as pair/captures.ts sees it: hands a ring that a worker's Probe records into to the
// writer thread (writer.ts), and answers the stream's chunks and the result. The pair arms the probe; it takes it away
// before it calls `end`, and when `finished` settles by itself.

import { fromWire } from '../errors.js'
import type { InterfaceInfo } from '../pcapng/blocks.js'
import { endRing } from '../ring/ring.js'
import { StreamCredit } from './credit.js'
import type { CaptureMessage, CaptureResult, RecorderSetup, Rotation, SinkPlan } from './setup.js'
import { serveCapture } from './writer.js'

/** A file or a named pipe, an open descriptor, or 'stream': read it from `chunks`. */
export type CaptureSink = { path: string; rotate?: Rotation | undefined } | { fd: number } | 'stream'

export interface SessionOptions {
  /** Workers record into it already. */
  ring: SharedArrayBuffer
  sink: CaptureSink
  /** Of the ends that are captured. */
  interfaces: { a?: InterfaceInfo | undefined; b?: InterfaceInfo | undefined }
  /** Bytes recorded of each frame at most. */
  snaplen: number
}

export class CaptureSession {
  readonly #ring: SharedArrayBuffer
  readonly #ready = deferred<void>()
  readonly #finished = deferred<CaptureResult>()
  readonly #credit: StreamCredit | undefined
  /** Chunks that the reader has not asked for yet. */
  readonly #chunks: Uint8Array[] = []
  #over = false
  /** Goes on with a reader that waits for a chunk. */
  #wake: () => void = () => {}

  constructor({ ring, sink, interfaces, snaplen }: SessionOptions) {
    this.#ring = ring
    this.#credit = sink === 'stream' ? new StreamCredit() : undefined
    const setup = {
      ring,
      sink: sinkPlan(sink, this.#credit),
      interfaces: [interfaces.a ?? null, interfaces.b ?? null] as RecorderSetup['interfaces'],
      snaplen,
    }
    serveCapture(setup, (message) => this.#hear(message))
  }

  /** Settles when the sink is open, or waits for a reader; rejects when it cannot be opened or written to. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Settles when all is written and the sink closed: after `end`, when the reader has left, or a write failed. */
  get finished(): Promise<CaptureResult> {
    return this.#finished.promise
  }

  /** Has what is in the ring written, and the statistics. Workers must not record any more. */
  end(): Promise<CaptureResult> {
    endRing(this.#ring)
    return this.finished
  }

  /** The file of a 'stream' in chunks, for one reader. Leaving the loop ends the capture. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift()
        if (chunk !== undefined) {
          this.#credit?.giveBack(chunk.length)
          yield chunk
        } else if (this.#over) {
          await this.finished // tells of a failure
          return
        } else await this.#more()
      }
    } finally {
      this.#credit?.leave()
      endRing(this.#ring)
    }
  }

  #hear(message: CaptureMessage): void {
    switch (message.event) {
      case 'ready':
        return this.#ready.resolve()
      case 'chunk':
        this.#chunks.push(message.bytes)
        return this.#wake()
      case 'finished':
        this.#ready.resolve()
        this.#finished.resolve(message.result)
        return this.#end()
      case 'failed':
        return this.#fail(fromWire(message.error))
    }
  }

  #fail(error: Error): void {
    this.#ready.reject(error)
    this.#finished.reject(error)
    this.#end()
  }

  #end(): void {
    endRing(this.#ring)
    this.#over = true
    this.#wake()
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

function sinkPlan(sink: CaptureSink, credit: StreamCredit | undefined): SinkPlan {
  if (sink === 'stream') return { kind: 'stream', credit: (credit as StreamCredit).memory }
  return 'fd' in sink ? { kind: 'fd', ...sink } : { kind: 'path', ...sink }
}

interface Deferred<T> {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

/** Promise.withResolvers, which Node 20 does not have. */
function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  promise.catch(() => {}) // whoever asked has its own handler
  return { promise, resolve, reject }
}
