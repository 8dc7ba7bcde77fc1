// Where a direction is in its schedule: which step is due when, by the clock of the thread that forwards. Steps have
// numbers through all rounds, and when one is due is computed from its number, so that nothing drifts. A thread that
// stood still does the last that is due, and counts the others as missed. Asked by inspector.ts between bursts; waits for
// nothing, and allocates nothing while no step is due.

import { type SchedulePlan, type StepPlan, stepsInAll } from '../faults/schedule-plan.js'

/** Plain data: what another thread, or another process, goes on from. */
export interface ScheduleState {
  /** Of several schedules, one after the other, which it is. */
  id: number
  plan: SchedulePlan
  /** ms since 1970, as performance.timeOrigin; undefined: it begins when a thread takes it. */
  began?: number | undefined
  /** The step that is next, and how many before it were missed. */
  next: number
  missed: number
}

/** What a step, or several at once, set. */
export interface StepDone {
  state: Required<Omit<ScheduleState, 'plan'>>
  plan?: StepPlan['impair']
  carrier?: NonNullable<StepPlan['carrier']>
}

export class Timeline {
  readonly #id: number
  readonly #plan: SchedulePlan
  readonly #steps: SchedulePlan['steps']
  readonly #period: number
  readonly #total: number
  /** ms of this thread's clock. */
  readonly #began: number
  #next: number
  #missed: number
  #due: number

  constructor({ id, plan, began, next, missed }: ScheduleState, now = performance.now()) {
    this.#id = id
    this.#plan = plan
    this.#steps = plan.steps
    this.#period = plan.period ?? 0
    this.#total = stepsInAll(plan)
    this.#began = began === undefined ? now : began - performance.timeOrigin
    this.#next = next
    this.#missed = missed
    this.#due = this.#time(next)
  }

  /** ms (performance.now()) when the next step is due; Infinity when there is none. */
  get due(): number {
    return this.#due
  }

  /** The last step that was to set carrier has pulled the plug. */
  get cut(): boolean {
    return this.#last('carrier', 0) === 'off'
  }

  /** What is due is done. */
  take(now: number): StepDone {
    const first = this.#next
    if (this.#due <= now) {
      this.#next = this.#behind(now)
      this.#missed += this.#next - first - 1
      this.#due = this.#time(this.#next)
    }
    const plan = this.#last('impair', first)
    const carrier = this.#last('carrier', first)
    const { plan: _, ...state } = this.state
    return { state, ...(plan !== undefined && { plan }), ...(carrier && { carrier }) }
  }

  get state(): ScheduleState & { began: number } {
    const began = performance.timeOrigin + this.#began
    return { id: this.#id, plan: this.#plan, began, next: this.#next, missed: this.#missed }
  }

  #time(step: number): number {
    if (step >= this.#total) return Number.POSITIVE_INFINITY
    const count = this.#steps.length
    const round = Math.floor(step / count)
    return this.#began + round * this.#period + (this.#steps[step - round * count] as StepPlan).at
  }

  /** The first step that is not due yet. */
  #behind(now: number): number {
    const count = this.#steps.length
    const rounds = this.#period === 0 ? 0 : Math.floor((now - this.#began) / this.#period)
    // The quotient may be rounded up.
    let step = Math.max(this.#next + 1, Math.min(rounds - 1, this.#total / count) * count)
    while (this.#time(step) <= now) step++
    return step
  }

  /** What the steps from `first` on, which were done or missed, have set of this last. */
  #last<K extends 'impair' | 'carrier'>(key: K, first: number): StepPlan[K] | undefined {
    const count = this.#steps.length
    const least = Math.max(first, this.#next - count)
    for (let step = this.#next - 1; step >= least; step--) {
      const set = this.#steps[step % count]?.[key]
      if (set !== undefined) return set
    }
    return undefined
  }
}
