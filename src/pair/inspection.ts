// What is done to a pair's frames, as the thread that owns the pair sees it: users' wishes become changes of what is
// wanted, which standing.ts brings into force; what was found, loaded or failed comes back to who waits for it.
// Made by pair.ts; end.ts gives it users' wishes. One for each pair.
//
//   new --connect(chains)--> arming --begin()--> open --close()--> closed
//                               |                |  ^
//                               |                +--+ rebuild(): a new line, everything but users' hooks again
//                               +---close(): the pair could not be made--> closed
//
//   always        impairment rules settled close          what takes something away: removeRule removeHook …
//   arming, open  impair patchImpair addRule addCapture sightings waitFor frames
//   open          inject useModule useFunction rebuild
// Elsewhere they are refused with ENODEV. While it is arming, nothing is told to the link thread: begin() answers
// what that is to know, and what was posted is in force before the first frame.

import type { MessagePort } from 'node:worker_threads'
import type { AdjustNotice, CapturePlan } from '../datapath/adjust.js'
import { shareOf, stateOf } from '../datapath/counters.js'
import type { InlineLoop } from '../datapath/inline.js'
import { invalid, pairClosed } from '../errors.js'
import { type ImpairPlan, mergeImpair, planImpair } from '../faults/impair-plan.js'
import { planMatch } from '../faults/match-plan.js'
import type { RulePlan } from '../faults/rule-plan.js'
import { Share } from '../frame/memory.js'
import { type Judge, messageOf } from '../hooks/guard.js'
import { frameMemory } from '../link/memory.js'
import type { Inspected, LinkRequest } from '../link/protocol.js'
import { nextSighting, type RingStream, type Sighting } from '../ring/stream.js'
import { keepTo } from '../wishes/limits.js'
import {
  type ChainPlan,
  countedRule,
  ENDS,
  type EndIndex,
  type RuleStats,
  ruleStats,
  withEntry,
  without,
} from './chain.js'
import { Line } from './line.js'
import { hookError, plainOptions } from './options.js'
import { Rings } from './rings.js'
import { Standing } from './standing.js'
import { type Watchable, Watching } from './watching.js'

/** A user's hook threw, or did not come back, and is not in the chain any more. */
export type HookFailed = (end: EndIndex, message: string) => void

/** What is needed of link/link.ts. */
export interface Orders {
  request<T>(request: LinkRequest, transfer?: MessagePort[]): Promise<T>
}

export class Inspection {
  readonly #link: Orders
  readonly #handle: number
  readonly #hookFailed: HookFailed
  readonly #standing: Standing
  readonly #watching: Watching
  readonly #share: Share
  readonly rings: Rings
  /** Hooks that are being loaded. */
  readonly #loading = new Map<number, (error: string | undefined) => void>()
  /** The loop of a pair that is forwarded in this thread. */
  #inline: InlineLoop | undefined
  #lastId = 0
  /** Rules have numbers of their own, which people read. */
  #lastRule = 0

  constructor(
    link: Orders,
    handle: number,
    memory: SharedArrayBuffer,
    queues: number,
    hookFailed: HookFailed,
  ) {
    this.#link = link
    this.#handle = handle
    this.#hookFailed = hookFailed
    this.#share = new Share(frameMemory(), shareOf(memory))
    this.rings = new Rings(this.#share)
    this.#watching = new Watching(this.rings)
    const line = new Line(stateOf(memory), (notice) => this.#hear(notice))
    this.#standing = new Standing(line, queues, (inspected) =>
      link.request({ op: 'inspect', handle, inspected }),
    )
  }

  /** The far side of the line, for the thread that will forward; `chains`: what it meets from its first frame. */
  connect(chains: readonly [ChainPlan, ChainPlan]): MessagePort {
    const far = this.#standing.connect()
    for (const end of ENDS) {
      const { impair, rules } = chains[end]
      this.#standing.change(end, {
        impair: impair && { plan: impair, restart: true },
        rules: new Map(rules.map((rule) => [rule.plan.id, rule])),
      })
      this.#lastRule = Math.max(this.#lastRule, ...rules.map(({ plan }) => plan.id))
    }
    return far
  }

  /** The ends that are looked into, as the pair is made. From now on changes are told to the link thread. */
  begin(inline: InlineLoop | undefined): Inspected {
    this.#inline = inline
    return this.#standing.begin()
  }

  /** What another pair would begin with, to go on as this one. */
  chain(end: EndIndex): ChainPlan {
    const { impair, rules } = this.#standing.chain(end)
    return { impair: impair?.plan ?? null, rules: [...rules.values()] }
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
    this.#standing.needOpen()
    const plain = plainOptions(options)
    if (this.#inline === undefined) {
      const why = await this.#link.request<string | undefined>({ op: 'own', handle: this.#handle, url })
      if (why !== undefined) throw hookError(url, why)
    }
    const id = ++this.#lastId
    const loaded = new Promise<string | undefined>((resolve) => this.#loading.set(id, resolve))
    this.#standing.change(end, {
      hooks: withEntry(this.#standing.chain(end).hooks, id, { url, options: plain }),
    })
    const failed = await loaded
    if (failed !== undefined) {
      this.#dropHook(end, id)
      throw hookError(url, failed)
    }
    await this.#standing.told
    return id
  }

  /** A function of this thread as a hook; armed when this returns. */
  useFunction(end: EndIndex, judge: Judge): number {
    this.#standing.needOpen()
    if (this.#inline === undefined) {
      throw invalid(
        'a function as a hook needs createPair({ inline: true }); otherwise give the URL of a module',
        'hook',
      )
    }
    const id = ++this.#lastId
    this.#standing.change(end, { hooks: withEntry(this.#standing.chain(end).hooks, id, null) })
    this.#inline.use(end, id, judge, (error) => this.#hookEnded(id, messageOf(error)))
    return id
  }

  async removeHook(end: EndIndex, id: number): Promise<void> {
    if (this.#dropHook(end, id)) await this.settled()
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
    return this.#watching.stream(id, ring, nextSighting, () => void this.removeCapture(id))
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

  /** The pair's own worker is gone: what was wanted, again, for the thread that goes on; without the hooks. */
  rebuild(why: string): MessagePort {
    this.#share.abandon()
    const far = this.#standing.rebuild()
    // Told later: who hears it may use the pair, which is forwarded again by then.
    for (const end of ENDS)
      for (const id of this.#standing.chain(end).hooks.keys()) queueMicrotask(() => this.#hookEnded(id, why))
    this.#watching.wakeAll()
    return far
  }

  /** The pair has ended; captures may still be written. */
  close(): void {
    this.#share.abandon()
    this.#standing.close()
    this.#watching.close(pairClosed())
    for (const loaded of this.#loading.values()) loaded('the pair is closed')
  }

  async #setImpair(end: EndIndex, plan: ImpairPlan | null, restart: boolean): Promise<ImpairPlan | null> {
    this.#standing.needOpen()
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
    for (const end of ENDS) if (this.#dropHook(end, id)) this.#hookFailed(end, message)
  }

  /** False when it is not in the chain any more. */
  #dropHook(end: EndIndex, id: number): boolean {
    const { hooks } = this.#standing.chain(end)
    if (!hooks.has(id)) return false
    this.#standing.change(end, { hooks: without(hooks, id) })
    return true
  }
}
