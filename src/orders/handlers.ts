// What a caller may order: one method for each operation of ops.ts, which http.ts and netlink.ts call once they know
// what is wanted and by whom. Answers are in force when the promise resolves; refusals are UvethErrors.

import type {
  EndChange,
  EndView,
  EndWish,
  FlapOrder,
  ImpairPatch,
  ImpairWish,
  PairChange,
  PairView,
  PairWish,
  RuleWish,
  ScheduleWish,
} from '../contract/ops.js'
import { invalid, renamed } from '../errors.js'
import type {
  End,
  EndOptions,
  ImpairPlan,
  PairOptions,
  PairStats,
  ReplayOptions,
  ReplayResult,
  RuleStats,
  ScheduleView,
} from '../index.js'
import type { Dossier } from '../pair/dossier.js'
import { Pair } from '../pair/pair.js'
import { keepTo } from '../wishes/limits.js'
import type { Caller } from './caller.js'
import { changeEnd, netnsOf } from './change.js'
import type { Entry, Registry } from './registry.js'
import { gone, numberOf, ofRule, ruleOf } from './rule.js'
import type { SentWish } from './wanted.js'
import { pinned, withSince } from './wanted.js'

export type PairRegistry = Registry<SentWish>

export class Orders {
  readonly registry: PairRegistry
  readonly caller: Caller
  readonly warn: (sentence: string) => void

  /** `warn` is told what whoever ordered is to know, though it is in force. */
  constructor(registry: PairRegistry, caller: Caller, warn: (sentence: string) => void = () => {}) {
    this.registry = registry
    this.caller = caller
    this.warn = warn
  }

  listPairs(): PairView[] {
    return this.registry.list().map(viewPair)
  }

  async addPair(wish: PairWish): Promise<PairView> {
    keepAddresses(wish)
    if (wish.id !== undefined) await this.registry.attempts.get(wish.id)
    return await this.makePair({ wish, inode: this.caller.inode, since: {} })
  }

  /** Makes the pair that was wanted, with what was drawn or ordered since (state.ts: after a restart, `from` a file). */
  async makePair(sent: SentWish, from?: Dossier): Promise<PairView> {
    const entry = await this.registry.add(sent, pairOptions(withSince(sent), this.caller), from)
    const { a, b } = entry.pair
    sent.since.a = pinned(sent.since.a, a)
    sent.since.b = pinned(sent.since.b, b)
    await this.registry.commit()
    return viewPair(entry)
  }

  /** `made` is false when the pair was there already, with the same wishes. */
  async putPair(id: string, wish: PairWish): Promise<{ made: boolean; view: PairView }> {
    if (wish.id !== undefined && wish.id !== id)
      throw invalid(`the body's id '${wish.id}' is not '${id}'`, 'id')
    // The second of two at a time finds what the first has made.
    return await this.registry.inTurn(id, async () => {
      await this.registry.attempts.get(id)
      const present = this.registry.byId(id)
      if (present === undefined) return { made: true, view: await this.addPair({ ...wish, id }) }
      const before = { ...present.wish.wish, id, inode: present.wish.inode }
      if (canonical(before) === canonical({ ...wish, id, inode: this.caller.inode }))
        return { made: false, view: viewPair(present) }
      throw invalid(`a pair with id '${id}' exists with other wishes`, 'id', 'EEXIST')
    })
  }

  getPair(ref: string): PairView {
    return viewPair(this.#entry(ref))
  }

  pair(ref: string): Pair {
    return this.#entry(ref).pair
  }

  async stats(ref: string): Promise<PairStats> {
    return await Pair.described(this.pair(ref))
  }

  getEnd(ref: string): { end: 'a' | 'b'; pair: PairView } {
    const { entry, end } = this.#end(ref)
    return { end: sideOf(entry.pair, end), pair: viewPair(entry) }
  }

  async setPair(ref: string, change: PairChange): Promise<PairView> {
    const entry = this.#entry(ref)
    const { pair } = entry
    keepAddresses(change)
    if (change.carrier !== undefined) Pair.needFree(pair, 'carrier')
    if (change.a !== undefined) await changeEnd(entry, pair.a, change.a, this)
    if (change.b !== undefined) await changeEnd(entry, pair.b, change.b, this)
    if (change.carrier !== undefined) await pair.setCarrier(change.carrier)
    await this.#changed(entry, change)
    return viewPair(entry)
  }

  async setEnd(ref: string, wish: EndChange): Promise<EndView> {
    const { entry, end } = this.#end(ref)
    keepAddresses({ a: wish })
    try {
      await changeEnd(entry, end, wish, this)
    } catch (error) {
      // Whoever changes one end has said `mtu`, not `a.mtu`.
      throw renamed(error, (attribute) => attribute.replace(/^[ab]\./, ''))
    }
    await this.#endChanged(entry, end, wish)
    return viewEnd(end)
  }

  async deletePair(ref: string): Promise<void> {
    await this.pair(ref).close()
    await this.registry.commit()
  }

  /** A pair, or all with an end in the caller's namespace, is as what others have changed of its ends asks for. */
  async settlePairs(id?: string): Promise<void> {
    const here = ({ a, b }: Pair) => [a, b].some((end) => end.netnsInode === this.caller.inode)
    const pairs = this.registry.list().map(({ pair }) => pair)
    const meant = pairs.filter((pair) => (id === undefined ? here(pair) : pair.id === id))
    // One that ends meanwhile is settled.
    await Promise.allSettled(meant.map((pair) => pair.a.set({})))
  }

  getImpair(ref: string): ImpairPlan | null {
    return this.#end(ref).end.impairment
  }

  /** Replaces the whole set; null takes it away. */
  async setImpair(ref: string, wish: ImpairWish | null): Promise<ImpairPlan | null> {
    return await this.#impaired(ref, (end) => end.impair(wish))
  }

  /** Changes a part of it, as a JSON merge patch. */
  async patchImpair(ref: string, patch: ImpairPatch): Promise<ImpairPlan | null> {
    return await this.#impaired(ref, (end) => end.patchImpairment(patch))
  }

  getSchedule(ref: string): ScheduleView | null {
    return this.#end(ref).end.scheduled
  }

  /** Has begun when it is answered; null ends it: where there is none, nothing changes, and nothing is told. */
  async setSchedule(ref: string, wish: ScheduleWish | null): Promise<ScheduleView | null> {
    const { entry, end } = this.#end(ref)
    const { steps = null, ...rest } = wish ?? {}
    const { scheduled } = end
    const schedule = await end.schedule(steps, rest)
    if (scheduled !== null || schedule !== null) await this.#endChanged(entry, end, { schedule })
    return schedule
  }

  listRules(ref: string): RuleStats[] {
    return this.#end(ref).end.rules()
  }

  async addRule(ref: string, { action, match }: RuleWish): Promise<RuleStats> {
    const { entry, end } = this.#end(ref)
    const { id } = ofRule(() => end.addRule(action, match))
    await this.#rulesChanged(entry, end, { ruleAdded: { id, action, match } })
    return ruleOf(end, id)
  }

  async setRule(ref: string, number: string, { action, match }: RuleWish): Promise<RuleStats> {
    const { entry, end } = this.#end(ref)
    const id = numberOf(number)
    if (!ofRule(() => end.replaceRule(id, action, match))) gone(end, number)
    await this.#rulesChanged(entry, end, { ruleReplaced: { id, action, match } })
    return ruleOf(end, id)
  }

  async deleteRule(ref: string, id: string): Promise<void> {
    const { entry, end } = this.#end(ref)
    if (!end.removeRule(numberOf(id))) gone(end, id)
    await this.#rulesChanged(entry, end, { ruleRemoved: Number(id) })
  }

  async clearRules(ref: string): Promise<void> {
    const { entry, end } = this.#end(ref)
    const rules = end.rules()
    for (const { id } of rules) end.removeRule(id)
    if (rules.length > 0) await this.#rulesChanged(entry, end, { rulesRemoved: rules.length })
  }

  /** The bytes of a recording, on the cable. */
  async replay(ref: string, bytes: AsyncIterable<Uint8Array>, options: ReplayOptions): Promise<ReplayResult> {
    return await this.#end(ref).end.replay(bytes, options)
  }

  /** One after the other: each puts carrier back to what it found. `signal`: whoever has ordered it is gone. */
  async flapPair(ref: string, { ms, times }: FlapOrder, signal: AbortSignal): Promise<void> {
    const pair = this.pair(ref)
    await this.registry.inTurn(`flap ${pair.id}`, () => pair.flap(ms, times, { signal }))
  }

  /** Whatever can be known of `ref` is known when it resolves. */
  async know(ref: string): Promise<void> {
    if (!this.registry.knows(ref, this.caller.inode)) await this.registry.lookAgain()
  }

  #entry(ref: string): Entry<SentWish> {
    return this.registry.find(ref, this.caller.inode).entry
  }

  /** An interface; an id means end `a` of its pair, whose name it usually is. */
  #end(ref: string): { entry: Entry<SentWish>; end: End } {
    const { entry, end = entry.pair.a } = this.registry.find(ref, this.caller.inode)
    return { entry, end }
  }

  async #impaired(ref: string, impair: (end: End) => Promise<ImpairPlan | null>): Promise<ImpairPlan | null> {
    const { entry, end } = this.#end(ref)
    const { impairment } = end
    const plan = await impair(end)
    await this.#endChanged(entry, end, { impair: plan }, { impair: impairment })
    return plan
  }

  async #rulesChanged(entry: Entry<SentWish>, end: End, change: object): Promise<void> {
    await end.settled()
    await this.#endChanged(entry, end, change)
  }

  async #endChanged(entry: Entry<SentWish>, end: End, change: object, before?: object): Promise<void> {
    const side = sideOf(entry.pair, end)
    await this.#changed(entry, { [side]: change }, before && { [side]: before })
  }

  /**
   * Afterwards the change is kept, and told to whoever listens: `change` is what was ordered, as short as the order;
   * `before` what stood in its place. What the kernel shows of it is told by the event `state`.
   */
  async #changed({ pair }: Entry<SentWish>, change: object, before?: object): Promise<void> {
    const [a, b] = [viewEnd(pair.a), viewEnd(pair.b)]
    this.registry.tell({ event: 'changed', id: pair.id, change, ...(before && { before }), a, b })
    await this.registry.commit()
  }
}

function viewEnd(end: End): EndView {
  return { ...end.state, impair: end.impairment, schedule: end.scheduled, rules: end.rules() }
}

function viewPair({ pair, wish }: Entry<SentWish>): PairView {
  const { queues = 1, quiet = false } = wish.wish
  const { id, carrier, carrierMode } = pair
  return { id, carrier, carrierMode, queues, quiet, a: viewEnd(pair.a), b: viewEnd(pair.b) }
}

/** Of one order. Each is a change under a lock of the kernel's that every other order waits for. */
function keepAddresses({ a, b }: Pick<PairChange | PairWish, 'a' | 'b'>): void {
  keepTo('addresses', (a?.addresses?.length ?? 0) + (b?.addresses?.length ?? 0))
}

function sideOf(pair: Pair, end: End): 'a' | 'b' {
  return end === pair.a ? 'a' : 'b'
}

function pairOptions({ a, b, ...rest }: PairWish, caller: Caller): PairOptions {
  return { ...rest, a: endOptions(a ?? {}, caller), b: endOptions(b ?? {}, caller) }
}

function endOptions({ netns, impair, ...rest }: EndWish, caller: Caller): EndOptions {
  if ('vxlan' in rest) return { ...rest, ...(impair && { impair }) }
  return { ...rest, netns: netnsOf(netns, caller), ...(impair && { impair }) }
}

/** The same text for the same wishes, whatever the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )
}
