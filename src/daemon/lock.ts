// A lock beside a socket: one daemon for each, and one of many callers that starts it. It is the
// kernel's (flock), so it ends with its holder however that ends. The file stays: removing it would
// let two hold "the" lock.

import { closeSync, constants, ftruncateSync, mkdirSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { errno, systemError } from '../errors.js'
import { flock } from '../native.js'
import { openOwn, readOwn } from '../own-file.js'

const { O_APPEND, O_CREAT, O_WRONLY } = constants

/** Of one daemon. */
export function daemonLock(socket: string): string {
  return `${socket}.lock`
}

/** Of those who would start one. */
export function startLock(socket: string): string {
  return `${socket}.start`
}

/** The folder of the socket, made when it is missing: only root's group may look into it. */
export function makeFolder(socket: string): void {
  try {
    makeFolders(dirname(socket))
  } catch (error) {
    throw notWritable(error)
  }
}

/** One after the other: mkdirSync's own `recursive` says ENOENT where a file system is read-only. */
function makeFolders(folder: string): void {
  const isThere = () => statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
  if (isThere()) return
  makeFolders(dirname(folder))
  try {
    mkdirSync(folder, 0o750)
  } catch (error) {
    if (!isThere()) throw error // or another process was faster
  }
}

/** A folder in which no daemon can live: what to do about it. */
function notWritable(error: unknown): unknown {
  const { errno: number, syscall, path } = error as NodeJS.ErrnoException
  if (number === undefined || syscall === undefined) return error
  const elsewhere = 'name a socket in another folder with --socket PATH or UVETH_SOCKET'
  const mayNot = number === errno.EACCES || number === errno.EPERM
  const remedy = mayNot
    ? `run as root, or ${elsewhere}`
    : `the socket needs a folder that can be written to: ${elsewhere}; in a container with a read-only root: --tmpfs /run`
  return systemError(number, syscall, path, remedy)
}

export class Lock implements Disposable {
  readonly #fd: number

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** The lock, or undefined while another process has it. */
  static take(path: string): Lock | undefined {
    const fd = openLock(path)
    const result = flock(fd, true)
    if (result === 0) {
      ftruncateSync(fd)
      writeSync(fd, `${process.pid}\n`)
      return new Lock(fd)
    }
    closeSync(fd)
    if (result !== errno.EAGAIN) throw systemError(result, 'flock', path)
    return undefined
  }

  /** Who has it, as that process wrote it; `?` in the moment before it has. */
  static holder(path: string): string {
    return readOwn(path).trim() || '?'
  }

  [Symbol.dispose](): void {
    // Closing is not enough: a program that is just being started may have the descriptor until its exec.
    flock(this.#fd, false)
    closeSync(this.#fd)
  }
}

function openLock(path: string): number {
  try {
    return openOwn(path, O_WRONLY | O_APPEND | O_CREAT)
  } catch (error) {
    throw notWritable(error)
  }
}
