// A pair goes on in another process: there it is made of descriptors and its dossier, beside the one that it is here. Used
// by orders/ for a daemon that takes over (daemon/taker.ts). What a dossier is stands in dossier.ts; how a pair
// stops to be forwarded, and goes on in the same process, in pair.ts.
//
//   adopt(): nobody forwards for it, and its ends are left alone --goOn()--> as any other pair
//              |
//              +--close()--> its descriptors are given up: whoever shares them goes on

import { linkThread } from '../link/link.js'
import type { Descriptors } from '../link/protocol.js'
import type { Logger } from '../wishes/end.js'
import type { Dossier } from './dossier.js'
import { End } from './end.js'
import { type PairOptions, planPair } from './options.js'
import { Pair } from './pair.js'

export type { Descriptors }

export interface AdoptWish {
  id: string
  queues: number
  quiet: boolean
  /** What end b was made with, where its descriptors do not tell. */
  b?: PairOptions['b']
  logger?: Logger
}

/** The threads that pairs need: so that none of them waits for their start. */
export async function startThreads(): Promise<void> {
  await linkThread().ready
}

/** By descriptors that nobody in this process owns. ENODEV when an end is there no more; then they are closed. */
export async function adoptPair(wish: AdoptWish, adopt: Descriptors, link = linkThread()): Promise<Pair> {
  const { id, queues, quiet, logger, b } = wish
  const plan = planPair({ queues, quiet, ...(b && { b }) })
  const pair = Pair.bare(link, logger, plan.queues)
  const { life, counters, id: name } = Pair.inside(pair)
  const { handle } = life
  try {
    name.reserve(id)
    await link.request({ op: 'create', handle, plan, counters, inspected: [false, false], adopt })
    life.made = { plan, counters, adopt }
    life.resting = true
    return pair
  } catch (error) {
    link.forget(handle)
    name.release()
    throw error
  }
}

/** It is forwarded from now on, as the dossier says that it was. */
export async function goOn(pair: Pair, from: Dossier): Promise<void> {
  const { carrier: mode, link: standing, progress, lastRule, a, b } = from
  const { link, life, inspection, ...inside } = Pair.inside(pair)
  const { handle } = life
  inside.keep(mode)
  inside.count([a.counts, b.counts])
  End.keep(pair.a, a.former)
  End.keep(pair.b, b.former)
  const captures = inside.captures.keep(from.captures)
  const begin = inspection.connect({ chains: [a, b], captures, progress, lastRule })
  const inspected = inspection.begin(undefined)
  await link.request({ op: 'goOn', handle, begin, inspected, mode, standing }, [begin.port])
  life.resting = false
  inside.tellMade()
  await inside.goOn(from)
}

/** Sends a message with the descriptors of both ends over a Unix socket. */
export async function lend(pair: Pair, socket: number, message: unknown): Promise<void> {
  const { link, life } = Pair.inside(pair)
  await link.request({ op: 'lend', handle: life.handle, socket, message })
}

/** Sends copies of the descriptors to a store at `path`, under these names. */
export async function keep(pair: Pair, path: string, names: readonly string[]): Promise<void> {
  const { link, life } = Pair.inside(pair)
  await link.request({ op: 'keep', handle: life.handle, path, names })
  if (life.made !== undefined) life.made.shared = true
}

/** Another process has it: what is captured of it is complete, what is replayed on it ends, and nothing else is done. */
export async function leave(pair: Pair): Promise<void> {
  const { captures, inspection } = Pair.inside(pair)
  inspection.leave()
  await captures.close()
}
