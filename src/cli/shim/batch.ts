// `ip -batch` with orders of ours in it: in order, ours by the daemon, the lines between them by the script
// shim/ip again, in one process for each run of them. Called by shim.ts. Output, line numbers and exit codes
// are those of one `ip -batch`.

import { type ChildProcess, spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { ordersOf, splitWords } from '../../iproute/batch-lines.js'
import { type IpLine, readIpLine, verbOf } from '../../iproute/ip-line.js'
import type { Session } from '../session.js'
import { carryOut, ip, openSession } from './ip.js'

/** What shim/ip has seen already of a batch on stdin. */
export interface Begun {
  /** Lines that were read, `held` included. */
  lines: number
  /** A line before has failed (with -force). */
  failed: boolean
  /** Text of the order that made the script stop. */
  held: string
}

/** `script` is the path of shim/ip, `words` the whole command line. */
export async function shimBatch(
  script: string,
  real: string,
  begun: Begun,
  words: string[],
): Promise<number> {
  const line = readIpLine(words)
  const session = openSession(real, line)
  if (session === undefined) return await ip(real, words)
  const run = new BatchRun(script, real, line, session)
  try {
    return await run.all(begun)
  } finally {
    session.close()
  }
}

/** The largest exit code of an order that was refused. Behind it ip ends there and then, with -force as well. */
const REFUSED = 2

class BatchRun {
  readonly #script: string
  readonly #real: string
  readonly #line: IpLine
  readonly #session: Session
  readonly #file: string
  #others: Others | undefined

  constructor(script: string, real: string, line: IpLine, session: Session) {
    this.#script = script
    this.#real = real
    this.#line = line
    this.#session = session
    this.#file = line.batch ?? '-'
  }

  async all(begun: Begun): Promise<number> {
    let { failed } = begun
    for await (const { text, line } of ordersOf(linesOf(this.#file, begun))) {
      const code = await this.#give(text, line)
      if (code > REFUSED) return code
      failed ||= code !== 0
      if (failed && !this.#line.force) return 1
    }
    const code = await this.#end()
    if (code > REFUSED) return code
    return failed || code !== 0 ? 1 : 0
  }

  /** Other than 0 when an order has failed: this one, or one of the lines before it. */
  async #give(text: string, line: number): Promise<number> {
    const words = wordsOf(text)
    const verb = verbOf(words)
    if ((verb !== 'add' && verb !== 'replace') || !words.includes('veth')) return await this.#pass(text, line)
    const before = await this.#end()
    if (before > REFUSED || (before !== 0 && !this.#line.force)) return before
    const code = await carryOut(this.#session, this.#real, { ...this.#line, words })
    if (code === undefined) return (await this.#pass(text, line)) || before
    if (code > 0 && code <= REFUSED) process.stderr.write(`Command failed ${this.#file}:${line}\n`)
    return code || before
  }

  /** Other than 0 when they have ended already, which they do at the first failure. */
  async #pass(text: string, line: number): Promise<number> {
    this.#others ??= new Others(this.#script, [...this.#line.options, '-batch', '-'], this.#file)
    return this.#others.pass(text, line) ? await this.#end() : 0
  }

  async #end(): Promise<number> {
    const others = this.#others
    this.#others = undefined
    return others === undefined ? 0 : await others.end()
  }
}

/** Lines that are not ours, on their way to one `ip -batch -`, each under its own number. */
class Others {
  readonly #child: ChildProcess
  readonly #ended: Promise<number>
  #line = 1
  #over = false

  constructor(script: string, words: string[], file: string) {
    const named = file !== '-'
    // Without the word the script would give back a line that looks like one of ours.
    const env = { ...process.env, UVETH_SHIM_PASSED: 'yes' }
    this.#child = spawn(script, words, { stdio: ['pipe', 'inherit', named ? 'pipe' : 'inherit'], env })
    this.#child.stdin?.on('error', () => {}) // it has ended: `end` tells with what
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text.replace(/^Command failed -:(?=\d+$)/gm, `Command failed ${file}:`))
    })
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('exit', () => {
        this.#over = true
      })
      this.#child.once('close', (code) => resolve(code ?? 1))
    })
    this.#ended.catch(() => {})
  }

  pass(text: string, line: number): boolean {
    this.#child.stdin?.write(`${'\n'.repeat(Math.max(0, line - this.#line))}${text}\n`)
    this.#line = line + 1
    return this.#over
  }

  async end(): Promise<number> {
    this.#child.stdin?.end()
    return await this.#ended
  }
}

/** With what was read before; its number is kept by blank lines. */
async function* linesOf(file: string, { lines, held }: Begun): AsyncGenerator<string, void> {
  const before = held === '' ? [] : held.split('\n')
  for (let blank = lines - before.length; blank > 0; blank--) yield ''
  yield* before
  yield* createInterface({ input: file === '-' ? process.stdin : createReadStream(file) })
}

/** Quotes that do not end are the real ip's to complain about. */
function wordsOf(text: string): string[] {
  try {
    return splitWords(text)
  } catch {
    return []
  }
}
