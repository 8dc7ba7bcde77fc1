// A daemon of a test's own: `await using daemon = await TestDaemon.start()`, in a namespace and a folder
// that end with it, and HTTP requests to it as a stranger would make them (no client code of ours).
// Orders are given in the daemon's namespace unless the `uveth-netns` header says otherwise.

import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { Netns, until } from './netns.js'
import { PacketSocket } from './packet.js'
import { type AnyMessages, type Outcome, Program } from './program.js'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const COMMAND = `${ROOT}dist/cli/main.js`

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  json: any
}

/** One request on a connection of its own. A body that is no string or bytes is sent as JSON. */
export function ask(
  socket: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const raw = typeof body === 'string' || body instanceof Uint8Array
  const bytes = body === undefined ? undefined : Buffer.from(raw ? (body as string) : JSON.stringify(body))
  const type = bytes && { 'content-type': 'application/json', 'content-length': String(bytes.length) }
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath: socket, method, path, headers: { ...type, ...headers }, agent: false },
      (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('error', reject)
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString()
          const isJson = text !== '' && answer.headers['content-type']?.includes('json')
          const json = isJson ? JSON.parse(text) : undefined
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json })
        })
      },
    )
    sent.on('error', reject)
    sent.end(bytes)
  })
}

/** Expects a refusal with its problem document. */
export function expectProblem(reply: Reply, status: number, fields: object): void {
  expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(reply.json).toMatchObject({ type: 'about:blank', status, ...fields })
  expect(reply.status).toBe(status)
  expect(reply.json.title.length).toBeGreaterThan(3)
  expect(reply.json.detail.length).toBeGreaterThan(10)
}

/** A folder for a socket and a state file; it goes with its scope. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'uvt-'))

  file(name: string): string {
    return join(this.path, name)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Words that run a program in a network namespace, without a mount namespace of its own. */
export function inside(netns: Netns): string[] {
  return ['nsenter', `--net=${netns.path}`]
}

/** Starts `uveth daemon` and does not wait for it. */
export function launchDaemon(home: Netns, socket: string, ...words: string[]): Program<AnyMessages> {
  const command = [process.execPath, COMMAND, 'daemon', '--socket', socket, ...words]
  return new Program<AnyMessages>(command, { prefix: inside(home) })
}

export class TestDaemon implements AsyncDisposable {
  readonly folder: Folder
  /** The namespace that it stands in. */
  readonly home: Netns
  readonly socket: string
  program!: Program<AnyMessages>
  /** On the ends of the pair of `lay`. */
  near!: PacketSocket
  far!: PacketSocket
  readonly #words: string[]

  private constructor(words: string[]) {
    this.folder = new Folder()
    this.home = Netns.create('home')
    this.socket = this.folder.file('control.sock')
    this.#words = words.map((word) => word.replace('FOLDER', this.folder.path))
  }

  /** `FOLDER` in a word stands for the folder of its socket. */
  static async start(...words: string[]): Promise<TestDaemon> {
    const daemon = new TestDaemon(words)
    try {
      await daemon.restart()
    } catch (error) {
      await daemon[Symbol.asyncDispose]()
      throw error
    }
    return daemon
  }

  async restart(): Promise<void> {
    this.program = launchDaemon(this.home, this.socket, ...this.#words)
    await until('the daemon to listen', async () => {
      if (this.program.hasEnded)
        throw new Error(`the daemon ended: ${this.program.stdout}${this.program.stderr}`)
      const answer = await ask(this.socket, 'GET', '/v1/version').catch(() => undefined)
      return answer?.json.pid === this.program.pid
    })
  }

  /** Kills it as the kernel does when memory runs out. */
  async kill(): Promise<void> {
    this.program.kill('SIGKILL')
    await this.program.ended
  }

  async stop(): Promise<Outcome> {
    return await this.program.stop('SIGTERM')
  }

  /** Ends it, and expects that it had nothing to complain of. */
  async endWell(): Promise<void> {
    const { code, stdout, stderr } = await this.stop()
    await this[Symbol.asyncDispose]()
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: expect.any(String), stderr: '' })
  }

  /** A quiet pair `cable` of x0 and x1 in its namespace, and a packet socket on each. */
  async lay(): Promise<void> {
    const wish = { id: 'cable', quiet: true, a: { name: 'x0', up: true }, b: { name: 'x1', up: true } }
    expect((await this.ask('POST', '/v1/pairs', wish)).status).toBe(201)
    this.listen()
  }

  /** Packet sockets on its pair as it is now. */
  listen(): void {
    this.deafen()
    this.near = PacketSocket.open(this.home, 'x0')
    this.far = PacketSocket.open(this.home, 'x1')
  }

  deafen(): void {
    this.near?.close()
    this.far?.close()
  }

  /** A request from the daemon's own namespace. */
  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    return await ask(this.socket, method, path, body, { 'uveth-netns': this.home.name, ...headers })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.deafen()
    await this.program[Symbol.asyncDispose]()
    this.home[Symbol.dispose]()
    this.folder[Symbol.dispose]()
  }
}
