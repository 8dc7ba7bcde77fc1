// The client of the control socket: what the command line uses. Each order has a connection of its own, refusals come
// back as the UvethErrors that the daemon met. It loads neither node:http nor the server's libraries nor the addon, so
// that a command starts fast.

import { fs } from '../builtins.js'
import { type ErrorFields, systemError, UvethError } from '../errors.js'
import { isNewer, version } from '../version.js'
import {
  type Answer,
  CutOff,
  exchange,
  KeptConnection,
  textIn,
  upload,
  type WholeAnswer,
} from './exchange.js'
import { OPS, type OpName, WARNING_HEADER } from './ops.js'

/** Where the daemon listens unless told otherwise. */
export const DEFAULT_SOCKET = '/run/uveth/control.sock'

/** `--socket`, or UVETH_SOCKET, or the default. */
export function socketPath(option?: string): string {
  return option ?? (process.env.UVETH_SOCKET || DEFAULT_SOCKET)
}

const REPLACE = 'uveth daemon --replace (of a service: systemctl reload uveth)'

export interface ClientOptions {
  /** Path of the control socket. */
  socket: string
  /** Give the orders in this namespace (a name, a path, a process id) instead of one's own. */
  netns?: string | undefined
  /** Hears what an order that succeeded was not able to do. */
  warn?: ((sentence: string) => void) | undefined
  /** Hears once of a daemon that is older than this command. */
  older?: ((sentence: string) => void) | undefined
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

/** Frames on their way to an end. */
export interface ReplayUpload {
  /** A part of the recording. Resolves when there is room for more. */
  write(part: Uint8Array): Promise<void>
  /** All of it is written: resolves when the last frame has been judged. How many were put on the cable. */
  end(): Promise<number>
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
  #older: ClientOptions['older']
  readonly #headers: Record<string, string>
  #kept: KeptConnection | undefined

  constructor({ socket, netns, warn, older }: ClientOptions) {
    this.#socket = socket
    this.#warn = warn
    this.#older = older
    const claim = netns ?? ownNamespace()
    this.#headers = claim === undefined ? {} : { 'uveth-netns': encodeURIComponent(claim) }
  }

  /**
   * Gives an order; resolves when it is in force, with the daemon's answer. Throws what the daemon
   * refused with; with syscall `connect` when no daemon listens (ENOENT, ECONNREFUSED).
   */
  async call<T>(op: OpName, parts: OrderParts = {}): Promise<T> {
    const { text, ...answer } = await this.#answer(op, parts).catch((error: unknown) => {
      throw connectionError(error, this.#socket)
    })
    // Another process has taken the daemon's place: nothing was done, and it listens already.
    if (answer.status === 503 && answer.headers.get('retry-after') !== undefined)
      return await this.call(op, parts)
    if (answer.status >= 400) throw problemError(answer, text)
    const warning = answer.headers.get(WARNING_HEADER)
    if (warning !== undefined) this.#warn?.(decodeURIComponent(warning))
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** What happens from now on, until the daemon ends or `signal` is raised; a daemon that takes its place is heard, too. */
  async *events(signal?: AbortSignal): AsyncGenerator<Record<string, unknown>, void> {
    for (let replaced = true; replaced && !signal?.aborted; ) {
      replaced = false
      for await (const event of this.#events(signal)) {
        replaced = event.event === 'replaced'
        yield event
      }
    }
  }

  async *#events(signal?: AbortSignal): AsyncGenerator<Record<string, unknown>, void> {
    const answer = await this.#send('events', {})
    if (answer.status !== 200) throw problemError(answer, await textIn(answer.body))
    signal?.addEventListener('abort', answer.close, { once: true })
    const decoder = new TextDecoder()
    let rest = ''
    try {
      for await (const part of answer.body) {
        const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) yield JSON.parse(line) as Record<string, unknown>
      }
    } catch (error) {
      // By the daemon's end or by `signal`: there are no more lines.
      if (!isCutOff(error)) throw error
    } finally {
      signal?.removeEventListener('abort', answer.close)
      answer.close()
    }
  }

  /** Captures a pair; armed when it resolves. */
  async capture(ref: string, query: Record<string, string>): Promise<CaptureStream> {
    const answer = await this.#send('pair.capture', { ref, query })
    if (answer.status !== 200) throw problemError(answer, await textIn(answer.body))
    const socket = this.#socket
    const chunks = async function* () {
      try {
        yield* answer.body
      } catch (error) {
        throw connectionError(error, socket)
      }
    }
    // Half a close: the daemon ends the capture, and its answer.
    return { chunks: chunks(), end: answer.end, close: answer.close }
  }

  /** Puts the frames of a recording, which is written piece by piece, on the cable as they come. */
  replay(ref: string, refused: () => void): ReplayUpload {
    const { method } = OPS['end.replay']
    const path = pathOf('end.replay', { ref, query: { speed: 'Infinity' } })
    const { answer, write, end } = upload(this.#socket, { method, path, headers: this.#headers })
    const result = this.#replayed(answer)
    result.catch(refused)
    return {
      write,
      end: async () => {
        end()
        return await result
      },
    }
  }

  async #replayed(coming: Promise<Answer>): Promise<number> {
    try {
      const answer = await coming
      const text = await textIn(answer.body)
      if (answer.status !== 200) throw problemError(answer, text)
      return (JSON.parse(text) as { frames: number }).frames
    } catch (error) {
      throw connectionError(error, this.#socket)
    }
  }

  /** Until it is closed, what is asked for with `call` goes over one connection, one after the other; no orders. */
  keepConnection(): Disposable {
    const kept = new KeptConnection(this.#socket)
    this.#kept = kept
    return {
      [Symbol.dispose]: () => {
        this.#kept = undefined
        kept.close()
      },
    }
  }

  async #answer(op: OpName, parts: OrderParts): Promise<WholeAnswer> {
    if (this.#kept === undefined) {
      const { status, headers, body } = await this.#send(op, parts)
      return { status, headers, text: await textIn(body) }
    }
    const request = { method: OPS[op].method, path: pathOf(op, parts), headers: this.#headers }
    const answer = await this.#kept.ask(request)
    this.#compare(answer)
    return answer
  }

  async #send(op: OpName, parts: OrderParts): Promise<Answer> {
    const { method } = OPS[op]
    const body = parts.body && JSON.stringify(parts.body)
    const request = { method, path: pathOf(op, parts), headers: this.#headers, body }
    const answer = await exchange(this.#socket, request).catch((error: unknown) => {
      throw connectionError(error, this.#socket)
    })
    this.#compare(answer)
    return answer
  }

  #compare({ headers }: Pick<Answer, 'headers'>): void {
    const older = this.#older && olderDaemon(versionIn(headers.get('server')))
    if (older !== undefined) this.#older?.(older)
    this.#older = undefined
  }
}

/** As the daemon says it in each answer. */
function versionIn(server: string | undefined): string | undefined {
  return /^uveth\/(\S+)$/.exec(server ?? '')?.[1]
}

/** The package was upgraded, and the daemon of before still runs. */
export function olderDaemon(theirs: string | undefined): string | undefined {
  if (theirs === undefined || !isNewer(version(), theirs)) return undefined
  return `the daemon (${theirs}) is older than this command (${version()}): ${REPLACE} has it replaced, its cables in use`
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
    return fs.readlinkSync('/proc/self/ns/net')
  } catch {
    return undefined
  }
}

function problemError(answer: Pick<Answer, 'status'>, text: string): UvethError {
  let problem: Problem
  try {
    problem = JSON.parse(text) as Problem
  } catch {
    problem = { status: answer.status, title: `HTTP status ${answer.status}` }
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

function isCutOff(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return error instanceof CutOff || code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE'
}

/** What the daemon has refused with is no fault of the connection. */
function connectionError(thrown: unknown, socket: string): unknown {
  if (thrown instanceof UvethError) return thrown
  const error = thrown as NodeJS.ErrnoException
  if (isCutOff(error)) {
    const message = `ECONNRESET: the daemon on '${socket}' ended before it answered`
    return new UvethError(message, { code: 'ECONNRESET', syscall: 'read' })
  }
  if (error.errno === undefined) return error
  const nobody = error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
  return systemError(
    error.errno,
    error.syscall ?? 'connect',
    socket,
    HINTS[error.code ?? ''],
    nobody ? 'socket' : undefined,
  )
}
