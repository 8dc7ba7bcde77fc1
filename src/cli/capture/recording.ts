// Writes a capture that the daemon streams: into a file, a ring of files, a pipe or standard output, with the
// rights of whoever runs the command. The blocks go through as they come, whole ones at once; what the files begin
// and end with is capture/files.ts's. Used by capture.ts and cli/extcap.ts.

import { fstatSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { CaptureFiles } from '../../capture/files.js'
import { isPipe, openForReader, ReaderGone } from '../../capture/sink.js'
import type { CaptureStream } from '../../contract/client.js'
import { ofNode } from '../../errors.js'
import type { Rotation } from '../../index.js'
import { BlockCutter } from '../../pcapng/reader.js'

export interface Recorded {
  frames: number
  bytes: number
  lost: number
  /** The stream ended without its statistics: the daemon was killed. */
  cut: boolean
  files: string[]
}

const STDOUT = 1
/** ms between two looks whether a named pipe has a reader: at 10 they cost 1.7 % of a core. */
const LOOK = 50
/** ms that the reader of a named pipe gets to come and hear that nothing does. */
const COMING = 5_000
/** Events of `watch`. EPOLLERR and EPOLLHUP, which a pipe without a reader has, are always among them. (The addon is loaded when it is needed.) */
const NOTHING_BUT_ERRORS = 0
const EPOLLOUT = 0x004

/**
 * Records until the pair ends, the reader has gone or `stop` is raised; in any case what is written is
 * complete. `path` is a file, a named pipe or `-`.
 */
export async function record(
  capture: CaptureStream,
  path: string,
  stop: AbortSignal,
  rotate?: Rotation,
): Promise<Recorded> {
  const end = () => capture.end()
  stop.addEventListener('abort', end, { once: true })
  try {
    if (stop.aborted) end()
    const files = await CaptureFiles.open(sinkOf(path, rotate), { ended: () => stop.aborted })
    const left = await copy(capture, files)
    const { frames, bytes, complete } = files
    const lost = files.lost.reduce((sum, each) => sum + each, 0)
    return { frames, bytes, lost, cut: !complete && !left, files: files.files }
  } catch (error) {
    throw ofNode(error)
  } finally {
    stop.removeEventListener('abort', end)
    capture.close()
  }
}

/** True when the reader has gone. */
async function copy(capture: CaptureStream, files: CaptureFiles): Promise<boolean> {
  const outlet = new Outlet(files, () => capture.close())
  try {
    await passOn(capture, files, outlet)
    files.end()
    await outlet.settle()
    return false
  } catch (error) {
    if (outlet.left || error instanceof ReaderGone) return true
    throw error
  } finally {
    await files.close()
  }
}

async function passOn(capture: CaptureStream, files: CaptureFiles, outlet: Outlet): Promise<void> {
  const cutter = new BlockCutter()
  try {
    for await (const part of capture.chunks) {
      for (const blocks of cutter.take(part)) files.take(blocks)
      await outlet.settle()
    }
  } catch (error) {
    // The daemon was killed: whole blocks were written up to then.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
  }
}

function sinkOf(path: string, rotate: Rotation | undefined) {
  if (path !== '-') return { kind: 'path', path, rotate } as const
  // Node makes a socket non-blocking when it takes it for its standard output.
  if (fstatSync(STDOUT).isSocket()) void process.stdout
  return { kind: 'fd', fd: STDOUT } as const
}

/** Waits for the reader of a pipe, where there is one, and hears when it leaves. */
class Outlet {
  /** The reader has gone. */
  left = false
  readonly #files: CaptureFiles
  readonly #gone: () => void
  #watching = false

  constructor(files: CaptureFiles, gone: () => void) {
    this.#files = files
    this.#gone = gone
  }

  /** Until all is written. */
  async settle(): Promise<void> {
    while (!(await this.#files.flush(LOOK))) await this.#room()
    // A write would tell that the reader has gone, but a quiet cable has nothing to write: then the kernel does.
    if (this.#watching) return
    this.#watching = await this.#watch(NOTHING_BUT_ERRORS, () => {
      this.left = true
      this.#gone()
    })
  }

  async #room(): Promise<void> {
    this.#watching = false
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, LOOK)
      void this.#watch(EPOLLOUT, () => {
        clearTimeout(late)
        resolve()
      })
    })
  }

  /** False without a reader, and without the addon: then the next frame tells, and a full pipe is looked at. */
  async #watch(events: number, ready: () => void): Promise<boolean> {
    const { reader } = this.#files
    if (reader === undefined) return false
    try {
      const { watch } = await import('../../native.js')
      return watch(reader, events, ready) === 0
    } catch {
      return false
    }
  }
}

/**
 * Tells the reader of a named pipe that nothing comes: it is opened, and closed by the end of the process, so
 * that what the process says of it is said before.
 */
export async function leavePipe(path: string): Promise<void> {
  if (!(await isPipe(path))) return
  for (let left = COMING; left > 0 && openForReader(path) === undefined; left -= LOOK) await sleep(LOOK)
}
