// The schedules of a pair's ends, as the thread that owns the pair sees them. The thread that forwards keeps their time, and
// tells of each step (datapath/timeline.ts): what is wanted follows here, carrier is asked of the link thread, and what
// is ordered by hand meanwhile is refused. Made by inspection.ts; one for each pair.
//
//   none --set()--> runs --its last step--> over: what that has set stays, and is shown, until something is ordered by hand
//     ^               |                      |
//     +---set(null)---+----------------------+

import type { AdjustNotice } from '../datapath/adjust.js'
import type { ScheduleState, StepDone } from '../datapath/timeline.js'
import { invalid } from '../errors.js'
import type { ImpairPlan } from '../faults/impair-plan.js'
import { type SchedulePlan, sets } from '../faults/schedule-plan.js'
import type { CarrierMode } from '../link/protocol.js'
import type { EndIndex } from './chain.js'
import { runs } from './reconfigure.js'
import type { Standing } from './standing.js'

/** A schedule in its normal form, and how far it has come. */
export interface ScheduleView extends SchedulePlan {
  /** Steps so far, in all rounds; of these, those that were due while nothing was forwarded, and were passed over. */
  done: number
  missed: number
  over: boolean
}

/** What one step, or the last of several at once, has set. */
export interface StepTold {
  /** Steps so far, and how many of them were missed. */
  done: number
  missed: number
  impair?: ImpairPlan | null
  carrier?: CarrierMode
}

interface Surroundings {
  readonly standing: Standing
  readonly nextId: () => number
  /** Asks the link thread for it. */
  readonly carrier: (mode: CarrierMode) => void
  readonly told: (end: EndIndex, step: StepTold) => void
}

export class Schedules {
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  view(end: EndIndex): ScheduleView | null {
    const schedule = this.#of(end)
    if (schedule === null) return null
    const { plan, next, missed } = schedule
    return { ...plan, done: next, missed, over: !runs(schedule) }
  }

  /** It begins when this resolves, in place of the one before it; null ends that, and all stays as it is. */
  async set(end: EndIndex, plan: SchedulePlan | null): Promise<void> {
    const { standing, nextId } = this.#around
    standing.needOpen()
    standing.listen()
    if (plan !== null && sets('carrier', plan)) {
      const other = end === 0 ? 1 : 0
      if (this.#holds('carrier', other))
        throw busy('carrier is of both ends, and the schedule of the other one sets it', 'schedule')
      // What its last step has pulled is this one's to plug in.
      this.#forget('carrier', other)
    }
    if (plan === null && this.#of(end) === null) return
    standing.change(end, { schedule: plan && { id: nextId(), plan, next: 0, missed: 0 } })
    await standing.settled()
  }

  /** EBUSY while a schedule sets it. One that is over is not shown any more. */
  byHand(key: 'impair' | 'carrier', ends: readonly EndIndex[]): void {
    for (const end of ends) {
      if (this.#holds(key, end)) throw busy(`a schedule sets ${key}`, key)
    }
    for (const end of ends) this.#forget(key, end)
  }

  hear({ end, state, plan: impair, carrier }: Extract<AdjustNotice, { event: 'step' }>): void {
    const before = this.#of(end)
    if (before === null || before.id !== state.id) return // of one that was ended meanwhile
    // The link thread hears of it before it hears that there is nothing to look into.
    if (carrier !== undefined) this.#around.carrier(carrier)
    this.#around.standing.follow(end, {
      schedule: { ...before, ...state },
      ...(impair !== undefined && { impair: impair && { plan: impair, restart: true } }),
    })
    if (state.next > before.next) this.#around.told(end, toldOf(state, impair, carrier))
  }

  /** Of one that is over. */
  #forget(key: 'impair' | 'carrier', end: EndIndex): void {
    const over = this.#of(end)
    if (over !== null && sets(key, over.plan)) this.#around.standing.change(end, { schedule: null })
  }

  #of(end: EndIndex): ScheduleState | null {
    return this.#around.standing.chain(end).schedule
  }

  #holds(key: 'impair' | 'carrier', end: EndIndex): boolean {
    const schedule = this.#of(end)
    return runs(schedule) && sets(key, schedule.plan)
  }
}

function toldOf(
  { next: done, missed }: StepDone['state'],
  impair: ImpairPlan | null | undefined,
  carrier: CarrierMode | undefined,
): StepTold {
  return { done, missed, ...(impair !== undefined && { impair }), ...(carrier && { carrier }) }
}

function busy(why: string, attribute: string): Error {
  return invalid(`${why}: schedule off first`, attribute, 'EBUSY')
}
