// A lock beside a socket: one daemon for each, and one of many callers that starts it. It is the
// kernel's (flock), so it ends with its holder however that ends. The file stays: removing it would
// let two hold "the" lock.

import {
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs'
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

/** Of the daemon that keeps its pairs in this file. */
export function stateLock(file: string): string {
  return `${file}.lock`
}

/** ms between looks whether a process has ended. */
const LOOK = 50
/** PF_EXITING of the kernel. */
const EXITING = 0x4

/**
 * Resolves when the process `pid`, as a lock names it, is no longer in the middle of its end. One that was killed gives
 * its locks back first, and its interfaces one after the other, each some ms later. `say` is called if that is waited for.
 */
export async function formerEnd(pid: string, say: () => void): Promise<void> {
  if (!isEnding(pid)) return
  say()
  while (isEnding(pid)) await new Promise((resolve) => setTimeout(resolve, LOOK))
}

/** Neither one that lives, nor one of which only its number is left (a zombie). */
function isEnding(pid: string): boolean {
  if (!/^[1-9]\d*$/.test(pid)) return false
  try {
    return readdirSync(`/proc/${pid}/task`).some((task) => isTaskEnding(`/proc/${pid}/task/${task}/stat`))
  } catch {
    return false // it has gone
  }
}

function isTaskEnding(stat: string): boolean {
  try {
    // proc(5): behind the name, which may hold anything, the state comes first and the flags seventh.
    const fields = readFileSync(stat, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[6]) & EXITING) !== 0 && !/^[ZX]/.test(fields[0] ?? '')
  } catch {
    return false
  }
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
    ? `run as root or in a sandbox (uveth sandbox), or ${elsewhere}`
    : `the socket needs a folder that can be written to: ${elsewhere}; in a container with a read-only root: --tmpfs /run`
  return systemError(number, syscall, path, remedy)
}

export class Lock implements Disposable {
  readonly #fd: number

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** The lock, or undefined while another process has it. `explain` makes the error of a folder that does not do. */
  static take(path: string, explain = notWritable): Lock | undefined {
    const fd = openLock(path, explain)
    const result = flock(fd, true)
    if (result === 0) {
      const lock = new Lock(fd)
      lock.sign()
      return lock
    }
    closeSync(fd)
    if (result !== errno.EAGAIN) throw systemError(result, 'flock', path)
    return undefined
  }

  /** One that another process has taken and gives up to us, by its descriptor. */
  static adopt(fd: number): Lock {
    return new Lock(fd)
  }

  /** Says in the file that it is ours. */
  sign(): void {
    ftruncateSync(this.#fd)
    try {
      writeSync(this.#fd, `${process.pid}\n`)
    } catch {} // a full disk: the lock is the kernel's, the name only for others to read
  }

  get fd(): number {
    return this.#fd
  }

  /** Who has it or had it last, as that process wrote it; `?` where none has. */
  static holder(path: string): string {
    try {
      return readOwn(path).trim() || '?'
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '?'
      throw error
    }
  }

  [Symbol.dispose](): void {
    // Closing is not enough: a program that is just being started may have the descriptor until its exec.
    flock(this.#fd, false)
    closeSync(this.#fd)
  }
}

function openLock(path: string, explain: (error: unknown) => unknown): number {
  try {
    return openOwn(path, O_WRONLY | O_APPEND | O_CREAT)
  } catch (error) {
    throw explain(error)
  }
}
