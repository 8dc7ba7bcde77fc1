// Where the daemon's log goes: its stdout. A line is written at once or waits a moment; nobody waits for a reader, and
// nothing grows without end: what finds no room is counted, and said as soon as there is room again. In front of a line
// stands its level where journald reads the log; the file of a daemon that a verb has started is bounded. Called by
// daemon.ts, through pino, and by cli/daemon/start.ts before there is a daemon. It loads no pino and never throws.

import { closeSync, constants, fstatSync, ftruncateSync, type Stats, statSync, writeSync } from 'node:fs'
import { legibleLines } from '../legible.js'
import { openOwn, readOwn } from '../own-file.js'

const { O_CREAT, O_TRUNC, O_WRONLY } = constants

/** Bytes of lines that may wait for a reader. */
const LONGEST_BACKLOG = 256 << 10
/** ms between looks whether he reads again. */
const LOOK = 200
/** Bytes after which the file begins anew; what was in it is kept once, as PATH.1. */
const LONGEST_FILE = 1 << 20

/** Severities of syslog for levels of pino and above. */
const SEVERITIES = [
  [60, '<2>'],
  [50, '<3>'],
  [40, '<4>'],
  [30, '<6>'],
  [0, '<7>'],
] as const
const WARN = 40

/** The log of a daemon that a verb starts. */
export function logFile(socket: string): string {
  return `${socket}.log`
}

/** Begins the log anew where it is long. `fd` appends to it, as others do: it stays the same file. */
export function boundLog(fd: number, path: string, longest = LONGEST_FILE): void {
  if (fstatSync(fd).size <= longest) return
  try {
    const before = openOwn(`${path}.1`, O_WRONLY | O_CREAT | O_TRUNC)
    try {
      writeSync(before, readOwn(path))
    } finally {
      closeSync(before)
    }
  } catch {} // a full disk, or no place of ours: what is new counts more
  ftruncateSync(fd)
}

/** A line, or what is left of it. */
interface Waiting {
  bytes: Buffer
  /** It says that so many others were lost. */
  confessed: number
}

export class LogOutput {
  /** Of the line that is being written: pino sets it. */
  lastLevel = 0
  readonly #fd: number
  readonly #prefixed: boolean
  /** The file to be bounded, if that is what `fd` is. */
  readonly #file: string | undefined
  #waiting: Waiting[] = []
  #bytes = 0
  /** Lines that nobody was given, ever; and of these, those that were not confessed yet. */
  lost = 0
  #unsaid = 0
  #timer: NodeJS.Timeout | undefined

  /** `fd` does not block where it is a pipe or a socket: Node sees to that for its own. */
  constructor(fd: number, socket: string, journal = process.env.JOURNAL_STREAM) {
    const output = fstatSync(fd)
    this.#fd = fd
    this.#prefixed = journal === `${output.dev}:${output.ino}`
    this.#file = isAt(logFile(socket), output) ? logFile(socket) : undefined
  }

  write(line: string): void {
    this.#flush()
    // In one gap: the confession is short, and would find room among lines that do not.
    const regained = this.#unsaid > 0 && this.#bytes < LONGEST_BACKLOG / 2
    if (regained && this.#keep(confession(this.#unsaid), WARN, this.#unsaid)) this.#unsaid = 0
    if (this.#unsaid > 0 || !this.#keep(line, this.lastLevel)) this.#lose()
    this.#flush()
    if (this.#waiting.length > 0) this.#timer ??= setInterval(() => this.#flush(), LOOK).unref()
  }

  /** One last attempt: what nobody reads does not keep the process. */
  close(): void {
    this.#flush()
    clearInterval(this.#timer)
  }

  #lose(): void {
    this.lost++
    this.#unsaid++
  }

  /** False where there is no room. */
  #keep(line: string, level: number, confessed = 0): boolean {
    const [, severity = ''] = SEVERITIES.find(([least]) => level >= least) ?? []
    const bytes = Buffer.from(legibleLines(`${this.#prefixed ? severity : ''}${line}`))
    if (this.#bytes + bytes.length > LONGEST_BACKLOG) return false
    this.#waiting.push({ bytes, confessed })
    this.#bytes += bytes.length
    return true
  }

  #flush(): void {
    try {
      if (this.#file !== undefined) boundLog(this.#fd, this.#file)
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        const written = writeSync(this.#fd, next.bytes)
        this.#bytes -= written
        if (written === next.bytes.length) this.#waiting.shift()
        else next.bytes = next.bytes.subarray(written)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return
      // Whoever read it has gone, or the disk is full.
      for (const { confessed } of this.#waiting) {
        if (confessed > 0) this.#unsaid += confessed
        else this.#lose()
      }
      this.#waiting = []
      this.#bytes = 0
    }
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

function isAt(path: string, { dev, ino }: Stats): boolean {
  try {
    const there = statSync(path)
    return there.isFile() && there.dev === dev && there.ino === ino
  } catch {
    return false // nothing that we may see
  }
}

/** As pino would write it. */
function confession(lost: number): string {
  const msg = 'lines of the log were lost: nobody read them, or the disk was full'
  return `${JSON.stringify({ level: WARN, time: Date.now(), pid: process.pid, lost, msg })}\n`
}
