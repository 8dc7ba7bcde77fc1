// One request and its answer: HTTP/1.1 on a Unix socket, on a connection of its own, or on one that is kept. Written by hand, because node:http
// takes 35 ms to load, more than everything else that an order does, and of HTTP the daemon's answers have little:
// a head, then a body in chunks, of a length, or up to the end. Called by client.ts. Knows nothing of orders.

import { connect, type Socket } from 'node:net'

export interface Request {
  method: string
  /** As it stands in the request's first line. */
  path: string
  headers: Record<string, string>
  body?: string | undefined
}

export interface Answer {
  status: number
  /** By their names in lower case. */
  headers: ReadonlyMap<string, string>
  /** Throws where the connection ends before it is whole. */
  body: AsyncIterable<Buffer>
  /** Half a close: says that nothing more is asked for. */
  end(): void
  close(): void
}

/** A request whose body comes piece by piece. */
export interface Upload {
  /** May come before the body has ended: then it is a refusal. */
  answer: Promise<Answer>
  /** Resolves when there is room for more, or nobody takes it any more. */
  write(part: Uint8Array): Promise<void>
  end(): void
}

/** The connection ended in the middle of an answer. */
export class CutOff extends Error {}

/** Resolves with the head of the answer. The connection lives until the body is read, or `close`. */
export async function exchange(socketPath: string, request: Request): Promise<Answer> {
  const socket = connect(socketPath)
  socket.write(textOf(request))
  return await answerOn(socket)
}

export function upload(socketPath: string, request: Omit<Request, 'body'>): Upload {
  const socket = connect(socketPath)
  const headers = { ...request.headers, 'transfer-encoding': 'chunked' }
  socket.write(textOf({ ...request, headers }))
  const answer = answerOn(socket)
  return {
    answer,
    write: async (part) => {
      if (socket.destroyed || socket.writableEnded) return
      socket.cork()
      socket.write(`${part.length.toString(16)}\r\n`)
      socket.write(part)
      const room = socket.write('\r\n')
      socket.uncork()
      if (!room) await drained(socket)
    },
    end: () => void socket.write('0\r\n\r\n'),
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })
}

export type WholeAnswer = Pick<Answer, 'status' | 'headers'> & { text: string }

export async function textIn(body: Answer['body']): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of body) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

/**
 * A connection for one request after the other, whose answers are read whole: each is sent when the one before is answered.
 * Reading by events instead of generators would save 45 of the 80 us that an answer of 25 KB costs: at twenty a second
 * 0.1 % of a processor, for which there shall not be a second reader.
 */
export class KeptConnection {
  readonly #path: string
  #socket: Socket | undefined
  #closed = false
  /** Settles with the answer to what was asked last. */
  #last: Promise<unknown> = Promise.resolve()
  #incoming!: Incoming

  constructor(socketPath: string) {
    this.#path = socketPath
  }

  /** A request that changes nothing: where the connection has ended since the last answer it is sent again, on a new one. */
  ask(request: Request): Promise<WholeAnswer> {
    const answer = this.#last.then(() => this.#again(request))
    this.#last = answer.catch(() => {})
    return answer
  }

  /** For good: what is still to be answered is not. */
  close(): void {
    this.#closed = true
    this.#drop()
  }

  async #again(request: Request): Promise<WholeAnswer> {
    const kept = this.#socket !== undefined
    try {
      return await this.#ask(request)
    } catch (error) {
      this.#drop()
      if (!kept || this.#closed) throw error
      return await this.#ask(request)
    }
  }

  #drop(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  async #ask(request: Request): Promise<WholeAnswer> {
    if (this.#closed) throw new CutOff()
    if (this.#socket === undefined) {
      this.#socket = connect(this.#path)
      this.#incoming = new Incoming(this.#socket)
    }
    this.#socket.write(textOf({ ...request, headers: { ...request.headers, connection: 'keep-alive' } }))
    const head = await headOf(this.#incoming)
    const text = await textIn(contentOf(this.#incoming, head.headers))
    if (head.headers.get('connection') === 'close') this.#drop()
    return { ...head, text }
  }
}

async function headOf(incoming: Incoming): Promise<Pick<Answer, 'status' | 'headers'>> {
  const [, status = ''] = (await incoming.line()).split(' ')
  const headers = new Map<string, string>()
  for (let line = await incoming.line(); line !== ''; line = await incoming.line()) {
    const at = line.indexOf(':')
    headers.set(line.slice(0, at).toLowerCase(), line.slice(at + 1).trim())
  }
  return { status: Number(status), headers }
}

async function answerOn(socket: Socket): Promise<Answer> {
  try {
    const incoming = new Incoming(socket)
    const { status, headers } = await headOf(incoming)
    return {
      status,
      headers,
      body: bodyOf(socket, incoming, headers),
      end: () => void socket.end(),
      close: () => void socket.destroy(),
    }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function textOf({ method, path, headers, body }: Request): string {
  const all = {
    host: 'uveth',
    connection: 'close',
    ...headers,
    ...(body !== undefined && {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    }),
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`
}

async function* bodyOf(
  socket: Socket,
  incoming: Incoming,
  headers: ReadonlyMap<string, string>,
): AsyncGenerator<Buffer, void> {
  try {
    yield* contentOf(incoming, headers)
  } finally {
    socket.destroy()
  }
}

function contentOf(incoming: Incoming, headers: ReadonlyMap<string, string>): AsyncGenerator<Buffer, void> {
  const length = headers.get('content-length')
  if (headers.get('transfer-encoding') === 'chunked') return chunksOf(incoming)
  return length === undefined ? incoming.rest() : incoming.exactly(Number(length))
}

async function* chunksOf(incoming: Incoming): AsyncGenerator<Buffer, void> {
  for (;;) {
    const length = Number.parseInt(await incoming.line(), 16)
    if (length === 0) return
    yield* incoming.exactly(length)
    await incoming.line()
  }
}

/** What comes, in the pieces that are asked for. */
class Incoming {
  readonly #pieces: AsyncIterator<Buffer>
  /** What has come, and was not taken yet. */
  #piece: Buffer = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#pieces = socket[Symbol.asyncIterator]()
  }

  /** Up to the next line end, without it. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#piece.indexOf('\r\n')
      if (end >= 0) return this.#take(end + 2).toString('latin1', 0, end)
      const before = this.#piece
      await this.#more()
      this.#piece = Buffer.concat([before, this.#piece])
    }
  }

  async *exactly(length: number): AsyncGenerator<Buffer, void> {
    for (let left = length; left > 0; ) {
      if (this.#piece.length === 0) await this.#more()
      const part = this.#take(left)
      left -= part.length
      yield part
    }
  }

  /** Up to the end of the connection. */
  async *rest(): AsyncGenerator<Buffer, void> {
    if (this.#piece.length > 0) yield this.#piece
    for (let next = await this.#pieces.next(); !next.done; next = await this.#pieces.next()) yield next.value
  }

  async #more(): Promise<void> {
    const next = await this.#pieces.next()
    if (next.done) throw new CutOff()
    this.#piece = next.value
  }

  /** At most so many bytes. */
  #take(length: number): Buffer {
    const part = this.#piece.subarray(0, length)
    this.#piece = this.#piece.subarray(length)
    return part
  }
}
