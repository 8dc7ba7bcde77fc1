// The client against a server of the test's own: what it sends, and what it makes of answers.

import { mkdtempSync, readlinkSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ControlClient, DEFAULT_SOCKET, socketPath } from '../../../src/contract/client.js'

let folder: string
let socket: string
let server: Server
let answer: RequestListener
let connections: number

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'uvt-'))
  socket = join(folder, 's')
  connections = 0
  server = createServer((request, response) => answer(request, response))
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(socket, resolve))
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
})

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of request) text += part
  return text
}

test('the socket: as given, or UVETH_SOCKET, or the default', () => {
  const before = process.env.UVETH_SOCKET
  try {
    process.env.UVETH_SOCKET = '/tmp/x'
    expect(socketPath()).toBe('/tmp/x')
    expect(socketPath('/tmp/y')).toBe('/tmp/y')
    delete process.env.UVETH_SOCKET
    expect(socketPath()).toBe(DEFAULT_SOCKET)
  } finally {
    if (before !== undefined) process.env.UVETH_SOCKET = before
  }
})

describe('an order', () => {
  test('is sent by method and path, with its body and the namespace of the caller', async () => {
    const seen: unknown[] = []
    answer = async ({ method, url, headers }, response) => {
      seen.push([method, url, decodeURIComponent(String(headers['uveth-netns']))])
      response.end('{}')
    }
    const client = new ControlClient({ socket })
    await client.call('pair.get', { ref: 'id:a b@ü' })
    await new ControlClient({ socket, netns: 'blaü' }).call('pair.list')
    expect(seen).toEqual([
      ['GET', '/v1/pairs/id%3Aa%20b%40%C3%BC', readlinkSync('/proc/self/ns/net')],
      ['GET', '/v1/pairs', 'blaü'],
    ])
    answer = async (request, response) => response.end(await bodyOf(request))
    expect(await client.call('pair.add', { body: { a: { name: 'ü' } } })).toEqual({ a: { name: 'ü' } })
  })

  test('has an answer of any form: of a length, in chunks, up to the end, in any pieces', async () => {
    const text = JSON.stringify({ text: 'ü'.repeat(50_000) })
    const [first, second] = [text.slice(0, 7), text.slice(7)]
    const chunk = (part: string) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`
    for (const [header, body] of [
      [`content-length: ${Buffer.byteLength(text)}`, text],
      ['Transfer-Encoding: chunked', `${chunk(first)}${chunk(second)}0\r\n\r\n`],
      ['x: y', text],
    ] as const)
      for (const size of [1, 16_384, 1 << 20]) {
        const whole = Buffer.from(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n${body}`)
        answer = async ({ socket: connection }) => {
          // Byte by byte where it matters: the head and the first chunk.
          for (let at = 0; at < whole.length; ) {
            const piece = at < 100 ? size : 1 << 20
            connection.write(whole.subarray(at, at + piece))
            at += piece
            await new Promise((resolve) => setImmediate(resolve))
          }
          connection.end()
        }
        expect(await new ControlClient({ socket }).call('version')).toEqual({ text: 'ü'.repeat(50_000) })
      }
  })

  test('has a connection of its own, and nothing in it keeps the process', async () => {
    answer = (_, response) => void response.writeHead(204).end()
    const client = new ControlClient({ socket })
    await Promise.all(Array.from({ length: 20 }, () => client.call('pair.del', { ref: 'x' })))
    expect(connections).toBe(20)
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })
})

describe('an error', () => {
  const call = () => new ControlClient({ socket }).call('health')

  test('has the fields of the problem document', async () => {
    const fields = { code: 'EEXIST', errno: -17, syscall: 'ioctl', hint: 'h', attribute: 'a.name' }
    answer = (_, response) =>
      void response
        .writeHead(409)
        .end(JSON.stringify({ status: 409, title: 'Conflict', detail: 'taken', ...fields }))
    await expect(call()).rejects.toMatchObject({ name: 'UvethError', message: 'taken', ...fields })
  })

  test('of another program has the status', async () => {
    answer = (_, response) => void response.writeHead(502).end('<html>')
    await expect(call()).rejects.toMatchObject({ code: 'EPROTO', message: 'HTTP status 502' })
  })

  test('names the socket where nobody listens', async () => {
    const missing = new ControlClient({ socket: join(folder, 'none') })
    await expect(missing.call('health')).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'connect',
      attribute: 'socket',
    })
  })

  test('tells a daemon that ended before it answered', async () => {
    answer = (request) => request.socket.destroy()
    await expect(call()).rejects.toMatchObject({ name: 'UvethError', code: 'ECONNRESET' })
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"half"')
      setTimeout(() => request.socket.destroy(), 20)
    }
    await expect(call()).rejects.toMatchObject({ name: 'UvethError', code: 'ECONNRESET' })
    answer = (request, response) => {
      response.write('{"half"', () => request.socket.destroy()) // in a chunk
    }
    await expect(call()).rejects.toMatchObject({ name: 'UvethError', code: 'ECONNRESET' })
  })
})

describe('events', () => {
  test('come line by line, whatever the pieces, until the daemon ends', async () => {
    answer = (_, response) => {
      const pieces = ['{"event":"ad', 'ded"}\n{"event":', '"carrier"}\n{"event":"ü"}\n']
      for (const [index, piece] of pieces.entries()) setTimeout(() => response.write(piece), 10 * index)
      setTimeout(() => response.socket?.destroy(), 60)
    }
    const events: unknown[] = []
    for await (const { event } of new ControlClient({ socket }).events()) events.push(event)
    expect(events).toEqual(['added', 'carrier', 'ü'])
  })

  test('end when they are not wanted any more', async () => {
    answer = (_, response) => void response.write('{"event":"added"}\n')
    const stop = new AbortController()
    const events: unknown[] = []
    for await (const event of new ControlClient({ socket }).events(stop.signal)) {
      events.push(event)
      stop.abort()
    }
    expect(events).toHaveLength(1)
  })
})

describe('a capture', () => {
  test('asks for what is wanted, and is asked to end by half a close: the rest comes', async () => {
    Object.assign(server, { httpAllowHalfOpen: true })
    let asked = ''
    answer = (request, response) => {
      asked = request.url ?? ''
      request.socket.once('end', () => response.end('the rest'))
      response.write('head, ')
    }
    const query = { end: 'a', match: '{"ip":{"src":"::1"}}' }
    const capture = await new ControlClient({ socket }).capture('id:x&y', query)
    let text = ''
    for await (const chunk of capture.chunks) {
      text += Buffer.from(chunk).toString()
      if (text === 'head, ') capture.end()
    }
    expect(text).toBe('head, the rest')
    const { pathname, searchParams } = new URL(asked, 'http://u')
    expect(decodeURIComponent(pathname)).toBe('/v1/pairs/id:x&y/capture')
    expect(Object.fromEntries(searchParams)).toEqual(query)
  })

  test('is refused as an order is', async () => {
    answer = (_, response) => void response.writeHead(404).end('{"code":"ENODEV","detail":"no such"}')
    const capture = new ControlClient({ socket }).capture('x', {})
    await expect(capture).rejects.toMatchObject({ name: 'UvethError', code: 'ENODEV', message: 'no such' })
  })

  test('is left when it is closed', async () => {
    const left = new Promise<void>((resolve) => {
      answer = (request, response) => {
        request.socket.once('close', () => resolve())
        response.write('head')
      }
    })
    const capture = await new ControlClient({ socket }).capture('x', {})
    capture.close()
    await left
  })
})

test.each([
  ['uveth/0.0.1', [expect.stringMatching(/^the daemon \(0\.0\.1\) is older than this command .*--replace/)]],
  ['uveth/99.0.0', []],
  ['a house', []],
])('a daemon that says %s', async (server, told) => {
  answer = (_, response) => response.setHeader('server', server).end('[]')
  const sentences: string[] = []
  const client = new ControlClient({ socket, older: (sentence) => sentences.push(sentence) })
  await client.call('pair.list')
  await client.call('pair.list')
  expect(sentences).toEqual(told)
})
