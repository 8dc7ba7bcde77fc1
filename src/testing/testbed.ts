// Two namespaces, a pair between them, and the programs in them: laid before a test, removed after it, with a
// report and a capture when it failed. Used by with-pair.ts and by vitest.ts; the order of things on the way
// in and on the way out stands here.

import { UvethError } from '../errors.js'
import type { End, Pair } from '../index.js'
import { type Artifacts, keep } from './artifact.js'
import { available } from './available.js'
import { Keeper } from './keeper.js'
import { makePair } from './make-pair.js'
import { planTestbed, type TestbedPlan, temporaryFile, type WithPairOptions } from './options.js'
import { type Exec, Programs, type Spawn } from './programs.js'
import { endWords, reportWords } from './report.js'

/** What a test is given. */
export interface PairContext {
  readonly pair: Pair
  readonly a: End
  readonly b: End
  /** The first IPv4 address of each end, without prefix; empty where it has none. */
  readonly ip: { readonly a: string; readonly b: string }
  /** The same for IPv6. */
  readonly ip6: { readonly a: string; readonly b: string }
  /** Names of the namespaces, for `ip -n` and `ip netns exec`. */
  readonly netns: { readonly a: string; readonly b: string }
  /** For everything that the test draws itself. */
  readonly seed: number
  readonly exec: Exec
  readonly spawn: Spawn
}

export class Testbed {
  readonly context: PairContext
  readonly #plan: TestbedPlan
  readonly #keeper: Keeper
  readonly #programs: Programs
  /** The capture, where it is written. */
  readonly #file: string | undefined

  private constructor(plan: TestbedPlan, keeper: Keeper, pair: Pair, file: string | undefined) {
    this.#plan = plan
    this.#keeper = keeper
    this.#programs = new Programs(keeper.netns)
    this.#file = file
    const { a, b } = pair
    const { ip, ip6, seed } = plan
    const { exec, spawn } = this.#programs
    this.context = { pair, a, b, ip, ip6, netns: keeper.netns, seed, exec, spawn }
  }

  /** `caller`: what the test is called if it has no name. On failure nothing is left behind. */
  static async lay(options: WithPairOptions, caller: string): Promise<Testbed> {
    const plan = planTestbed(options, caller)
    plan.signal?.throwIfAborted()
    const missing = available()
    if (missing !== undefined) throw new UvethError(`EPERM: ${missing}`, { code: 'EPERM', hint: missing })
    const file = temporaryFile()
    const keeper = await Keeper.start(file)
    try {
      const captured = plan.capture === false ? undefined : file
      const pair = await makePair(plan, keeper.netns, captured)
      return new Testbed(plan, keeper, pair, captured)
    } catch (error) {
      await keeper.close()
      plan.signal?.throwIfAborted()
      throw error
    }
  }

  /** Removes everything. When the test has failed it keeps the artifacts, and answers the report. */
  async close(failed: boolean): Promise<string> {
    const { pair } = this.context
    const words = failed ? [...endWords(pair, 'a'), ...endWords(pair, 'b'), ...this.#programs.words()] : []
    try {
      await pair.close() // completes the capture
      return await this.#leave(failed, words)
    } finally {
      await this.#keeper.close()
      await this.#programs.ended()
    }
  }

  async #leave(failed: boolean, words: string[]): Promise<string> {
    const { artifacts, name, capture, seed } = this.#plan
    if (!failed && capture !== 'always') return ''
    if (this.#keeper.ended) return reportWords(words, seed, 'none (the test runner is gone)')
    // A full disk must not hide why the test has failed.
    const kept = await keep(artifacts, name, this.#file).catch(notKept)
    const report = reportWords(words, seed, kept.capture ?? 'none (capture: false)')
    if (failed) await kept.report(report)
    return report
  }
}

function notKept(error: Error): Artifacts {
  return { capture: `not kept: ${error.message}`, report: async () => {} }
}
