// A connection that is kept, against a server that answers when the test says so, and ends connections as a daemon does
// that is replaced or killed.

import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KeptConnection, type WholeAnswer } from '../../../src/contract/exchange.js'
import { Folder } from '../../support/daemon.js'

let folder: Folder
let server: Server
let kept: KeptConnection
/** All connections that there were. */
let sockets: Socket[]
/** The paths that were asked for, by connection. */
let asked: string[][]
/** What the server does with a request. */
let answer: (socket: Socket, path: string) => void

const reply = (socket: Socket, text: string, header = '') =>
  socket.write(`HTTP/1.1 200 OK\r\n${header}content-length: ${text.length}\r\n\r\n${text}`)
const ask = async (path: string) => (await kept.ask({ method: 'GET', path, headers: {} })).text

beforeEach(async () => {
  folder = new Folder()
  sockets = []
  asked = []
  answer = reply
  server = createServer((socket) => {
    const paths: string[] = []
    sockets.push(socket)
    asked.push(paths)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      for (const [, path = ''] of bytes.toString().matchAll(/^GET (\S+) /gm)) {
        paths.push(path)
        answer(socket, path)
      }
    })
  })
  server.listen(folder.file('s'))
  await once(server, 'listening')
  kept = new KeptConnection(folder.file('s'))
})
afterEach(() => {
  kept.close()
  for (const socket of sockets) socket.destroy()
  server.close()
  folder[Symbol.dispose]()
})

test('all questions go over one connection', async () => {
  for (const path of ['/1', '/2', '/3']) expect(await ask(path)).toBe(path)
  expect(asked).toEqual([['/1', '/2', '/3']])
})

test('an answer that is cut into pieces, and one in chunks', async () => {
  answer = (socket) => {
    const whole = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nkept\r\n3\r\n on\r\n0\r\n\r\n'
    for (const letter of whole) socket.write(letter)
  }
  expect([await ask('/1'), await ask('/2')]).toEqual(['kept on', 'kept on'])
  expect(asked).toEqual([['/1', '/2']])
})

describe('two questions at once', () => {
  test('the second one is sent when the first one is answered', async () => {
    let release = () => {}
    const arrived = new Promise<void>((resolve) => {
      answer = (socket, path) => {
        release = () => reply(socket, path)
        if (path === '/2') release()
        resolve()
      }
    })
    const both = Promise.all([ask('/1'), ask('/2')])
    await arrived
    expect(asked).toEqual([['/1']])
    release()
    expect(await both).toEqual(['/1', '/2'])
    expect(asked).toEqual([['/1', '/2']])
  })

  test('each has its answer also where the first one has none', async () => {
    answer = (socket, path) => (path === '/1' ? socket.destroy() : reply(socket, path))
    const [first, second] = await Promise.allSettled([ask('/1'), ask('/2')])
    expect(first.status).toBe('rejected')
    expect(second).toEqual({ status: 'fulfilled', value: '/2' })
    expect(asked).toEqual([['/1'], ['/2']])
  })
})

describe('the server ends the connection', () => {
  test.each([
    ['in order', (socket: Socket) => void socket.end()],
    ['at once', (socket: Socket) => void socket.destroy()],
  ])('between two questions, %s: asked once more, on a new one', async (_, end) => {
    await ask('/1')
    const closed = once(sockets[0] as Socket, 'close')
    end(sockets[0] as Socket)
    await closed
    expect(await ask('/2')).toBe('/2')
    expect(asked.at(-1)).toEqual(['/2'])
    expect(asked.flat().filter((path) => path === '/1')).toHaveLength(1)
    expect(sockets).toHaveLength(2)
  })

  test('as it says in its answer: the next question opens one', async () => {
    answer = (socket, path) => void reply(socket, path, 'connection: close\r\n')
    expect([await ask('/1'), await ask('/2')]).toEqual(['/1', '/2'])
    expect(asked).toEqual([['/1'], ['/2']])
  })

  test('instead of an answer: asked once more, and no more than once', async () => {
    await ask('/1')
    answer = (socket) => socket.destroy()
    await expect(ask('/2')).rejects.toThrow()
    expect(asked).toEqual([['/1', '/2'], ['/2']])
    answer = reply
    expect(await ask('/3')).toBe('/3')
  })

  test('of a question that opened it: nothing is sent again', async () => {
    answer = (socket) => socket.destroy()
    await expect(ask('/1')).rejects.toThrow()
    expect(asked).toEqual([['/1']])
  })

  test('in the middle of an answer: half a text is none', async () => {
    await ask('/1')
    answer = (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')
    await expect(ask('/2')).rejects.toThrow()
    expect(asked.flat()).toEqual(['/1', '/2', '/2'])
  })

  test('and nobody listens any more: the second attempt says so', async () => {
    await ask('/1')
    const closed = once(server, 'close')
    server.close()
    sockets[0]?.destroy()
    await closed
    await expect(ask('/2')).rejects.toMatchObject({ code: 'ENOENT', syscall: 'connect' })
  })
})

describe('close', () => {
  test('what is still to be answered is not, and nothing is asked any more', async () => {
    let pending: Promise<WholeAnswer>[] = []
    await ask('/1')
    await new Promise<void>((resolve) => {
      answer = () => resolve()
      pending = ['/2', '/3'].map((path) => kept.ask({ method: 'GET', path, headers: {} }))
    })
    kept.close()
    for (const result of await Promise.allSettled(pending)) expect(result.status).toBe('rejected')
    await expect(ask('/4')).rejects.toThrow()
    expect(asked).toEqual([['/1', '/2']])
  })
})
