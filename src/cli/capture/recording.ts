// Writes a capture that the daemon streams: into a file, a ring of files, a pipe or standard output, with the
// rights of whoever runs the command. Whole blocks only, at once. Used by capture.ts and cli/extcap.ts.

import { constants, fstatSync, openSync, statSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSink, removeOldest, type Sink } from '../../capture/sink.js'
import type { CaptureStream } from '../../contract/client.js'
import { ofNode } from '../../errors.js'
import { ENHANCED_PACKET, PcapngStream, typeOf } from '../../pcapng/reader.js'

/** When to go on in another file. */
export interface Ring {
  bytes?: number | undefined
  seconds?: number | undefined
  /** Only so many files are kept. */
  files?: number | undefined
}

export interface Recorded {
  frames: number
  bytes: number
  lost: number
  /** The stream ended without its statistics: the daemon was killed. */
  cut: boolean
  files: string[]
}

interface Output {
  readonly files: string[]
  /** False when the reader has gone. */
  write(blocks: Buffer[]): Promise<boolean>
  close(): void
}

/** Who takes what is recorded: told when to stop, and tells when it has gone. */
interface Reader {
  stop: AbortSignal
  gone(): void
}

const STDOUT = 1
/** ms that a reader which does not read gets once the capture is to end. */
const PATIENCE = 1_000
/** ms between two looks whether a named pipe has a reader: at 10 they cost 1.7 % of a core. */
const LOOK = 50
/** ms that the reader of a named pipe gets to come and hear that nothing does. */
const COMING = 5_000
/** Events of `watch`: EPOLLERR and EPOLLHUP, which a pipe without a reader has, are always among them. */
const NOTHING_BUT_ERRORS = 0

/**
 * Records until the pair ends, the reader has gone or `stop` is raised; in any case what is written is
 * complete. `path` is a file, a named pipe or `-`.
 */
export async function record(
  capture: CaptureStream,
  path: string,
  stop: AbortSignal,
  ring?: Ring,
): Promise<Recorded> {
  const stream = new PcapngStream()
  let output: Output | undefined
  const end = () => capture.end()
  let left = false
  let whole = true
  const gone = () => {
    left = true
    capture.close()
  }
  stop.addEventListener('abort', end, { once: true })
  try {
    if (stop.aborted) end()
    output = await openOutput(path, stream, { stop, gone }, ring)
    whole = await copy(capture, stream, output)
  } catch (error) {
    if (!left) throw ofNode(error)
  } finally {
    stop.removeEventListener('abort', end)
    output?.close()
    capture.close()
  }
  const { frames, bytes, lost } = stream
  return { frames, bytes, lost, cut: !whole && !left, files: output?.files ?? [] }
}

/** False when the stream ended before its time; what was written then has statistics of our own. */
async function copy(
  capture: CaptureStream,
  stream: PcapngStream,
  output: Output | undefined,
): Promise<boolean> {
  try {
    for await (const part of capture.chunks) {
      const blocks = stream.take(part)
      if (output === undefined || !(await output.write(blocks))) return true
    }
  } catch (error) {
    // The daemon was killed: whole blocks were written up to then.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
  }
  if (!stream.ended) await output?.write(stream.statistics())
  return stream.ended
}

/** Undefined: nobody came to read the pipe before the end. */
async function openOutput(
  path: string,
  stream: PcapngStream,
  reader: Reader,
  ring: Ring | undefined,
): Promise<Output | undefined> {
  if (path === '-') {
    const stats = fstatSync(STDOUT)
    // The same pipe once more: it must not block, and the flags of the shared one are not ours to change.
    if (stats.isFIFO()) return await openPipe(`/proc/self/fd/${STDOUT}`, reader)
    if (stats.isSocket()) {
      return pipeOutput(STDOUT, reader)
    }
    return { files: [], write: async (blocks) => writeAll(STDOUT, Buffer.concat(blocks)), close: () => {} }
  }
  if (isPipe(path)) return await openPipe(path, reader)
  return new FileOutput(path, stream, ring)
}

/**
 * Tells the reader of a named pipe that nothing comes: it is opened, and closed by the end of the process, so
 * that what the process says of it is said before.
 */
export async function leavePipe(path: string): Promise<void> {
  if (!isPipe(path)) return
  for (let left = COMING; left > 0 && openForReader(path) === undefined; left -= LOOK) await sleep(LOOK)
}

function isPipe(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
}

async function openPipe(path: string, reader: Reader): Promise<Output | undefined> {
  for (; !reader.stop.aborted; await sleep(LOOK)) {
    const fd = openForReader(path)
    if (fd !== undefined) return pipeOutput(fd, reader)
  }
  return undefined
}

function pipeOutput(fd: number, { stop, gone }: Reader): Output {
  void watchReader(fd, gone)
  return new PipeOutput(new Socket({ fd, readable: false, writable: true }), stop)
}

/** The pipe's writing end; undefined while nobody reads. */
function openForReader(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return undefined
    throw error
  }
}

/** A write would tell that the reader has gone, but a quiet cable has nothing to write: then the kernel does. */
async function watchReader(fd: number, gone: () => void): Promise<void> {
  try {
    const { watch } = await import('../../native.js')
    watch(fd, NOTHING_BUT_ERRORS, gone)
  } catch {
    // Without the addon the next frame tells.
  }
}

function writeAll(fd: number, bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
  return true
}

/** A pipe, or a socket that stands for one. */
class PipeOutput implements Output {
  readonly files: string[] = []
  readonly #socket: Socket
  readonly #stop: AbortSignal
  #gone = false
  #error: Error | undefined

  constructor(socket: Socket, stop: AbortSignal) {
    this.#socket = socket
    this.#stop = stop
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') this.#error = error
    })
    socket.once('close', () => {
      this.#gone = true
    })
  }

  async write(blocks: Buffer[]): Promise<boolean> {
    if (!this.#gone && blocks.length > 0) {
      const release = afterStop(this.#stop, () => this.#giveUp())
      // Buffers that wait must not change: the next part has memory of its own.
      await new Promise<void>((resolve) => {
        this.#socket.once('close', resolve)
        this.#socket.write(Buffer.concat(blocks), () => {
          this.#socket.off('close', resolve)
          resolve()
        })
      })
      release()
    }
    if (this.#error !== undefined) throw this.#error
    return !this.#gone
  }

  /** The reader takes nothing: as if it had gone. */
  #giveUp(): void {
    this.#gone = true
    this.#socket.destroy()
  }

  close(): void {
    this.#socket.end()
  }
}

/** Calls `late` when something is not released within PATIENCE of the end that is asked for. */
function afterStop(stop: AbortSignal, late: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const begin = () => {
    timer = setTimeout(late, PATIENCE)
  }
  if (stop.aborted) begin()
  else stop.addEventListener('abort', begin, { once: true })
  return () => {
    stop.removeEventListener('abort', begin)
    clearTimeout(timer)
  }
}

/** A file, or a ring of them: `name-00001.pcapng` and so on. */
class FileOutput implements Output {
  readonly #sink: Sink
  readonly #stream: PcapngStream
  readonly #ring: Ring | undefined
  #bytes = 0
  #frames = 0
  #opened = performance.now()

  constructor(path: string, stream: PcapngStream, ring: Ring | undefined) {
    const around = { ended: () => false, post: () => {} }
    this.#sink = openSink({ kind: 'path', path, ...(ring && { rotate: ring }) }, around)
    this.#stream = stream
    this.#ring = ring
  }

  get files(): string[] {
    return this.#sink.files
  }

  async write(blocks: Buffer[]): Promise<boolean> {
    let run: Buffer[] = []
    for (const block of blocks) {
      const frame = typeOf(block) === ENHANCED_PACKET
      if (frame && this.#isFull(block.length)) {
        this.#put(run)
        run = []
        this.#nextFile()
      }
      if (frame) this.#frames++
      this.#bytes += block.length
      run.push(block)
    }
    this.#put(run)
    return true
  }

  close(): void {
    this.#sink.close()
  }

  #put(blocks: Buffer[]): void {
    if (blocks.length > 0) this.#sink.write(Buffer.concat(blocks))
  }

  /** A file without frames goes on. */
  #isFull(more: number): boolean {
    const { bytes = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY } = this.#ring ?? {}
    if (this.#frames === 0) return false
    return (
      this.#bytes + more + this.#stream.statisticsBytes > bytes ||
      performance.now() - this.#opened >= 1000 * seconds
    )
  }

  #nextFile(): void {
    this.#put(this.#stream.statistics())
    this.#sink.next()
    if (this.#ring?.files !== undefined) removeOldest(this.#sink, this.#ring.files)
    this.#put(this.#stream.head)
    this.#bytes = this.#stream.head.reduce((sum, { length }) => sum + length, 0)
    this.#frames = 0
    this.#opened = performance.now()
  }
}
