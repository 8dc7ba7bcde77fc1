// How a daemon begins in the place of one that runs: with its options, where nothing else is said, with its pairs, and
// with its socket, locks and log. Called by daemon.ts; the conversation is taker.ts's.

import { openSync } from 'node:fs'
import { invalid } from '../errors.js'
import { configure } from '../index.js'
import { fdPut } from '../native.js'
import { startThreads } from '../orders/hand-over.js'
import type { PairRegistry } from '../orders/handlers.js'
import { readState } from '../orders/state-file.js'
import { Locks } from './locks.js'
import type { LogOutput } from './log-output.js'
import type { DaemonOptions, Given } from './options.js'
import { type Belongings, type Greeting, takeOver } from './taker.js'

export interface Succession {
  options: DaemonOptions
  locks: Locks
  /** Of the daemon before; none where it died meanwhile. */
  belongings: Belongings
  /** ms that nobody forwarded. */
  paused: number | undefined
  /** It listens: the daemon before may go. */
  tell(): Promise<void>
  /** JOURNAL_STREAM of the daemon before: its log is ours now. */
  journal: string | undefined
}

/** Whatever fails in here, and until it listens, leaves the daemon before as it was. */
export async function succeed(given: Given, registry: PairRegistry): Promise<Succession> {
  let options = { ...given } as DaemonOptions
  let journal: string | undefined
  let locks: Locks | undefined
  const prepare = async (greeting: Greeting) => {
    options = merged(greeting.options, given)
    if (options.state !== (greeting.options as Given).state)
      throw invalid('a daemon that takes over keeps the file of the one before, or none as it did', 'state')
    journal = greeting.journal
    const { workers, memory, limits = {} } = options
    configure({ ...(workers !== undefined && { workers }), ...(memory !== undefined && { memory }), limits })
    await startThreads()
  }
  const check = () => {
    if (options.state !== undefined) readState(options.state)
  }
  const outlived = async () => {
    locks = await Locks.take(options.socket, options.state, () => {})
  }
  const taken = await takeOver({ socket: given.socket, registry, prepare, check, outlived })
  const { belongings, paused } = taken
  const log = belongings.get('stdout')
  if (log !== undefined) fdPut(log, 1)
  const held = [...belongings].filter(([name]) => name.startsWith('lock')).map(([, fd]) => fd)
  const all = locks ?? Locks.adopt(held)
  const tell = async () => {
    // Up to here, why it fails is for whoever has started it.
    fdPut(belongings.get('stderr') ?? openSync('/dev/null', 'w'), 2)
    all.sign()
    await taken.tell()
  }
  return { options, locks: all, belongings, paused, journal, tell }
}

/** At its end Node has its pipes block again, for all who share them: the log is another process's now. */
export function leaveLog(output: LogOutput): void {
  output.close()
  const nowhere = openSync('/dev/null', 'w')
  for (const place of [1, 2]) fdPut(nowhere, place)
}

/** What was said; the rest is the other daemon's. */
function merged(theirs: object, given: Given): DaemonOptions {
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  const limits = { ...(theirs as DaemonOptions).limits, ...given.limits }
  return { ...theirs, ...Object.fromEntries(said), limits } as DaemonOptions
}
