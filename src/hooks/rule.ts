// Rules: what is done to the frames that a match means. Behind the watches they are the first of a direction's
// hooks; the rules of a direction are asked in the order in which they were added, and a frame that one has
// dropped is not seen by those behind it. Allocates nothing per frame.

import type { CorruptPlan, RulePlan } from '../faults/rule-plan.js'
import type { Burst } from '../frame/burst.js'
import { Packet } from '../frame/packet.js'
import { BURST } from '../frame/slab.js'
import type { Place, Words } from '../frame/words.js'
import { MAX_BITS } from '../wishes/rule.js'
import type { Hook } from './hook.js'
import { PART_COUNTS, type PartCounts } from './impairment.js'
import { Matcher } from './matcher.js'
import { DRAWS, draw, type Key, keyOf } from './random.js'
import { RuleIndex } from './rule-index.js'

/**
 * What is counted for each rule, in shared memory: frames its match fits, and frames it did something to; then, of one
 * that impairs, what it did.
 */
export const RULE_COUNTS = ['matched', 'hits', ...PART_COUNTS] as const
export type RuleCounts = Words<'rule'>
const MATCHED = 0 as Place<'rule'>
const HITS = 1 as Place<'rule'>
const PART = 2

/** Memory for the counts of a rule; a thread that did not add it reads it as a Float64Array. */
export function allocateRuleCounts(): SharedArrayBuffer {
  return new SharedArrayBuffer(RULE_COUNTS.length * Float64Array.BYTES_PER_ELEMENT)
}

/** Enough to go on in another thread: the counts, which are shared, say how far each rule has got. */
export type RulesState = readonly { readonly plan: RulePlan; readonly counts: RuleCounts }[]

/** Of the counts of a rule, those of its impairment. */
export function partOf(counts: RuleCounts): PartCounts {
  return (counts as unknown as Float64Array).subarray(PART) as PartCounts
}

export interface Rule {
  /** Of those that impair, from 1: the lane that frames go by which it takes. 0: it impairs none. */
  lane: number
  readonly plan: RulePlan
  readonly counts: RuleCounts
  readonly matcher: Matcher
  readonly reason: string
  readonly key: Key
}

const ETHERNET_HEADER = 14

export class Rules implements Hook {
  /** By frame of a burst: the lane of the rule that has taken it, the first one that impairs and fits. */
  readonly taken = new Uint32Array(BURST)
  /** Those that impair, in their order. */
  impairing: readonly Rule[] = []
  #rules: readonly Rule[] = []
  /** Made anew for the first burst after a change. */
  #index: RuleIndex | undefined
  /** Does a match of one reach beyond the headers? */
  #deep = false
  /** The burst's, of the frame that is asked about. */
  #packet = new Packet()
  /** Places of the bits of one corruption, so that none is flipped twice. */
  readonly #flipped = new Int32Array(MAX_BITS)

  get count(): number {
    return this.#rules.length
  }

  /** Is there one that changes bytes? */
  get alters(): boolean {
    return this.#rules.some(({ plan }) => plan.action.kind === 'corrupt')
  }

  /** `counts` is a view of allocateRuleCounts(). Behind the others; in the place of the one with the same id, if there is one. */
  add(plan: RulePlan, counts: RuleCounts): void {
    const { action, id } = plan
    const rule: Rule = {
      lane: 0,
      plan,
      counts,
      matcher: new Matcher(plan.match),
      reason: `rule ${id}`,
      key: keyOf('seed' in action ? action.seed : 0, 0, 'rule'),
    }
    const at = this.#rules.findIndex((other) => other.plan.id === id)
    this.#replace(at < 0 ? [...this.#rules, rule] : this.#rules.with(at, rule))
  }

  remove(id: number): void {
    this.#replace(this.#rules.filter((rule) => rule.plan.id !== id))
  }

  state(): RulesState {
    return this.#rules.map(({ plan, counts }) => ({ plan, counts }))
  }

  /** Goes on where another thread stopped. */
  resume(state: RulesState): void {
    for (const { plan, counts } of state) this.add(plan, counts)
  }

  judge(burst: Burst): void {
    this.#index ??= new RuleIndex(this.#rules.map(({ plan }) => plan.match))
    if (this.impairing.length > 0) this.taken.fill(0, 0, burst.count)
    for (let frame = 0; frame < burst.count; frame++)
      if (burst.passes(frame)) this.#judgeOne(this.#index, burst, frame)
  }

  #replace(rules: readonly Rule[]): void {
    this.#index = undefined
    this.#rules = rules
    this.taken.fill(0)
    this.impairing = rules.filter(({ plan }) => plan.action.kind === 'impair')
    for (const [at, rule] of this.impairing.entries()) rule.lane = 1 + at
    this.#deep = rules.some(({ matcher }) => matcher.deep)
  }

  #judgeOne(index: RuleIndex, burst: Burst, frame: number): void {
    this.#read(burst, frame)
    index.seek(this.#packet, 0)
    for (let at = index.next(); at >= 0 && burst.passes(frame); at = index.next()) {
      const rule = this.#rules[at] as Rule
      // The rules behind one that has changed the frame see it as it is now.
      if (this.#ask(rule, burst, frame) && rule.plan.action.kind === 'corrupt') {
        this.#read(burst, frame)
        index.seek(this.#packet, at + 1)
      }
    }
  }

  #read(burst: Burst, frame: number): void {
    this.#packet = burst.packet(frame, this.#deep)
  }

  /** Has it done something? */
  #ask(rule: Rule, burst: Burst, frame: number): boolean {
    const { matcher, counts } = rule
    if (rule.lane > 0 && this.taken[frame] > 0) return false
    if (!matcher.test(this.#packet)) return false
    const number = counts[MATCHED] + 1
    counts[MATCHED] = number
    if (!matcher.picks(number) || !this.#act(rule, burst, frame)) return false
    counts[HITS]++
    return true
  }

  /** False: there was nothing to do it to. */
  #act(rule: Rule, burst: Burst, frame: number): boolean {
    const { action } = rule.plan
    switch (action.kind) {
      case 'drop':
        burst.drop(frame, 'rule', rule.reason)
        return true
      case 'delay':
        burst.hold(frame, action.ms)
        return true
      case 'duplicate':
        burst.duplicate(frame, action.copies)
        return true
      case 'impair':
        this.taken[frame] = rule.lane
        return true
      case 'corrupt':
        if (!this.#corrupt(action, rule, burst, frame)) return false
        burst.reasons[frame] = rule.reason
        return true
    }
  }

  #corrupt(action: CorruptPlan, rule: Rule, burst: Burst, frame: number): boolean {
    const from = action.offset ?? ETHERNET_HEADER
    const length = burst.lengths[frame]
    if (from >= length) return false
    const start = burst.changing(frame) + from
    if ('mask' in action) burst.memory[start] ^= action.mask
    else {
      const bytes = action.offset === undefined ? length - from : 1
      this.#flip(burst.memory, start, bytes, action.bits, rule)
    }
    return true
  }

  /** Flips `bits` different bits of the `length` bytes at `start`; all of them, if there are fewer. */
  #flip(bytes: Uint8Array, start: number, length: number, bits: number, { key, counts }: Rule): void {
    const wanted = Math.min(bits, 8 * length)
    // Read here: handed from function to function, so large a number would be allocated.
    const number = counts[MATCHED]
    for (let done = 0; done < wanted; done++) {
      // Of the places that are left: the drawn one, counted past those that were taken (in rising order).
      let place = Math.floor((draw(key, number, done) / DRAWS) * (8 * length - done))
      let at = 0
      while (at < done && place >= this.#flipped[at]) {
        place++
        at++
      }
      this.#flipped.copyWithin(at + 1, at, done)
      this.#flipped[at] = place
      bytes[start + (place >> 3)] ^= 1 << (place & 7)
    }
  }
}
