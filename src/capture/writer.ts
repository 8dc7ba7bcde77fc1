// The writer thread of this process, as the main thread holds it: started by the first capture, it serves all of them,
// and stays for the next ones. It keeps the process alive only while there is a capture. One that dies ends its
// captures with the reason, and the next capture starts another. Used by session.ts.

import { Worker } from 'node:worker_threads'
import { toWire, UvethError } from '../errors.js'
import type { CaptureMessage, RecorderSetup, Said } from './setup.js'

type Hear = (message: CaptureMessage) => void

class Writer {
  readonly #worker: Worker
  readonly #captures = new Map<number, Hear>()
  #lastId = 0

  constructor() {
    this.#worker = startThread()
    this.#worker.on('message', ({ id, ...message }: Said) => this.#tell(id, message))
    this.#worker.on('error', (error) => this.#ended(error.stack ?? error.message))
    this.#worker.on('exit', () => this.#ended('it ended'))
  }

  serve(setup: RecorderSetup, hear: Hear): void {
    const id = ++this.#lastId
    this.#captures.set(id, hear)
    this.#worker.ref()
    this.#worker.postMessage({ id, setup })
  }

  #tell(id: number, message: CaptureMessage): void {
    const hear = this.#captures.get(id)
    if (message.event === 'finished' || message.event === 'failed') {
      this.#captures.delete(id)
      if (this.#captures.size === 0) this.#worker.unref()
    }
    hear?.(message)
  }

  #ended(why: string): void {
    if (writer === this) writer = undefined
    const error = toWire(broken(why))
    for (const id of this.#captures.keys()) this.#tell(id, { event: 'failed', error })
  }
}

let writer: Writer | undefined

/** Has a capture written; `hear` is told of it, at last that it is finished or has failed. Throws for want of threads. */
export function serveCapture(setup: RecorderSetup, hear: Hear): void {
  writer ??= new Writer()
  writer.serve(setup, hear)
}

function startThread(): Worker {
  try {
    return new Worker(new URL('./thread.js', import.meta.url), {
      name: 'uveth-capture',
      execArgv: [], // the user's loaders and inspectors have no business here
    })
  } catch (error) {
    throw broken((error as Error).message) // no more threads
  }
}

function broken(message: string): UvethError {
  return new UvethError(`the writer thread of captures failed: ${message}`, { code: 'ERR_CAPTURE' })
}
