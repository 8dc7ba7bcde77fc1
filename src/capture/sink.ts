// Where a capture's blocks go. A write takes what there is room for and waits for nobody but a disk: whoever writes comes
// again (recorder.ts after a while, cli/capture/recording.ts asks the kernel). What may wait for a disk is asynchronous:
// the thread serves other captures, too. A reader that has left is ReaderGone, which is a normal end. files.ts owns one
// sink, and is the only one that writes to it.

import { closeSync, constants, fstatSync, openSync, write, writeSync } from 'node:fs'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { promisify } from 'node:util'
import { StreamCredit } from './credit.js'
import type { Rotation, SinkPlan } from './setup.js'

/** The reader of a pipe or of a stream has gone, or nobody came to read. */
export class ReaderGone extends Error {}

export interface Sink {
  /** Files written and still there. */
  readonly files: string[]
  /** Of a reader who may leave; undefined where there is none (yet). */
  readonly reader: number | undefined
  /** How many bytes it takes, which is all of them where nobody reads. One write at a time. */
  write(bytes: Uint8Array): number | Promise<number>
  /** Goes on in the next file. */
  next(): void | Promise<void>
  close(): void | Promise<void>
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

const writeAsync = promisify(write)

export async function openSink(plan: SinkPlan, around: Surroundings): Promise<Sink> {
  switch (plan.kind) {
    case 'stream':
      return new StreamSink(new StreamCredit(plan.credit), around)
    case 'fd': {
      if (!fstatSync(plan.fd).isFIFO()) return new DescriptorSink(plan.fd)
      const fd = reopened(plan.fd)
      return fd === undefined ? new DescriptorSink(plan.fd) : new PipeSink({ fd }, around)
    }
    case 'path':
      if (await isPipe(plan.path)) return new PipeSink(plan, around)
      return await FileSink.open(plan.path, plan.rotate)
  }
}

class FileSink implements Sink {
  readonly files: string[] = []
  readonly reader = undefined
  readonly #path: string
  readonly #rotate: Rotation | undefined
  #file: FileHandle | undefined
  #count = 0
  #length = 0

  private constructor(path: string, rotate: Rotation | undefined) {
    this.#path = path
    this.#rotate = rotate
  }

  static async open(path: string, rotate: Rotation | undefined): Promise<FileSink> {
    const sink = new FileSink(path, rotate)
    await sink.next()
    return sink
  }

  /** Opens the first one too; the oldest ones go. */
  async next(): Promise<void> {
    await this.close()
    const path = this.#rotate === undefined ? this.#path : numbered(this.#path, ++this.#count)
    this.#file = await open(path, 'w', FILE_MODE)
    this.#length = 0
    this.files.push(path)
    const { files: keep = Number.POSITIVE_INFINITY } = this.#rotate ?? {}
    while (this.files.length > keep) await rm(this.files.shift() as string, { force: true })
  }

  async write(bytes: Uint8Array): Promise<number> {
    const file = this.#file as FileHandle
    try {
      for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten
      this.#length += bytes.length
    } catch (error) {
      // Half a block would make the file unreadable. What is no regular file keeps it.
      await file.truncate(this.#length).catch(() => {})
      throw error
    }
    return bytes.length
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}

/** A descriptor of somebody else that may block: a file, a socket, a terminal. */
class DescriptorSink implements Sink {
  readonly files: string[] = []
  readonly reader: number

  constructor(fd: number) {
    this.reader = fd
  }

  next(): void {}

  async write(bytes: Uint8Array): Promise<number> {
    try {
      return (await writeAsync(this.reader, bytes)).bytesWritten
    } catch (error) {
      return nothingOf(error)
    }
  }

  close(): void {}
}

/** A pipe: a named one, which the first write opens that finds a reader, or one that was opened. It never blocks. */
class PipeSink implements Sink {
  readonly files: string[] = []
  readonly #to: { path: string } | { fd: number }
  readonly #around: Surroundings
  #fd: number | undefined

  constructor(to: { path: string } | { fd: number }, around: Surroundings) {
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
      return nothingOf(error)
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}

/** A write that failed: nothing was taken, as there is no room; or nobody is left who takes it. */
function nothingOf(error: unknown): number {
  const code = codeOf(error)
  if (code === 'EPIPE' || code === 'ECONNRESET') throw new ReaderGone()
  if (code !== 'EAGAIN') throw error
  return 0
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

  async write(bytes: Uint8Array): Promise<number> {
    // At the end the rest goes at once: the ring bounds it.
    if (!(await this.#credit.wait(CREDIT_WAIT)) && !this.#around.ended()) return 0
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
 * The same pipe once more, non-blocking: a write that is stuck could not be ended, and the flag
 * of the caller's own descriptor is not ours to change. Undefined where that is not possible.
 */
function reopened(fd: number): number | undefined {
  try {
    return openForReader(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}

export async function isPipe(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFIFO()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
