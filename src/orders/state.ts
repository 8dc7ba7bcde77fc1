// The file of wanted pairs (`uveth daemon --state`): written whenever they change, before the order
// is answered, and soon after others have changed an end; read at the next start. A pair that cannot be made then stays wanted, is reported, and
// is tried again: at once when a namespace appears, and from time to time. Used by daemon.ts.

import { type FSWatcher, watch } from 'node:fs'
import { UvethError } from '../errors.js'
import { NETNS_DIRECTORY, pathOfName } from '../netns/names.js'
import { nameOf } from '../netns/open.js'
import { replaceOwn } from '../own-file.js'
import { withoutDevices, writeDossier } from '../pair/dossier.js'
import type { Descriptors } from '../pair/hand-over.js'
import { Pair } from '../pair/pair.js'
import type { Logger } from '../wishes/end.js'
import type { Caller } from './caller.js'
import { asNamespace, home } from './caller.js'
import { Orders, type PairRegistry } from './handlers.js'
import type { Entry, RegistryEvent } from './registry.js'
import { isOver, readState, type Saved } from './state-file.js'
import { pinned, type SentWish } from './wanted.js'

/** ms between attempts: a name may be free a moment later; a namespace may never come. */
const FIRST_RETRY = 100
const LAST_RETRY = 10_000
/** ms that changes by others are gathered for; and at least so many times what the last writing took. */
const GATHER = 200
const SHARE = 10

type DossierOf = (pair: Pair, wishes: Saved['wishes']) => Saved | Promise<Saved>

/** Who has kept descriptors of pairs that an earlier process had. */
export interface Kept {
  take(id: string, queues: number): Descriptors | undefined
  /** What was taken is of no use. */
  giveUp(id: string, queues: number): void
}

interface Pending {
  saved: Saved
  /** Why it could not be made. */
  error: string
}

export class State {
  readonly #path: string
  readonly #registry: PairRegistry
  readonly #logger: Logger
  readonly #kept: Kept | undefined
  readonly #pending = new Map<string, Pending>()
  /** What the file says, or will as soon as it is written. */
  #known = new Map<string, Saved>()
  #from = new WeakMap<SentWish, string | null>()
  #writing: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined
  #closed = false
  #delay = FIRST_RETRY
  #timer: NodeJS.Timeout | undefined
  #rewrite: NodeJS.Timeout | undefined
  #soon: NodeJS.Timeout | undefined
  /** ms that the last writing took. */
  #took = 0
  #watcher: FSWatcher | undefined
  #problem: Error | undefined

  private constructor(path: string, registry: PairRegistry, logger: Logger, kept: Kept | undefined) {
    this.#kept = kept
    this.#path = path
    this.#registry = registry
    this.#logger = logger
  }

  /** Reads the file and makes its pairs; resolves when each has been tried once. */
  static async open(path: string, registry: PairRegistry, logger: Logger, kept?: Kept): Promise<State> {
    const state = new State(path, registry, logger, kept)
    const missing = readState(path).filter(({ id }) => registry.byId(id) === undefined)
    for (const saved of missing) state.#pending.set(saved.id, { saved, error: 'not tried yet' })
    registry.commit = () => state.#save()
    registry.on('event', (event) => state.#hear(event))
    registry.changed = () => state.#saveSoon()
    await state.#save()
    // Later it is reported; now there is somebody to refuse it to. A full disk may have room again.
    if (state.#problem !== undefined && !isFull(state.#problem)) throw state.#problem
    await state.#retry()
    return state
  }

  /** For `health`. */
  view(): object {
    const pending = [...this.#pending].map(([id, { error }]) => ({ id, error }))
    return { file: this.#path, pending, ...(this.#problem !== undefined && { error: this.#problem.message }) }
  }

  /** Why the orders of late are not in the file; what they have ordered is in force. */
  get unkept(): string | undefined {
    return (
      this.#problem && `not kept in '${this.#path}', a restart will not know of it: ${this.#problem.message}`
    )
  }

  get waits(): boolean {
    return this.#pending.size > 0
  }

  get wellKept(): boolean {
    return this.#problem === undefined && this.#pending.size === 0
  }

  /** Gives up a pair that could not be made, or is being made just now; false if `ref` is not its id. */
  async forget(ref: string): Promise<boolean> {
    const id = ref.startsWith('id:') ? ref.slice(3) : ref
    if (!this.#pending.has(id)) return false
    await this.#registry.attempts.get(id)
    await this.#registry.byId(id)?.pair.close()
    await this.#drop(id)
    return true
  }

  async #drop(id: string): Promise<void> {
    this.#pending.delete(id)
    await this.#save()
  }

  /** What happens from now on is not wanted: the pairs stay in the file. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    clearTimeout(this.#rewrite)
    clearTimeout(this.#soon)
    this.#watcher?.close()
    await Promise.all(this.#registry.attempts.values())
    this.#closed = true
    await this.#writing
    // Once more, for what was counted, and how far each impairment has come: nothing is forwarded any more.
    await this.#write((pair, wishes) => Pair.suspend(pair, wishes).catch(() => Pair.dossier(pair, wishes)))
    clearTimeout(this.#timer)
    clearTimeout(this.#rewrite)
  }

  /** The file is another process's from here on, as it is. */
  leave(): void {
    this.#closed = true
    for (const timer of [this.#timer, this.#rewrite, this.#soon]) clearTimeout(timer)
    this.#watcher?.close()
  }

  #hear({ event, id, reason }: RegistryEvent): void {
    if (this.#closed) return
    if (event === 'added') this.#pending.delete(id)
    if (event !== 'removed') return
    const saved = this.#known.get(id)
    // A pair that our own failure has ended is still wanted.
    if (reason === 'failed' && saved !== undefined) {
      this.#pending.set(id, { saved, error: 'its threads failed' })
      this.#schedule()
    }
    void this.#save()
  }

  /** Tries every pending pair once, side by side. */
  async #retry(): Promise<void> {
    const { attempts } = this.#registry
    if (attempts.size > 0 || this.#closed) return
    for (const [id, pending] of this.#pending) attempts.set(id, this.#make(pending))
    await Promise.all(attempts.values())
    attempts.clear()
    this.#schedule()
  }

  async #make(pending: Pending): Promise<void> {
    const { id, wishes } = pending.saved
    const { from, sent, since } = wishes
    try {
      await asFrom(from, async (caller) => {
        const wish = { wish: { ...sent, id }, inode: caller.inode, since: structuredClone(since) }
        return (
          (await this.#adopt(wish, pending.saved)) ||
          new Orders(this.#registry, caller).makePair(wish, pending.saved)
        )
      })
      this.#logger.info({ pair: id }, 'pair restored')
    } catch (error) {
      const known = error instanceof UvethError
      const why = known ? error.message : `internal error: ${(error as Error).message}; the log has it`
      if (!known) this.#logger.warn({ pair: id, err: error }, 'a pair that could not be restored')
      if (isOver(pending.saved)) return await this.#giveUp(id, why)
      if (why !== pending.error) this.#logger.warn({ pair: id, error: why }, 'pair could not be restored')
      pending.error = why
    }
  }

  async #giveUp(id: string, error: string): Promise<void> {
    this.#logger.info({ pair: id, error }, 'a pair whose container has gone is not wanted any more')
    await this.#drop(id)
  }

  /**
   * Where its descriptors were kept it is there already, and goes on; or it was ended from outside while nobody looked,
   * and is not wanted any more. False where it is to be made.
   */
  async #adopt(wish: SentWish, saved: Saved): Promise<boolean> {
    const { id } = saved
    const { queues = 1 } = wish.wish
    const fds = this.#kept?.take(id, queues)
    if (fds === undefined) return false
    try {
      await this.#registry.adopt(wish, wish.wish, saved, fds)
    } catch (error) {
      this.#kept?.giveUp(id, queues)
      this.#logger.warn({ pair: id, error: (error as Error).message }, 'what was kept of a pair is of no use')
      if ((error as { code?: string }).code !== 'ENODEV') return false
      this.#pending.delete(id)
    }
    await this.#registry.commit()
    return true
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#closed || this.#pending.size === 0) return
    this.#watcher ??= watchNamespaces(() => {
      this.#delay = FIRST_RETRY
      this.#schedule()
    })
    this.#timer = setTimeout(() => void this.#retry(), this.#delay)
    this.#delay = Math.min(2 * this.#delay, LAST_RETRY)
  }

  /** Resolves when the file says what is wanted now. Orders that come meanwhile share the next writing. */
  #save(): Promise<void> {
    if (this.#closed) return this.#writing
    this.#next ??= this.#writing.then(async () => {
      this.#next = undefined
      if (!this.#closed) await this.#write(Pair.dossier)
    })
    this.#writing = this.#next
    return this.#next
  }

  /** The file follows what others do to ends: not each of their steps, which may be many. */
  #saveSoon(): void {
    if (this.#closed) return
    this.#soon ??= setTimeout(() => void this.#save(), Math.max(GATHER, SHARE * this.#took)).unref()
  }

  async #write(dossierOf: DossierOf): Promise<void> {
    clearTimeout(this.#rewrite)
    clearTimeout(this.#soon)
    this.#soon = undefined
    const begun = performance.now()
    const present = await Promise.all(this.#registry.list().map((entry) => this.#saved(entry, dossierOf)))
    const pending = [...this.#pending.values()].map(({ saved }) => saved)
    this.#known = new Map([...pending, ...present].map((saved) => [saved.id, saved]))
    try {
      const pairs = [...this.#known.values()].map(writeDossier)
      await replaceOwn(this.#path, `${JSON.stringify({ pairs })}\n`)
      this.#problem = undefined
      this.#took = performance.now() - begun
    } catch (error) {
      this.#problem = error as Error
      this.#logger.warn({ error: this.#problem.message }, 'the wanted pairs could not be written down')
      this.#rewrite = setTimeout(() => void this.#save(), LAST_RETRY).unref()
    }
  }

  async #saved({ pair, wish }: Entry<SentWish>, dossierOf: DossierOf): Promise<Saved> {
    const from = this.#from.get(wish) ?? nameOf(wish.inode)
    this.#from.set(wish, from)
    const { a, b } = wish.since
    // Others may have renamed an end, or moved it.
    const since = { ...wish.since, a: pinned(a, pair.a), b: pinned(b, pair.b) }
    return withoutDevices(await dossierOf(pair, { from, sent: wish.wish, since }))
  }
}

/** Both ends' namespaces are in the wishes, so a vanished `from` is no reason to fail. */
async function asFrom<T>(from: string | null, order: (caller: Caller) => Promise<T>): Promise<T> {
  let opened = false
  try {
    if (from === null) return await order(home())
    return await asNamespace(pathOfName(from), (caller) => {
      opened = true
      return order(caller)
    })
  } catch (error) {
    if (from === null || opened) throw error
    return await order({ netns: null, inode: 0 })
  }
}

function isFull({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT'
}

function watchNamespaces(appeared: () => void): FSWatcher | undefined {
  try {
    return watch(NETNS_DIRECTORY, { persistent: false }, appeared).on('error', () => {})
  } catch {
    return undefined // nobody has run `ip netns add` here yet: the timer has to do
  }
}
