// What a linked pair is to be, and what is to be done for that: pure functions, which linked-pair.ts calls whenever
// something was ordered or has changed, and whose actions it carries out in their order. Nothing here does anything.

import { wantedCarrier } from './carrier.js'
import type { CarrierMode, EndState, Inspected } from './protocol.js'

type Both<T> = readonly [a: T, b: T]

/** What it is made to be; compared with what it is, it gives the actions. */
export interface Standing {
  /** Its queues are served by one thread, in one order: it is inspected. */
  gathered: boolean
  carrier: boolean
  /** Each end's kernel leaves super-frames whole: nothing looks at single frames at its peer. Undefined: another process's doing, of which nothing is known. */
  whole: Both<boolean | undefined>
}

/** What decides it. */
export interface Reasons {
  mode: CarrierMode
  states: Both<EndState>
  inspected: Inspected
  /** A program looks at what this end is delivered. */
  programs: Both<boolean>
}

export type Action =
  | { do: 'gather'; together: boolean }
  | { do: 'whole'; end: 0 | 1; whole: boolean }
  | { do: 'carrier'; on: boolean }

export function wantedOf({ mode, states: [a, b], inspected, programs }: Reasons): Standing {
  return {
    gathered: inspected.includes(true),
    carrier: wantedCarrier(mode, a.up, b.up),
    whole: [!programs[1], !programs[0]],
  }
}

/** `shown`: the carrier that each end shows, which others may have changed. Carrier comes last: all is ready then. */
export function difference(is: Standing, wanted: Standing, shown: Both<boolean>): Action[] {
  const actions: Action[] = []
  if (wanted.gathered !== is.gathered) actions.push({ do: 'gather', together: wanted.gathered })
  for (const end of [0, 1] as const) {
    const whole = wanted.whole[end]
    if (whole !== undefined && whole !== is.whole[end]) actions.push({ do: 'whole', end, whole })
  }
  if ([is.carrier, ...shown].some((on) => on !== wanted.carrier)) {
    actions.push({ do: 'carrier', on: wanted.carrier })
  }
  return actions
}

/**
 * `ip link set X carrier off|on` by others: off forces the pair off, on gives it back to the rule (test/kernel/09).
 * `carrier` is what we put on both ends.
 */
export function modeAfter(mode: CarrierMode, carrier: boolean, shown: Both<boolean>): CarrierMode {
  if (shown.every((on) => on === carrier)) return mode
  if (carrier) return 'off'
  return mode === 'off' ? 'auto' : mode
}
