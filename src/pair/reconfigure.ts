// From what is wanted of a pair's frames, and what is wanted now, to what is to be done: lists of plain actions, which
// standing.ts carries out; and what a thread begins with. Pure: knows no thread, no port and no device.

import type { Adjustment } from '../datapath/adjust.js'
import type { PairState } from '../datapath/served.js'
import type { ScheduleState } from '../datapath/timeline.js'
import { sets, stepsInAll } from '../faults/schedule-plan.js'
import type { Inspected } from '../link/protocol.js'
import { type Chain, ENDS, type EndIndex, type Progresses, type Wanted } from './chain.js'

/** What is, when something else is wanted. */
export interface Present {
  readonly wanted: Wanted
  /** The ends that the link thread knows as looked into; undefined where it is told nothing (yet, or any more). */
  readonly inspected: Inspected | undefined
  /** Queues of the pair. */
  readonly queues: number
  /** Adjustments are waiting: those behind them wait too. */
  readonly waits: boolean
}

export type Action =
  /** To the thread that forwards: in force for the next frame. */
  | { do: 'post'; adjustment: Adjustment }
  /** To the link thread, for where the queues are served. */
  | { do: 'tell'; inspected: Inspected }
  /** What stands behind it is done when the link thread has done what it was told. */
  | { do: 'wait' }

/**
 * Adjustments are in force at once; but the queues of a pair that nothing looks into may be with several workers, and
 * are brought together first. `more`: adjustments that change nothing of what is wanted.
 */
export function actionsFor(present: Present, wanted: Wanted, more: readonly Adjustment[] = []): Action[] {
  const posts = [...difference(present.wanted, wanted), ...more].map(
    (adjustment): Action => ({ do: 'post', adjustment }),
  )
  const before = present.inspected
  const inspected = inspectedBy(wanted)
  const changes = before !== undefined && ENDS.some((end) => inspected[end] !== before[end])
  const tells: Action[] = changes ? [{ do: 'tell', inspected }] : []
  const spread = present.queues > 1 && before !== undefined && !before.includes(true)
  if (posts.length === 0 || !(spread || present.waits)) return [...posts, ...tells]
  return [...tells, { do: 'wait' }, ...posts]
}

/** The ends that are looked into. A capture of either looks into both: what it sends, and what it is given. */
export function inspectedBy({ ends: [a, b], captures }: Wanted): Inspected {
  const all =
    captures.size > 0 || [a, b].some(({ schedule }) => runs(schedule) && sets('carrier', schedule.plan))
  return [all || !isEmpty(a), all || !isEmpty(b)]
}

/** Has it steps that are still to come? */
export function runs(schedule: ScheduleState | null): schedule is ScheduleState {
  return schedule !== null && schedule.next < stepsInAll(schedule.plan)
}

function isEmpty({ impair, schedule, rules, watches, hooks }: Chain): boolean {
  return impair === null && !runs(schedule) && rules.size + watches.size + hooks.size === 0
}

const UNBEGUN = { origin: 0, number: 0, held: [] }

/** What a thread begins with, but for users' hooks: that what is wanted is in force, and goes on where it was. */
export function stateFor(wanted: Wanted, progress: Progresses): PairState {
  const { ends, captures } = wanted
  if (progress.length === 0 && !inspectedBy(wanted).includes(true)) return []
  const state = ENDS.map((end) => {
    const { impair, schedule, rules, watches } = ends[end]
    return {
      progress: progress[end] ?? UNBEGUN,
      impair: impair?.plan,
      schedule: schedule ?? undefined,
      rules: [...rules.values()].map(({ plan, counts }) => ({ plan, counts: new Float64Array(counts) })),
      watches: [...watches].map(([id, { match, ring }]) => ({ id, match, matched: 0, ring })),
      captures: [...captures.values()],
    }
  })
  return state as [(typeof state)[0], (typeof state)[0]]
}

/** What makes `after` of `before`, in the data path. */
export function difference(before: Wanted, after: Wanted): Adjustment[] {
  return [
    ...ENDS.flatMap((end) => ofEnd(end, before.ends[end], after.ends[end])),
    ...entries(
      before.captures,
      after.captures,
      (_, plan) => ({ op: 'capture', plan }),
      (id) => ({ op: 'uncapture', id }),
    ),
  ]
}

function ofEnd(end: EndIndex, before: Chain, after: Chain): Adjustment[] {
  const { impair } = after
  const { plan, restart } = impair ?? { plan: null, restart: true }
  const scheduled = scheduleOf(end, before, after)
  const same = impair === before.impair
  return [
    ...scheduled.gone,
    // The schedule that has gone may have come to a step that was not heard of.
    ...(same && scheduled.gone.length === 0
      ? []
      : [{ op: 'impair', end, plan, restart: restart && !same } as const]),
    ...scheduled.fresh,
    ...entries(
      before.rules,
      after.rules,
      (_, rule) => ({ op: 'rule', end, ...rule }),
      (id) => ({ op: 'unrule', end, id }),
    ),
    ...entries(
      before.watches,
      after.watches,
      (id, watch) => ({ op: 'watch', end, id, ...watch }),
      (id) => ({ op: 'unwatch', end, id }),
    ),
    ...entries(
      before.hooks,
      after.hooks,
      (id, hook) => hook && { op: 'hook', end, id, ...hook },
      (id) => ({ op: 'unhook', end, id }),
    ),
  ]
}

function scheduleOf(end: EndIndex, { schedule: before }: Chain, { schedule: after }: Chain) {
  const order = (schedule: ScheduleState | null): Adjustment => ({ op: 'schedule', end, schedule })
  const same = before?.id === after?.id
  return {
    gone: same || before === null ? [] : [order(null)],
    fresh: same || after === null ? [] : [order(after)],
  }
}

/** What is gone goes first. An entry that is another one with the same number takes its place. */
function entries<V>(
  before: ReadonlyMap<number, V>,
  after: ReadonlyMap<number, V>,
  add: (id: number, value: V) => Adjustment | null,
  remove: (id: number) => Adjustment,
): Adjustment[] {
  if (before === after) return []
  const gone = [...before.keys()].filter((id) => !after.has(id)).map(remove)
  const fresh = [...after]
    .filter(([id, value]) => !before.has(id) || before.get(id) !== value)
    .map(([id, value]) => add(id, value))
  return [...gone, ...fresh.filter((adjustment) => adjustment !== null)]
}
