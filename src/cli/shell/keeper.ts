// A process that has set something up outside of a shell, and takes it away again when its stdin ends: by stop(), or
// with this process, however that ends. It is in a session of its own, where a terminal's Ctrl-C does not reach it.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export class Kept {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  /** What it has complained of. */
  complaint = ''

  constructor(script: string, name: string, words: readonly string[]) {
    this.#child = spawn('sh', ['-c', script, name, ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
    this.#child.stdin?.on('error', () => {}) // it has ended already
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.complaint += text
    })
    this.#exited = once(this.#child, 'close')
  }

  get status(): number | null {
    return this.#child.exitCode
  }

  /** Resolves when it has ended, and its complaint is complete. */
  get ended(): Promise<unknown> {
    return this.#exited
  }

  /** Answers whether it has said that it is ready; otherwise it has ended. */
  async ready(): Promise<boolean> {
    const said = once(this.#child.stdout as NodeJS.ReadableStream, 'data').then(() => true)
    return await Promise.race([said, this.#exited.then(() => false)])
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end()
    await this.#exited
  }
}
