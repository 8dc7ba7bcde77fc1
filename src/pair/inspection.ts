// What is done to a pair's frames, as the thread that owns the pair sees it: keeps what is wanted, posts it
// to the thread that forwards (line.ts), and tells the link thread which ends are looked into, for their
// offloads. Made by pair.ts; end.ts gives it users' wishes. One for each pair.

import type { MessagePort } from 'node:worker_threads'
import type { Adjustment, AdjustNotice, CapturePlan } from '../datapath/adjust.js'
import { stateOf } from '../datapath/counters.js'
import type { InlineLoop } from '../datapath/inline.js'
import { invalid, pairClosed } from '../errors.js'
import { type ImpairPlan, mergeImpair, planImpair } from '../faults/impair-plan.js'
import type { Match } from '../faults/match.js'
import { planMatch } from '../faults/match-plan.js'
import type { RulePlan } from '../faults/rule-plan.js'
import { type Judge, messageOf } from '../hooks/guard.js'
import { allocateRuleCounts } from '../hooks/rule.js'
import type { Link } from '../link/link.js'
import type { Inspected } from '../link/protocol.js'
import { nextSighting, type RingStream, type Sighting } from '../ring/stream.js'
import { type ChainPlan, ENDS, type EndIndex, type RuleStats, Wanted } from './chain.js'
import { Line } from './line.js'
import { hookError, plainOptions } from './options.js'
import { type Watchable, Watching } from './watching.js'

/** A user's hook threw, or did not come back, and is not in the chain any more. */
export type HookFailed = (end: EndIndex, message: string) => void

export class Inspection {
  readonly #link: Link
  readonly #handle: number
  readonly #queues: number
  readonly #hookFailed: HookFailed
  readonly #line: Line
  readonly #watching = new Watching()
  readonly #wanted: readonly [Wanted, Wanted] = [new Wanted(), new Wanted()]
  readonly #captures = new Map<number, CapturePlan>()
  /** Hooks that are being loaded. */
  readonly #loading = new Map<number, (error: string | undefined) => void>()
  /** The loop of a pair that is forwarded in this thread. */
  #inline: InlineLoop | undefined
  /** The ends that the link thread knows as looked into; undefined before the pair is made. */
  #inspected: Inspected | undefined
  /** What the link thread was told is done. */
  #settled: Promise<void> = Promise.resolve()
  /** Adjustments that wait for that: those behind them wait too. */
  #waiting = 0
  #lastId = 0
  /** Rules have numbers of their own, which people read. */
  #lastRule = 0

  constructor(link: Link, handle: number, memory: SharedArrayBuffer, queues: number, hookFailed: HookFailed) {
    this.#link = link
    this.#handle = handle
    this.#queues = queues
    this.#hookFailed = hookFailed
    this.#line = new Line(stateOf(memory), (notice) => this.#hear(notice))
  }

  /** The far side of the line, for the thread that will forward; `chains`: what it meets from its first frame. */
  connect(chains: readonly [ChainPlan, ChainPlan]): MessagePort {
    const far = this.#line.connect()
    for (const end of ENDS) {
      const { impair, rules } = chains[end]
      if (impair !== null) void this.#setImpair(end, impair, true)
      for (const rule of rules) this.addRule(end, rule)
    }
    return far
  }

  /** The ends that are looked into, as the pair is made. From now on changes are told to the link thread. */
  begin(inline: InlineLoop | undefined): Inspected {
    this.#inline = inline
    this.#inspected = this.#ends()
    return this.#inspected
  }

  /** The impairment of what an end sends; null for none. */
  impairment(end: EndIndex): ImpairPlan | null {
    return this.#wanted[end].impair
  }

  /** Replaces the whole set of impairments; null takes it away. */
  async impair(end: EndIndex, options: unknown, attribute: string): Promise<ImpairPlan | null> {
    return await this.#setImpair(end, options === null ? null : planImpair(options, attribute), true)
  }

  /** Changes a part of it, as a JSON merge patch: what is null goes. Without a seed it goes on as it was. */
  async patchImpair(end: EndIndex, patch: unknown, attribute: string): Promise<ImpairPlan | null> {
    if (patch === null) return await this.#setImpair(end, null, true)
    const before = this.#wanted[end].impair
    const plan = mergeImpair(before, patch, attribute)
    const restart = before === null || (typeof patch === 'object' && 'seed' in (patch as object))
    return await this.#setImpair(end, plan, restart)
  }

  /** Adds a rule behind the others; armed when this returns. */
  addRule(end: EndIndex, planned: Omit<RulePlan, 'id'>): number {
    this.#needOpen()
    const plan = { id: ++this.#lastRule, ...planned }
    const counts = allocateRuleCounts()
    this.#wanted[end].rules.set(plan.id, { plan, counts })
    this.#adjust({ op: 'rule', end, plan, counts })
    return plan.id
  }

  removeRule(end: EndIndex, id: number): boolean {
    if (!this.#wanted[end].rules.delete(id)) return false
    this.#adjust({ op: 'unrule', end, id })
    return true
  }

  rules(end: EndIndex): RuleStats[] {
    return this.#wanted[end].ruleStats()
  }

  /** The next frame that matches; armed when this returns. `timeout` in ms. */
  waitFor(end: EndIndex, match: unknown, timeout: number, signal?: AbortSignal): Promise<Uint8Array> {
    const planned = planMatch(match, 'match') as Match
    this.#needOpen()
    return this.#watching.waitFor(this.#watchable(end), planned, timeout, signal)
  }

  /** Copies of the frames that match, from now on. */
  frames(end: EndIndex, match: unknown, bytes?: number): RingStream<Uint8Array> {
    const planned = planMatch(match, 'match') as Match
    this.#needOpen()
    return this.#watching.frames(this.#watchable(end), planned, bytes)
  }

  /** Puts a frame on the cable; resolves when the hooks have judged it. */
  async inject(end: EndIndex, frame: Uint8Array): Promise<void> {
    this.#needOpen()
    this.#adjust({ op: 'inject', end, frame })
    await this.settled()
  }

  /** Loads a module of hooks and puts its hook behind the others; its number. */
  async useModule(end: EndIndex, url: string, options: unknown): Promise<number> {
    this.#needOpen()
    const plain = plainOptions(options)
    if (this.#inline === undefined) {
      const why = await this.#link.request<string | undefined>({ op: 'own', handle: this.#handle, url })
      if (why !== undefined) throw hookError(url, why)
    }
    const id = ++this.#lastId
    this.#wanted[end].hooks.set(id, url)
    const loaded = new Promise<string | undefined>((resolve) => this.#loading.set(id, resolve))
    this.#adjust({ op: 'hook', end, id, url, options: plain })
    const why = await loaded
    if (why === undefined) {
      await this.#settled
      return id
    }
    this.#wanted[end].hooks.delete(id)
    this.#follow()
    throw hookError(url, why)
  }

  /** A function of this thread as a hook; armed when this returns. */
  useFunction(end: EndIndex, judge: Judge): number {
    this.#needOpen()
    if (this.#inline === undefined) {
      throw invalid(
        'a function as a hook needs createPair({ inline: true }); otherwise give the URL of a module',
        'hook',
      )
    }
    const id = ++this.#lastId
    this.#wanted[end].hooks.set(id, '')
    this.#inline.use(end, id, judge, (error) => this.#hookEnded(id, messageOf(error)))
    this.#follow()
    return id
  }

  async removeHook(end: EndIndex, id: number): Promise<void> {
    if (!this.#wanted[end].hooks.delete(id)) return
    this.#adjust({ op: 'unhook', end, id })
    await this.settled()
  }

  /** Begins a capture, armed when this returns; its number. */
  addCapture(capture: Omit<CapturePlan, 'id'>): number {
    this.#needOpen()
    const id = ++this.#lastId
    const plan = { id, ...capture }
    this.#captures.set(id, plan)
    this.#adjust({ op: 'capture', plan })
    return id
  }

  /** What becomes of each frame, from now on. */
  sightings(capture: Omit<CapturePlan, 'id'>): RingStream<Sighting> {
    const id = this.addCapture(capture)
    return this.#watching.follow(id, capture.ring, nextSighting, () => void this.removeCapture(id))
  }

  /** Ends a capture; resolves when its last record is written. */
  async removeCapture(id: number): Promise<void> {
    if (!this.#captures.delete(id)) return
    this.#adjust({ op: 'uncapture', id })
    await this.settled()
  }

  /** Everything that was ordered is in force, in the data path and in the devices. */
  async settled(): Promise<void> {
    await this.#settled
    await this.#line.sync()
  }

  /** The pair's own worker is gone: what was wanted, again, for the thread that goes on; without the hooks. */
  rebuild(why: string): MessagePort {
    this.#line.listen()
    const far = this.#line.connect()
    for (const end of ENDS) {
      const { impair: plan, rules, watches, hooks } = this.#wanted[end]
      if (plan !== null) this.#line.post({ op: 'impair', end, plan, restart: true })
      for (const rule of rules.values()) this.#line.post({ op: 'rule', end, ...rule })
      for (const [id, watch] of watches) this.#line.post({ op: 'watch', end, id, ...watch })
      // Told later: who hears it may use the pair, which is forwarded again by then.
      for (const id of [...hooks.keys()]) queueMicrotask(() => this.#hookEnded(id, why))
    }
    for (const plan of this.#captures.values()) this.#line.post({ op: 'capture', plan })
    this.#watching.wakeAll()
    return far
  }

  /** The pair has ended. */
  close(): void {
    this.#line.listen()
    this.#line.close()
    this.#watching.close(pairClosed())
    for (const loaded of this.#loading.values()) loaded('the pair is closed')
  }

  #needOpen(): void {
    if (!this.#line.open) throw pairClosed()
  }

  async #setImpair(end: EndIndex, plan: ImpairPlan | null, restart: boolean): Promise<ImpairPlan | null> {
    this.#needOpen()
    if (plan === null && this.#wanted[end].impair === null) return null
    this.#wanted[end].impair = plan
    this.#adjust({ op: 'impair', end, plan, restart })
    if (this.#inspected !== undefined) await this.settled()
    return plan
  }

  #watchable(end: EndIndex): Watchable {
    const { watches } = this.#wanted[end]
    return {
      watch: (match, ring) => {
        const id = ++this.#lastId
        const watch = { match, ...(ring && { ring }) }
        watches.set(id, watch)
        this.#adjust({ op: 'watch', end, id, ...watch })
        return id
      },
      unwatch: (id) => {
        if (watches.delete(id)) this.#adjust({ op: 'unwatch', end, id })
      },
      listen: () => this.#line.listen(),
    }
  }

  /** In force at once; only a pair whose queues are with several workers is brought together first. */
  #adjust(adjustment: Adjustment): void {
    const gathered = this.#queues === 1 || this.#inspected === undefined || this.#inspected.includes(true)
    const now = gathered && this.#waiting === 0
    if (now) this.#line.post(adjustment)
    this.#follow()
    if (now) return
    this.#waiting++
    this.#settled = this.#settled.then(() => {
      this.#waiting--
      this.#line.post(adjustment)
    })
  }

  /** Tells the link thread which ends are looked into now. */
  #follow(): void {
    const before = this.#inspected
    const inspected = this.#ends()
    if (before === undefined || !this.#line.open || ENDS.every((end) => inspected[end] === before[end]))
      return
    this.#inspected = inspected
    const told = this.#link.request<void>({ op: 'inspect', handle: this.#handle, inspected })
    // A pair that ends meanwhile needs no offloads.
    this.#settled = Promise.allSettled([this.#settled, told]).then(() => undefined)
  }

  /** A capture of either end looks into both directions: what it sends, and what it is given. */
  #ends(): Inspected {
    const all = this.#captures.size > 0
    return [all || !this.#wanted[0].nothing, all || !this.#wanted[1].nothing]
  }

  #hear(notice: AdjustNotice): void {
    switch (notice.event) {
      case 'frame':
        return this.#watching.found(notice.id, notice.frame)
      case 'frames':
        return this.#watching.wake(notice.id)
      case 'hook-ready':
        return this.#loaded(notice.id, undefined)
      case 'hook-failed':
        return this.#hookEnded(notice.id, notice.message)
    }
  }

  #loaded(id: number, error: string | undefined): void {
    this.#loading.get(id)?.(error)
    this.#loading.delete(id)
  }

  #hookEnded(id: number, message: string): void {
    if (this.#loading.has(id)) return this.#loaded(id, message)
    for (const end of ENDS) if (this.#wanted[end].hooks.delete(id)) this.#hookFailed(end, message)
    this.#follow()
  }
}
