// GET /v1/events: what happens, to whoever listens: JSON lines, or server-sent events when the client
// accepts those. Called by http.ts. A listener that does not read is cut off, not waited for.

import type { ServerResponse } from 'node:http'
import type { PairRegistry } from '../orders/handlers.js'
import type { RegistryEvent } from '../orders/registry.js'

/** Bytes that may wait for one listener. */
const LONGEST_BACKLOG = 4 << 20

export class Events {
  readonly #listeners = new Map<ServerResponse, (event: RegistryEvent) => string>()
  readonly #registry: PairRegistry
  readonly #tell = (event: RegistryEvent) => this.#send(event)

  constructor(registry: PairRegistry) {
    this.#registry = registry
    registry.on('event', this.#tell)
  }

  /** Events from now on go to `response`, until either side ends it. */
  add(response: ServerResponse, accept: string | undefined): void {
    const sse = accept?.includes('text/event-stream') === true
    const type = sse ? 'text/event-stream' : 'application/x-ndjson'
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' })
    response.flushHeaders()
    this.#listeners.set(response, sse ? asServerSent : asLine)
    response.once('close', () => this.#listeners.delete(response))
    response.on('error', () => {}) // a listener that went away
  }

  /** Ends every listener's answer. */
  close(): void {
    this.#registry.off('event', this.#tell)
    for (const response of this.#listeners.keys()) response.end()
  }

  #send(event: RegistryEvent): void {
    for (const [response, format] of this.#listeners) {
      response.write(format(event))
      if (response.writableLength > LONGEST_BACKLOG) response.destroy()
    }
  }
}

function asLine(event: RegistryEvent): string {
  return `${JSON.stringify(event)}\n`
}

function asServerSent(event: RegistryEvent): string {
  return `event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`
}
