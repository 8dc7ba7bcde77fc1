// The client of the control socket: what the command line uses. Orders go over one keep-alive
// connection, refusals come back as the UvethErrors that the daemon met. node:http only: it loads
// neither the server's libraries nor the addon, so that a command starts fast.

import { readlinkSync } from 'node:fs'
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { type ErrorFields, systemError, UvethError } from '../errors.js'
import { OPS, type OpName, WARNING_HEADER } from './ops.js'

/** Where the daemon listens unless told otherwise. */
export const DEFAULT_SOCKET = '/run/uveth/control.sock'

/** `--socket`, or UVETH_SOCKET, or the default. */
export function socketPath(option?: string): string {
  return option ?? (process.env.UVETH_SOCKET || DEFAULT_SOCKET)
}

export interface ClientOptions {
  /** Path of the control socket. */
  socket: string
  /** Give the orders in this namespace (a name, a path, a process id) instead of one's own. */
  netns?: string | undefined
  /** Hears what an order that succeeded was not able to do. */
  warn?: ((sentence: string) => void) | undefined
}

export interface OrderParts {
  /** The pair or interface: a name, NAME@NETNS or id:ID. */
  ref?: string
  /** Of a rule. */
  id?: string
  query?: Record<string, string>
  body?: object
}

/** A capture as it comes. */
export interface CaptureStream {
  chunks: AsyncIterable<Uint8Array>
  /** Asks for its end: the rest comes, and the statistics. */
  end(): void
  /** Leaves it. */
  close(): void
}

/** A problem document (RFC 9457) as the daemon sends it. */
interface Problem extends Partial<ErrorFields> {
  status: number
  title: string
  detail?: string
}

export class ControlClient {
  readonly #socket: string
  readonly #warn: ClientOptions['warn']
  readonly #headers: Record<string, string>
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor({ socket, netns, warn }: ClientOptions) {
    this.#socket = socket
    this.#warn = warn
    const claim = netns ?? ownNamespace()
    this.#headers = claim === undefined ? {} : { 'uveth-netns': encodeURIComponent(claim) }
  }

  /**
   * Gives an order; resolves when it is in force, with the daemon's answer. Throws what the daemon
   * refused with; with syscall `connect` when no daemon listens (ENOENT, ECONNREFUSED).
   */
  async call<T>(op: OpName, parts: OrderParts = {}): Promise<T> {
    const answer = await this.#send(op, this.#agent, parts)
    const text = await textOf(answer).catch((error: NodeJS.ErrnoException) => {
      throw connectionError(error, this.#socket)
    })
    if ((answer.statusCode ?? 500) >= 400) throw problemError(answer, text)
    const warning = answer.headers[WARNING_HEADER]
    if (typeof warning === 'string') this.#warn?.(decodeURIComponent(warning))
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** What happens from now on, until the daemon ends or `signal` is raised. On a connection of its own. */
  async *events(signal?: AbortSignal): AsyncGenerator<Record<string, unknown>, void> {
    if (signal?.aborted) return
    const answer = await this.#send('events', false, {})
    if (answer.statusCode !== 200) throw problemError(answer, await textOf(answer))
    const stop = () => answer.destroy()
    signal?.addEventListener('abort', stop, { once: true })
    let rest = ''
    try {
      for await (const part of answer.setEncoding('utf8')) {
        const lines = (rest + part).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) yield JSON.parse(line) as Record<string, unknown>
      }
    } catch (error) {
      // Cut off by the daemon's end or by `signal`: there are no more lines.
      const code = (error as NodeJS.ErrnoException).code
      if (code !== 'ECONNRESET' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
    } finally {
      signal?.removeEventListener('abort', stop)
      answer.destroy()
    }
  }

  /** Captures a pair, on a connection of its own; armed when it resolves. */
  async capture(ref: string, query: Record<string, string>): Promise<CaptureStream> {
    const answer = await this.#send('pair.capture', false, { ref, query })
    if (answer.statusCode !== 200) throw problemError(answer, await textOf(answer))
    // Half a close: the daemon ends the capture, and its answer.
    return { chunks: answer, end: () => void answer.socket.end(), close: () => void answer.destroy() }
  }

  /** Closes the connection. */
  close(): void {
    this.#agent.destroy()
  }

  #send(op: OpName, agent: Agent | false, parts: OrderParts): Promise<IncomingMessage> {
    const { method } = OPS[op]
    const { body } = parts
    const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const headers = {
      ...this.#headers,
      ...(text && { 'content-type': 'application/json', 'content-length': String(text.length) }),
    }
    return new Promise((resolve, reject) => {
      const sent: ClientRequest = request({
        agent,
        socketPath: this.#socket,
        method,
        path: pathOf(op, parts),
        headers,
      })
      sent.once('response', resolve)
      sent.once('error', (error: NodeJS.ErrnoException) => reject(connectionError(error, this.#socket)))
      sent.end(text)
    })
  }
}

function pathOf(op: OpName, { ref = '', id = '', query }: OrderParts): string {
  const path = OPS[op].path
    .replace('{ref}', () => encodeURIComponent(ref))
    .replace('{id}', () => encodeURIComponent(id))
  return query === undefined ? path : `${path}?${new URLSearchParams(query)}`
}

/** `net:[inode]` of this process's network namespace; undefined where /proc does not show it. */
function ownNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/net')
  } catch {
    return undefined
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

function problemError(answer: IncomingMessage, text: string): UvethError {
  let problem: Problem
  try {
    problem = JSON.parse(text) as Problem
  } catch {
    problem = { status: answer.statusCode ?? 500, title: `HTTP status ${answer.statusCode}` }
  }
  const { code = 'EPROTO', errno, syscall, hint, attribute } = problem
  return new UvethError(problem.detail ?? problem.title, { code, errno, syscall, hint, attribute })
}

const NOBODY = 'no daemon listens there: start one with uveth daemon'
const HINTS: Record<string, string> = {
  ENOENT: NOBODY,
  ECONNREFUSED: NOBODY,
  EACCES: "run as root, or as one of the socket's group",
}

function connectionError(error: NodeJS.ErrnoException, socket: string): UvethError {
  if (error.errno === undefined) {
    const message = `ECONNRESET: the daemon on '${socket}' ended before it answered`
    return new UvethError(message, { code: 'ECONNRESET', syscall: 'read' })
  }
  const nobody = error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
  return systemError(
    error.errno,
    error.syscall ?? 'connect',
    socket,
    HINTS[error.code ?? ''],
    nobody ? 'socket' : undefined,
  )
}
