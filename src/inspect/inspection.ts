// What is done to a pair's frames, as the thread that owns the pair sees it: posts adjustments to the thread
// that forwards (datapath/adjust.ts), hears what that finds, and tells the link thread which ends are looked
// into, for their offloads. Made by pair.ts; end.ts gives it users' wishes. One for each pair.

import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { type Adjustment, type AdjustNotice, post } from '../datapath/adjust.js'
import { stateOf } from '../datapath/counters.js'
import type { Judge } from '../datapath/guard.js'
import type { InlineLoop } from '../datapath/inline.js'
import { invalid, UvethError } from '../errors.js'
import type { CapturePlan } from '../hooks/capture.js'
import { type ImpairOptions, type ImpairPlan, mergeImpair, planImpair } from '../hooks/impair-options.js'
import { type Match, planMatch } from '../hooks/match.js'
import { createRing } from '../hooks/ring.js'
import { allocateRuleCounts, planRule, type RuleAction, type RulePlan } from '../hooks/rule.js'
import type { Link } from '../link/client.js'
import type { Inspected } from '../link/protocol.js'
import { FrameStream } from './frame-stream.js'

type EndIndex = 0 | 1
const ENDS = [0, 1] as const

/** What is wanted for the frames of one end. */
interface Wanted {
  impair: ImpairPlan | null
  rules: Map<number, RuleEntry>
  /** Match and ring of each watch. */
  watches: Map<number, { match: Match; ring?: SharedArrayBuffer }>
  hooks: Map<number, { url: string; options: unknown }>
}

interface RuleEntry {
  plan: RulePlan
  counts: SharedArrayBuffer
}

/** A rule of an end, and what it has met so far. */
export interface RuleStats {
  id: number
  /** What it does, and to which frames. */
  action: RuleAction
  match: Match
  /** Frames that its match fits; of these, frames that it acted on (nth, every, first). */
  matched: number
  hits: number
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** What the pair is told. */
export interface InspectionEvents {
  /** A user's hook threw, or did not come back, and is not in the chain any more. */
  hookFailed(end: EndIndex, message: string): void
}

/** Bytes of frames that may wait for a reader. */
const FRAMES_RING = 1 << 20

export class Inspection {
  readonly #link: Link
  readonly #handle: number
  readonly #state: Int32Array
  readonly #queues: number
  readonly #events: InspectionEvents
  readonly #wanted: [Wanted, Wanted] = [nothing(), nothing()]
  readonly #captures = new Map<number, CapturePlan>()
  readonly #waiting = new Map<number, Waiting>()
  readonly #streams = new Map<number, FrameStream>()
  /** The loop of a pair that is forwarded in this thread. */
  inline: InlineLoop | undefined
  #port!: MessagePort
  #inspected: Inspected = [false, false]
  #created = false
  #closed = false
  #lastId = 0

  constructor(
    link: Link,
    handle: number,
    memory: SharedArrayBuffer,
    queues: number,
    events: InspectionEvents,
  ) {
    this.#link = link
    this.#handle = handle
    this.#state = stateOf(memory)
    this.#queues = queues
    this.#events = events
  }

  /** The far side of a new line to the forwarding thread. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    port1.on('message', (notice: AdjustNotice) => this.#hear(notice))
    port1.unref()
    return port2
  }

  /** The ends that are looked into, as the pair is made. From now on changes are told to the link thread. */
  begin(): Inspected {
    this.#created = true
    this.#inspected = this.#ends()
    return this.#inspected
  }

  /** The impairment of what an end sends; null for none. */
  impairment(end: EndIndex): ImpairPlan | null {
    return this.#wanted[end].impair
  }

  /** Replaces the whole set of impairments; null takes it away. */
  async impair(end: EndIndex, options: ImpairOptions | null, attribute: string): Promise<ImpairPlan | null> {
    const plan = options === null ? null : planImpair(options, attribute)
    await this.#setImpair(end, plan, true)
    return plan
  }

  /** Changes a part of it, as a JSON merge patch: what is null goes. */
  async patchImpair(end: EndIndex, patch: unknown, attribute: string): Promise<ImpairPlan | null> {
    if (patch === null) return await this.impair(end, null, attribute)
    const before = this.#wanted[end].impair
    const plan = mergeImpair(before, patch, attribute)
    const seeded = typeof patch === 'object' && 'seed' in patch
    await this.#setImpair(end, plan, before === null || seeded)
    return plan
  }

  /** Adds a rule behind the others; armed when this returns. */
  addRule(end: EndIndex, action: unknown, match: unknown): number {
    const id = ++this.#lastId
    const plan = { id, ...planRule({ action, match }, 'rule') }
    const counts = allocateRuleCounts()
    this.#wanted[end].rules.set(id, { plan, counts })
    this.#adjust({ op: 'rule', end, plan, counts })
    return id
  }

  removeRule(end: EndIndex, id: number): boolean {
    if (!this.#wanted[end].rules.delete(id)) return false
    this.#adjust({ op: 'unrule', end, id })
    return true
  }

  rules(end: EndIndex): RuleStats[] {
    return [...this.#wanted[end].rules.values()].map(({ plan, counts }) => {
      const [matched = 0, hits = 0] = new Float64Array(counts)
      return { id: plan.id, action: plan.action, match: plan.match, matched, hits }
    })
  }

  /** The next frame that matches; armed when this returns. `timeout` in ms. */
  waitFor(
    end: EndIndex,
    match: unknown,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    signal?.throwIfAborted()
    const planned = planMatch(match, 'match')
    const id = this.#watch(end, planned, undefined)
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#unwatch(end, id)
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      const abort = () => this.#waiting.get(id)?.reject(signal?.reason as Error)
      const late = () => {
        this.#listen() // it may have been found while this thread was busy
        const error = new UvethError(
          `ETIMEDOUT: no frame that matches ${JSON.stringify(planned)} within ${timeout} ms`,
          { code: 'ETIMEDOUT' },
        )
        this.#waiting.get(id)?.reject(error)
      }
      const timer = Number.isFinite(timeout) ? setTimeout(late, timeout) : undefined
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.set(id, {
        resolve: (frame) => {
          settle()
          resolve(frame as Uint8Array)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      })
    })
  }

  /** Copies of the frames that match, from now on. */
  frames(end: EndIndex, match: unknown, bytes = FRAMES_RING): FrameStream {
    const ring = createRing(bytes)
    const id = this.#watch(end, planMatch(match, 'match'), ring)
    const stream = new FrameStream(ring, () => {
      this.#streams.delete(id)
      this.#unwatch(end, id)
    })
    this.#streams.set(id, stream)
    return stream
  }

  /** Puts a frame on the cable; resolves when the hooks have judged it. */
  async inject(end: EndIndex, frame: Uint8Array): Promise<void> {
    this.#adjust({ op: 'inject', end, frame })
    await this.#sync()
  }

  /** Loads a module of hooks and puts its hook behind the others; its number. */
  async useModule(end: EndIndex, url: string, options: unknown): Promise<number> {
    if (this.inline === undefined) {
      const why = await this.#link.request<string | undefined>({ op: 'own', handle: this.#handle, url })
      if (why !== undefined) throw hookError(url, why)
    }
    const id = ++this.#lastId
    this.#wanted[end].hooks.set(id, { url, options })
    const ready = this.#answer(id)
    this.#adjust({ op: 'hook', end, id, url, options })
    try {
      await ready
    } catch (error) {
      this.#wanted[end].hooks.delete(id)
      this.#follow()
      throw hookError(url, (error as Error).message)
    }
    await this.#settled
    return id
  }

  /** A function of this thread as a hook; armed when this returns. */
  useFunction(end: EndIndex, judge: Judge): number {
    if (this.inline === undefined) {
      throw invalid(
        'a function as a hook needs createPair({ inline: true }); otherwise give the URL of a module',
        'hook',
      )
    }
    const id = ++this.#lastId
    this.#wanted[end].hooks.set(id, { url: '', options: undefined })
    this.inline.use(end, id, judge, (error) => this.#hookFailed(id, String((error as Error).stack ?? error)))
    this.#follow()
    return id
  }

  async removeHook(end: EndIndex, id: number): Promise<void> {
    if (!this.#wanted[end].hooks.delete(id)) return
    this.#adjust({ op: 'unhook', end, id })
    await this.#sync()
  }

  /** Begins a capture, armed when this returns; its number. */
  addCapture(capture: Omit<CapturePlan, 'id'>): number {
    const id = ++this.#lastId
    const plan = { id, ...capture }
    this.#captures.set(id, plan)
    this.#adjust({ op: 'capture', plan })
    return id
  }

  /** Ends a capture; resolves when its last record is written. */
  async removeCapture(id: number): Promise<void> {
    if (!this.#captures.delete(id) || this.#closed) return
    this.#adjust({ op: 'uncapture', id })
    await this.#sync()
  }

  /** Everything that was ordered is in force, in the data path and in the devices. */
  async settled(): Promise<void> {
    await this.#sync()
    await this.#settled
  }

  /** The pair's own worker is gone: everything that was wanted, again, for the thread that goes on. */
  rebuild(why: string): MessagePort {
    this.#port.close()
    const port = this.connect()
    for (const end of ENDS) {
      const { impair, rules, watches, hooks } = this.#wanted[end]
      if (impair !== null) this.#post({ op: 'impair', end, plan: impair, restart: true })
      for (const { plan, counts } of rules.values()) this.#post({ op: 'rule', end, plan, counts })
      for (const [id, { match, ring }] of watches)
        this.#post({ op: 'watch', end, id, match, ...(ring && { ring }) })
      for (const id of hooks.keys()) this.#hookFailed(id, why)
    }
    for (const plan of this.#captures.values()) this.#post({ op: 'capture', plan })
    for (const id of this.#waiting.keys()) if (this.#isSync(id)) this.#settle(id, undefined)
    return port
  }

  /** The pair has ended. */
  close(): void {
    if (this.#closed) return
    this.#listen()
    this.#closed = true
    const error = invalid('the pair is closed', undefined, 'ENODEV')
    for (const [id, { reject, resolve }] of [...this.#waiting]) {
      if (this.#isSync(id)) resolve(undefined)
      else reject(error)
    }
    for (const stream of [...this.#streams.values()]) stream.end()
    this.#port.close()
  }

  #settled: Promise<void> = Promise.resolve()

  async #setImpair(end: EndIndex, plan: ImpairPlan | null, restart: boolean): Promise<void> {
    if (plan === null && this.#wanted[end].impair === null) return
    this.#wanted[end].impair = plan
    this.#adjust({ op: 'impair', end, plan, restart })
    if (this.#created) await this.settled()
  }

  #watch(end: EndIndex, match: Match, ring: SharedArrayBuffer | undefined): number {
    const id = ++this.#lastId
    const watch = { match, ...(ring && { ring }) }
    this.#wanted[end].watches.set(id, watch)
    this.#adjust({ op: 'watch', end, id, ...watch })
    return id
  }

  #unwatch(end: EndIndex, id: number): void {
    this.#waiting.delete(id)
    if (this.#wanted[end].watches.delete(id) && !this.#closed) this.#adjust({ op: 'unwatch', end, id })
  }

  #adjust(adjustment: Adjustment): void {
    if (this.#closed) throw invalid('the pair is closed', undefined, 'ENODEV')
    const gathered = this.#queues === 1 || this.#inspected.includes(true) || !this.#created
    if (gathered) this.#post(adjustment)
    this.#follow()
    // Queues of several workers are brought together first.
    if (!gathered) this.#settled = this.#settled.then(() => this.#post(adjustment))
  }

  #post(adjustment: Adjustment): void {
    if (!this.#closed) post(this.#port, this.#state, adjustment)
  }

  /** Tells the link thread which ends are looked into now. */
  #follow(): void {
    if (!this.#created) return
    const inspected = this.#ends()
    if (ENDS.every((end) => inspected[end] === this.#inspected[end])) return
    this.#inspected = inspected
    const done = this.#link.request<void>({ op: 'inspect', handle: this.#handle, inspected })
    // A pair that ends meanwhile needs no offloads.
    this.#settled = Promise.all([this.#settled, done]).then(
      () => {},
      () => {},
    )
  }

  /** A capture of either end looks into both directions: what it sends, and what it is given. */
  #ends(): Inspected {
    const any = this.#captures.size > 0
    const busy = ({ impair, rules, watches, hooks }: Wanted) =>
      impair !== null || rules.size + watches.size + hooks.size > 0
    return [any || busy(this.#wanted[0]), any || busy(this.#wanted[1])]
  }

  readonly #syncs = new Set<number>()

  #isSync(id: number): boolean {
    return this.#syncs.has(id)
  }

  async #sync(): Promise<void> {
    await this.#settled
    if (this.#closed) return
    const id = ++this.#lastId
    this.#syncs.add(id)
    const done = this.#answer(id)
    this.#post({ op: 'sync', id })
    await done
    this.#syncs.delete(id)
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  #settle(id: number, value: unknown): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.resolve(value)
  }

  /** Takes what was said while this thread was busy. */
  #listen(): void {
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port)) {
      this.#hear(next.message as AdjustNotice)
    }
  }

  #hear(notice: AdjustNotice): void {
    switch (notice.event) {
      case 'done':
      case 'hook-ready':
        return this.#settle(notice.id, undefined)
      case 'frame':
        return this.#settle(notice.id, notice.frame)
      case 'frames':
        return this.#streams.get(notice.id)?.wake()
      case 'hook-failed':
        return this.#hookFailed(notice.id, notice.message)
    }
  }

  #hookFailed(id: number, message: string): void {
    const waiting = this.#waiting.get(id)
    if (waiting !== undefined) {
      this.#waiting.delete(id)
      return waiting.reject(new Error(message))
    }
    for (const end of ENDS) {
      if (this.#wanted[end].hooks.delete(id)) this.#events.hookFailed(end, message)
    }
    this.#follow()
  }
}

function nothing(): Wanted {
  return { impair: null, rules: new Map(), watches: new Map(), hooks: new Map() }
}

function hookError(url: string, why: string): UvethError {
  return new UvethError(`EINVAL: the hook ${url} cannot be used: ${why}`, {
    code: 'EINVAL',
    attribute: 'url',
  })
}
