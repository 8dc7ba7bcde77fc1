// `ip -batch` with orders of ours in it, and `tc -batch`: in order, ours by the daemon, the lines between them by the
// real tool, in one process for each run of them. Called by shim.ts. Output, line numbers and exit codes are those of
// one batch of the real tool.

import { type ChildProcess, spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { ordersOf, splitWords } from '../../iproute/batch-lines.js'
import { type IpLine, ipOrder, readLine } from '../../iproute/ip-line.js'
import type { Session } from '../session.js'
import { ask, openSession, settle, shimLine, type Tool } from './ask.js'

/** What the caller has seen already of a batch on stdin. */
export interface Begun {
  /** Lines that were read, `held` included. */
  lines: number
  /** A line before has failed (with -force). */
  failed: boolean
  /** Text of the order that made it stop. */
  held: string
}

/** `words` is the whole command line of the tool. */
export async function shimBatch(tool: Tool, real: string, begun: Begun, words: string[]): Promise<number> {
  const line = readLine(tool, words)
  const session = openSession(real, line)
  if (session === undefined) return await shimLine(tool, real, words)
  const run = new BatchRun(tool, real, line, session)
  const code = await run.all(begun)
  await settle(session, tool)
  return code
}

/** The largest exit code of an order that was refused. Behind it ip ends there and then, with -force as well. */
const REFUSED = 2

class BatchRun {
  readonly #tool: Tool
  readonly #real: string
  readonly #line: IpLine
  readonly #session: Session
  readonly #file: string
  #others: Others | undefined

  constructor(tool: Tool, real: string, line: IpLine, session: Session) {
    this.#tool = tool
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
    const order = ipOrder(words)
    const makes = (order === 'add' || order === 'replace') && words.includes('veth')
    if (!makes && this.#tool === 'ip') return await this.#pass(text, line)
    const before = await this.#end()
    if (before > REFUSED || (before !== 0 && !this.#line.force)) return before
    const code = await ask(this.#session, {
      tool: this.#tool,
      real: this.#real,
      line: { ...this.#line, words },
    })
    if (code === undefined) return (await this.#pass(text, line)) || before
    if (code > 0 && code <= REFUSED) process.stderr.write(`Command failed ${this.#file}:${line}\n`)
    return code || before
  }

  /** Other than 0 when they have ended already, which they do at the first failure. */
  async #pass(text: string, line: number): Promise<number> {
    this.#others ??= new Others(this.#real, [...this.#line.options, '-batch', '-'], this.#file)
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

  constructor(real: string, words: string[], file: string) {
    const named = file !== '-'
    this.#child = spawn(real, words, { stdio: ['pipe', 'inherit', named ? 'pipe' : 'inherit'] })
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
