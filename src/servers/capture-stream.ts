// GET /v1/pairs/{ref}/capture: a pair's capture as the body of an answer. Called by http.ts. A client that
// reads slowly loses frames, which the stream counts; nothing waits for it, and no file is written.

import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { type CaptureQuery, OPS } from '../contract/ops.js'
import type { CaptureStreamWish, Match, Pair } from '../index.js'

/** ms that streams get to be read to their ends when the daemon ends. */
const PATIENCE = 1_000

export class CaptureStreams {
  readonly #running = new Set<Promise<void>>()

  /** Frames are captured when the answer's headers are sent. Until the pair ends or the client does. */
  async begin(pair: Pair, query: CaptureQuery, reply: FastifyReply): Promise<void> {
    const wish = wishOf(query)
    const stop = new AbortController()
    const { socket } = reply.request.raw
    const end = () => stop.abort()
    // A client that closes its own side only still gets the rest.
    socket.once('end', end).once('close', end)
    const chunks = pair.captureStream({ ...wish, signal: stop.signal })
    let first: Uint8Array | undefined
    try {
      // The header of the file comes at once; the devices may take a moment longer.
      first = (await chunks.next()).value as Uint8Array | undefined
      await pair.a.settled()
    } catch (error) {
      await chunks.return() // it may run already
      socket.off('end', end).off('close', end)
      throw error
    }
    reply.hijack()
    const response = reply.raw
    response.on('error', () => {}) // a client that went away
    response.writeHead(200, { 'content-type': OPS['pair.capture'].type, 'cache-control': 'no-store' })
    const running = pump(first, chunks, response).finally(() => {
      socket.off('end', end).off('close', end)
      this.#running.delete(running)
    })
    this.#running.add(running)
  }

  /** The pairs have ended: resolves when the streams are read, or their readers do not read. */
  async close(): Promise<void> {
    if (this.#running.size === 0) return
    const late = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE).unref())
    await Promise.race([Promise.all(this.#running), late])
  }
}

async function pump(
  first: Uint8Array | undefined,
  chunks: AsyncIterable<Uint8Array>,
  response: ServerResponse,
): Promise<void> {
  try {
    if (first !== undefined) response.write(first)
    for await (const chunk of chunks) {
      if (response.destroyed) return
      if (!response.write(chunk)) await drained(response)
    }
    await new Promise<void>((resolve) => {
      response.once('close', resolve).end(resolve)
    })
  } catch {
    response.destroy() // not complete: the client is not to take it for that
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
    if (response.destroyed) done()
  })
}

/** The query has been checked. */
function wishOf({ end, both, snaplen, match }: CaptureQuery): CaptureStreamWish {
  return {
    ...(end !== undefined && { end }),
    ...(both !== undefined && { both: both === 'true' }),
    ...(snaplen !== undefined && { snaplen: Number(snaplen) }),
    ...(match !== undefined && { match: JSON.parse(match) as Match }),
  }
}
