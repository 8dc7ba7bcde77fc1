// A program that a test runs in a node of its lab, or at an end of its pair: `exec` to its end, `spawn` for servers.
// Made by programs.ts; what still runs is ended with the lab (keeper.ts).

import { type ChildProcess, spawn } from 'node:child_process'
import { invalid, UvethError } from '../errors.js'
import type { EXEC, SPAWN } from '../wishes/kit.js'
import type { Given } from '../wishes/shape.js'

export type SpawnOptions = Given<typeof SPAWN>
export type ExecOptions = Given<typeof EXEC>

export interface ExecResult {
  stdout: string
  stderr: string
  /** null when a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
}

/** A program that failed, with everything it said. */
export class ExecError extends UvethError {
  readonly result: ExecResult

  /** @internal */
  constructor(what: string, how: string, result: ExecResult) {
    const said = (['stdout', 'stderr'] as const)
      .filter((name) => result[name].trim() !== '')
      .map((name) => `\n${name}: ${result[name].trimEnd()}`)
    super(`${what} ${how}${said.join('')}`, { code: 'ERR_EXEC' })
    this.result = result
  }
}

/** ms that a line of output is waited for. */
const PATIENCE = 10_000
/** Lines of a program's output that a failing test shows. */
const LAST_LINES = 5

/** Where programs run. */
export interface Place {
  /** Of the node; a or b of a pair. */
  readonly name: string
  /** What stands in front of a command that is to run there. */
  readonly enter: readonly string[]
  /** Has the process group `group`, which nothing else there would end, end with the lab. */
  readonly keep?: (group: number) => void
}

/** A program that runs in a node, or in the namespace of one end. */
export class RunningProgram {
  /** Name of the node; a or b of a pair. */
  readonly node: string
  /** Resolves when it has ended and its output is complete, however it ended. */
  readonly ended: Promise<ExecResult>
  /** What it has written so far. */
  stdout = ''
  stderr = ''
  readonly #child: ChildProcess
  readonly #words: string
  #result: ExecResult | undefined
  /** Complete lines, of both streams, in the order in which they came; how many `line` has passed. */
  readonly #lines: string[] = []
  #passed = 0
  readonly #news = new Set<() => void>()

  /** @internal */
  constructor({ name, enter, keep }: Place, command: string[], options: SpawnOptions) {
    const { env, cwd } = options
    this.node = name
    const [shell, flag, line = ''] = command
    this.#words = shell === 'sh' && flag === '-c' && command.length === 3 ? line : command.join(' ')
    const [program, ...words] = [...enter, ...command] as [string, ...string[]]
    this.#child = spawn(program, words, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: keep !== undefined,
      env: { ...process.env, ...env },
      ...(cwd !== undefined && { cwd }),
    })
    if (this.#child.pid !== undefined) keep?.(this.#child.pid)
    this.#child.stdin?.on('error', () => {}) // it does not read
    this.#hear('stdout')
    this.#hear('stderr')
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', (code, signal) => {
        this.#result = { stdout: this.stdout, stderr: this.stderr, code, signal }
        resolve(this.#result)
        for (const news of this.#news) news()
      })
    })
    this.ended.catch(() => {}) // whoever waits is told
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get hasEnded(): boolean {
    return this.#result !== undefined
  }

  /** `node server.mjs on b`. */
  get what(): string {
    return `'${this.#words}' on ${this.node}`
  }

  /**
   * The next line of its output, stdout or stderr, that matches; lines before it are passed over. Rejects when
   * the program ends without one, or after `timeout` ms (default 10,000).
   */
  async line(pattern: RegExp | string, { timeout = PATIENCE }: { timeout?: number } = {}): Promise<string> {
    const deadline = performance.now() + timeout
    for (;;) {
      for (let line = this.#lines[this.#passed]; line !== undefined; line = this.#lines[this.#passed]) {
        this.#passed++
        if (typeof pattern === 'string' ? line.includes(pattern) : pattern.test(line)) return line
      }
      if (this.#result !== undefined) throw this.failure(`${ending(this.#result)} before it said ${pattern}`)
      if (performance.now() >= deadline) throw this.failure(`has not said ${pattern} within ${timeout} ms`)
      await this.#something(deadline - performance.now())
    }
  }

  /** Writes to its stdin, and ends that. */
  input(text: string | Uint8Array = ''): void {
    this.#child.stdin?.end(text)
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal)
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<ExecResult> {
    this.kill(signal)
    return await this.ended
  }

  /** @internal */
  failure(how: string): ExecError {
    const { stdout, stderr } = this
    return new ExecError(this.what, how, this.#result ?? { stdout, stderr, code: null, signal: null })
  }

  /** @internal What it is doing and what it said last, for people. */
  words(): string[] {
    const state = this.#result === undefined ? 'is running' : ending(this.#result)
    return [`${this.what} ${state}`, ...this.#lines.slice(-LAST_LINES).map((line) => `  ${line}`)]
  }

  #hear(name: 'stdout' | 'stderr'): void {
    let rest = ''
    this.#child[name]?.setEncoding('utf8').on('data', (text: string) => {
      this[name] += text
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      this.#lines.push(...lines)
      for (const news of this.#news) news()
    })
    this.#child[name]?.once('end', () => {
      if (rest !== '') this.#lines.push(rest)
    })
  }

  /** Resolves with the next output, with the end, or after `ms`. */
  #something(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#news.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#news.add(done)
    })
  }
}

function ending({ code, signal }: ExecResult): string {
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`
}

/** Words to run: a program with its arguments, or a line for the shell. */
export function commandOf(command: string, args: readonly string[] | undefined): string[] {
  if (typeof command !== 'string' || command === '') throw invalid('a command is a text', 'command')
  return args === undefined ? ['sh', '-c', command] : [command, ...args]
}

/** Waits for the end of a program that was started to run to its end. */
export async function finish(program: RunningProgram, options: ExecOptions): Promise<ExecResult> {
  const { input = '', timeout, signal, allowFailure = false } = options
  program.input(input)
  const result = await untilEnd(program, timeout, signal)
  if (result.code === 0 || allowFailure) return result
  throw program.failure(ending(result))
}

function untilEnd(
  program: RunningProgram,
  timeout: number | undefined,
  signal: AbortSignal | undefined,
): Promise<ExecResult> {
  if (timeout === undefined && signal === undefined) return program.ended
  return new Promise((resolve, reject) => {
    // What it has started itself may hold its output open: so its end is not waited for.
    const give = (error: unknown) => {
      program.kill('SIGKILL')
      reject(error)
    }
    const late = () => give(program.failure(`has not ended within ${timeout} ms`))
    const timer = timeout === undefined ? undefined : setTimeout(late, timeout)
    const abort = () => give(signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    program.ended.then(resolve, reject).finally(done)
  })
}
