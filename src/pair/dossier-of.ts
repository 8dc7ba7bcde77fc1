// The dossier of a pair as it is at this moment, put together of what its parts keep. Called by pair.ts; what a dossier is,
// and how it is written and read, stands in dossier.ts.

import { capacityOf } from '../ring/ring.js'
import type { EndIndex, Progresses } from './chain.js'
import type { Dossier, Wishes } from './dossier.js'
import type { Former } from './former.js'
import type { Inspection } from './inspection.js'
import type { Plug } from './plug.js'
import type { BaseCounts } from './stats.js'

/** What a pair has of its own, and what its owners keep for it. */
interface Kept {
  id: string
  plug: Pick<Plug, 'mode' | 'flaps'>
  inspection: Pick<Inspection, 'chain' | 'lastRule' | 'captures'>
  counts: BaseCounts
  formers: readonly [a: Former, b: Former]
}

export function dossierOf<W>(
  { id, plug, inspection, counts, formers }: Kept,
  wishes: Wishes<W>,
  progress: Progresses,
): Dossier<W> {
  const of = (end: EndIndex) => ({
    ...inspection.chain(end),
    counts: counts[end],
    former: formers[end],
  })
  return {
    version: 1,
    id,
    wishes,
    carrier: plug.mode,
    flaps: plug.flaps,
    a: of(0),
    b: of(1),
    lastRule: inspection.lastRule,
    captures: inspection.captures.map(({ ring, ...plan }) => ({ ...plan, ringBytes: capacityOf(ring) })),
    progress,
  }
}
