// How a daemon begins in the place of one that runs: with its options, where nothing else is said, with its pairs, and
// with its socket, locks and log. Called by daemon.ts; the conversation is taker.ts's.

import { configure } from '../index.js'
import { fdPut } from '../native.js'
import { startThreads } from '../orders/hand-over.js'
import type { PairRegistry } from '../orders/handlers.js'
import { checkState } from '../orders/state.js'
import { Locks } from './locks.js'
import type { DaemonOptions, Given } from './options.js'
import { type Belongings, type Greeting, takeOver } from './taker.js'

export interface Succession {
  options: DaemonOptions
  locks: Locks
  /** Of the daemon before; none where it died meanwhile. */
  belongings: Belongings
  /** It listens: the daemon before may go. */
  tell(): Promise<void>
  /** JOURNAL_STREAM of the daemon before: its log is ours now. */
  journal: string | undefined
}

const STANDARD = { stdout: 1, stderr: 2 } as const

/** Whatever fails in here leaves the daemon before as it was. */
export async function succeed(given: Given, registry: PairRegistry): Promise<Succession> {
  let options = { ...given } as DaemonOptions
  let journal: string | undefined
  let locks: Locks | undefined
  const prepare = async (greeting: Greeting) => {
    options = merged(greeting.options, given)
    journal = greeting.journal
    const { workers, memory, limits = {} } = options
    configure({ ...(workers !== undefined && { workers }), ...(memory !== undefined && { memory }), limits })
    await startThreads()
  }
  const check = () => {
    if (options.state !== undefined) checkState(options.state)
  }
  const outlived = async () => {
    locks = await Locks.take(options.socket, options.state, () => {})
  }
  const { belongings, tell } = await takeOver({ socket: given.socket, registry, prepare, check, outlived })
  for (const [name, place] of Object.entries(STANDARD)) {
    const fd = belongings.get(name)
    if (fd !== undefined) fdPut(fd, place)
  }
  const held = [...belongings].filter(([name]) => name.startsWith('lock')).map(([, fd]) => fd)
  return { options, locks: locks ?? Locks.adopt(held), belongings, journal, tell }
}

/** What was said; the rest is the other daemon's. */
function merged(theirs: object, given: Given): DaemonOptions {
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  const limits = { ...(theirs as DaemonOptions).limits, ...given.limits }
  return { ...theirs, ...Object.fromEntries(said), limits } as DaemonOptions
}
