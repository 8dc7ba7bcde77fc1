// The plug of a pair, as its owner has it in hand: carrier that is forced or follows the rule, and flaps, which
// pull it for a moment. Made by pair.ts, which gives it the way to the link thread.

import { setTimeout } from 'node:timers/promises'
import { invalid } from '../errors.js'
import type { CarrierMode } from '../link/protocol.js'
import { show } from '../wishes/shape.js'
import { type FlapPlan, planFlap } from './options.js'

const MODES: readonly CarrierMode[] = ['on', 'off', 'auto']

export interface FlapOptions {
  /** Ends it early: carrier is given back at once. */
  signal?: AbortSignal
}

export class Plug {
  readonly #force: (mode: CarrierMode, patient: boolean) => Promise<void>
  readonly #byHand: () => void
  #mode: CarrierMode = 'auto'
  readonly #flaps = new Map<AbortController, { ms: number; left: number }>()
  #follows = false

  /**
   * `force` resolves when the kernel shows it; patient orders let those of others go first. `byHand` refuses what a
   * user orders while a schedule has the plug.
   */
  constructor(force: (mode: CarrierMode, patient: boolean) => Promise<void>, byHand: () => void) {
    this.#force = force
    this.#byHand = byHand
  }

  /** What carrier was set to last; a flap leaves it. */
  get mode(): CarrierMode {
    return this.#mode
  }

  /** It was set to this already. */
  keep(mode: CarrierMode): void {
    this.#mode = mode
  }

  /** The link thread may not have heard of `mode` yet. */
  get follows(): boolean {
    return this.#follows
  }

  /** Those that run, with the times that are left. */
  get flaps(): FlapPlan[] {
    return [...this.#flaps.values()].map(({ ms, left: times }) => ({ ms, times }))
  }

  /** Ends flaps that run. */
  async set(mode: CarrierMode): Promise<void> {
    if (!MODES.includes(mode))
      throw invalid(`carrier is one of ${MODES.join(', ')}, not ${show(mode)}`, 'carrier')
    this.#byHand()
    await this.#put(mode, false)
  }

  /**
   * The same, of a schedule: nobody waits for it. Of those that come while one is on its way the last counts: the kernel may
   * take longer than there is between two steps.
   */
  follow(mode: CarrierMode): void {
    this.#mode = mode
    for (const flap of this.#flaps.keys()) flap.abort()
    if (!this.#follows) void this.#catchUp()
  }

  async #catchUp(): Promise<void> {
    this.#follows = true
    let put: CarrierMode
    do {
      put = this.#mode
      await this.#force(put, true).catch(() => {}) // the pair is ending, or not there yet
    } while (put !== this.#mode)
    this.#follows = false
  }

  /** The same, of a pair that goes on. */
  async put(mode: CarrierMode): Promise<void> {
    await this.#put(mode, true)
  }

  async #put(mode: CarrierMode, patient: boolean): Promise<void> {
    this.#mode = mode
    for (const flap of this.#flaps.keys()) flap.abort()
    await this.#force(mode, patient)
  }

  async flap(ms: number, times: number, { signal }: FlapOptions): Promise<void> {
    const plan = planFlap(ms, times)
    this.#byHand()
    await this.again(plan, signal)
  }

  /** Goes on with it. */
  async again(plan: FlapPlan, signal?: AbortSignal): Promise<void> {
    const flap = { ms: plan.ms, left: plan.times }
    const ended = new AbortController()
    const end = () => ended.abort()
    signal?.addEventListener('abort', end, { once: true })
    if (signal?.aborted) end()
    this.#flaps.set(ended, flap)
    try {
      for (; flap.left > 0 && !ended.signal.aborted; flap.left--) {
        await this.#force('off', true)
        await pause(plan.ms, ended.signal)
        await this.#force(this.#mode, true)
        if (flap.left > 1) await pause(plan.ms, ended.signal)
      }
    } finally {
      this.#flaps.delete(ended)
      signal?.removeEventListener('abort', end)
    }
  }
}

/** Resolves early when `signal` is raised. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => {})
}
