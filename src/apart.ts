// Calls into code that is not ours: listeners of events. What one throws is its own: it is thrown where nothing of ours
// is on the stack, as an uncaught exception, and neither ours nor the other listeners miss a step by it. Called by
// pair/events.ts, link/link.ts and orders/registry.ts.

import type { EventEmitter } from 'node:events'

export function apart(call: () => void): void {
  try {
    call()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

/** Emits an event: each listener hears of it, whatever the one before has thrown. */
export function tellAll(emitter: EventEmitter, event: string, detail: object): void {
  for (const listener of emitter.rawListeners(event)) apart(() => listener.call(emitter, detail))
}
