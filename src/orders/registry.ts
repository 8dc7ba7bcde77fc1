// The daemon's pairs: id -> pair, what each was asked to be, and which pair a reference means. Used by
// orders/handlers.ts. Knows nothing of HTTP, netlink or files.

import { EventEmitter } from 'node:events'
import { tellAll } from '../apart.js'
import type { PairWish } from '../contract/ops.js'
import { invalid, UvethError } from '../errors.js'
import type { End, PairOptions } from '../index.js'
import { isCalled, isEndAt, parseInode, showInode, splitRef } from '../netns/names.js'
import type { Dossier } from '../pair/dossier.js'
import { adoptPair, type Descriptors, goOn } from '../pair/hand-over.js'
import { Pair } from '../pair/pair.js'
import { tunnelOf } from './wanted.js'

/** A pair and the wishes that it was made from, as they were sent. */
export interface Entry<Wish> {
  pair: Pair
  wish: Wish
  /** Times that carrier came or went, since it was made. */
  carrierChanges: number
}

/** What a reference means: a pair, and one of its ends when an interface was named. */
export interface Found<Wish> {
  entry: Entry<Wish>
  end?: End
}

export interface RegistryEvent {
  event:
    | 'added'
    | 'changed'
    | 'replaced'
    | 'removed'
    | 'carrier'
    | 'renamed'
    | 'moved'
    | 'state'
    | 'foreignQueues'
    | 'step'
  id: string
  [field: string]: unknown
}

interface RegistryEvents {
  event: [RegistryEvent]
}

export class Registry<Wish> extends EventEmitter<RegistryEvents> {
  readonly #entries = new Map<string, Entry<Wish>>()
  /** Pairs that are just being made again, by id (state.ts): who wants the id waits. None rejects. */
  readonly attempts = new Map<string, Promise<void>>()
  readonly #queues = new Map<string, Promise<unknown>>()
  /** Resolves when what was wanted up to now is kept where it outlives the process (orders/state.ts). */
  commit: () => Promise<void> = async () => {}

  /** No pair is made: all that there are go to another process. */
  frozen = false

  /** An end of a pair, or its addresses, is not as it was; it may say so in several events. */
  changed: () => void = () => {}

  /** Makes a pair and keeps it until it ends, by whomever. `from`: what an earlier one was, as which it goes on. */
  async add(wish: Wish, options: PairOptions, from?: Dossier): Promise<Entry<Wish>> {
    if (this.frozen) throw invalid('another process is taking over just now: ask again', undefined, 'EBUSY')
    return this.#enter(await Pair.create(options, undefined, from), wish)
  }

  /** Has a pair go on that an earlier process had, by its descriptors; they are given up where that fails. */
  async adopt(wish: Wish, made: PairWish, from: Dossier, fds: Descriptors): Promise<Entry<Wish>> {
    const { queues = 1, quiet = false } = made
    const pair = await adoptPair({ id: from.id, queues, quiet, ...tunnelOf(made) }, fds)
    try {
      await goOn(pair, from)
    } catch (error) {
      await pair.close()
      throw error
    }
    return this.#enter(pair, wish)
  }

  #enter(pair: Pair, wish: Wish): Entry<Wish> {
    const entry = { pair, wish, carrierChanges: 0 }
    this.#entries.set(pair.id, entry)
    this.tell({ event: 'added', id: pair.id, a: pair.a.name, b: pair.b.name })
    this.#follow(entry)
    return entry
  }

  /** One that was another process's: to those who listen, it was there all the time. */
  keep(entry: Entry<Wish>): void {
    this.#entries.set(entry.pair.id, entry)
    this.#follow(entry)
  }

  #follow(entry: Entry<Wish>): void {
    this.#hear(entry)
    Pair.follow(entry.pair, () => this.changed())
  }

  tell(event: RegistryEvent): void {
    tellAll(this, 'event', event)
  }

  list(): Entry<Wish>[] {
    return [...this.#entries.values()]
  }

  byId(id: string): Entry<Wish> | undefined {
    return this.#entries.get(id)
  }

  /**
   * The pair that `reference` means for a caller in the namespace `inode`. `id:ID` and `NAME@NETNS` (a name under
   * /run/netns, nothing for the daemon's own, or net:[inode]) are exact. A plain name is, in this order, an interface
   * in the caller's namespace, an id, an interface anywhere; an altname is a name. ENODEV: nothing; ENOTUNIQ: several interfaces elsewhere.
   */
  find(reference: string, inode: number): Found<Wish> {
    const found = reference.startsWith('id:')
      ? this.#withId(reference.slice(3))
      : this.#named(reference, inode)
    if (found === undefined) throw noDevice(this.#describe(reference))
    return found
  }

  knows(reference: string, inode: number): boolean {
    try {
      return this.find(reference, inode) !== undefined
    } catch (error) {
      return (error as UvethError).code !== 'ENODEV'
    }
  }

  /** The interface that is called so in the namespace with this inode, and its pair. */
  at(name: string, inode: number): Found<Wish> | undefined {
    return this.#ends((end) => isEndAt(end, name, inode))[0]
  }

  /**
   * Before something is said not to be there: of interfaces that are down the kernel does not tell what more names they
   * have got.
   */
  async lookAgain(): Promise<void> {
    const down = this.#ends((end) => !end.isUp)
    await Promise.allSettled(down.map(({ end }) => end?.set({})))
  }

  /** Runs works of the same key one after the other. */
  async inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(key) ?? Promise.resolve()
    const mine = before.catch(() => {}).then(work)
    this.#queues.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#queues.get(key) === mine) this.#queues.delete(key)
    }
  }

  /** Removes every pair, all at once, but those that stay; answers how many there were. */
  async clear(stays: (id: string) => boolean = () => false): Promise<number> {
    const going = this.list().filter(({ pair }) => !stays(pair.id))
    await Promise.all(going.map(({ pair }) => pair.close()))
    return going.length
  }

  /** With the name of the namespace, where a number stands for one that has ends. */
  #describe(reference: string): string {
    const { name, place = '' } = splitRef(reference) ?? {}
    if (parseInode(place) === undefined) return `pair or interface '${reference}'`
    const [there] = this.#ends((end) => showInode(end.netnsInode) === place)
    return `interface '${name}' in ${there?.end?.netns ?? place}`
  }

  #withId(id: string): Found<Wish> | undefined {
    const entry = this.#entries.get(id)
    return entry && { entry }
  }

  #named(name: string, inode: number): Found<Wish> | undefined {
    const far = splitRef(name)
    if (far !== undefined) {
      const isThere = (end: End) => placeOf(end) === far.place || showInode(end.netnsInode) === far.place
      const [exact] = this.#ends((end) => isCalled(end, far.name) && isThere(end))
      if (exact !== undefined) return exact
    }
    const here = this.at(name, inode)
    const elsewhere = here === undefined ? this.#ends((end) => isCalled(end, name)) : []
    const chosen = here ?? this.#withId(name) ?? elsewhere[0]
    if (chosen === elsewhere[0] && elsewhere.length > 1) throw ambiguous(name, elsewhere)
    return chosen
  }

  #ends(wanted: (end: End) => boolean): Found<Wish>[] {
    return this.list().flatMap((entry) =>
      [entry.pair.a, entry.pair.b].filter(wanted).map((end) => ({ entry, end })),
    )
  }

  #hear(entry: Entry<Wish>): void {
    const { pair } = entry
    const { id } = pair
    const side = (end: End) => (end === pair.a ? 'a' : 'b')
    const tell = (event: RegistryEvent) => this.tell(event)
    pair.on('carrier', ({ on }) => {
      entry.carrierChanges++
      tell({ event: 'carrier', id, on })
    })
    pair.on('renamed', ({ end, ...fields }) => tell({ event: 'renamed', id, end: side(end), ...fields }))
    pair.on('moved', ({ end, ...fields }) => tell({ event: 'moved', id, end: side(end), ...fields }))
    pair.on('state', ({ end, ...fields }) =>
      tell({ event: 'state', id, end: side(end), name: end.name, ...fields }),
    )
    pair.on('foreignQueues', ({ end, count }) => tell({ event: 'foreignQueues', id, end: side(end), count }))
    pair.on('step', ({ end, ...fields }) => tell({ event: 'step', id, end: side(end), ...fields }))
    const ended = (reason: string, why: { message?: string } = {}) => {
      this.#entries.delete(id)
      tell({ event: 'removed', id, reason, ...why })
    }
    if (pair.closed === undefined)
      pair.once('closed', ({ reason, message }) => ended(reason, message === undefined ? {} : { message }))
    else ended(pair.closed)
  }
}

/** How an end's namespace is written behind the `@`: empty for the daemon's own. */
function placeOf(end: End): string {
  return end.netns ?? ''
}

function noDevice(what: string): UvethError {
  return new UvethError(`ENODEV: no ${what}`, { code: 'ENODEV', attribute: 'ref' })
}

function ambiguous(name: string, candidates: Found<unknown>[]): UvethError {
  const names = candidates.map(({ entry, end }) => `id:${entry.pair.id} (${name}@${end ? placeOf(end) : ''})`)
  const message = `ENOTUNIQ: '${name}' is ambiguous: ${names.join(', ')}`
  return new UvethError(message, { code: 'ENOTUNIQ', attribute: 'ref' })
}
