// A command on a terminal of its own (a pseudo-terminal of util-linux's `script`): keys are sent, its screen is read.
// `await using terminal = Terminal.start(daemon, ['top'])`. Ends with its scope.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { COMMAND, Folder, inside, type TestDaemon } from './daemon.js'
import { until } from './netns.js'
import { Screen } from './screen.js'

export interface TerminalOptions {
  columns?: number
  rows?: number
  env?: Record<string, string>
}

export class Terminal implements AsyncDisposable {
  readonly #folder = new Folder()
  readonly #process: ChildProcess
  readonly #ended: Promise<void>
  #over = false
  #size: [columns: number, rows: number]
  #written = ''
  /** Where what was written for the present size begins. */
  #since = 0

  private constructor(
    words: readonly string[],
    daemon: TestDaemon,
    { columns = 100, rows = 24, env }: TerminalOptions,
  ) {
    this.#size = [columns, rows]
    const file = (name: string) => `'${this.#folder.file(name)}'`
    const command = [...inside(daemon.home), process.execPath, COMMAND, ...words]
      .map((word) => `'${word}'`)
      .join(' ')
    const script = [
      `stty cols ${columns} rows ${rows}; tty > ${file('tty')}; stty -g > ${file('before')}; echo before`,
      `${command} & echo $! > ${file('pid')}; fg > /dev/null; code=$?`,
      `stty -g > ${file('after')}; echo "after $code"`,
    ].join('\n')
    this.#process = spawn('script', ['-qefc', `sh -mc "$SCRIPT"`, '/dev/null'], {
      env: {
        ...process.env,
        UVETH_SOCKET: daemon.socket,
        NO_COLOR: '',
        TERM: 'xterm',
        LC_ALL: 'C.UTF-8',
        ...env,
        SHELL: '/bin/sh',
        SCRIPT: script,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#written += text
    })
    this.#ended = new Promise((resolve) =>
      this.#process.once('close', () => {
        this.#over = true
        resolve()
      }),
    )
  }

  /** `uveth WORDS…`. */
  static start(daemon: TestDaemon, words: readonly string[], options: TerminalOptions = {}): Terminal {
    return new Terminal(words, daemon, options)
  }

  /** All that was written. */
  get written(): string {
    return this.#written
  }

  get screen(): Screen {
    return Screen.of(this.#since === 0 ? this.#written : this.#ofThisSize, ...this.#size)
  }

  /**
   * What was on its way when the size changed is for the old one, or, since `stty` sets columns and rows one after the
   * other, for one in between: the new one begins with the last empty screen.
   */
  get #ofThisSize(): string {
    const begin = this.#written.lastIndexOf('\x1b[2J')
    return begin < this.#since ? '' : this.#written.slice(begin)
  }

  /** Its lines, or what is wrong with it: it may be for a size in between yet. */
  get #shown(): string {
    try {
      return this.screen.lines.join('\n')
    } catch (error) {
      return (error as Error).message
    }
  }

  type(keys: string): void {
    this.#process.stdin?.write(keys)
  }

  /** Another size: what is written from now on is for it. */
  resize(columns: number, rows: number): void {
    this.#size = [columns, rows]
    this.#since = this.#written.length
    execFileSync('stty', ['-F', this.#said('tty'), 'cols', String(columns), 'rows', String(rows)])
  }

  signal(name: NodeJS.Signals): void {
    process.kill(Number(this.#said('pid')), name)
  }

  /** Resolves when the screen has this. */
  async sees(pattern: RegExp): Promise<string> {
    let shown = ''
    try {
      await until(`a screen with ${pattern}`, () => {
        const over = this.#over // before it is looked at
        shown = this.#shown
        if (pattern.test(shown)) return true
        if (over) throw new Error(`it ended without ${pattern}`)
        return false
      })
    } catch (error) {
      throw new Error(`${(error as Error).message}: there is\n${shown}`)
    }
    return shown
  }

  /** The exit code of the command that has ended, and whether it left the terminal as it was. */
  async left(): Promise<{ code: number; restored: boolean }> {
    const text = await this.sees(/^after \d+$/m)
    const { other, cursor, wraps } = this.screen
    const modes = this.#said('before') === this.#said('after')
    const restored = modes && !other && cursor && wraps && /^before$/m.test(text)
    return { code: Number(/^after (\d+)$/m.exec(text)?.[1]), restored }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#ended
    this.#folder[Symbol.dispose]()
  }

  #said(name: string): string {
    return readFileSync(this.#folder.file(name), 'utf8').trim()
  }
}
