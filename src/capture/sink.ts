// Where a capture's blocks go. A write takes what there is room for and never waits: whoever writes comes again
// (recorder.ts sleeps, cli/capture/recording.ts asks the kernel). A reader that has left is ReaderGone, which is a
// normal end. files.ts owns one sink, and is the only one that writes to it.

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { extname } from 'node:path'
import { StreamCredit } from './credit.js'
import type { Rotation, SinkPlan } from './setup.js'

/** The reader of a pipe or of a stream has gone, or nobody came to read. */
export class ReaderGone extends Error {}

export interface Sink {
  /** Files written and still there. */
  readonly files: string[]
  /** Of a reader who may leave; undefined where there is none (yet). */
  readonly reader: number | undefined
  /** How many bytes it takes, which is all of them where nobody reads. */
  write(bytes: Uint8Array): number
  /** Goes on in the next file. */
  next(): void
  close(): void
}

/** What a sink asks of whoever writes. */
export interface Surroundings {
  /** The capture is to end. */
  ended(): boolean
  /** A chunk of a stream, which is the other side's from now on. */
  post?(chunk: Uint8Array): void
}

/** ms that a stream waits for its reader at a time. */
const CREDIT_WAIT = 100

/** As dumpcap: what crossed a network is not for everybody. */
const FILE_MODE = 0o600

export function openSink(plan: SinkPlan, around: Surroundings): Sink {
  switch (plan.kind) {
    case 'stream':
      return new StreamSink(new StreamCredit(plan.credit), around)
    case 'fd': {
      const own = fstatSync(plan.fd).isFIFO() ? reopened(plan.fd) : undefined
      return new PipeSink({ fd: own ?? plan.fd, own: own !== undefined }, around)
    }
    case 'path':
      return isPipe(plan.path) ? new PipeSink(plan, around) : new FileSink(plan.path, plan.rotate)
  }
}

class FileSink implements Sink {
  readonly files: string[] = []
  readonly reader = undefined
  readonly #path: string
  readonly #rotate: Rotation | undefined
  #fd = -1
  #count = 0
  #length = 0

  constructor(path: string, rotate: Rotation | undefined) {
    this.#path = path
    this.#rotate = rotate
    this.next()
  }

  /** Opens the first one too; the oldest ones go. */
  next(): void {
    this.close()
    const path = this.#rotate === undefined ? this.#path : numbered(this.#path, ++this.#count)
    this.#fd = openSync(path, 'w', FILE_MODE)
    this.#length = 0
    this.files.push(path)
    const { files: keep = Number.POSITIVE_INFINITY } = this.#rotate ?? {}
    while (this.files.length > keep) rmSync(this.files.shift() as string, { force: true })
  }

  write(bytes: Uint8Array): number {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
      this.#length += bytes.length
    } catch (error) {
      this.#cut()
      throw error
    }
    return bytes.length
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

/** A named pipe, which the first write opens that finds a reader; or a descriptor of somebody else, whatever it is. */
class PipeSink implements Sink {
  readonly files: string[] = []
  readonly #to: { path: string } | { fd: number; own: boolean }
  readonly #around: Surroundings
  #fd: number | undefined

  constructor(to: { path: string } | { fd: number; own: boolean }, around: Surroundings) {
    this.#to = to
    this.#around = around
    if ('fd' in to) this.#fd = to.fd
  }

  get reader(): number | undefined {
    return this.#fd
  }

  next(): void {}

  write(bytes: Uint8Array): number {
    if ('path' in this.#to) this.#fd ??= openForReader(this.#to.path)
    if (this.#fd === undefined) {
      if (this.#around.ended()) throw new ReaderGone()
      return 0
    }
    try {
      return writeSync(this.#fd, bytes)
    } catch (error) {
      const code = codeOf(error)
      if (code === 'EPIPE' || code === 'ECONNRESET') throw new ReaderGone()
      if (code !== 'EAGAIN') throw error
      return 0
    }
  }

  close(): void {
    const own = !('own' in this.#to) || this.#to.own
    if (own && this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}

/** The main thread, chunk by chunk. */
class StreamSink implements Sink {
  readonly files: string[] = []
  readonly reader = undefined
  readonly #credit: StreamCredit
  readonly #around: Surroundings

  constructor(credit: StreamCredit, around: Surroundings) {
    this.#credit = credit
    this.#around = around
  }

  next(): void {}

  write(bytes: Uint8Array): number {
    // At the end the rest goes at once: the ring bounds it.
    if (!this.#credit.wait(CREDIT_WAIT) && !this.#around.ended()) return 0
    if (this.#credit.gone) throw new ReaderGone()
    this.#credit.take(bytes.length)
    this.#around.post?.(new Uint8Array(bytes))
    return bytes.length
  }

  close(): void {}
}

/** `dir/name.pcapng` to `dir/name-00001.pcapng`. */
export function numbered(path: string, number: number): string {
  const extension = extname(path)
  return `${path.slice(0, path.length - extension.length)}-${String(number).padStart(5, '0')}${extension}`
}

/** A pipe's writing end, which does not block; undefined while nobody reads. */
export function openForReader(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (codeOf(error) === 'ENXIO') return undefined
    throw error
  }
}

/**
 * The same pipe once more, non-blocking: a thread that is stuck in a write could not be ended, and the flag
 * of the caller's own descriptor is not ours to change. Undefined where that is not possible.
 */
function reopened(fd: number): number | undefined {
  try {
    return openForReader(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}

export function isPipe(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
