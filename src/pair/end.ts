// One side of a pair: a network interface as its user sees it. Mirrors what the link thread reports
// and passes orders on. Made by pair.ts only.

import { type ImpairOptions, type ImpairPlan, planImpair } from '../faults/impair-plan.js'
import type { Match } from '../faults/match-plan.js'
import { planRule } from '../faults/rule-plan.js'
import { planSchedule, type ScheduleOptions } from '../faults/schedule-plan.js'
import type { Judge } from '../hooks/guard.js'
import type { Link } from '../link/link.js'
import { type EndChange, type EndState, type Lasting, NOTHING, UNKNOWN } from '../link/protocol.js'
import type { RingStream } from '../ring/stream.js'
import type { Netns } from '../wishes/end.js'
import { PART, type RuleAction } from '../wishes/rule.js'
import type { RuleStats } from './chain.js'
import { type Former, formerOf } from './former.js'
import type { Inspection } from './inspection.js'
import type { WaitOptions } from './options.js'
import { type EndSettings, hookUrl, planChange, planFrame, planNetns, planWait } from './options.js'
import { type Recording, type ReplayOptions, type ReplayResult, replay } from './replay.js'
import { Rule } from './rule.js'
import type { ScheduleView } from './schedules.js'
import { UserHook } from './user-hook.js'

/** What an end needs to know of the pair that it is a side of. */
interface Sides {
  readonly a: End
  readonly b: End
  readonly carrier: boolean
}

export class End {
  readonly #pair: Sides
  readonly #index: 0 | 1
  readonly #label: 'a' | 'b'
  readonly #link: Link
  readonly #handle: number
  readonly #inspection: Inspection
  #state = UNKNOWN
  #lasting = NOTHING

  constructor(pair: Sides, index: 0 | 1, link: Link, handle: number, inspection: Inspection) {
    this.#inspection = inspection
    this.#pair = pair
    this.#index = index
    this.#label = index === 0 ? 'a' : 'b'
    this.#link = link
    this.#handle = handle
  }

  /** All of it, as the kernel last told it. */
  get state(): EndState {
    return this.#state
  }

  /** The interface's name now; others may have renamed it. */
  get name(): string {
    return this.#state.name
  }

  /** Its index in the namespace that it is in. */
  get ifindex(): number {
    return this.#state.ifindex
  }

  /** A name under /run/netns, null for the namespace this process started in, otherwise `net:[inode]`. */
  get netns(): string | null {
    return this.#state.netns
  }

  /** Inode of that namespace, as `ls -i /run/netns` shows it. */
  get netnsInode(): number {
    return this.#state.netnsInode
  }

  get address(): string {
    return this.#state.address
  }

  /** L3 payload in bytes. */
  get mtu(): number {
    return this.#state.mtu
  }

  /** Admin up (IFF_UP). */
  get isUp(): boolean {
    return this.#state.up
  }

  /** IFF_* of the kernel, as it last told them. */
  get flags(): number {
    return this.#state.flags
  }

  /** Frames that the kernel keeps before it drops. */
  get txQueueLength(): number {
    return this.#state.txQueueLength
  }

  /** More names that it has (`ip link property add`); changes while it is down are known once it goes up. */
  get altnames(): readonly string[] {
    return this.#state.altnames
  }

  /** Queues that others have attached to it; frames that the kernel gives to them are lost, and not counted. */
  get foreignQueues(): number {
    return this.#state.foreignQueues
  }

  /** The link signal; both ends always have the same. */
  get carrier(): boolean {
    return this.#pair.carrier
  }

  get peer(): End {
    return this.#index === 0 ? this.#pair.b : this.#pair.a
  }

  /** Sets the link up. Resolved means usable: if the peer is up too, both show operstate UP. */
  up(): Promise<void> {
    return this.#change({ up: true })
  }

  /** Sets the link down; both ends have lost carrier when it resolves. */
  down(): Promise<void> {
    return this.#change({ up: false })
  }

  /** EEXIST for a taken name. Does not interrupt forwarding. */
  rename(name: string): Promise<void> {
    return this.set({ name })
  }

  /** Changes what is given, in the order name, address, mtu, txQueueLength, up, addresses (which are added). */
  async set(settings: EndSettings): Promise<void> {
    await this.#change(planChange(settings, this.#label))
  }

  /**
   * Moves the interface to another namespace, as `ip link set … netns` does: it is down and has no
   * addresses there, unless `settings` say otherwise. The pair, its counters and its id stay.
   */
  async move(netns: Netns, settings: EndSettings = {}): Promise<void> {
    const place = planNetns(netns, `${this.#label}.netns`)
    await this.#change({ ...planChange(settings, this.#label), netns: place })
  }

  /** What degrades the frames that this end sends, in its normal form; null for nothing. */
  get impairment(): ImpairPlan | null {
    return this.#inspection.impairment(this.#index)
  }

  /**
   * Degrades what this end sends, in netem's words: `{ delay: '10ms', loss: '1%', seed: 42 }`. Replaces the
   * whole set; null takes it away. Frames that are held go on, but no later than those that come now, which do not
   * overtake them unless the new set reorders. Acts on the next frame once it resolves.
   * Answers the normal form, with the seed that was chosen if none was given. EINVAL for a bad wish.
   */
  impair(options: ImpairOptions | null): Promise<ImpairPlan | null>
  /**
   * The same for the frames that `match`, in place of the end's own: a rule behind the others, with draws, rate, limit
   * and held frames of its own. The first such rule that matches takes a frame; null exempts it.
   */
  impair(options: ImpairOptions | null, part: { match: Match }): Promise<Rule>
  async impair(options: ImpairOptions | null, part?: { match: Match }): Promise<ImpairPlan | null | Rule> {
    if (part === undefined) return await this.#inspection.impair(this.#index, options, 'impair')
    PART.read(part, 'part')
    planImpair(options ?? {}, 'impair')
    const rule = this.addRule({ kind: 'impair', ...options }, part.match)
    await this.settled()
    return rule
  }

  /** Changes a part of the impairment, as a JSON merge patch does: what is null goes, the seed stays. */
  patchImpairment(patch: unknown): Promise<ImpairPlan | null> {
    return this.#inspection.patchImpair(this.#index, patch, 'impair')
  }

  /** What it is to be at which time, in its normal form, and how far that has come; null for nothing. */
  get scheduled(): ScheduleView | null {
    return this.#inspection.schedules.view(this.#index)
  }

  /**
   * Has the thread that forwards change this end's impairment and the pair's carrier at the times of `steps`, each since the
   * round began: `[{ at: 0, impair: { delay: '10ms' } }, { at: '5s', carrier: 'off' }, …]`; once, or with `{ repeat: true,
   * period: '20s' }` round after round. Has begun when this resolves. null ends it: what its last step has set stays.
   * EBUSY for who sets by hand what it sets, meanwhile.
   */
  async schedule(
    steps: ScheduleOptions['steps'] | null,
    options: Omit<ScheduleOptions, 'steps'> = {},
  ): Promise<ScheduleView | null> {
    const plan = steps === null ? null : planSchedule({ steps, ...options }, 'schedule')
    await this.#inspection.schedules.set(this.#index, plan)
    return this.scheduled
  }

  /** Drops the frames that match, of those that this end sends. Armed when the call returns, as all rules are
   * (of a pair with several queues, while nothing else inspects it: once `settled()` resolves). */
  drop(match: Match): Rule {
    return this.addRule({ kind: 'drop' }, match)
  }

  /**
   * Flips bits of the frames that match: `bits` of them (default 1), drawn from `seed`, behind the Ethernet
   * header or in the byte at `offset`; or those of the byte at `offset` that `mask` has. Checksums stay.
   */
  corrupt(match: Match, how: { offset?: number; mask?: number; bits?: number; seed?: number } = {}): Rule {
    return this.addRule({ kind: 'corrupt', ...how }, match)
  }

  /** Holds the frames that match for `ms` milliseconds. */
  delay(match: Match, ms: number): Rule {
    return this.addRule({ kind: 'delay', ms }, match)
  }

  /** Sends the frames that match once more, or `copies` times. */
  duplicate(match: Match, copies = 1): Rule {
    return this.addRule({ kind: 'duplicate', copies }, match)
  }

  /** Adds a rule behind the others. EINVAL for a bad one. */
  addRule(action: RuleAction, match: Match = {}): Rule {
    const planned = planRule({ action, match }, 'rule')
    return new Rule(this.#inspection, this.#index, this.#inspection.addRule(this.#index, planned))
  }

  /** The rules in their order, with what they have met. */
  rules(): RuleStats[] {
    return this.#inspection.rules(this.#index)
  }

  /** Puts a rule in the place of that number. False when there is none; EINVAL for a bad one. */
  replaceRule(id: number, action: RuleAction, match: Match = {}): boolean {
    return this.#inspection.replaceRule(this.#index, id, planRule({ action, match }, 'rule'))
  }

  /** False when there is no such rule. */
  removeRule(id: number): boolean {
    return this.#inspection.removeRule(this.#index, id)
  }

  /**
   * The next frame that this end sends and that matches, as it was before any fault: a copy. `{}` matches
   * every frame, `{ icmp: {} }` every ICMP frame. Armed when the call returns, so what is sent behind it is
   * seen. ETIMEDOUT after `timeout` ms (default 5,000; 0 or Infinity: never), ENODEV when the pair ends.
   */
  waitFor(match: Match = {}, options: WaitOptions = {}): Promise<Uint8Array> {
    const found = this.#waitFor(match, options)
    // Who is kept from awaiting it by another failure is to see that one.
    found.catch(() => {})
    return found
  }

  async #waitFor(match: Match, options: WaitOptions): Promise<Uint8Array> {
    const { timeout, signal } = planWait(options)
    return await this.#inspection.waitFor(this.#index, match, timeout, signal)
  }

  /** Copies of the frames that this end sends and that match, from now on; at most `bytes` wait to be read. */
  frames(match: Match = {}, { bytes }: { bytes?: number } = {}): RingStream<Uint8Array> {
    return this.#inspection.frames(this.#index, match, bytes)
  }

  /** Puts a frame (14 bytes or more, no FCS) on the cable as if this end's kernel had sent it. */
  async inject(frame: Uint8Array): Promise<void> {
    await this.#inspection.inject(this.#index, planFrame(frame))
  }

  /**
   * Puts the frames of a recording (pcap or pcapng, of Ethernet) on the cable as if this end's kernel had sent them, as
   * far apart as they were, to about a millisecond. `from` says whose. EBADMSG: the file cannot be read so far. Instead
   * of a file, its bytes may come from whatever yields them.
   */
  async replay(file: Recording, options: ReplayOptions = {}): Promise<ReplayResult> {
    const inject = (frame: Uint8Array) => this.#inspection.inject(this.#index, frame)
    return await replay(file, options, inject, this.#inspection.ended)
  }

  /**
   * Lets a hook judge the frames that this end sends, behind the rules and in front of the impairment. A URL
   * is a module whose default export makes the hook of `options`; it runs in a worker of the pair's own. A
   * function runs in the thread of an inline pair. A hook that throws is taken out (event `hookFailed`).
   */
  async use(hook: URL | string | Judge, options?: unknown): Promise<UserHook> {
    const id =
      typeof hook === 'function'
        ? this.#inspection.useFunction(this.#index, hook)
        : await this.#inspection.useModule(this.#index, hookUrl(hook), options)
    return new UserHook(this.#inspection, this.#index, id)
  }

  /** Everything that was ordered of this pair's frames is in force, in the devices too. */
  settled(): Promise<void> {
    return this.#inspection.settled()
  }

  /** Takes over what the link thread reports; the state before, if there was one. */
  static update(end: End, state: EndState, lasting: Lasting): EndState | undefined {
    const before = end.#state === UNKNOWN ? undefined : end.#state
    end.#state = state
    end.#lasting = { ...lasting, routes: lasting.routes ?? end.#lasting.routes }
    return before
  }

  /** It goes on as what another process had: what is asked for later is as it was until then. */
  static keep(end: End, former: Former | null): void {
    if (former !== null) end.#lasting = { ...end.#lasting, routes: former.routes }
  }

  /** What it is made again as. */
  static former(end: End): Former {
    return formerOf(end.#state, end.#lasting)
  }

  async #change(change: EndChange): Promise<void> {
    await this.#link.request({ op: 'change', handle: this.#handle, end: this.#index, change })
  }
}
