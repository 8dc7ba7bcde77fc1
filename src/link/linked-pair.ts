// A pair as the link thread keeps it: two devices, the carrier rule, who forwards for it. Every order
// and every hint about an end comes through here; what changed is told to the main thread. The kernel answers inside
// the call, and this is the thread that may wait for RTNL; for nothing else: what takes longer goes on in turns (turn()).
//
//                 create()                      close(), or a look finds a device dead
//   (nothing) --------------> creating --> running --------------------> ending --> ended
//                                |                                     what is closed is told, once
//                                +--> undone: nothing is left, create() has thrown
//
//   state      hear, look   every order                                   close
//   creating   -            -                                             -           nobody has it yet
//   running    in a turn    carried out                                   -> ending
//   ending     nothing      not allowed: descriptors may be another's     resolves with the first
//   ended      nothing      not allowed                                   resolves at once
//
// While it runs it is forwarded by the pool; or by the thread that made it, which it was lent to (inline); or, for a
// moment, by nobody: its worker was lost, which is told, or it was suspended; then readopt() is awaited.

import { abandonHeld, receivedSoFar, type StateWords, stateOf } from '../datapath/counters.js'
import { checkPort } from '../datapath/port.js'
import { pairClosed } from '../errors.js'
import { Carrier, drainHere, wantedCarrier } from './carrier.js'
import { type Hint, reasonOf } from './device.js'
import { type Context, ENDS, type EndIndex, Ends } from './ends.js'
import { Losses } from './losses.js'
import type {
  Beginning,
  CarrierMode,
  ClosedReason,
  Descriptors,
  EndChange,
  Inspected,
  KernelStats,
  LinkRequest,
  PairPlan,
  Suspended,
} from './protocol.js'
import { type Action, difference, modeAfter, type Standing, wantedOf } from './reconfigure.js'

export class LinkedPair {
  readonly handle: number
  readonly #ends: Ends
  readonly #context: Context
  readonly #plan: PairPlan
  readonly #counters: SharedArrayBuffer
  readonly #state: StateWords
  #mode: CarrierMode = 'auto'
  /** The ends whose frames are looked into. */
  #inspected: Inspected = [false, false]
  #is: Standing
  readonly #carrier: Carrier
  /** Ends that are to be looked at in the next turn. */
  readonly #hinted = new Set<EndIndex>()
  /** Nobody serves it and its ends are left alone: in front of its first goOn(), or until readopt(). */
  #rest: 'adopted' | 'suspended' | undefined
  /** Of its workers. */
  readonly #losses = new Losses()
  #crossed = 0 // frames, at the last glance
  #closing: Promise<void> | undefined

  private constructor(
    context: Context,
    handle: number,
    plan: PairPlan,
    ends: Ends,
    counters: SharedArrayBuffer,
  ) {
    this.handle = handle
    this.#ends = ends
    this.#context = context
    this.#plan = plan
    this.#counters = counters
    this.#state = stateOf(counters)
    this.#is = { gathered: false, carrier: false, whole: [true, true] }
    // The thread of an inline pair may be waiting for us: what it has not read is read here, as a worker would.
    const drain = plan.inline ? drainHere(handle, counters, ends.queues) : () => context.pool.drain(handle)
    this.#carrier = new Carrier({
      devices: ends.devices,
      state: this.#state,
      drain,
      most: () => ends.most,
      errand: () => context.errand(handle),
      changed: (on) => context.tell({ event: 'carrier', handle, on }),
    })
  }

  /** All or nothing: on failure both devices are gone before the error is passed on. */
  static async create(
    context: Context,
    { handle, plan, counters, begin, inspected, adopt }: Extract<LinkRequest, { op: 'create' }>,
  ): Promise<LinkedPair> {
    const ends = await Ends.open(context, plan, adopt)
    let pair: LinkedPair | undefined
    try {
      pair = new LinkedPair(context, handle, plan, ends, counters)
      if (adopt !== undefined) pair.#wait()
      else pair.#begin(begin, inspected)
      return pair
    } catch (error) {
      // Nobody uses its devices any more. What failed before is told, and nothing else.
      if (pair !== undefined) pair.#carrier.end()
      if (pair !== undefined) await pair.#stop().catch(() => {})
      if (adopt !== undefined) ends.letGo()
      else await ends.close()
      throw error
    }
  }

  /** Forwarded and inspected as it shall be before there is a frame. */
  #begin(begin: Beginning | undefined, inspected: Inspected): void {
    for (const port of this.#ends.queues.flat()) checkPort(port)
    this.#inspected = inspected
    if (begin !== undefined) this.#adopt(begin)
    else this.#context.tell({ event: 'lent', handle: this.handle, queues: this.#ends.queues })
    this.#follow()
    for (const end of ENDS) {
      this.#ends.devices[end].begin(this.#plan.ends[end])
      this.#publish(end)
    }
    this.#follow()
  }

  /** Its ends are another process's yet, or were those of the link thread before. */
  #wait(): void {
    this.#rest = 'adopted'
    abandonHeld(this.#counters)
    for (const end of ENDS) this.#context.tell(this.#ends.told(this.handle, end))
  }

  /** They are ours from now on, and it is served as it was before: at once, since frames wait, and looked at then. */
  goOn({ begin, inspected, mode, standing }: Extract<LinkRequest, { op: 'goOn' }>): void {
    this.#mode = standing?.mode ?? mode
    this.#inspected = inspected
    if (standing !== undefined) this.#ends.uncarried = standing.uncarried
    const carrier = standing?.carrier ?? this.#ends.carriers.includes(true)
    for (const device of this.#ends.devices) device.goOn?.(carrier)
    this.#carrier.goOn(carrier)
    this.#is = { ...this.#is, carrier, whole: [standing?.whole?.a, standing?.whole?.b] }
    for (const end of ENDS) this.#publish(end)
    this.#context.tell({ event: 'carrier', handle: this.handle, on: carrier })
    this.readopt(begin)
  }

  /** Nobody serves it, and its ends are left alone. */
  async suspend(): Promise<Suspended> {
    this.#rest = 'suspended'
    const state = await this.#context.pool.suspend(this.handle)
    const [a = true, b = true] = this.#is.whole
    const kept = { uncarried: this.#ends.uncarried, whole: { a, b } }
    return { state, standing: { mode: this.#mode, carrier: this.#carrier.on, ...kept } }
  }

  /** Descriptors of all queues; `kept`: others have copies from now on. */
  lend(kept = false): Descriptors {
    if (this.ending) throw pairClosed()
    if (kept) this.#ends.share()
    return this.#ends.descriptors
  }

  /** It is being taken down: its descriptors are not to be used any more. */
  get ending(): boolean {
    return this.#closing !== undefined
  }

  hear(hint: Hint): void {
    this.look(ENDS.filter((end) => this.#ends.devices[end].concerns(hint)))
  }

  /** Has one end, or both, looked at in the next turn, however often it is said. */
  look(ends: readonly EndIndex[] = ENDS): void {
    for (const end of ends) this.#hinted.add(end)
    if (ends.length > 0) this.#context.errand(this.handle)
  }

  /** Looks where frames have crossed since the last glance: nothing tells of a program that a BPF link attaches (test/kernel/27). */
  glance(): void {
    const crossed = receivedSoFar(this.#counters)
    if (crossed !== this.#crossed) this.look()
    this.#crossed = crossed
  }

  /** Follows what has changed, and goes on with what is on its way. Nobody waits for it: what fails ends the pair. */
  turn(): void {
    const ends = ENDS.filter((end) => this.#hinted.has(end))
    this.#hinted.clear()
    if (this.#rest !== undefined) return // it is looked at when it goes on
    try {
      if (ends.length > 0) this.#look(ends)
      this.#carrier.step()
    } catch (error) {
      this.fail(error)
    }
  }

  /** Resolves when carrier is as it is wanted, and the kernel acts on it; or when the pair ends. */
  async settled(): Promise<void> {
    await this.#carrier.settled()
  }

  #look(ends: readonly EndIndex[]): void {
    if (this.ending) return
    for (const end of ends) {
      const found = this.#ends.devices[end].look()
      if (found === 'changed') this.#publish(end)
      else if (found !== 'same') return void this.close(found, end)
    }
    this.#mode = modeAfter(this.#mode, this.#carrier.on, this.#ends.carriers)
    this.#follow()
  }

  change(end: EndIndex, change: EndChange): void {
    try {
      this.#ends.devices[end].change(change)
    } finally {
      // Also after a refusal: the kernel may have done a part of it.
      this.#publish(end)
      this.#look(ENDS)
    }
  }

  setMode(mode: CarrierMode): void {
    this.#mode = mode
    this.#follow()
  }

  /** From now on the frames that these ends send are looked into, and those of no other. */
  inspect(inspected: Inspected): void {
    this.#inspected = inspected
    this.#follow()
  }

  /** After it was lost, or suspended: has the pool serve it again. */
  readopt(begin: Beginning): void {
    const rested = this.#rest !== undefined
    this.#rest = undefined
    try {
      this.#adopt(begin)
      if (rested) this.look()
    } catch (error) {
      this.fail(error)
    }
  }

  /** Has the pool serve it. */
  #adopt(begin: Beginning): void {
    const together = this.#inspected.includes(true)
    const lost = (why: string) => this.#lost(why)
    const adoptee = { handle: this.handle, counters: this.#counters, queues: this.#ends.queues, lost }
    this.#context.pool.adopt(adoptee, begin, together)
    this.#is = { ...this.#is, gathered: together }
  }

  stats(): KernelStats {
    return this.#ends.stats()
  }

  /** Takes the pair down; resolves when both devices are gone and their names free. */
  close(reason: ClosedReason, end: EndIndex | null, why?: string): Promise<void> {
    this.#closing ??= this.#takeDown(reason, end, why)
    return this.#closing
  }

  async #takeDown(reason: ClosedReason, end: EndIndex | null, why: string | undefined): Promise<void> {
    this.#carrier.end()
    const stats = this.#ends.lastStats()
    const failed = await this.#stop().then(() => undefined, reasonOf)
    if (this.#rest === 'adopted') this.#ends.letGo()
    else await this.#ends.close()
    this.#context.tell({ event: 'closed', handle: this.handle, reason, end, stats, why: why ?? failed })
  }

  /** Nobody waits for what has failed: it ends the pair. */
  fail(error: unknown): void {
    void this.close('failed', null, reasonOf(error))
  }

  /** Nobody forwards for it any more. */
  async #stop(): Promise<void> {
    if (this.#plan.inline) await this.#context.recall(this.handle)
    else await this.#context.pool.release(this.handle)
  }

  /** Nobody serves it, and it is to be adopted again. */
  #lost(why: string): void {
    if (this.ending) return
    if (this.#losses.tooMany()) return this.fail(why)
    abandonHeld(this.#counters)
    this.#context.tell({ event: 'lost', handle: this.handle, why })
  }

  #publish(end: EndIndex): void {
    const device = this.#ends.devices[end]
    this.#ends.publish(this.#state, end)
    this.#context.tell(this.#ends.told(this.handle, end))
    if (device.state.up) this.#carrier.tellAgain()
    else device.whenUp(() => this.look([end]))
  }

  /** Makes it what it is to be. */
  #follow(): void {
    const { states, carriers, programs } = this.#ends
    const wanted = wantedOf({ mode: this.#mode, states, inspected: this.#inspected, programs })
    for (const end of ENDS)
      this.#ends.devices[end].tell?.(wantedCarrier(this.#mode, states[1 - end]?.up === true, true))
    for (const action of difference(this.#is, wanted, carriers)) this.#carryOut(action, wanted)
    this.#is = wanted
  }

  #carryOut(action: Action, wanted: Standing): void {
    switch (action.do) {
      case 'gather':
        return this.#context.pool.gather(this.handle, action.together)
      case 'whole':
        return this.#ends.devices[action.end].setWhole(action.whole)
      case 'carrier':
        this.#is = wanted // all the rest is done
        return this.#carrier.set(action.on)
    }
  }
}
