// Captures that the page has begun: each has a secret path, which a browser's own download reads once, straight to its
// disk. Called by server.ts. Nothing is kept here: a capture that is read slowly loses records, which the file counts.

import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { OPS } from '../contract/ops.js'
import { invalid } from '../errors.js'
import { problem } from '../servers/problem.js'
import { type Daemon, gone, jsonOf, pass, pour, refuse, textOf } from './forward.js'

/** ms in which a browser begins to read what it has asked for. */
const FETCHED = 60_000
const LONGEST = 1024
const KEYS = ['ref', 'end', 'both', 'snaplen']

interface Capture {
  answer: IncomingMessage
  /** Until it is read. */
  unread: NodeJS.Timeout | undefined
}

export class Captures {
  readonly #daemon: Daemon
  readonly #running = new Map<string, Capture>()

  constructor(daemon: Daemon) {
    this.#daemon = daemon
  }

  /** Of a pair: `{"ref": "id:veth0", "end": "a"}`. Armed when it is answered. */
  async begin(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(await textOf(request, LONGEST))
    let answer: IncomingMessage
    try {
      answer = await this.#daemon.ask({ method: 'GET', path, alone: true })
    } catch (error) {
      return refuse(response, gone(error))
    }
    if (answer.statusCode !== 200) return pass(answer, response)
    const id = randomBytes(24).toString('base64url')
    const leave = () => {
      answer.destroy()
      this.#running.delete(id)
    }
    this.#running.set(id, { answer, unread: setTimeout(leave, FETCHED).unref() })
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ id }))
  }

  read(id: string, response: ServerResponse): void {
    const capture = this.#running.get(id)
    if (capture?.unread === undefined)
      return refuse(response, problem(404, 'ENOENT: there is no such capture, or it is being read already'))
    clearTimeout(capture.unread)
    capture.unread = undefined
    response.once('close', () => this.#running.delete(id))
    response.writeHead(200, { 'content-type': 'application/x-pcapng', 'content-disposition': 'attachment' })
    response.flushHeaders()
    pour(capture.answer, response)
  }

  /** The rest still comes, and the statistics. */
  end(id: string, response: ServerResponse): void {
    const capture = this.#running.get(id)
    if (capture === undefined) return refuse(response, problem(404, 'ENOENT: there is no such capture'))
    capture.answer.socket.end()
    response.writeHead(204).end()
  }
}

function pathOf(text: string): string {
  const wish = jsonOf(text) as Record<string, unknown>
  const { ref, ...query } = wish
  const unknown = Object.keys(wish).find((key) => !KEYS.includes(key))
  if (typeof ref !== 'string' || unknown !== undefined)
    throw invalid(
      `a capture takes ${KEYS.join(', ')}, ${unknown === undefined ? 'and ref must be there' : `not ${unknown}`}`,
    )
  const path = OPS['pair.capture'].path.replace('{ref}', () => encodeURIComponent(ref))
  return `${path}?${new URLSearchParams(query as Record<string, string>)}`
}
