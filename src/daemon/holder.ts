// `uveth daemon --holder`: a process that starts the daemon, keeps copies of its descriptors, and starts it again with
// these when it was killed, in the words of systemd's store (sd_notify(3), FDSTORE=1; sd_listen_fds(3)): for the daemon
// they are one thing (store.ts). Started by cli/daemon/daemon.ts. It knows no pair, and does nothing else: what it does
// not have cannot fail.
//
//   starting --READY=1--> running --it was killed, or failed--> waiting --(a moment)--> starting, with what is kept
//      |                     |                                     |
//      +-- it ends: so do we, with its code                        +-- SIGTERM: we end
//                            +-- it ends well: its pairs are gone, and so are we

import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { systemError } from '../errors.js'
import { closeFd, EPOLLIN, receiveFds, unixDatagrams, unwatch, watch } from '../native.js'
import { makeFolder } from './lock.js'

/** As many as a message may have. */
const LONGEST_MESSAGE = 4096
/** ms until it is started again; each time it has not begun, twice as long. */
const FIRST_PAUSE = 50
const LAST_PAUSE = 5_000
/** More than the kernel lets a process have. */
const MOST = 1_048_576

class Holder {
  readonly ended: Promise<number>
  readonly #path: string
  readonly #command: readonly string[]
  readonly #kept = new Map<string, number>()
  readonly #buffer = new Uint8Array(LONGEST_MESSAGE)
  #fd = -1
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #pause = FIRST_PAUSE
  /** It has been running once. */
  #begun = false
  #stopping = false
  #end!: (code: number) => void

  constructor(path: string, command: readonly string[]) {
    this.#path = path
    this.#command = command
    this.ended = new Promise((end) => {
      this.#end = end
    })
  }

  start(): void {
    rmSync(this.#path, { force: true }) // one that was killed had our number
    const before = process.umask(0o177)
    this.#fd = unixDatagrams(this.#path)
    process.umask(before)
    if (this.#fd < 0) throw systemError(this.#fd, 'bind', this.#path)
    this.#listen()
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#stop(signal))
    this.#start()
  }

  #listen(): void {
    watch(this.#fd, EPOLLIN, () => {
      this.#receive()
      this.#listen()
    })
  }

  #receive(): void {
    for (;;) {
      const { result, fds } = receiveFds(this.#fd, this.#buffer)
      if (result < 0) return // nothing more; or descriptors for which there was no room
      const lines = Buffer.from(this.#buffer.subarray(0, result)).toString().split('\n')
      this.#hear(new Map(lines.map((line) => line.split('=', 2) as [string, string])), fds)
    }
  }

  #hear(said: ReadonlyMap<string, string>, fds: readonly number[]): void {
    const name = said.get('FDNAME') ?? ''
    if (said.has('FDSTORE')) for (const fd of fds) this.#keep(name, fd)
    else for (const fd of fds) closeFd(fd) // BARRIER=1: whoever waits is told by that
    if (said.has('FDSTOREREMOVE')) this.#forget(name)
    if (!said.has('READY')) return
    this.#begun = true
    this.#pause = FIRST_PAUSE
  }

  #keep(name: string, fd: number): void {
    this.#forget(name)
    this.#kept.set(name, fd)
  }

  #forget(name: string): void {
    const fd = this.#kept.get(name)
    this.#kept.delete(name)
    if (fd !== undefined) closeFd(fd)
  }

  #start(): void {
    const names = [...this.#kept.keys()]
    const env = {
      ...process.env,
      NOTIFY_SOCKET: this.#path,
      FDSTORE: String(MOST),
      UVETH_HOLDER: String(process.pid),
      ...(names.length > 0 && { LISTEN_FDS: String(names.length), LISTEN_FDNAMES: names.join(':') }),
    }
    // Whom they are for stands in LISTEN_PID, which is known by no one else before there is that process.
    const words = ['-c', 'LISTEN_PID=$$ exec "$@"', 'sh', ...this.#command]
    const stdio = ['inherit' as const, 'inherit' as const, 'inherit' as const, ...this.#kept.values()]
    try {
      const child = spawn('/bin/sh', words, { env, stdio })
      this.#child = child
      child.once('error', (error) => this.#failed(error, child.pid))
      child.once('exit', (code, signal) => this.#ended(code, `ended with ${code ?? signal}`))
    } catch (error) {
      this.#failed(error as Error)
    }
  }

  /** Without a process no exit follows, and what could not be started now is tried again. */
  #failed({ message }: Error, pid?: number): void {
    process.stderr.write(`uveth: ${message}\n`)
    if (pid === undefined) this.#ended(1, 'could not be started')
  }

  #ended(code: number | null, how: string): void {
    this.#child = undefined
    if (code === 0 || !this.#begun || this.#stopping) return this.#finish(code ?? 1)
    const kept = `${this.#kept.size} descriptors kept`
    process.stderr.write(`uveth: the daemon ${how}: started again, ${kept}\n`)
    this.#timer = setTimeout(() => this.#start(), this.#pause)
    this.#pause = Math.min(2 * this.#pause, LAST_PAUSE)
  }

  #stop(signal: NodeJS.Signals): void {
    this.#stopping = true
    clearTimeout(this.#timer)
    if (this.#child === undefined) this.#finish(0)
    else this.#child.kill(signal)
  }

  /** What is kept goes with the process: its interfaces, too. */
  #finish(code: number): void {
    unwatch(this.#fd)
    rmSync(this.#path, { force: true })
    this.#end(code)
  }
}

/** Runs `command`, which is a daemon on `socket`, until it ends well; resolves with its code. */
export function hold(socket: string, command: readonly string[]): Promise<number> {
  makeFolder(socket)
  const holder = new Holder(`${socket}.holder-${process.pid}`, command)
  holder.start()
  return holder.ended
}
