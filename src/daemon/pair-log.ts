// What becomes of pairs, in the log of the daemon: one child logger for each pair, nothing for each frame. Called by
// daemon.ts; what the events are is the registry's (orders/registry.ts).

import type { Logger as Pino } from 'pino'
import type { PairRegistry } from '../orders/handlers.js'
import type { RegistryEvent } from '../orders/registry.js'

/** `counted` is called when there is one more or less. */
export function logPairs(registry: PairRegistry, all: Pino, counted: () => void): void {
  const logs = new Map<string, Pino>()
  registry.on('event', ({ event, id, ...fields }: RegistryEvent) => {
    if (event === 'replaced') return
    const log = logs.get(id) ?? all.child({ pair: id })
    if (event === 'removed') logs.delete(id)
    else logs.set(id, log)
    // A change alone: a pair with all its rules is long.
    const level = event === 'foreignQueues' || fields.reason === 'failed' ? 'warn' : 'info'
    log[level](event === 'changed' ? { change: fields.change } : fields, `pair ${event}`)
    if (event === 'added' || event === 'removed') counted()
  })
}
