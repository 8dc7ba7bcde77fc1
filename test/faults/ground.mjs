// The ground of scripts/faults: its namespaces, the programs that send and hear in each, a daemon of its own, and their
// removal on every way out. It knows nothing of changes and books, and touches nothing that this run did not make.

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ip, start } from '../bench/testbed.mjs'

export const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const SOURCE = fileURLToPath(new URL('flow.c', import.meta.url))
const BIN = fileURLToPath(new URL('bin/', import.meta.url))
const FLOW = join(BIN, 'flow')
const TAG = `uvf${process.pid}`

/** @type {string[]} */
const namespaces = []
/** @type {import('node:child_process').ChildProcess[]} */
const children = []
export const folder = mkdtempSync(join(tmpdir(), 'uveth-faults-'))

/** Compiles the traffic's program where it is missing or older than its source. */
export function compileFlow() {
  mkdirSync(BIN, { recursive: true })
  if (existsSync(FLOW) && statSync(FLOW).mtimeMs >= statSync(SOURCE).mtimeMs) return
  execFileSync('gcc', ['-O2', '-Wall', '-Werror', '-pthread', '-o', FLOW, SOURCE], { stdio: 'inherit' })
}

/** @param {string} word @returns {Promise<string>} the name of a new namespace, in which nothing talks by itself */
export async function namespace(word) {
  const name = `${TAG}${word}`
  await ip('netns', 'add', name)
  namespaces.push(name)
  const silence =
    'for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done 2>/dev/null; true'
  await ip('netns', 'exec', name, 'sh', '-c', silence)
  return name
}

/** @param {string} name of a namespace of ours */
export async function removeNamespace(name) {
  await ip('netns', 'del', name)
  namespaces.splice(namespaces.indexOf(name), 1)
}

/** Synchronous, for the exit handler; harmless when called twice. */
export function clearGround() {
  for (const child of children) child.kill('SIGKILL')
  for (const name of namespaces.splice(0)) {
    try {
      execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
    } catch {
      // deleted by a fault
    }
  }
  rmSync(folder, { recursive: true, force: true })
}

/** @typedef {{ here: number, raw: number, udp: number, full: number, refused: number, good: number, again: number,
 *   damaged: number, late: number }} FlowCounts of one end, as one place has seen it */

/** The program that sends and hears in one namespace. */
export class Flow {
  #child
  /** @type {((line: string) => void)[]} */
  #waiting = []

  /** @param {string} name of the namespace @param {number} place @param {string[]} addresses of all ends */
  constructor(name, place, addresses) {
    const words = ['netns', 'exec', name, FLOW, String(place), ...addresses]
    this.#child = spawn('ip', words, { stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(this.#child)
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#waiting.shift()?.(line))
    this.ready = this.#answer()
  }

  /** @returns {Promise<{ unheard: number, ends: FlowCounts[] }>} */
  #answer() {
    return new Promise((resolve) => this.#waiting.push((line) => resolve(JSON.parse(line))))
  }

  /** @param {number} rate frames a second, of each flow @param {number} [longest] bytes of a frame */
  go(rate, longest = 1_400) {
    this.#child.stdin.write(`longest ${longest}\n`)
    this.#child.stdin.write(`go ${rate}\n`)
  }

  stop() {
    const answer = this.#answer()
    this.#child.stdin.write('stop\n')
    return answer
  }

  report() {
    const answer = this.#answer()
    this.#child.stdin.write('report\n')
    return answer
  }

  end() {
    this.#child.kill('SIGKILL')
  }
}

/** An answer that is no success. */
export class Refused extends Error {
  /** @param {number} status @param {string} text */
  constructor(status, text) {
    super(`${status} ${/"detail":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text}`)
    this.status = status
  }
}

export class Daemon {
  /** @type {import('../bench/types.d.ts').Program | undefined} */
  #program
  #words
  /** What the last answer warned of. */
  warning = ''

  /** @param {string} name @param {string[]} words options of the daemon @param {string[]} before what stands in front */
  constructor(name, words = [], before = []) {
    this.socket = join(folder, `${name}.sock`)
    this.state = join(folder, `${name}.json`)
    this.#words = [...before, process.execPath, CLI, 'daemon', '--socket', this.socket, ...words]
  }

  get pid() {
    return this.#program?.pid ?? 0
  }

  get complaint() {
    return this.#program?.complaint() ?? ''
  }

  async start() {
    const [command = '', ...args] = this.#words
    this.#program = await start(command, args, (line) => line.includes('"listening"'))
    return this
  }

  /** @param {NodeJS.Signals} signal */
  async end(signal = 'SIGTERM') {
    const program = this.#program
    if (program === undefined) return undefined
    this.#program = undefined
    try {
      if (signal !== 'SIGTERM') process.kill(program.pid, signal)
    } catch {
      // it has ended: who asked it something has said so
    }
    return await program.stop()
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  ask(method, path, body) {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const order = request({ socketPath: this.socket, method, path, headers }, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part) => {
          text += part
        })
        answer.on('error', reject).on('end', () => {
          const status = answer.statusCode ?? 0
          this.warning = String(answer.headers['uveth-warning'] ?? '')
          if (status >= 300) return reject(new Refused(status, text))
          resolve(text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text)
        })
      })
      order.on('error', reject)
      order.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  /** A stream that is not read until somebody does. @param {string} path */
  open(path) {
    return new Promise(
      (/** @type {(answer: import('node:http').IncomingMessage) => void} */ resolve, reject) => {
        const order = request({ socketPath: this.socket, path }, (answer) => {
          answer.on('error', () => {}) // it is destroyed by whoever opened it
          resolve(answer)
        })
        order.on('error', reject)
        order.end()
      },
    )
  }
}
