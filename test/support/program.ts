// Programs that tests start and watch: the `uveth` command, and a function of the test itself, run by a
// Node of its own. That is how a test has another home namespace, another user, another environment, or a
// process that it may kill. Both say what happens in JSON lines on stdout. Whoever starts one disposes of
// it (`await using`), which kills what still runs. Nothing here knows pairs or namespaces.

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { PairStats } from 'uveth'
import { patient } from './pace.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const COMMAND = `${ROOT}dist/cli/main.js`
const RUNNER = `${ROOT}test/support/run-function.js`
/** ms until a program that says nothing counts as stuck. Generous: the machine may be busy. */
const PATIENCE = patient(60_000)

export interface ProgramOptions {
  /** The network namespace that it starts in, by name: its home. */
  netns?: string
  /** Words in front of the command, as in `['setpriv', '--reuid', '65534']`. */
  prefix?: string[]
  /** Added to the environment. */
  env?: Record<string, string>
  /** Options of Node. */
  node?: string[]
}

export interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

interface EndJson {
  name: string
  ifindex: number
  netns: string | null
  address: string
  mtu: number
}

/** What `uveth run --json` says, by event. */
export interface CommandMessages {
  ready: { event: 'ready'; id: string; a: EndJson; b: EndJson }
  carrier: { event: 'carrier'; on: boolean }
  renamed: { event: 'renamed'; end: 'a' | 'b'; name: string; previous: string }
  moved: { event: 'moved'; end: 'a' | 'b'; netns: string | null; ifindex: number; name: string }
  stats: { event: 'stats'; stats: PairStats }
  closed: { event: 'closed'; reason: string; end?: 'a' | 'b'; stats?: PairStats }
}

/** What a function may say: whatever it likes. */
export type AnyMessages = Record<string, Record<string, unknown>>

export class Program<Messages = CommandMessages> implements AsyncDisposable {
  readonly process: ChildProcess
  /** Resolves when it has ended and its output is complete. */
  readonly ended: Promise<Outcome>
  stdout = ''
  stderr = ''
  #outcome: Outcome | undefined
  /** How much of stdout `next` and `line` have consumed. */
  #read = 0

  constructor(command: string[], { env, netns, prefix = [] }: ProgramOptions) {
    const inside = netns === undefined ? [] : ['ip', 'netns', 'exec', netns]
    const [file = '', ...args] = [...inside, ...prefix, ...command]
    this.process = spawn(file, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject)
      this.process.once('close', (code, signal) => {
        this.#outcome = { code, signal, stdout: this.stdout, stderr: this.stderr }
        resolve(this.#outcome)
      })
    })
    this.ended.catch(() => {}) // a failure to start is told to whoever waits
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  get hasEnded(): boolean {
    return this.#outcome !== undefined
  }

  /** The next JSON line with this event; lines in between are passed over. */
  async next<E extends keyof Messages & string>(event: E): Promise<Messages[E]> {
    for (;;) {
      const line = await this.line(/./)
      const message = JSON.parse(line) as { event: string }
      if (message.event === event) return message as Messages[E]
    }
  }

  /** The next line of stdout that matches. */
  async line(pattern: RegExp): Promise<string> {
    const deadline = performance.now() + PATIENCE
    for (;;) {
      for (let end = this.stdout.indexOf('\n', this.#read); end >= 0; ) {
        const line = this.stdout.slice(this.#read, end)
        this.#read = end + 1
        if (pattern.test(line)) return line
        end = this.stdout.indexOf('\n', this.#read)
      }
      if (this.#outcome) throw this.#failure(`ended before it said ${pattern}`)
      if (performance.now() > deadline) throw this.#failure(`has not said ${pattern}`)
      await sleep(5)
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Outcome> {
    this.kill(signal)
    return await this.end()
  }

  /** Waits for the end; it is an error if it does not come within `patience` ms. */
  async end(patience = PATIENCE): Promise<Outcome> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#failure('has not ended')), patience)
    })
    try {
      return await Promise.race([this.ended, late])
    } finally {
      clearTimeout(timer)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#outcome === undefined) this.kill('SIGKILL')
    await this.ended.catch(() => {})
  }

  #failure(what: string): Error {
    const words = this.process.spawnargs.map((word) => (word.length > 80 ? '…' : word)).join(' ')
    const { code, signal } = this.#outcome ?? { code: '-', signal: '-' }
    return new Error(
      `'${words}' ${what} (code ${code}, signal ${signal})\nstdout: ${this.stdout}\nstderr: ${this.stderr}`,
    )
  }
}

/** Starts `uveth WORDS…`. */
export function uveth(words: string[], options: ProgramOptions = {}): Program {
  return new Program([process.execPath, ...(options.node ?? []), COMMAND, ...words], options)
}

/** Runs `uveth WORDS…` to its end. */
export async function uvethOnce(words: string[], options: ProgramOptions = {}): Promise<Outcome> {
  await using program = uveth(words, options)
  return await program.end()
}

/** What a function that runs in another process is given; run-function.js makes it. */
export type Kit = typeof import('uveth') & {
  /** Writes a JSON line at once: it is out before process.exit(). */
  say(message: { event: string } & Record<string, unknown>): void
  childProcess: typeof import('node:child_process')
  dgram: typeof import('node:dgram')
  events: typeof import('node:events')
  fs: typeof import('node:fs')
  net: typeof import('node:net')
  workers: typeof import('node:worker_threads')
  /** Names of the interfaces of the process's namespace. */
  links(): string[]
  /** What the process's descriptors point to, sorted: `/dev/net/tun`, `socket`, … */
  descriptors(): string[]
  /** What the process has, once the number of its threads has not changed for a while. */
  atRest(): Promise<{ threads: number; descriptors: string[] }>
  sleep(ms: number): Promise<void>
  /** Asks again until `condition` answers something true; throws after 10 s. */
  until(what: string, condition: () => unknown): Promise<void>
  /** Runs a function in a worker thread, with a kit of its own; its answer is the event `thread-answer`. */
  thread<A>(body: (kit: Kit, argument: A) => unknown, argument: A): import('node:worker_threads').Worker
}

/** An error as it came out of another process. */
interface ThrownJson {
  name: string
  message: string
  code?: string
  errno?: number
  syscall?: string
  hint?: string
  attribute?: string
}

/**
 * Starts `body` in a Node of its own. It is sent as text: it sees its kit and its argument (JSON), and
 * nothing of the file that it stands in, imports and `using` included.
 */
export function launch<A>(
  body: string | ((kit: Kit, argument: A) => unknown),
  argument: A,
  options: ProgramOptions = {},
): Program<AnyMessages> {
  const command = [process.execPath, ...(options.node ?? []), RUNNER]
  return new Program([...command, String(body), JSON.stringify(argument ?? null)], options)
}

/** Runs `body` as `launch` does and answers its value; what it throws is thrown here, with its fields. */
export async function evaluate<A, T>(
  body: (kit: Kit, argument: A) => T | Promise<T>,
  argument: A,
  options: ProgramOptions = {},
): Promise<T> {
  await using program = launch(body, argument, options)
  const { value, thrown } = await program.next('answer')
  if (thrown !== undefined) throw Object.assign(new Error(), thrown as ThrownJson)
  const { code, stderr } = await program.end()
  if (code !== 0) throw new Error(`it ended with ${code}: ${stderr}`)
  return value as T
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
