// The part of a capture that writes, as pair/captures.ts sees it: starts the writer thread (thread.ts) of a ring that
// a worker's Probe records into, and answers the stream's chunks and the result. The pair arms the probe; it takes it
// away before it calls `end`, and when `finished` settles by itself.

import { Worker } from 'node:worker_threads'
import { fromWire, UvethError } from '../errors.js'
import type { InterfaceInfo } from '../pcapng/blocks.js'
import { endRing } from '../ring/ring.js'
import { StreamCredit } from './credit.js'
import type { CaptureMessage, CaptureResult, RecorderSetup, Rotation, SinkPlan } from './setup.js'

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
    this.#start({
      ring,
      sink: sinkPlan(sink, this.#credit),
      interfaces: [interfaces.a ?? null, interfaces.b ?? null],
      snaplen,
    })
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

  #start(workerData: RecorderSetup): void {
    const worker = startThread(workerData)
    worker.on('message', (message: CaptureMessage) => this.#hear(message))
    worker.on('error', (error) => this.#fail(broken(error.stack ?? error.message)))
    worker.on('exit', () => this.#fail(broken('it ended')))
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

function startThread(workerData: RecorderSetup): Worker {
  try {
    return new Worker(new URL('./thread.js', import.meta.url), {
      name: 'uveth-capture',
      workerData,
      execArgv: [], // the user's loaders and inspectors have no business here
    })
  } catch (error) {
    throw broken((error as Error).message) // no more threads
  }
}

function sinkPlan(sink: CaptureSink, credit: StreamCredit | undefined): SinkPlan {
  if (sink === 'stream') return { kind: 'stream', credit: (credit as StreamCredit).memory }
  return 'fd' in sink ? { kind: 'fd', ...sink } : { kind: 'path', ...sink }
}

function broken(message: string): UvethError {
  return new UvethError(`the writer thread of a capture failed: ${message}`, { code: 'ERR_CAPTURE' })
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
