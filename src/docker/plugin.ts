// The driver's socket: the engine finds a network driver by the name of a socket under /run/docker/plugins and speaks
// HTTP to it, one POST for each method. Started by daemon/daemon.ts. Refusals are sentences in `Err`; an unknown method
// is 404, which the engine takes for "not needed here"; nothing that comes ends the daemon.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { invalid, UvethError } from '../errors.js'
import { type Around, Driver } from './driver.js'

const TYPE = 'application/vnd.docker.plugins.v1.2+json'
/** Bytes of a request; the engine's have some thousand. */
const LONGEST_BODY = 1 << 20

type Method = (driver: Driver, given: unknown) => Promise<object> | object

const METHODS: Readonly<Record<string, Method>> = {
  '/Plugin.Activate': () => ({ Implements: ['NetworkDriver'] }),
  '/NetworkDriver.GetCapabilities': () => ({ Scope: 'local', ConnectivityScope: 'local' }),
  '/NetworkDriver.CreateNetwork': (driver, given) => driver.createNetwork(given),
  '/NetworkDriver.DeleteNetwork': (driver, given) => driver.deleteNetwork(given),
  '/NetworkDriver.CreateEndpoint': (driver, given) => driver.createEndpoint(given),
  '/NetworkDriver.EndpointOperInfo': (driver, given) => driver.operInfo(given),
  '/NetworkDriver.DeleteEndpoint': (driver, given) => driver.deleteEndpoint(given),
  '/NetworkDriver.Join': (driver, given) => driver.join(given),
  '/NetworkDriver.Leave': (driver, given) => driver.leave(given),
  '/NetworkDriver.ProgramExternalConnectivity': (driver, given) => driver.external(given),
  '/NetworkDriver.RevokeExternalConnectivity': (driver, given) => driver.internal(given),
  '/NetworkDriver.DiscoverNew': () => ({}),
  '/NetworkDriver.DiscoverDelete': () => ({}),
}

/** What the plugin needs of the daemon, beside the driver's. */
export interface PluginHost extends Around {
  daemon: Around['daemon'] & {
    /** Resolves when orders are carried out. */
    admitted(): Promise<void>
    /** Something that nobody expected. */
    failed(error: unknown, request: string): void
  }
}

export interface Plugin {
  /** When the pairs have been made again. */
  listen(): Promise<void>
  /** That listens, for another process. */
  readonly fd: number
  /** Resolves when every call that was being carried out has been answered, and nothing is left to be done of any. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** `fd` listens; `path` is the file of networks. */
export async function openPlugin(host: PluginHost, path: string, fd: number): Promise<Plugin> {
  const driver = await Driver.open(host, path)
  const running = new Set<Promise<void>>()
  const during = async (work: () => Promise<void>) => {
    const worked = work()
    const done = worked.catch(() => {}) // it is answered
    running.add(done)
    await worked.finally(() => running.delete(done))
  }
  const server = createServer((request, response) => void answer(driver, host, during, request, response))
  return {
    fd,
    listen: async () => {
      await driver.begin()
      server.listen({ fd })
      await once(server, 'listening')
    },
    settled: async () => {
      await Promise.all(running)
      await driver.settled()
    },
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  driver: Driver,
  { daemon }: PluginHost,
  during: (work: () => Promise<void>) => Promise<void>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const name = request.url ?? ''
  try {
    const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined
    if (method === undefined) return say(response, 404, { Err: `ENOENT: uveth has no ${name}` })
    if (request.method !== 'POST')
      return say(response, 405, { Err: `EOPNOTSUPP: ${name} takes POST, not ${request.method}` })
    const given = await bodyOf(request)
    // From here on others wait for it: it has all come.
    await during(async () => {
      await daemon.admitted()
      say(response, 200, await method(driver, given))
    })
  } catch (error) {
    const known = error instanceof UvethError
    if (!known) daemon.failed(error, name)
    say(response, known ? 400 : 500, {
      Err: known ? error.message : 'internal error; the log of uveth has it',
    })
  }
}

function say(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': TYPE }).end(`${JSON.stringify(value)}\n`)
}

/** Undefined for none. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const part of request.setEncoding('utf8')) {
    text += part
    if (text.length > LONGEST_BODY)
      throw invalid(`a request has at most ${LONGEST_BODY} bytes`, undefined, 'E2BIG')
  }
  try {
    return text.trim() === '' ? undefined : JSON.parse(text)
  } catch {
    throw invalid('the request is no JSON')
  }
}
