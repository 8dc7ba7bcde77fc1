// The server of `uveth web`: the page's files, and the orders that the page gives, on loopback and for who has the token.
// Started by cli/web.ts. gate.ts decides on each request; what the daemon is asked stands in orders.ts and captures.ts.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemError } from '../errors.js'
import { problemOf } from '../servers/problem.js'
import { Captures } from './captures.js'
import { type File, readFiles } from './files.js'
import { Daemon, refuse } from './forward.js'
import { type Gate, wayOf } from './gate.js'
import { giveOrder } from './orders.js'

export interface WebOptions {
  /** Of loopback. */
  host: string
  /** 0: whichever is free. */
  port: number
  /** The daemon's. */
  socket: string
}

export interface Web {
  /** With the token behind a `#`, where it stays in the browser. */
  readonly address: string
  close(): Promise<void>
}

/** Nothing comes from elsewhere, nothing is run or styled that does not stand in a file of ours. */
const HEADERS: Record<string, string> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

export async function openWeb({ host, port, socket }: WebOptions): Promise<Web> {
  const token = randomBytes(32).toString('base64url')
  const files = readFiles()
  const daemon = new Daemon(socket)
  const server = createServer()
  await listen(server, host, port)
  const { port: given } = server.address() as AddressInfo
  const own = placeOf(host, given)
  const hosts = [own, `localhost:${given}`]
  // What a browser leaves out.
  if (given === 80) hosts.push(...hosts.map((name) => name.slice(0, -':80'.length)))
  const gate: Gate = { token, hosts, files: new Set(files.keys()) }
  const house: House = { gate, files, daemon, captures: new Captures(daemon) }
  server.on('request', (request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    response.on('error', () => {}) // who asked has left
    answer(request, response, house).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else refuse(response, problemOf(error))
    })
  })
  return {
    address: `http://${own}/#${token}`,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      daemon.close()
      await closed
    },
  }
}

function placeOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen({ host, port })
    await once(server, 'listening')
  } catch (error) {
    const { errno = 0, code } = error as NodeJS.ErrnoException
    const absent = code === 'EADDRNOTAVAIL' && 'no interface has it: is lo up?'
    const hint = absent || 'take another port, or 0 for a free one'
    throw systemError(errno, 'listen', placeOf(host, port), hint)
  }
}

interface House {
  gate: Gate
  files: ReadonlyMap<string, File>
  daemon: Daemon
  captures: Captures
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { gate, files, daemon, captures }: House,
): Promise<void> {
  const { method = '', url = '', headers } = request
  const way = wayOf({ method, url, headers }, gate)
  switch (way.kind) {
    case 'file': {
      const { type, bytes } = files.get(way.path) as File
      response.writeHead(200, { 'content-type': type, 'content-length': bytes.length })
      response.end(method === 'HEAD' ? undefined : bytes)
      return
    }
    case 'order':
      return await giveOrder(way.name, request, response, daemon)
    case 'capture':
      if (way.order === 'begin') return await captures.begin(request, response)
      return captures[way.order](way.id, response)
    case 'refusal':
      if (way.allow !== undefined) response.setHeader('allow', way.allow)
      refuse(response, way.document)
  }
}
