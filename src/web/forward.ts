// The way to the daemon: an order of the page out, its answer back as it comes, since events last for hours. Connections
// are kept, for a page that asks each second. Called by orders.ts and captures.ts; knows no page and no token.

import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { invalid, ofNode } from '../errors.js'
import { PROBLEM_TYPE, type Problem, problem } from '../servers/problem.js'

/** Of what the daemon's answer says beside its body. */
const PASSED = ['content-type', 'uveth-warning']
/** Kept connections. */
const CONNECTIONS = 4

export interface Sent {
  method: string
  path: string
  /** JSON. */
  body?: string | undefined
  /** On a connection of its own, which goes with it. */
  alone?: boolean
}

export class Daemon {
  readonly #socketPath: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** Resolves with the head of the answer. */
  async ask(sent: Sent): Promise<IncomingMessage> {
    const answer = await this.#send(sent)
    if (answer.statusCode !== 503 || answer.headers['retry-after'] === undefined) return answer
    // Another process has taken the daemon's place: nothing was done, and it listens already.
    answer.resume()
    return await this.#send(sent)
  }

  #send({ method, path, body, alone = false }: Sent): Promise<IncomingMessage> {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const options = {
      socketPath: this.#socketPath,
      agent: alone ? false : this.#agent,
      method,
      path,
      headers,
    }
    return new Promise((resolve, reject) => {
      request(options, resolve)
        .once('error', (error) => reject(ofNode(error)))
        .end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** The answer as it is. Where one side ends in the middle, so does the other. */
export function pass(answer: IncomingMessage, response: ServerResponse): void {
  for (const name of PASSED) {
    const value = answer.headers[name]
    if (value !== undefined) response.setHeader(name, value)
  }
  response.writeHead(answer.statusCode ?? 502)
  response.flushHeaders()
  pour(answer, response)
}

export function pour(answer: IncomingMessage, response: ServerResponse): void {
  // Who asked has left before there was an answer.
  if (response.destroyed) return void answer.destroy()
  response.once('close', () => answer.destroy())
  answer.once('error', () => response.destroy())
  answer.pipe(response)
}

export async function textOf(
  stream: AsyncIterable<Buffer>,
  most = Number.POSITIVE_INFINITY,
): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of stream) {
    length += part.length
    if (length > most)
      throw Object.assign(new Error(`E2BIG: a body has at most ${most} bytes`), { statusCode: 413 })
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

export function jsonOf(text: string): object {
  try {
    return Object(JSON.parse(text))
  } catch (error) {
    throw invalid(`the body is no JSON: ${(error as Error).message}`)
  }
}

export function refuse(response: ServerResponse, document: Problem): void {
  response.writeHead(document.status, { 'content-type': PROBLEM_TYPE }).end(JSON.stringify(document))
}

/** What the page is told while there is none, or where it ends before it has answered. */
export function gone(error: unknown): Problem {
  const { code = 'EIO', message } = error as NodeJS.ErrnoException
  return problem(502, `${code}: no daemon answers (${message})`, { code })
}
