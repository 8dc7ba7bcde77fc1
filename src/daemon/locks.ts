// The locks of a daemon: of its socket, and of its file of wanted pairs. Used by daemon.ts and succession.ts; what a lock
// is stands in lock.ts. They end with their holder, or are given to the process that takes its place.

import { invalid, UvethError } from '../errors.js'
import { daemonLock, formerEnd, Lock, stateLock } from './lock.js'

/** Told when the end of the daemon before is waited for. */
type Waits = (pid: string) => void

export class Locks implements Disposable {
  readonly #locks: Lock[] = []

  /** Of the socket, and of the file of wanted pairs. */
  static async take(socket: string, state: string | undefined, waits: Waits): Promise<Locks> {
    const locks = new Locks()
    await locks.#take(daemonLock(socket), waits, (pid) => {
      const message = `EADDRINUSE: a daemon (pid ${pid}) has '${socket}' already`
      return new UvethError(message, { code: 'EADDRINUSE' })
    })
    if (state === undefined) return locks
    const busy = (pid: string) =>
      invalid(`a daemon (pid ${pid}) keeps its pairs in '${state}'`, 'state', 'EBUSY')
    try {
      await locks.#take(stateLock(state), waits, busy, (error) => error)
      return locks
    } catch (error) {
      locks[Symbol.dispose]()
      throw error
    }
  }

  /** As another process has them: when its are ours, sign() says so. */
  static adopt(fds: readonly number[]): Locks {
    const locks = new Locks()
    for (const fd of fds) locks.#locks.push(Lock.adopt(fd))
    return locks
  }

  get fds(): number[] {
    return this.#locks.map(({ fd }) => fd)
  }

  sign(): void {
    for (const lock of this.#locks) lock.sign()
  }

  [Symbol.dispose](): void {
    for (const lock of this.#locks.splice(0)) lock[Symbol.dispose]()
  }

  async #take(
    path: string,
    waits: Waits,
    refusal: (pid: string) => UvethError,
    explain?: (error: unknown) => unknown,
  ): Promise<void> {
    const before = Lock.holder(path)
    let lock = Lock.take(path, explain)
    await formerEnd(before, () => waits(before))
    lock ??= Lock.take(path, explain)
    if (lock === undefined) throw refusal(Lock.holder(path))
    this.#locks.push(lock)
  }
}
