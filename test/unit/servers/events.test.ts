// Listeners of events: the two forms, who is cut off, and the end of all of them.

import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import type { PairRegistry } from '../../../src/orders/handlers.js'
import { Registry } from '../../../src/orders/registry.js'
import { Events } from '../../../src/servers/events.js'

class FakeResponse extends EventEmitter {
  said = ''
  type = ''
  state = 'open'
  /** What nobody has read. */
  writableLength = 0

  writeHead(_: number, headers: { 'content-type': string }): void {
    this.type = headers['content-type']
  }
  flushHeaders(): void {}
  write(text: string): void {
    this.said += text
    this.writableLength += text.length
  }
  destroy(): void {
    this.state = 'destroyed'
    this.emit('close')
  }
  end(): void {
    this.state = 'ended'
    this.emit('close')
  }
}

function listening(accept?: string) {
  const registry: PairRegistry = new Registry()
  const events = new Events(registry)
  const response = new FakeResponse()
  events.add(response as unknown as ServerResponse, accept)
  return { registry, events, response }
}

test.each([
  ['*/*', 'application/x-ndjson', '{"event":"changed","id":"x"}\n'],
  [undefined, 'application/x-ndjson', '{"event":"changed","id":"x"}\n'],
  ['text/event-stream', 'text/event-stream', 'event: changed\ndata: {"event":"changed","id":"x"}\n\n'],
])('for %s: %s', (accept, type, text) => {
  const { registry, response } = listening(accept)
  registry.emit('event', { event: 'changed', id: 'x' })
  expect([response.type, response.said]).toEqual([type, text])
})

test('one that does not read is cut off at 4 MiB, and no event is written to it any more', () => {
  const { registry, response } = listening()
  const id = 'x'.repeat(1 << 20)
  for (let n = 0; n < 3; n++) registry.emit('event', { event: 'changed', id })
  expect(response.state).toBe('open')
  for (let n = 0; n < 3; n++) registry.emit('event', { event: 'changed', id })
  expect(response.state).toBe('destroyed')
  expect(response.said.length).toBeLessThan(4.1 * (1 << 20))
})

test('at the end every answer ends, and the registry is left alone', () => {
  const { registry, events, response } = listening()
  events.close()
  expect([response.state, registry.listenerCount('event')]).toEqual(['ended', 0])
})
