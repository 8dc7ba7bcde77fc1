// HTTP/JSON on the control socket: routes, schemas and the OpenAPI document come from the table of
// operations (contract/ops.ts), dispatch.ts answers each. Started by daemon/daemon.ts. Every answer that is not
// a success is a problem document, and nothing that a client sends ends the daemon.

import type { Socket } from 'node:net'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { bodyOf, calledIn, queryOf } from '../contract/bodies.js'
import { OPS, type Op, type OpName, WARNING_HEADER } from '../contract/ops.js'
import { UvethError } from '../errors.js'
import type { Caller } from '../orders/caller.js'
import { asCaller } from '../orders/caller.js'
import { Orders, type PairRegistry } from '../orders/handlers.js'
import { keepTo } from '../wishes/limits.js'
import { checked } from '../wishes/shape.js'
import { CaptureStreams } from './capture-stream.js'
import { Clients } from './clients.js'
import { type Answer, type Answers, answersOf, type DaemonFace } from './dispatch.js'
import { Events } from './events.js'
import { METRICS_TYPE, type MetricsPages, openMetrics } from './metrics.js'
import { schemaOf } from './openapi.js'
import { PROBLEM_TYPE, problem, problemOf, rawAnswer } from './problem.js'

/** Bytes of a body. An order is some hundred, but for traces of rates (wishes/tables.ts): up to 2.3 MB each. */
const BODY_LIMIT = 4 << 20
/** Characters of a name in a path, percent-encoded: an interface name, `@` and a file name fit. */
const LONGEST_REF = 1024

/** ms that requests on their way get to be answered when another process listens. */
const LAST_ANSWERS = 50
/** ms: some eleven days. */
const FOR_GOOD = 1_000_000_000

export interface HttpServer {
  /** At a path, or on a socket that listens already, by its descriptor. */
  listen(at: string | number): Promise<void>
  /** That socket, for another process. */
  readonly fd: number | undefined
  /** Another process listens on it: nobody new is heard here, and whoever is still connected is told to ask again. */
  leave(): Promise<void>
  /** True while orders are being carried out. */
  readonly busy: boolean
  /** Resolves when every order that was being carried out has been answered. */
  settled(): Promise<void>
  /** What /metrics says, for a listener of its own (scrape.ts). */
  readonly metrics: MetricsPages
  close(): Promise<void>
}

export async function openHttp(registry: PairRegistry, daemon: DaemonFace): Promise<HttpServer> {
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    // Local clients keep their connection for as long as they live.
    keepAliveTimeout: FOR_GOOD,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: LONGEST_REF },
    clientErrorHandler: answerGarbage,
    frameworkErrors: (error, _, reply) => void send(reply, problemOf(error)),
  })
  // A client that has said all it has to say, and closed its side, still gets its answer.
  Object.assign(app.server, { httpAllowHalfOpen: true })
  // The schemas are for the document: what is asked is checked by the shapes that they come from.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  acceptJson(app)
  refuseWhileEnding(app, daemon)
  const running = new Running()
  const { version } = daemon.version() as { version: string }
  app.addHook('onRequest', async (_, reply) => void reply.header('server', `uveth/${version}`))
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'uveth', version, description: 'Virtual Ethernet cables' } },
  })
  app.setErrorHandler((error, request, reply) => {
    const document = problemOf(error)
    if (document.status >= 500) daemon.failed(error, `${request.method} ${request.url}`)
    return send(reply, document)
  })
  app.setNotFoundHandler((request, reply) => send(reply, notFound(request, reply)))
  const events = new Events(registry)
  const captures = new CaptureStreams()
  const answers = answersOf(daemon, events, captures)
  const clients = new Clients()
  const during: During = (name, socket, order) =>
    // They may last for days: an ending daemon does not wait for them.
    clients.during(socket, ['pair.flap', 'end.replay'].includes(name) ? order : () => running.during(order))
  await addRoutes(app, answers, { registry, daemon, during })
  const route = { schema: { hide: true } }
  app.post('/v1/handover', route, async ({ body, raw }) => daemon.handOver?.(body, raw.socket))
  let listening: number | undefined
  const metrics = openMetrics(registry, () => ({
    waiting: events.waiting,
    lost: daemon.lostLines ?? 0,
    refused: daemon.refusedOverNetlink ?? 0,
  }))
  app.get('/metrics', { schema: { hide: true } }, (_, reply) => reply.type(METRICS_TYPE).send(metrics.read()))
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  app.addHook('preClose', async () => {
    events.close()
    await captures.close()
  })
  return {
    listen: async (at) => {
      await listenOn(app, typeof at === 'number' ? { fd: at } : { path: at })
      if (typeof at === 'number') listening = at
    },
    get fd() {
      return listening
    },
    leave: () => leave(app),
    get busy() {
      return running.some
    },
    settled: () => running.none(),
    metrics,
    close: () => app.close(),
  }
}

async function listenOn(app: FastifyInstance, at: { fd: number } | { path: string }): Promise<void> {
  await app.ready()
  await new Promise<void>((listens, failed) => {
    app.server.once('error', failed).listen(at, listens)
  })
}

async function leave(app: FastifyInstance): Promise<void> {
  app.server.close()
  await new Promise((done) => setTimeout(done, LAST_ANSWERS))
  await app.close()
}

/** Orders about one pair are given from somewhere; the others are answered wherever one is. */
function hasCaller(name: OpName): boolean {
  return makes(name) || OPS[name].path.includes('{ref}')
}

/** Ends may be made in the caller's namespace. */
function makes(name: OpName): boolean {
  return name === 'pair.add' || name === 'pair.put' || name === 'shim'
}

type During = (name: OpName, socket: Socket, order: () => Promise<unknown>) => Promise<unknown>

interface House {
  registry: PairRegistry
  daemon: DaemonFace
  during: During
}

async function addRoutes(app: FastifyInstance, answers: Answers, house: House): Promise<void> {
  const add = (to: FastifyInstance, name: OpName) =>
    addRoute(to, name, answers[name] as Answer<unknown>, house)
  const names = Object.keys(OPS) as OpName[]
  const streams = names.filter((name) => (OPS[name] as Op).stream !== undefined)
  for (const name of names) if (!streams.includes(name)) add(app, name)
  await app.register(async (scope) => {
    acceptBytes(scope)
    for (const name of streams) add(scope, name)
  })
}

function addRoute(
  app: FastifyInstance,
  name: OpName,
  answer: Answer<unknown>,
  { registry, daemon, during }: House,
): void {
  const op: Op = OPS[name]
  const nowhere: Caller = { netns: null, inode: 0 }
  app.route({
    method: op.method,
    url: op.path.replace(/\{(\w+)\}/g, ':$1'),
    schema: schemaOf(name, op),
    handler: async (request, reply) => {
      const { ref = '', id = '' } = request.params as { ref?: string; id?: string }
      const query = checked(queryOf(name), request.query)
      const shape = bodyOf(name)
      const body = shape && checked(shape, request.body === undefined ? {} : request.body, calledIn(name))
      const warnings: string[] = []
      const warn = (sentence: string) => void warnings.push(sentence)
      const give = async (caller: Caller) => {
        const orders = new Orders(registry, caller, warn)
        if (op.refuses.includes('ENODEV')) await orders.know(ref)
        return await answer({ orders, ref, id, query, body, reply })
      }
      reply.code(op.status)
      const header = request.headers['uveth-netns'] as string | undefined
      const { socket } = request.raw
      const keeping = makes(name) ? 'kept' : 'looked at'
      const order = () => (hasCaller(name) ? asCaller(socket, header, keeping, give) : give(nowhere))
      const value = await during(name, socket, order)
      if (op.method !== 'GET' && daemon.unkept !== undefined) warn(daemon.unkept)
      if (warnings.length > 0) reply.header(WARNING_HEADER, escaped(warnings.join('; ')))
      if (value === null) reply.type('application/json; charset=utf-8').send('null')
      else if (!reply.sent) reply.send(value)
      return reply
    },
  })
}

/** Percent-encoded where a header may not hold it. */
function escaped(text: string): string {
  return text.replace(/[^ -$&-~]+/g, (part) =>
    Buffer.from(part).reduce((all, byte) => `${all}%${byte.toString(16).padStart(2, '0')}`, ''),
  )
}

/** JSON in strict UTF-8. Where a body may stand, none means {}. */
function acceptJson(app: FastifyInstance): void {
  const types = ['application/json', 'application/merge-patch+json']
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(types, { parseAs: 'buffer' }, (_, bytes, done) => {
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes as Buffer)
      keepTo('nesting', depthOf(text))
      done(null, text === '' ? undefined : JSON.parse(text))
    } catch (error) {
      if (error instanceof UvethError) return done(error)
      done(Object.assign(new Error(`the body is no JSON: ${(error as Error).message}`), { statusCode: 400 }))
    }
  })
}

/**
 * Of whatever type, as they come: the order reads them. The connection is the client's to close: closed here while he is
 * still sending, an answer would not arrive.
 */
function acceptBytes(app: FastifyInstance): void {
  app.addHook('onRequest', async (_, reply) => void reply.header('connection', 'keep-alive'))
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_, bytes, done) => done(null, bytes))
}

/** How deep objects and arrays stand in each other, in what may be JSON. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') quoted = !quoted
    else if (quoted && char === '\\') at++
    else if (quoted) continue
    else if (char === '[' || char === '{') deepest = Math.max(deepest, ++depth)
    else if (char === ']' || char === '}') depth--
  }
  return deepest
}

function refuseWhileEnding(app: FastifyInstance, daemon: DaemonFace): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'GET') await daemon.admitted?.()
    if (!daemon.ending) return
    if (!daemon.replaced) return send(reply, problem(503, 'ESHUTDOWN: the daemon is ending'))
    reply.header('retry-after', '0').header('connection', 'close')
    return send(reply, problem(503, 'EAGAIN: another process has taken the place of this daemon: ask again'))
  })
}

/** Orders that are being carried out. */
class Running {
  #orders = 0
  #waiting: (() => void)[] = []

  get some(): boolean {
    return this.#orders > 0
  }

  async during<T>(order: () => Promise<T>): Promise<T> {
    this.#orders++
    try {
      return await order()
    } finally {
      this.#orders--
      // The answer is written in the turn that follows.
      if (this.#orders === 0) setImmediate(() => this.#tell())
    }
  }

  async none(): Promise<void> {
    if (this.#orders > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #tell(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting = []
  }
}

function notFound({ method, url }: FastifyRequest, reply: FastifyReply) {
  const path = url.split('?')[0] ?? ''
  const same = Object.values(OPS).filter((op) => patternOf(op.path).test(path))
  const allowed = same.map((op) => op.method)
  if (['/metrics', '/openapi.json'].includes(path)) allowed.push('GET')
  if (allowed.length === 0) return problem(404, `ENOENT: nothing is at ${path}: see /openapi.json`)
  reply.header('allow', allowed.join(', '))
  return problem(405, `EOPNOTSUPP: ${path} takes ${allowed.join(', ')}, not ${method}`)
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
}

function send(reply: FastifyReply, document: ReturnType<typeof problem>): FastifyReply {
  return reply.code(document.status).type(PROBLEM_TYPE).send(JSON.stringify(document))
}

/** What is not even HTTP. */
function answerGarbage(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  socket.end(rawAnswer(problem(status, `the request is no HTTP: ${error.message}`)))
}
