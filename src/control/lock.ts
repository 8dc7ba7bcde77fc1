// A lock beside a socket: one daemon for each, and one of many callers that starts it. It is the
// kernel's (flock), so it ends with its holder however that ends. The file stays: removing it would
// let two hold "the" lock.

import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { errno, systemError } from '../errors.js'
import { flock } from '../native.js'

/** Of one daemon. */
export function daemonLock(socket: string): string {
  return `${socket}.lock`
}

/** Of those who would start one. */
export function startLock(socket: string): string {
  return `${socket}.start`
}

/** The folder of `file`, made when it is missing: only root's group may look into it. */
export function makeFolder(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o750 })
}

export class Lock implements Disposable {
  readonly #fd: number

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** The lock, or undefined while another process has it. */
  static take(path: string): Lock | undefined {
    const fd = openSync(path, 'a', 0o640)
    const result = flock(fd)
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
    return readFileSync(path, 'utf8').trim() || '?'
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}
