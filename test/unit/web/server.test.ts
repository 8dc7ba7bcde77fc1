// The server of `uveth web` over daemons that are none: what it does when one is replaced, cut off in the middle of an
// answer, or not there; and that it waits for nobody. Over a real one: integration/728-web.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener, request, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openWeb, type Web } from '../../../src/web/server.js'

let folder: string
let daemon: Server
let web: Web
/** What the daemon was asked, in its order. */
let asked: string[]
let answer: RequestListener

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'uvt-web-'))
  const socket = join(folder, 's')
  asked = []
  daemon = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    answer(request, response)
  }).listen(socket)
  await once(daemon, 'listening')
  web = await openWeb({ host: '127.0.0.1', port: 0, socket })
})
afterEach(async () => {
  await web.close()
  daemon.close()
  daemon.closeAllConnections()
  rmSync(folder, { recursive: true })
})

function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const { origin, hash } = new URL(web.address)
  return fetch(`${origin}${path}`, {
    ...options,
    headers: { authorization: `Bearer ${hash.slice(1)}`, ...options.headers },
  })
}

test('a daemon whose place another one has taken is asked again, once', async () => {
  answer = (_, response) => {
    if (asked.length === 1) response.writeHead(503, { 'retry-after': '0', connection: 'close' }).end('{}')
    else response.writeHead(200, { 'content-type': 'application/json', 'x-inner': '1' }).end('[1]')
  }
  const got = await ask('/v1/pairs?x=y')
  expect([got.status, await got.json(), got.headers.get('x-inner')]).toEqual([200, [1], null])
  expect(asked).toEqual(['GET /v1/pairs', 'GET /v1/pairs'])
})

test('one that is ending is told of as it says it', async () => {
  answer = (_, response) => {
    response
      .writeHead(503, { 'content-type': 'application/problem+json' })
      .end('{"detail":"ESHUTDOWN: the daemon is ending"}')
  }
  const got = await ask('/v1/health')
  expect([got.status, await got.json()]).toEqual([503, { detail: 'ESHUTDOWN: the daemon is ending' }])
  expect(asked).toHaveLength(1)
})

test('an answer that is cut off is cut off for the page, too; and one that never comes is a sentence', async () => {
  answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    response.write('{"event":"added"}\n')
  }
  const got = await ask('/v1/events')
  const reader = got.body?.getReader()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('{"event":"added"}\n')
  daemon.closeAllConnections()
  await expect(reader?.read()).rejects.toThrow()
  answer = (request) => request.socket.destroy()
  const none = await ask('/v1/pairs')
  expect([none.status, await none.json()]).toEqual([
    502,
    expect.objectContaining({ detail: expect.stringMatching(/^ECONNRESET: no daemon answers/) }),
  ])
})

test('who leaves the events leaves the daemon', async () => {
  let left: Promise<unknown> = Promise.resolve()
  answer = (_, response) => {
    left = once(response, 'close')
    response.writeHead(200).flushHeaders()
  }
  const leave = new AbortController()
  await ask('/v1/events', { signal: leave.signal })
  leave.abort()
  await left
})

test('also who leaves before the daemon has answered', async () => {
  let begin = () => {}
  const heard = new Promise<ServerResponse>((resolve) => {
    answer = (_, response) => resolve(response)
  })
  const served = new Promise<void>((resolve) => {
    begin = resolve
  })
  const { origin, hash } = new URL(web.address)
  const headers = { authorization: `Bearer ${hash.slice(1)}` }
  const page = request(`${origin}/v1/events`, { headers, agent: false }).on('error', begin).end()
  const response = await heard
  page.destroy()
  await served
  // Another answer of the server says that it has seen that one leave.
  answer = (_, other) => void other.end('{}')
  await ask('/v1/health')
  const left = once(response, 'close')
  response.writeHead(200).flushHeaders()
  await left
})

test('it ends at once, also while events are heard', async () => {
  answer = (_, response) => void response.writeHead(200).flushHeaders()
  const { body } = await ask('/v1/events')
  const end = body?.getReader().read()
  await web.close()
  await expect(end).rejects.toThrow()
  web = await openWeb({ host: '127.0.0.1', port: 0, socket: join(folder, 's') })
})
