// What is done to a pair's frames, as the thread that owns the pair sees it: users' wishes become changes of what is
// wanted, which standing.ts brings into force; what was found, loaded or failed comes back to who waits for it.
// Made by pair.ts; end.ts gives it users' wishes. One for each pair.
//
//   new --connect(chains)--> arming --begin()--> open --close()--> closed
//                               |                |  ^
//                               |                +--+ rebuild(): another thread, everything but users' hooks again
//                               +---close(): the pair could not be made--> closed
//
//   always        impairment schedules rules settled close          what takes something away: removeRule removeHook …
//   arming, open  impair patchImpair addRule addCapture sightings waitFor frames
//   open          inject useModule useFunction rebuild
// Elsewhere they are refused with ENODEV. While it is arming, nothing is told to the link thread: begin() answers
// what that is to know, and what was posted is in force before the first frame.

import type { MessagePort } from 'node:worker_threads'
import type { AdjustNotice, CapturePlan } from '../datapath/adjust.js'
import { shareOf, stateOf } from '../datapath/counters.js'
import type { InlineLoop } from '../datapath/inline.js'
import { pairClosed, UvethError } from '../errors.js'
import { type ImpairPlan, mergeImpair, planImpair } from '../faults/impair-plan.js'
import { planMatch } from '../faults/match-plan.js'
import type { RulePlan } from '../faults/rule-plan.js'
import { Share } from '../frame/memory.js'
import type { Judge } from '../hooks/guard.js'
import { frameMemory } from '../link/memory.js'
import type { Beginning, CarrierMode, Inspected, LinkRequest } from '../link/protocol.js'
import { type RingStream, type Sighting, sightingReader } from '../ring/stream.js'
import { keepTo } from '../wishes/limits.js'
import {
  type ChainPlan,
  countedRule,
  ENDS,
  type EndIndex,
  type Progresses,
  type RuleStats,
  ruleStats,
  type Start,
  withEntry,
  without,
} from './chain.js'
import { Line } from './line.js'
import { Rings } from './rings.js'
import { Schedules, type StepTold } from './schedules.js'
import { Standing } from './standing.js'
import { type HookFailed, UserHooks } from './user-hooks.js'
import { type Watchable, Watching } from './watching.js'

/** What is needed of link/link.ts. */
export interface Orders {
  request<T>(request: LinkRequest, transfer?: MessagePort[]): Promise<T>
}

/** What comes of it without an order. */
interface Told {
  readonly hookFailed: HookFailed
  /** A schedule has come to a step, which wants carrier so. */
  readonly carrier: (mode: CarrierMode) => void
  readonly stepped: (end: EndIndex, step: StepTold) => void
}

export class Inspection {
  readonly #standing: Standing
  readonly #hooks: UserHooks
  readonly #watching: Watching
  readonly #share: Share
  readonly rings: Rings
  readonly schedules: Schedules
  readonly #end = new AbortController()
  /** Raised, with the reason, when the pair ends, or is another process's. */
  readonly ended: AbortSignal = this.#end.signal
  #lastId = 0
  /** Rules have numbers of their own, which people read. */
  #lastRule = 0

  constructor(
    link: Orders,
    handle: number,
    memory: SharedArrayBuffer,
    queues: number,
    { hookFailed, carrier, stepped }: Told,
  ) {
    this.#share = new Share(frameMemory(), shareOf(memory))
    this.rings = new Rings(this.#share)
    this.#watching = new Watching(this.rings)
    const line = new Line(stateOf(memory), (notice) => this.#hear(notice))
    this.#standing = new Standing(line, queues, (inspected) =>
      link.request({ op: 'inspect', handle, inspected }),
    )
    const around = { standing: this.#standing, nextId: () => ++this.#lastId }
    this.schedules = new Schedules({ ...around, carrier, told: stepped })
    this.#hooks = new UserHooks({
      ...around,
      own: (url) => link.request<string | undefined>({ op: 'own', handle, url }),
      failed: hookFailed,
    })
  }

  /** What the thread that will forward begins with: what is done to the first frame, and where it goes on. */
  connect({ chains, captures = [], progress = [], lastRule = 0 }: Start): Beginning {
    for (const end of ENDS) {
      const { impair, schedule, rules } = chains[end]
      this.#standing.change(end, {
        impair: impair && { plan: impair, restart: true },
        schedule,
        rules: new Map(rules.map((rule) => [rule.plan.id, rule])),
      })
      this.#lastRule = Math.max(this.#lastRule, lastRule, ...rules.map(({ plan }) => plan.id))
    }
    this.#standing.capture(new Map(captures.map((plan) => [plan.id, plan])))
    this.#lastId = Math.max(
      0,
      ...[...captures, ...chains.map(({ schedule }) => schedule)].map((one) => one?.id ?? 0),
    )
    return this.#standing.connect(progress)
  }

  get lastRule(): number {
    return this.#lastRule
  }

  /** The ends that are looked into, as the pair is made. From now on changes are told to the link thread. */
  begin(inline: InlineLoop | undefined): Inspected {
    this.#hooks.inline = inline
    return this.#standing.begin()
  }

  /** What another pair would begin with, to go on as this one. */
  chain(end: EndIndex): ChainPlan {
    const { impair, schedule, rules } = this.#standing.chain(end)
    return { impair: impair?.plan ?? null, schedule, rules: [...rules.values()] }
  }

  get captures(): CapturePlan[] {
    return [...this.#standing.captures.values()]
  }

  /** The impairment of what an end sends; null for none. */
  impairment(end: EndIndex): ImpairPlan | null {
    return this.#standing.chain(end).impair?.plan ?? null
  }

  /** Replaces the whole set of impairments; null takes it away. */
  async impair(end: EndIndex, options: unknown, attribute: string): Promise<ImpairPlan | null> {
    return await this.#setImpair(end, options === null ? null : planImpair(options, attribute), true)
  }

  /** Changes a part of it, as a JSON merge patch: what is null goes. Without a seed it goes on as it was. */
  async patchImpair(end: EndIndex, patch: unknown, attribute: string): Promise<ImpairPlan | null> {
    if (patch === null) return await this.#setImpair(end, null, true)
    const before = this.impairment(end)
    const plan = mergeImpair(before, patch, attribute)
    const restart = before === null || (typeof patch === 'object' && 'seed' in (patch as object))
    return await this.#setImpair(end, plan, restart)
  }

  /** Adds a rule behind the others; armed when this returns. */
  addRule(end: EndIndex, planned: Omit<RulePlan, 'id'>): number {
    this.#standing.needOpen()
    keepTo('rules', this.#standing.chain(end).rules.size + 1)
    const plan = { id: ++this.#lastRule, ...planned }
    this.#standing.change(end, {
      rules: withEntry(this.#standing.chain(end).rules, plan.id, countedRule(plan)),
    })
    return plan.id
  }

  /** Puts a rule in the place of another; its counts begin anew. False when there is none. */
  replaceRule(end: EndIndex, id: number, planned: Omit<RulePlan, 'id'>): boolean {
    this.#standing.needOpen()
    const { rules } = this.#standing.chain(end)
    if (!rules.has(id)) return false
    this.#standing.change(end, { rules: withEntry(rules, id, countedRule({ id, ...planned })) })
    return true
  }

  removeRule(end: EndIndex, id: number): boolean {
    const { rules } = this.#standing.chain(end)
    if (!rules.has(id)) return false
    this.#standing.change(end, { rules: without(rules, id) })
    return true
  }

  rules(end: EndIndex): RuleStats[] {
    return this.chain(end).rules.map(ruleStats)
  }

  /** The next frame that matches; armed when this returns. `timeout` in ms. */
  waitFor(end: EndIndex, match: unknown, timeout: number, signal?: AbortSignal): Promise<Uint8Array> {
    const planned = planMatch(match, 'match')
    this.#standing.needOpen()
    return this.#watching.waitFor(this.#watchable(end), planned, timeout, signal)
  }

  /** Copies of the frames that match, from now on. */
  frames(end: EndIndex, match: unknown, bytes?: number): RingStream<Uint8Array> {
    const planned = planMatch(match, 'match')
    this.#standing.needOpen()
    return this.#watching.frames(this.#watchable(end), planned, bytes)
  }

  /** Puts a frame on the cable; resolves when the hooks have judged it. */
  async inject(end: EndIndex, frame: Uint8Array): Promise<void> {
    this.#standing.needOpen()
    this.#standing.post({ op: 'inject', end, frame })
    await this.settled()
  }

  /** Loads a module of hooks and puts its hook behind the others; its number. */
  async useModule(end: EndIndex, url: string, options: unknown): Promise<number> {
    return await this.#hooks.useModule(end, url, options)
  }

  /** A function of this thread as a hook; armed when this returns. */
  useFunction(end: EndIndex, judge: Judge): number {
    return this.#hooks.useFunction(end, judge)
  }

  async removeHook(end: EndIndex, id: number): Promise<void> {
    if (this.#hooks.drop(end, id)) await this.settled()
  }

  /** Begins a capture, armed when this returns. `ringBytes`: what may wait for its reader; `attribute` calls it. */
  addCapture(capture: Omit<CapturePlan, 'id' | 'ring'>, ringBytes: number, attribute: string): CapturePlan {
    this.#standing.needOpen()
    const plan = { id: ++this.#lastId, ring: this.rings.open(ringBytes, attribute), ...capture }
    this.#standing.capture(withEntry(this.#standing.captures, plan.id, plan))
    return plan
  }

  /** What an armed capture sees, for who reads it in this thread. */
  sightings({ id, ring }: CapturePlan): RingStream<Sighting> {
    return this.#watching.stream(id, ring, sightingReader(), () => void this.removeCapture(id))
  }

  /** Ends a capture; resolves when its last record is written. */
  async removeCapture(id: number): Promise<void> {
    const { captures } = this.#standing
    if (!captures.has(id)) return
    this.#standing.capture(without(captures, id))
    await this.settled()
  }

  /** Everything that was ordered is in force, in the data path and in the devices. */
  async settled(): Promise<void> {
    await this.#standing.settled()
  }

  /** Takes what was said while this thread was busy. */
  listen(): void {
    this.#standing.listen()
  }

  /** The thread that forwarded does so no more: what the next one begins with, without the hooks; `why` is for those. */
  rebuild(why: string, progress: Progresses = []): Beginning {
    this.#share.abandon()
    const begin = this.#standing.connect(progress)
    this.#hooks.lost(why)
    this.#watching.wakeAll()
    return begin
  }

  /** Another process has the pair: nothing that is put in here reaches it. */
  leave(): void {
    const message = 'ESHUTDOWN: another process has the pair now'
    this.#end.abort(new UvethError(message, { code: 'ESHUTDOWN' }))
  }

  /** The pair has ended; captures may still be written. */
  close(): void {
    this.#share.abandon()
    this.#standing.close()
    this.#watching.close(pairClosed())
    this.#end.abort(pairClosed())
    this.#hooks.close()
  }

  async #setImpair(end: EndIndex, plan: ImpairPlan | null, restart: boolean): Promise<ImpairPlan | null> {
    this.#standing.needOpen()
    this.schedules.byHand('impair', [end])
    if (plan === null && this.#standing.chain(end).impair === null) return null
    this.#standing.change(end, { impair: plan && { plan, restart } })
    await this.settled()
    return plan
  }

  #watchable(end: EndIndex): Watchable {
    const watches = () => this.#standing.chain(end).watches
    return {
      watch: (match, ring) => {
        const id = ++this.#lastId
        this.#standing.change(end, { watches: withEntry(watches(), id, { match, ...(ring && { ring }) }) })
        return id
      },
      unwatch: (id) => {
        if (watches().has(id)) this.#standing.change(end, { watches: without(watches(), id) })
      },
      listen: () => this.#standing.listen(),
    }
  }

  #hear(notice: AdjustNotice): void {
    switch (notice.event) {
      case 'frame':
        return this.#watching.found(notice.id, notice.frame)
      case 'frames':
        return this.#watching.wake(notice.id)
      case 'step':
        return this.schedules.hear(notice)
      case 'hook-ready':
      case 'hook-failed':
        return this.#hooks.hear(notice)
    }
  }
}
