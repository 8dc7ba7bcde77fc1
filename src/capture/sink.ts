// Where a capture's blocks go, as the writer thread sees it: synchronous, and waiting where the other side
// is slow (meanwhile the ring fills, and the worker counts what it loses). A reader that has left is
// ReaderGone, which is a normal end. recorder.ts owns one sink.

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs'
import { extname } from 'node:path'
import type { BlockSink } from '../pcapng/writer.js'
import { StreamCredit } from './credit.js'
import type { CaptureMessage, SinkPlan } from './setup.js'

/** The reader of a pipe or of a stream has gone, or nobody came to read. */
export class ReaderGone extends Error {}

export interface Sink extends BlockSink {
  /** Files written and still there. */
  readonly files: string[]
  /** Goes on in the next file. */
  next(): void
  close(): void
}

/** What a sink asks of the thread that it works for. */
export interface Surroundings {
  /** The capture is to end. */
  ended(): boolean
  post(message: CaptureMessage): void
}

/** ms between two tries at a full pipe, or at one that nobody reads yet. */
const RETRY = 2
/** ms that a reader has to take what is left, once the capture is to end. */
const PATIENCE = 1000

/** As dumpcap: what crossed a network is not for everybody. */
const FILE_MODE = 0o600

export function openSink(plan: SinkPlan, around: Surroundings): Sink {
  switch (plan.kind) {
    case 'stream':
      return new StreamSink(new StreamCredit(plan.credit), around)
    case 'fd':
      return new DescriptorSink(plan.fd, around)
    case 'path':
      return isPipe(plan.path)
        ? new PipeSink(plan.path, around)
        : new FileSink(plan.path, plan.rotate !== undefined)
  }
}

class FileSink implements Sink {
  readonly files: string[] = []
  readonly #path: string
  readonly #numbered: boolean
  #fd = -1
  #count = 0
  #length = 0

  constructor(path: string, numbered: boolean) {
    this.#path = path
    this.#numbered = numbered
    this.next()
  }

  /** Opens the first one too. */
  next(): void {
    this.close()
    const path = this.#numbered ? numbered(this.#path, ++this.#count) : this.#path
    this.#fd = openSync(path, 'w', FILE_MODE)
    this.#length = 0
    this.files.push(path)
  }

  write(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
      this.#length += bytes.length
    } catch (error) {
      this.#cut()
      throw error
    }
  }

  /** Half a block would make the file unreadable. */
  #cut(): void {
    try {
      ftruncateSync(this.#fd, this.#length)
    } catch {} // what is no regular file keeps it
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }
}

/** A descriptor of somebody else: standard output, a pipe, a socket. */
class DescriptorSink implements Sink {
  readonly files: string[] = []
  readonly #around: Surroundings
  readonly #fd: number
  readonly #own: boolean

  constructor(fd: number, around: Surroundings) {
    this.#around = around
    const own = fstatSync(fd).isFIFO() ? reopened(fd) : undefined
    this.#own = own !== undefined
    this.#fd = own ?? fd
  }

  next(): void {}

  write(bytes: Uint8Array): void {
    writeAll(this.#fd, bytes, this.#around)
  }

  close(): void {
    if (this.#own) closeSync(this.#fd)
  }
}

/** A named pipe. It is opened at the first write, which waits for a reader. */
class PipeSink implements Sink {
  readonly files: string[] = []
  readonly #path: string
  readonly #around: Surroundings
  #fd = -1

  constructor(path: string, around: Surroundings) {
    this.#path = path
    this.#around = around
    around.post({ event: 'ready' })
  }

  next(): void {}

  write(bytes: Uint8Array): void {
    while (this.#fd < 0) this.#open()
    writeAll(this.#fd, bytes, this.#around)
  }

  #open(): void {
    try {
      this.#fd = openSync(this.#path, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if (codeOf(error) !== 'ENXIO') throw error
      if (this.#around.ended()) throw new ReaderGone()
      sleep(RETRY)
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
  }
}

/** The main thread, chunk by chunk. */
class StreamSink implements Sink {
  readonly files: string[] = []
  readonly #credit: StreamCredit
  readonly #around: Surroundings

  constructor(credit: StreamCredit, around: Surroundings) {
    this.#credit = credit
    this.#around = around
  }

  next(): void {}

  write(bytes: Uint8Array): void {
    // At the end the rest goes at once: the ring bounds it.
    while (!this.#credit.wait(PATIENCE / 10) && !this.#around.ended()) {}
    if (this.#credit.gone) throw new ReaderGone()
    this.#credit.take(bytes.length)
    this.#around.post({ event: 'chunk', bytes: bytes.slice() })
  }

  close(): void {}
}

/** `dir/name.pcapng` to `dir/name-00001.pcapng`. */
export function numbered(path: string, number: number): string {
  const extension = extname(path)
  return `${path.slice(0, path.length - extension.length)}-${String(number).padStart(5, '0')}${extension}`
}

/** Removes the oldest files, until `keep` are left. */
export function removeOldest(sink: Sink, keep: number): void {
  while (sink.files.length > keep) rmSync(sink.files.shift() as string, { force: true })
}

/** Writes to what may be full: until it is taken, its reader has gone, or the time after the end is over. */
function writeAll(fd: number, bytes: Uint8Array, around: Surroundings): void {
  let patience = PATIENCE
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at)
      patience = PATIENCE
    } catch (error) {
      const code = codeOf(error)
      if (code === 'EPIPE' || code === 'ECONNRESET') throw new ReaderGone()
      if (code !== 'EAGAIN') throw error
      if (patience <= 0) throw new ReaderGone()
      if (around.ended()) patience -= RETRY
      sleep(RETRY)
    }
  }
}

/**
 * The same pipe once more, non-blocking: a thread that is stuck in a write could not be ended, and the flag
 * of the caller's own descriptor is not ours to change. Undefined where that is not possible.
 */
function reopened(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}

function isPipe(path: string): boolean {
  const stats: Stats | undefined = statSync(path, { throwIfNoEntry: false })
  return stats?.isFIFO() === true
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

const never = new Int32Array(new SharedArrayBuffer(4))

function sleep(ms: number): void {
  Atomics.wait(never, 0, 0, ms)
}
