// The daemon that is replaced: gives its pairs, its socket and its locks to a new process, or goes on as if nothing had
// been. Called by daemon.ts for POST /v1/handover; the other side is taker.ts.
//
//    giver (runs)                                   taker (new process)
//      | <-- POST /v1/handover: format, version ----- |  may it? otherwise a sentence, and nothing has happened
//      | --- connects to the taker's socket: the channel
//      | --- its options ---------------------------> |  starts its threads
//      | <-- begin ---------------------------------- |
//   asked: orders wait
//      | --- pair (descriptors), …, all ------------> |  adopts them; the giver still forwards
//      | <-- adopted -------------------------------- |
//   stopped: nobody forwards
//      | --- dossier, …, stopped -------------------> |  reads them
//      | <-- ready ---------------------------------- |
//      | --- go (socket, locks, log) ---------------> |  forwards, listens
//      | <-- taken ---------------------------------- |
//   gone: tells its listeners, and ends
//
// Before `taken` the channel's end is the end of it: the giver goes on from where it stopped. A taker that hears no `go` and
// finds the lock free has outlived its giver, and takes what has come.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { FrameReader, sendFrame } from '../channel.js'
import { invalid, ofNode, toWire, UvethError } from '../errors.js'
import { peerCredentials } from '../native.js'
import { descriptorOf, home } from '../orders/caller.js'
import { goOnAll, handed, leaveAll, lendAll, type Stopped, stopAll } from '../orders/hand-over.js'
import type { PairRegistry } from '../orders/handlers.js'
import { version } from '../version.js'
import { object, text, whole } from '../wishes/shape.js'

/** Of this conversation, and of dossiers: a taker understands its own and older ones. */
export const FORMAT = 1

const WISH = object(
  {
    format: whole(1, 1e6),
    version: text('a version'),
    netns: whole(1, Number.MAX_SAFE_INTEGER),
    notify: text('a path'),
    channel: text('a path'),
  },
  ['format', 'version', 'netns', 'channel'],
)

/** What the daemon does around it. */
export interface Giving {
  registry: PairRegistry
  /** Resolves when no order is being carried out, and none will be. */
  freeze(): Promise<void>
  /** Orders are carried out again. */
  thaw(): void
  /** Descriptors that go along with the last word, as the log does. */
  belongings(): Partial<Record<'socket' | 'metrics' | 'docker', number | undefined>> & { locks: number[] }
  /** It is over here; `pid` has it all. */
  gone(pid: number): Promise<void>
  failed(error: unknown): void
}

export class Giver {
  readonly #giving: Giving
  #busy = false

  constructor(giving: Giving) {
    this.#giving = giving
  }

  /** Refuses, or answers and begins. `from`: the connection that asks. */
  async ask(given: unknown, from: Socket, about: object): Promise<object> {
    const wish = WISH.read(given, '')
    const peer = peerCredentials(descriptorOf(from))
    const refusal = refusalOf(wish, peer)
    if (refusal !== undefined) throw refusal
    if (this.#busy) throw invalid('another process is taking over just now', undefined, 'EBUSY')
    this.#busy = true
    const channel = connect({ path: wish.channel })
    channel.pause() // what it brings is read by the FrameReader
    try {
      await once(channel, 'connect')
    } catch (error) {
      this.#end(error)
      throw ofNode(error)
    }
    channel.on('error', () => {}) // whoever reads it or writes to it finds out
    void this.#give(channel, peer.pid)
    return { format: FORMAT, version: version(), pid: process.pid, ...about }
  }

  #end(error?: unknown): void {
    this.#busy = false
    if (error !== undefined) this.#giving.failed(error)
  }

  async #give(channel: Socket, pid: number): Promise<void> {
    const { registry, freeze, thaw, belongings, gone } = this.#giving
    const socket = descriptorOf(channel)
    const reader = new FrameReader(socket)
    const stopped: Stopped[] = []
    try {
      await heard(reader, 'begin')
      await freeze()
      await lendAll(registry, socket)
      await sendFrame(socket, { say: 'all' })
      await heard(reader, 'adopted')
      const since = now()
      await stopAll(registry, stopped)
      for (const each of stopped) await sendFrame(socket, handed(each))
      await sendFrame(socket, { say: 'stopped', since })
      await heard(reader, 'ready')
      const { names, fds } = named(belongings())
      await sendFrame(socket, { say: 'go', names }, () => fds)
      await heard(reader, 'taken')
    } catch (error) {
      await goOnAll(stopped).catch(this.#giving.failed)
      thaw()
      await sendFrame(socket, { say: 'refused', error: toWire(error) }).catch(() => {}) // it may be gone
      reader.close()
      channel.destroy()
      return this.#end(error)
    }
    await leaveAll(stopped).catch(this.#giving.failed)
    await gone(pid).catch(this.#giving.failed)
  }
}

/** ms of a clock that all processes share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function named({ locks, ...servers }: ReturnType<Giving['belongings']>): { names: string[]; fds: number[] } {
  const held = locks.map((fd, at) => [`lock${at}`, fd] as const)
  const log = [
    ['stdout', process.stdout.fd],
    ['stderr', process.stderr.fd],
  ] as const
  const all = [...Object.entries(servers), ...held, ...log].filter(([, fd]) => fd !== undefined)
  return { names: all.map(([name]) => name), fds: all.map(([, fd]) => fd as number) }
}

async function heard(reader: FrameReader, word: string): Promise<void> {
  const frame = await reader.next()
  if (frame === undefined)
    throw new UvethError('ECONNRESET: the process that took over has ended', { code: 'ECONNRESET' })
  if ((frame.message as { say?: unknown }).say !== word)
    throw invalid(`it says ${JSON.stringify(frame.message)}, not ${word}`)
}

function refusalOf(
  { format, version: theirs, netns, notify }: ReturnType<typeof WISH.read>,
  { errno, uid, pid }: ReturnType<typeof peerCredentials>,
): UvethError | undefined {
  const ours = version()
  if (errno < 0 || (uid !== 0 && uid !== process.geteuid?.()))
    return invalid('only root, or the user that the daemon runs as, may replace it', undefined, 'EPERM')
  if (pid === 0) return invalid('it is in another pid namespace than the daemon', undefined, 'EPERM')
  if (format < FORMAT)
    return invalid(
      `the daemon (uveth ${ours}) is newer than this command (${theirs}), which would not understand its pairs`,
      undefined,
      'EPERM',
    )
  if (netns !== home().inode)
    return invalid(
      'the daemon stands in another network namespace: run this there (ip netns exec, nsenter -n)',
      undefined,
      'EPERM',
    )
  if (process.pid === 1)
    return invalid(
      'the daemon is the first process of its container, which ends with it: restart the container',
      undefined,
      'EBUSY',
    )
  if ((process.env.NOTIFY_SOCKET ?? '') !== (notify ?? ''))
    return invalid(
      'the daemon is a service, and is replaced by its manager: systemctl reload uveth',
      undefined,
      'EBUSY',
    )
  return undefined
}
