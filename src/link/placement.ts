// Which worker serves which queue of a pair: decided here as a pure function of what is wanted and how much each
// worker has, then said as a list of actions. pool.ts keeps the answer and carries the actions out.
//
//              adopted                        gathered                    own worker
//   (nowhere) ---------> spread or together <----------> together / spread ---------> own
//                                                                                      |
//   own is for good: such a pair is together in it, whatever else is wanted            v
//   until it is lost, and adopted anew                                             (nowhere)

/** What of a worker counts. */
export interface Loaded {
  /** Queue pairs that it serves. */
  readonly load: number
}

export type Wanted<W> =
  /** By several workers, those with the least load first. */
  | { to: 'spread' }
  /** All by one, in one order: the pair is inspected. */
  | { to: 'together' }
  /** All by this one, which serves no other pair. */
  | { to: 'own'; worker: W }

/** The worker of each queue. */
export type Places<W> = readonly W[]

export type Action<W> =
  /** It serves the pair no more. The first of them has the pair's line. */
  | { do: 'leave'; worker: W }
  /** It serves these queues, by number. The first of them gets the line. */
  | { do: 'take'; worker: W; queues: number[] }

/** Where each of `queues` is to be, from where they are now (nowhere: empty). What is right already stays. */
export function decide<W extends Loaded>(
  queues: number,
  now: Places<W>,
  wanted: Wanted<W>,
  workers: readonly W[],
): Places<W> {
  const [first] = now
  switch (wanted.to) {
    case 'own':
      return Array<W>(queues).fill(wanted.worker)
    case 'together':
      return Array<W>(queues).fill(first ?? (ranked(workers)[0] as W))
    case 'spread': {
      const right = first !== undefined && (queues === 1 || new Set(now).size > 1)
      if (right) return now
      const by = ranked(workers)
      return Array.from({ length: queues }, (_, queue) => by[queue % by.length] as W)
    }
  }
}

/** What is to be done for that; nothing where nothing moves. */
export function actionsOf<W>(now: Places<W>, next: Places<W>): Action<W>[] {
  if (now.length === next.length && now.every((worker, queue) => worker === next[queue])) return []
  const leave = [...new Set(now)].map((worker) => ({ do: 'leave', worker }) as const)
  const take = [...new Set(next)].map((worker) => {
    const queues = next.flatMap((other, queue) => (other === worker ? [queue] : []))
    return { do: 'take', worker, queues } as const
  })
  return [...leave, ...take]
}

function ranked<W extends Loaded>(workers: readonly W[]): W[] {
  return [...workers].sort((one, other) => one.load - other.load)
}
