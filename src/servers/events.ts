// GET /v1/events: what happens, to whoever listens: JSON lines, or server-sent events when the client
// accepts those. Called by http.ts. A listener that does not read is not waited for: what finds no room is lost to
// it, and it is told how many when it reads again.

import type { ServerResponse } from 'node:http'
import type { PairRegistry } from '../orders/handlers.js'
import type { RegistryEvent } from '../orders/registry.js'
import { countRefusal, limit, take } from '../wishes/limits.js'

/** `count` events before the next one found no room. */
interface Lost {
  event: 'lost'
  count: number
}
type Format = (event: RegistryEvent | Lost) => string

interface Listener {
  format: Format
  /** Events that it was not told. */
  lost: number
}

export class Events {
  readonly #listeners = new Map<ServerResponse, Listener>()
  readonly #registry: PairRegistry
  readonly #tell = (event: RegistryEvent) => this.#send(event)

  constructor(registry: PairRegistry) {
    this.#registry = registry
    registry.on('event', this.#tell)
  }

  /** Bytes that wait for listeners. */
  get waiting(): number {
    return [...this.#listeners.keys()].reduce((sum, { writableLength }) => sum + writableLength, 0)
  }

  /** Events from now on go to `response`, until either side ends it. `begin` is called once that may be. */
  add(response: ServerResponse, accept: string | undefined, begin: () => void): void {
    const giveBack = take('listeners')
    begin()
    const sse = accept?.includes('text/event-stream') === true
    const type = sse ? 'text/event-stream' : 'application/x-ndjson'
    response.once('close', () => {
      this.#listeners.delete(response)
      giveBack()
    })
    response.on('error', () => {}) // a listener that went away
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' })
    response.flushHeaders()
    this.#listeners.set(response, { format: sse ? asServerSent : asLine, lost: 0 })
    response.on('drain', () => this.#tellLost(response))
  }

  /** Ends every listener's answer. */
  close(): void {
    this.#registry.off('event', this.#tell)
    for (const response of this.#listeners.keys()) response.end()
  }

  #send(event: RegistryEvent): void {
    // One text for all that want it in one form.
    const texts = new Map<Format, Buffer>()
    for (const [response, listener] of this.#listeners) {
      const text = texts.get(listener.format) ?? Buffer.from(listener.format(event))
      texts.set(listener.format, text)
      // One that reads gets also an event that is longer than all that may wait; to the others 'drain' will come.
      const fits = !response.writableNeedDrain || response.writableLength + text.length <= limit('backlog')
      // Nothing overtakes what it is to be told of what it has lost.
      if (fits && listener.lost === 0) response.write(text)
      else {
        listener.lost++
        countRefusal('backlog')
      }
    }
  }

  #tellLost(response: ServerResponse): void {
    const listener = this.#listeners.get(response)
    if (listener === undefined || listener.lost === 0) return
    const lost: Lost = { event: 'lost', count: listener.lost }
    listener.lost = 0
    response.write(listener.format(lost))
  }
}

function asLine(event: RegistryEvent | Lost): string {
  return `${JSON.stringify(event)}\n`
}

function asServerSent(event: RegistryEvent | Lost): string {
  return `event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`
}
