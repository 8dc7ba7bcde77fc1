// A rule of an end as its user holds it: what it has met, and how it is taken away. Made by end.ts.

import type { Match } from '../faults/match-plan.js'
import { planRule } from '../faults/rule-plan.js'
import type { RuleAction } from '../wishes/rule.js'
import type { RuleStats } from './chain.js'
import type { Inspection } from './inspection.js'

export class Rule implements Disposable {
  readonly id: number
  readonly #inspection: Inspection
  readonly #end: 0 | 1
  /** As they were when it was removed. */
  #last: RuleStats | undefined

  /** @internal */
  constructor(inspection: Inspection, end: 0 | 1, id: number) {
    this.#inspection = inspection
    this.#end = end
    this.id = id
  }

  /** Frames that its match fits, without nth, every and first. */
  get matched(): number {
    return this.#stats?.matched ?? 0
  }

  /** Frames that it acted on. */
  get hits(): number {
    return this.#stats?.hits ?? 0
  }

  /** Of one that impairs: what it has done to its frames, and how many it holds now. */
  get impaired(): RuleStats['impaired'] {
    return this.#stats?.impaired
  }

  /**
   * Puts another in its place, with the same number: its counts begin anew, and what it holds goes on. Without `match`
   * it is for the same frames. EINVAL for a bad one; false when the rule is gone.
   */
  replace(action: RuleAction, match?: Match): boolean {
    const planned = planRule({ action, match: match ?? this.#stats?.match }, 'rule')
    return this.#inspection.replaceRule(this.#end, this.id, planned)
  }

  /** Takes it away; its counts stay, but for what it holds: that goes on as the end's own. Any number of times. */
  remove(): void {
    const { impaired, ...met } = this.#stats ?? {}
    this.#last = { ...met, ...(impaired && { impaired: { ...impaired, held: 0 } }) } as RuleStats
    this.#inspection.removeRule(this.#end, this.id)
  }

  [Symbol.dispose](): void {
    this.remove()
  }

  get #stats(): RuleStats | undefined {
    return this.#inspection.rules(this.#end).find(({ id }) => id === this.id) ?? this.#last
  }
}
