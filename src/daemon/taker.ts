// The process that takes a running daemon's place (`uveth daemon --replace`): asks it, adopts what it gives, and has its
// pairs forwarded. Called by daemon.ts, which listens and logs when this has returned. The steps are drawn in giver.ts.

import { unlinkSync } from 'node:fs'
import { request } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { FrameReader, sendFrame } from '../channel.js'
import { fromWire, invalid, UvethError, type WireError } from '../errors.js'
import { fdRelease, peerCredentials } from '../native.js'
import { descriptorOf, home } from '../orders/caller.js'
import { Adopted, type Handed, type Lent } from '../orders/hand-over.js'
import type { PairRegistry } from '../orders/handlers.js'
import { version } from '../version.js'
import { FORMAT, now } from './giver.js'
import { withSocketMode } from './socket-file.js'

/** ms. */
const FOR_GOOD = 1_000_000_000

/** What the daemon answers that is to be replaced. */
export interface Greeting {
  format: number
  version: string
  pid: number
  options: Record<string, unknown>
  journal?: string
}

/** What came with `go`, by its name; nothing where the giver died in front of it. */
export type Belongings = Map<string, number>

export interface Taken {
  belongings: Belongings
  /** ms that nobody forwarded for them; undefined where the giver died before it said since when. */
  paused: number | undefined
  /** It listens: the giver may go. */
  tell(): Promise<void>
}

interface Taking {
  socket: string
  registry: PairRegistry
  /** With the options of the daemon that runs: threads are started, and nothing else. */
  prepare(greeting: Greeting): Promise<void>
  /** In front of the last word: whatever may be refused yet. */
  check(): void
  /** The giver has died before it was done. Resolves when it is really gone, and its locks are ours. */
  outlived(): Promise<void>
}

type Said =
  | Lent
  | Handed
  | { say: 'all' }
  | { say: 'stopped'; since: number }
  | { say: 'go'; names: string[] }
  | { say: 'refused'; error: WireError }

/** Resolves when the pairs are ours, and forwarded. */
export async function takeOver(taking: Taking): Promise<Taken> {
  const path = `${taking.socket}.next`
  const listening = await listenAt(path)
  let channel: Socket
  try {
    const coming = comes(listening.server)
    const greeting = await ask(taking.socket, path)
    if (greeting.format > FORMAT)
      throw invalid(`the daemon (uveth ${greeting.version}) is newer than this command`)
    channel = await coming
    await taking.prepare(greeting)
  } finally {
    listening.close()
  }
  const lives = setInterval(() => {}, FOR_GOOD) // a socket that is not read by Node does not keep the process
  try {
    return await converse(channel, taking)
  } finally {
    clearInterval(lives)
  }
}

async function converse(channel: Socket, { registry, check, outlived }: Taking): Promise<Taken> {
  const socket = descriptorOf(channel)
  const reader = new FrameReader(socket)
  const adopted = new Adopted()
  let since: number | undefined
  const say = (word: string) => sendFrame(socket, { say: word })
  await say('begin')
  for (;;) {
    const frame = await reader.next()
    const said = frame?.message as Said | undefined
    switch (said?.say) {
      case 'pair': {
        const fds = frame?.fds ?? []
        for (const fd of fds) fdRelease(fd) // the link thread's from here on
        await adopted.adopt(said, fds)
        break
      }
      case 'all':
        await say('adopted')
        break
      case 'dossier':
        adopted.hear(said)
        break
      case 'stopped':
        since = said.since
        check()
        await say('ready')
        break
      case 'refused':
        throw fromWire(said.error)
      case 'go':
      case undefined: {
        if (said === undefined && adopted.heard === 0)
          throw new UvethError('ECONNRESET: the daemon has ended before it gave a pair', {
            code: 'ECONNRESET',
          })
        if (said === undefined) await outlived()
        await adopted.goOn(registry)
        const paused = since && now() - since
        const names = said?.names ?? []
        const belongings = names.map((name, at) => [name, frame?.fds[at] ?? -1] as const)
        for (const [, fd] of belongings) fdRelease(fd) // Node's from here on
        const tell = async () => {
          await say('taken').catch(() => {}) // it may have died
          channel.destroy()
        }
        return { belongings: new Map(belongings), paused, tell }
      }
    }
  }
}

async function listenAt(path: string): Promise<{ server: Server; close(): void }> {
  const remove = () => {
    try {
      unlinkSync(path)
    } catch {} // it is not there
  }
  remove() // left by one that was killed
  const server = createServer({ pauseOnConnect: true })
  const listens = () =>
    new Promise<void>((listening, failed) => server.once('error', failed).listen(path, listening))
  await withSocketMode(listens, 0o600)
  return { server, close: () => void server.close(remove) }
}

/** The daemon: root, as which it may run, or whoever we are. */
function comes(server: Server): Promise<Socket> {
  return new Promise((come) => {
    server.on('connection', (one) => {
      const { errno, uid } = peerCredentials(descriptorOf(one))
      if (errno < 0 || (uid !== 0 && uid !== process.geteuid?.())) one.destroy()
      else come(one)
    })
  })
}

function ask(socketPath: string, channel: string): Promise<Greeting> {
  const notify = process.env.NOTIFY_SOCKET
  const wish = { format: FORMAT, version: version(), netns: home().inode, channel, ...(notify && { notify }) }
  const bytes = Buffer.from(JSON.stringify(wish))
  const headers = { 'content-type': 'application/json', 'content-length': bytes.length }
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath, path: '/v1/handover', method: 'POST', headers, agent: false },
      async (answer) => {
        const parts: Buffer[] = []
        for await (const part of answer) parts.push(part as Buffer)
        const json = JSON.parse(Buffer.concat(parts).toString()) as Greeting & {
          detail?: string
          title: string
          code?: string
        }
        if (answer.statusCode === 200) resolve(json)
        else if (answer.statusCode === 404)
          reject(
            invalid(
              'the daemon is of a version that cannot be replaced: end it with uveth daemon --stop',
              undefined,
              'EOPNOTSUPP',
            ),
          )
        else reject(new UvethError(json.detail ?? json.title, { code: json.code ?? 'EPROTO' }))
      },
    )
    sent.once('error', reject)
    sent.end(bytes)
  })
}
