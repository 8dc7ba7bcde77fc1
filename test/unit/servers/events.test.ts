// Listeners of events: the two forms, what one loses that does not read, how many there may be, and the end of all.

import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import type { PairRegistry } from '../../../src/orders/handlers.js'
import { Registry } from '../../../src/orders/registry.js'
import { Events } from '../../../src/servers/events.js'
import { figures, setLimits } from '../../../src/wishes/limits.js'

class FakeResponse extends EventEmitter {
  said = ''
  type = ''
  state = 'open'
  /** What nobody has read. */
  writableLength = 0
  get writableNeedDrain(): boolean {
    return this.writableLength > 16_384
  }

  writeHead(_: number, headers: { 'content-type': string }): void {
    this.type = headers['content-type']
  }
  flushHeaders(): void {}
  write(text: string | Buffer): void {
    this.said += text
    this.writableLength += text.length
  }
  /** Somebody has read everything. */
  read(): void {
    this.said = ''
    this.writableLength = 0
    this.emit('drain')
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

const open: FakeResponse[] = []

function listening(accept?: string) {
  const registry: PairRegistry = new Registry()
  const events = new Events(registry)
  const listen = () => {
    const response = new FakeResponse()
    open.push(response)
    events.add(response as unknown as ServerResponse, accept, () => {})
    return response
  }
  return { registry, events, listen, response: listen() }
}

const usedOf = (wanted: string) => figures().find(({ name }) => name === wanted)?.used
afterEach(() => {
  setLimits({ listeners: 64 })
  for (const response of open.splice(0)) response.destroy()
})

test.each([
  ['*/*', 'application/x-ndjson', '{"event":"changed","id":"x"}\n'],
  [undefined, 'application/x-ndjson', '{"event":"changed","id":"x"}\n'],
  ['text/event-stream', 'text/event-stream', 'event: changed\ndata: {"event":"changed","id":"x"}\n\n'],
])('for %s: %s', (accept, type, text) => {
  const { registry, response } = listening(accept)
  registry.emit('event', { event: 'changed', id: 'x' })
  expect([response.type, response.said]).toEqual([type, text])
})

test('what finds no room is lost to one that does not read, and told when it reads again', () => {
  const { registry, events, response } = listening()
  const id = 'x'.repeat(300_000)
  for (let n = 0; n < 8; n++) registry.emit('event', { event: 'changed', id })
  expect(response.said.split('\n')).toHaveLength(3 + 1)
  expect(events.waiting).toBeLessThan(1 << 20)
  response.read()
  registry.emit('event', { event: 'changed', id: 'y' })
  expect(response.said).toBe('{"event":"lost","count":5}\n{"event":"changed","id":"y"}\n')
})

test('one event that is longer than all that may wait comes whole to who reads', () => {
  const { registry, response } = listening()
  const id = 'x'.repeat(3 << 20)
  registry.emit('event', { event: 'changed', id: 'y' })
  registry.emit('event', { event: 'changed', id })
  registry.emit('event', { event: 'changed', id: 'z' })
  expect(response.said).toHaveLength(id.length + '{"event":"changed","id":""}\n'.length * 2 + 1)
  response.read()
  expect(response.said).toBe('{"event":"lost","count":1}\n')
})

test('one more than may listen is refused before its answer begins; who leaves makes room', () => {
  setLimits({ listeners: 2 })
  const { listen, response } = listening()
  listen()
  expect(listen).toThrow(expect.objectContaining({ code: 'EDQUOT' }))
  expect(usedOf('listeners')).toBe(2)
  response.destroy()
  expect(listen).not.toThrow()
})

test('at the end every answer ends, and the registry is left alone', () => {
  const { registry, events, response } = listening()
  events.close()
  expect([response.state, registry.listenerCount('event')]).toEqual(['ended', 0])
})
