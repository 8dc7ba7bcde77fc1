// The listener for scrapes (`uveth daemon --metrics`): GET /metrics and GET /health, and nothing else, at a TCP address
// or a socket of its own, so that whoever may look need not be able to give orders. Started by daemon/daemon.ts. Reads
// no body, and gives no order to anything.

import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { take } from '../wishes/limits.js'
import { METRICS_TYPE, type MetricsPages } from './metrics.js'
import { PROBLEM_TYPE, type Problem, problem, problemOf, rawAnswer } from './problem.js'

export type ScrapeAddress = { path: string } | { host: string; port: number }

export interface Scrapes {
  /** `127.0.0.1:9823`, or a path. */
  readonly address: string
  /** That listens there, for another process. */
  readonly fd: number | undefined
  close(): Promise<void>
}

/** ms that a connection may be without a sign of life, so that those which stall keep nobody out. */
const PATIENCE = 60_000
/** Bytes of a request's head. */
const LONGEST_HEAD = 4096

export async function openScrapes(
  at: ScrapeAddress,
  metrics: MetricsPages,
  health: () => object,
  fd?: number,
): Promise<Scrapes> {
  const server = createServer({ maxHeaderSize: LONGEST_HEAD }, (request, response) =>
    answer(request, response, metrics, health),
  )
  server.timeout = PATIENCE
  server.prependListener('connection', admit)
  server.listen(fd === undefined ? at : { fd })
  await once(server, 'listening')
  const handle = (server as Server & { _handle?: { fd?: number } })._handle
  const address = 'path' in at ? at.path : addressOf(server)
  const closed = async () => {
    await close(server)
    if ('path' in at) rmSync(at.path, { force: true }) // who listens by a descriptor leaves it
  }
  return { address, fd: handle?.fd, close: closed }
}

/** One more than there may be is told so, and heard no further. */
function admit(socket: Socket): void {
  try {
    socket.once('close', take('scrapers'))
  } catch (error) {
    socket.on('error', () => {}) // it has gone
    socket.end(rawAnswer(problemOf(error)), () => socket.destroy())
  }
}

function answer(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  metrics: MetricsPages,
  health: () => object,
): void {
  if (response.socket?.writable !== true) return // it was not admitted
  const path = url.split('?')[0] ?? ''
  if (path !== '/metrics' && path !== '/health')
    return refuse(response, problem(404, `ENOENT: nothing is at ${path}: here are /metrics and /health`))
  if (method !== 'GET') {
    response.setHeader('allow', 'GET')
    return refuse(response, problem(405, `EOPNOTSUPP: ${path} takes GET, not ${method}`))
  }
  if (path === '/metrics') {
    response.writeHead(200, { 'content-type': METRICS_TYPE })
    pipeline(metrics.read(), response, () => {}) // who leaves early gets no more
  } else {
    response
      .writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(health()))
  }
}

function refuse(response: ServerResponse, document: Problem): void {
  response.writeHead(document.status, { 'content-type': PROBLEM_TYPE }).end(JSON.stringify(document))
}

function addressOf(server: Server): string {
  const { address: host, port, family } = server.address() as AddressInfo
  return family === 'IPv6' ? `[${host}]:${port}` : `${host}:${port}`
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
