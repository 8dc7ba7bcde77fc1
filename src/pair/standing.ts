// What stands for a pair's frames: what is wanted of them (chain.ts), and its way into force. A thread that takes the
// pair over begins with all of it; every change after that is made into a list of actions (reconfigure.ts), which is
// carried out here: posted to the thread that forwards (line.ts), told to the link thread. Used by inspection.ts,
// whose header has the states; knows no user's wish.

import type { Adjustment } from '../datapath/adjust.js'
import { pairClosed } from '../errors.js'
import type { Beginning, Inspected } from '../link/protocol.js'
import { type Chain, type EndIndex, NOTHING, type Progresses, type Wanted, withChain } from './chain.js'
import type { Line } from './line.js'
import { actionsFor, inspectedBy, stateFor } from './reconfigure.js'

export class Standing {
  readonly #line: Line
  readonly #queues: number
  readonly #tellLink: (inspected: Inspected) => Promise<void>
  #wanted: Wanted = NOTHING
  /** The ends that the link thread knows as looked into; undefined before the pair is made. */
  #inspected: Inspected | undefined
  #told: Promise<void> = Promise.resolve()
  /** Adjustments that wait for that: those behind them wait too. */
  #waiting = 0

  /** `tellLink` tells the link thread which ends are looked into, and resolves when it has acted on that. */
  constructor(line: Line, queues: number, tellLink: (inspected: Inspected) => Promise<void>) {
    this.#line = line
    this.#queues = queues
    this.#tellLink = tellLink
  }

  /** A new line, and all that is wanted but users' hooks, for the thread that will forward. */
  connect(progress: Progresses): Beginning {
    this.#line.listen()
    return { port: this.#line.connect(), state: stateFor(this.#wanted, progress) }
  }

  /** The ends that are looked into, as the pair is made. From now on changes are told to the link thread. */
  begin(): Inspected {
    this.#inspected = inspectedBy(this.#wanted)
    return this.#inspected
  }

  chain(end: EndIndex): Chain {
    return this.#wanted.ends[end]
  }

  get captures(): Wanted['captures'] {
    return this.#wanted.captures
  }

  change(end: EndIndex, change: Partial<Chain>): void {
    this.#want(withChain(this.#wanted, end, change))
  }

  /** The data path has changed it by itself. */
  follow(end: EndIndex, change: Partial<Chain>): void {
    this.#want(withChain(this.#wanted, end, change), [], true)
  }

  capture(captures: Wanted['captures']): void {
    this.#want({ ...this.#wanted, captures })
  }

  /** What is done once, and changes nothing of what is wanted. */
  post(adjustment: Adjustment): void {
    this.#want(this.#wanted, [adjustment])
  }

  /** What the link thread was told is done. */
  get told(): Promise<void> {
    return this.#told
  }

  /** Everything that was ordered is in force, in the data path and in the devices. */
  async settled(): Promise<void> {
    await this.#told
    await this.#line.sync()
  }

  /** Takes what was said while this thread was busy. */
  listen(): void {
    this.#line.listen()
  }

  /** Nothing is posted or told any more. */
  close(): void {
    this.#line.listen()
    this.#line.close()
  }

  needOpen(): void {
    if (!this.#line.open) throw pairClosed()
  }

  #want(wanted: Wanted, more: readonly Adjustment[] = [], done = false): void {
    const inspected = this.#line.open ? this.#inspected : undefined
    const present = {
      wanted: done ? wanted : this.#wanted,
      inspected,
      queues: this.#queues,
      waits: this.#waiting > 0,
    }
    const actions = actionsFor(present, wanted, more)
    this.#wanted = wanted
    let waits = false
    for (const action of actions) {
      if (action.do === 'wait') waits = true
      else if (action.do === 'tell') this.#tell(action.inspected)
      else if (waits) this.#postLater(action.adjustment)
      else this.#line.post(action.adjustment)
    }
  }

  #postLater(adjustment: Adjustment): void {
    this.#waiting++
    this.#told = this.#told.then(() => {
      this.#waiting--
      this.#line.post(adjustment)
    })
  }

  #tell(inspected: Inspected): void {
    this.#inspected = inspected
    // A pair that ends meanwhile needs none of it.
    this.#told = Promise.allSettled([this.#told, this.#tellLink(inspected)]).then(() => undefined)
  }
}
