// Where copies of the descriptors of pairs are kept for the next run of this daemon: systemd's store of descriptors, or a
// holder (holder.ts), which says the same words (sd_notify(3), sd_listen_fds(3)). Which pair each belongs to stands in
// its name; what that pair is, in the file of wanted pairs, which is written before an order is answered: so there is
// one truth, and one that a kill in the middle of a writing leaves whole. Made by daemon.ts.

import { createHash } from 'node:crypto'
import type { Logger, Pair } from '../index.js'
import { closeFds, fdAdopt, sdNotify } from '../native.js'
import type { PairRegistry } from '../orders/handlers.js'
import type { RegistryEvent } from '../orders/registry.js'
import { type Descriptors, keep } from '../pair/hand-over.js'

/** The first descriptor that is handed to a process so. */
const LISTEN_FDS_START = 3
/** Longer ones are no names for systemd. */
const LONGEST_NAME = 255
/** Bytes of all names: they are one string of an environment, of which Linux takes 128 KiB (MAX_ARG_STRLEN). */
const LONGEST_NAMES = 130_000

/** What a pair has there. */
interface Kept {
  readonly names: readonly string[]
  /** It has been sent; before, there is room for it. */
  sent: boolean
}

/** `a0-x0`: of a pair whose id is x0, all queues of end a, then those of b. Names are ASCII without colons. */
function namesOf(id: string, queues: number): string[] {
  const ends = ['a', 'b'].flatMap((end) => Array.from({ length: queues }, (_, queue) => `${end}${queue}`))
  const text = encodeURIComponent(id)
  const short = text.length < LONGEST_NAME - 8 ? text : createHash('sha256').update(id).digest('hex')
  return ends.map((queue) => `${queue}-${short}`)
}

/** By their names; what came without one of ours is not ours. The variables are not for programs that we start. */
function given(env: NodeJS.ProcessEnv): Map<string, number> {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = env
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name]
  if (Number(LISTEN_PID) !== process.pid) return new Map()
  const names = LISTEN_FDNAMES.split(':').slice(0, Number(LISTEN_FDS))
  const numbered = names.map((name, index) => [name, LISTEN_FDS_START + index] as const)
  return new Map(numbered.filter(([name]) => /^[ab]\d+-./.test(name)))
}

export class Store {
  /** Descriptors of the run before that nobody has taken yet. */
  readonly #given: Map<string, number>
  readonly #path: string
  readonly #most: number
  readonly #logger: Logger
  readonly #kept = new Map<string, Kept>()
  #sending: Promise<unknown> = Promise.resolve()
  /** It gives up what it has when we end, and not before; a holder ends with us. */
  readonly outlives: boolean

  private constructor(env: NodeJS.ProcessEnv, path: string, logger: Logger) {
    this.#given = given(env)
    this.#path = path
    this.#most = Number(env.FDSTORE)
    this.outlives = env.UVETH_HOLDER === undefined
    this.#logger = logger
  }

  /** The one that this process was started with; undefined where there is none, or no room in it. */
  static find(logger: Logger, env = process.env): Store | undefined {
    const { NOTIFY_SOCKET: path = '', FDSTORE } = env
    return path === '' || !(Number(FDSTORE) > 0) ? undefined : new Store(env, path, logger)
  }

  /** All queues of both ends of a pair, if that many were kept; they are the caller's from now on. */
  take(id: string, queues: number): Descriptors | undefined {
    const names = namesOf(id, queues)
    const fds = names.flatMap((name) => this.#given.get(name) ?? [])
    if (fds.length < names.length) return undefined
    for (const name of names) this.#given.delete(name)
    return [fds.slice(0, queues), fds.slice(queues)]
  }

  giveUp(id: string, queues: number): void {
    for (const name of namesOf(id, queues)) this.#tell(`FDSTOREREMOVE=1\nFDNAME=${name}`)
  }

  /** From now on it has what the registry has. What was kept and nobody took is given up: its interfaces go. */
  async follow(registry: PairRegistry): Promise<void> {
    const queuesOf = (pair: Pair) => registry.byId(pair.id)?.wish.wish.queues ?? 1
    registry.on('event', ({ event, id }: RegistryEvent) => {
      const pair = registry.byId(id)?.pair
      if (event === 'added' && pair !== undefined) this.#keep(pair, queuesOf(pair))
      if (event === 'removed') this.#forget(id)
    })
    const left = [...this.#given]
    this.#given.clear()
    for (const [name] of left) this.#tell(`FDSTOREREMOVE=1\nFDNAME=${name}`)
    for (const [, fd] of left) fdAdopt(fd)
    if (left.length > 0)
      this.#logger.warn({ names: left.map(([name]) => name) }, 'kept for no pair, and given up')
    await new Promise<void>((done) =>
      closeFds(
        left.map(([, fd]) => fd),
        done,
      ),
    )
    for (const { pair } of registry.list()) this.#keep(pair, queuesOf(pair))
    await this.settled()
  }

  /** What there is now is kept. */
  async settled(): Promise<void> {
    await this.#sending
  }

  has(id: string): boolean {
    return this.#kept.get(id)?.sent ?? false
  }

  #keep(pair: Pair, queues: number): void {
    const names = namesOf(pair.id, queues)
    const all = [...this.#kept.values()].flatMap((kept) => kept.names).concat(names)
    if (all.length <= this.#most && all.join(':').length <= LONGEST_NAMES) {
      const kept = { names, sent: false }
      this.#kept.set(pair.id, kept)
      this.#sending = Promise.all([this.#sending, this.#send(pair, kept)])
    } else
      this.#logger.warn(
        { pair: pair.id, most: this.#most },
        'the store of descriptors is full: a pair is not kept',
      )
  }

  async #send(pair: Pair, kept: Kept): Promise<void> {
    try {
      await keep(pair, this.#path, kept.names)
      kept.sent = true
      if (pair.closed !== undefined) this.#forget(pair.id, kept)
    } catch (error) {
      this.#release(pair.id, kept)
      if (pair.closed === undefined)
        this.#logger.warn({ pair: pair.id, error: (error as Error).message }, 'a pair is not kept')
    }
  }

  /** What is on its way yet is given up when it has come. */
  #forget(id: string, kept = this.#kept.get(id)): void {
    if (kept === undefined) return
    if (kept.sent) for (const name of kept.names) this.#tell(`FDSTOREREMOVE=1\nFDNAME=${name}`)
    this.#release(id, kept)
  }

  /** Another pair may have the id by now. */
  #release(id: string, kept: Kept): void {
    if (this.#kept.get(id) === kept) this.#kept.delete(id)
  }

  /** What does not arrive is the descriptor of an interface that is no more. */
  #tell(text: string): void {
    const result = sdNotify(this.#path, text)
    if (result < 0)
      this.#logger.warn({ path: this.#path, errno: result }, 'the store of descriptors could not be told')
  }
}
