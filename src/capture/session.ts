// A capture as the rest of the package sees it: starts the writer thread, answers the plan that a worker's
// Capture is made of, and the result. The pair arms the plan on its worker; it takes it away before it
// calls `end`, and when `finished` settles by itself.

import { Worker } from 'node:worker_threads'
import type { CapturePlan } from '../datapath/adjust.js'
import { fromWire, UvethError } from '../errors.js'
import type { MatchPlan } from '../faults/match-plan.js'
import type { InterfaceInfo } from '../pcapng/blocks.js'
import { createRing, endRing } from '../ring/ring.js'
import { StreamCredit } from './credit.js'
import type { CaptureMessage, CaptureResult, RecorderSetup, Rotation, SinkPlan } from './setup.js'

export interface CaptureOptions {
  id: number
  /** A file or a named pipe, an open descriptor, or 'stream': read it from `chunks`. */
  sink: { path: string; rotate?: Rotation | undefined } | { fd: number } | 'stream'
  /** Of the ends that are captured. */
  interfaces: { a?: InterfaceInfo | undefined; b?: InterfaceInfo | undefined }
  /** Without nth, every and first. All frames, if absent. */
  match?: MatchPlan | null | undefined
  /** Bytes recorded of each frame at most (default 262,144: all of it). */
  snaplen?: number | undefined
  /** A ring that workers record into already; otherwise one is made. */
  ring?: SharedArrayBuffer | undefined
  /** Bytes between worker and writer thread (default 4 MiB): what a slow sink may be behind. */
  ringBytes?: number | undefined
}

/** Bytes of a frame; more than the longest has. */
export const SNAPLEN = 262_144
export const RING_BYTES = 4 * 1024 * 1024
/** Less might not hold the longest frame. */
export const SMALLEST_RING = 256 * 1024
const APPLICATION = 'uveth'

/** Resolves when the sink is open; rejects when it cannot be opened or written to. */
export async function startCapture(options: CaptureOptions): Promise<CaptureSession> {
  const session = new CaptureSession(options)
  await session.ready
  return session
}

export class CaptureSession {
  readonly plan: CapturePlan
  readonly #ready = deferred<void>()
  readonly #finished = deferred<CaptureResult>()
  readonly #credit: StreamCredit | undefined
  /** Chunks that the reader has not asked for yet. */
  readonly #chunks: Uint8Array[] = []
  #over = false
  /** Goes on with a reader that waits for a chunk. */
  #wake: () => void = () => {}

  constructor(options: CaptureOptions) {
    const { id, sink, interfaces, match = null, snaplen = SNAPLEN, ringBytes = RING_BYTES } = options
    const ring = options.ring ?? createRing(Math.max(ringBytes, SMALLEST_RING))
    const ends = { a: interfaces.a !== undefined, b: interfaces.b !== undefined }
    this.plan = { id, ring, ends, match, snaplen }
    this.#credit = sink === 'stream' ? new StreamCredit() : undefined
    this.#start({
      ring,
      sink: sinkPlan(sink, this.#credit),
      interfaces: [interfaces.a ?? null, interfaces.b ?? null],
      snaplen,
      application: APPLICATION,
    })
  }

  /** Settles when the sink is open. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Settles when all is written and the sink closed: after `end`, when the reader has left, or a write failed. */
  get finished(): Promise<CaptureResult> {
    return this.#finished.promise
  }

  /** Has what is in the ring written, and the statistics. Workers must not record any more. */
  end(): Promise<CaptureResult> {
    endRing(this.plan.ring)
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
      endRing(this.plan.ring)
    }
  }

  #start(workerData: RecorderSetup): void {
    const worker = new Worker(new URL('./thread.js', import.meta.url), {
      name: 'uveth-capture',
      workerData,
      execArgv: [], // the user's loaders and inspectors have no business here
    })
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
    endRing(this.plan.ring)
    this.#over = true
    this.#wake()
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

function sinkPlan(sink: CaptureOptions['sink'], credit: StreamCredit | undefined): SinkPlan {
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
