// What a daemon says of its pairs to the one that takes them over, over a channel (channel.ts), and how that makes them
// its own. The steps and their order stand in daemon/giver.ts; what a pair is made of, in pair/hand-over.ts.

import { UvethError } from '../errors.js'
import { nameOf } from '../netns/open.js'
import { type Dossier, readDossier, writeDossier } from '../pair/dossier.js'
import { adoptPair, goOn, leave, lend } from '../pair/hand-over.js'
import { Pair } from '../pair/pair.js'
import type { PairRegistry } from './handlers.js'
import type { Entry } from './registry.js'
import { type SentWish, type Tunnelled, tunnelOf } from './wanted.js'

export { startThreads } from '../pair/hand-over.js'

/** In front of a pair's descriptors: all that is to be known to adopt them. */
export interface Lent {
  say: 'pair'
  id: string
  queues: number
  quiet: boolean
  b?: Tunnelled['b']
  /** As it is while it is forwarded yet: what is not understood is refused before anything stops. */
  preview?: object
}

/** A pair that nobody forwards for any more. */
export interface Handed {
  say: 'dossier'
  dossier: object
  inode: number
  carrierChanges: number
}

export interface Stopped {
  entry: Entry<SentWish>
  dossier: Dossier
}

/** Sends the descriptors of every pair. */
export async function lendAll(registry: PairRegistry, socket: number): Promise<void> {
  for (const entry of registry.list()) {
    const { pair, wish } = entry
    const { queues = 1, quiet = false } = wish.wish
    const preview = writeDossier(Pair.dossier(pair, wishesOf(entry)))
    const lent: Lent = { say: 'pair', id: pair.id, queues, quiet, preview, ...tunnelOf(wish.wish) }
    await unlessGone(lend(pair, socket, lent))
  }
}

/**
 * Stops to forward for them, one beside the other; frames wait in the kernel from here on. Each that is stopped is in
 * `stopped`, also where it throws, because one of them could not be.
 */
export async function stopAll(registry: PairRegistry, stopped: Stopped[]): Promise<void> {
  const stop = async (entry: Entry<SentWish>) => {
    const dossier = await Pair.suspend(entry.pair, wishesOf(entry))
    stopped.push({ entry, dossier })
  }
  await every(registry.list().map((entry) => unlessGone(stop(entry))))
}

function wishesOf({ wish }: Entry<SentWish>) {
  return { from: nameOf(wish.inode), sent: wish.wish, since: wish.since }
}

/** What is to be told of it. */
export function handed({ entry, dossier }: Stopped): Handed {
  const { wish, carrierChanges } = entry
  return { say: 'dossier', dossier: writeDossier(dossier), inode: wish.inode, carrierChanges }
}

/** They are forwarded again: nothing has changed. What one of them meets keeps no other. */
export async function goOnAll(stopped: readonly Stopped[]): Promise<void> {
  await every(stopped.map(({ entry, dossier }) => unlessGone(Pair.resume(entry.pair, dossier))))
}

/** Resolves when all are done, or throws the first refusal then. */
async function every(works: readonly Promise<unknown>[]): Promise<void> {
  const refused = (await Promise.allSettled(works)).find((each) => each.status === 'rejected')
  if (refused !== undefined) throw refused.reason
}

/** They are another process's: what is captured of them is complete. */
export async function leaveAll(stopped: readonly Stopped[]): Promise<void> {
  await Promise.all(stopped.map(({ entry }) => leave(entry.pair)))
}

/** One whose end somebody has removed meanwhile is nothing to hand over. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof UvethError && error.code === 'ENODEV') return undefined
    throw error
  }
}

/** The pairs of another daemon, on their way to be ours. */
export class Adopted {
  readonly #pairs = new Map<string, Pair>()
  readonly #dossiers: { dossier: Dossier; inode: number; carrierChanges: number }[] = []

  async adopt({ id, queues, quiet, b, preview }: Lent, fds: readonly number[]): Promise<void> {
    if (preview !== undefined) readDossier(preview)
    const both = [fds.slice(0, queues), fds.slice(queues)] as const
    const pair = await unlessGone(adoptPair({ id, queues, quiet, ...(b && { b }) }, both))
    if (pair !== undefined) this.#pairs.set(id, pair)
  }

  /** EBADMSG for one that is not understood. */
  hear({ dossier, inode, carrierChanges }: Handed): void {
    this.#dossiers.push({ dossier: readDossier(dossier), inode, carrierChanges })
  }

  /** Pairs of which all is known. */
  get heard(): number {
    return this.#dossiers.length
  }

  /** They are ours: forwarded from now on, all at once, and kept in the registry. */
  async goOn(registry: PairRegistry): Promise<void> {
    const known = this.#dossiers.flatMap((about) => {
      const pair = this.#pairs.get(about.dossier.id)
      this.#pairs.delete(about.dossier.id)
      return pair === undefined ? [] : [{ ...about, pair }]
    })
    await Promise.all(
      known.map(async ({ pair, dossier, inode, carrierChanges }) => {
        await goOn(pair, { ...dossier, captures: [] })
        const { sent: wish, since } = dossier.wishes as { sent: SentWish['wish']; since: SentWish['since'] }
        registry.keep({ pair, wish: { wish, inode, since }, carrierChanges })
      }),
    )
    // Those that have ended before they were stopped.
    await Promise.all([...this.#pairs.values()].map((pair) => pair.close()))
  }
}
