// A small coverage-guided fuzzer for our own TypeScript: an input that makes the target run something that none
// before it did is kept, and others are made of it. Ready-made ones instrument CommonJS or need a newer libc than
// our containers have; V8 counts by itself. Used by fuzz.test.ts.

import { Random } from '../support/random.js'
import { Coverage } from './coverage.js'
import { type Kind, mutate } from './mutate.js'

export interface Target {
  name: string
  kind: Kind
  /** Sources that it is about, by their paths. */
  about: RegExp
  seeds: readonly (string | Uint8Array)[]
  words?: readonly string[]
  /** Throws when something is wrong. */
  run(input: Uint8Array): void | Promise<void>
  close?(): Promise<void>
}

export interface Finding {
  input: Uint8Array
  error: unknown
}

export interface Outcome {
  executions: number
  /** Inputs that each ran something new. */
  corpus: Uint8Array[]
  /** Characters of the sources that were run, and after the seeds alone. */
  covered: number
  seedsCovered: number
  finding?: Finding
}

/** Inputs for which the coverage is asked once: few while much is found, since each find takes several questions. */
const SMALLEST_BATCH = 8
const LARGEST_BATCH = 512

/** `more` says, after each batch, whether to go on. */
export async function fuzz(
  target: Target,
  seed: number,
  more: (executions: number) => boolean,
): Promise<Outcome> {
  const fuzzer = new Fuzzer(target, seed)
  try {
    return await fuzzer.run(more)
  } finally {
    fuzzer.close()
  }
}

class Fuzzer {
  readonly #target: Target
  readonly #random: Random
  readonly #coverage: Coverage
  readonly #outcome: Outcome = { executions: 0, corpus: [], covered: 0, seedsCovered: 0 }

  constructor(target: Target, seed: number) {
    this.#target = target
    this.#random = new Random(seed)
    this.#coverage = new Coverage(target.about)
  }

  close(): void {
    this.#coverage.close()
  }

  async run(more: (executions: number) => boolean): Promise<Outcome> {
    const outcome = this.#outcome
    const seeds = this.#target.seeds.map((one) => new Uint8Array(Buffer.from(one as string)))
    outcome.corpus.push(...seeds)
    this.#coverage.take() // what loading and the target's own preparation ran
    let finding = await this.#runAll(seeds)
    this.#coverage.add(this.#coverage.take())
    outcome.seedsCovered = this.#coverage.total
    let size = SMALLEST_BATCH
    while (finding === undefined && more(outcome.executions)) {
      const before = outcome.corpus.length
      finding = await this.#explore(Array.from({ length: size }, () => this.#next()))
      if (outcome.corpus.length === before) size = Math.min(2 * size, LARGEST_BATCH)
      else size = Math.max(size / 2, SMALLEST_BATCH)
    }
    outcome.covered = this.#coverage.total
    if (finding !== undefined) outcome.finding = await this.#shrunk(finding)
    return outcome
  }

  #next(): Uint8Array {
    const { corpus } = this.#outcome
    const { kind, words = [] } = this.#target
    const random = this.#random
    // The newest are the least explored.
    const from = random.below(2) === 0 ? corpus : corpus.slice(-10)
    return mutate(kind, random.pick(from), { random, words, other: random.pick(corpus) })
  }

  /** Runs the batch; if it ran something new, finds out by halves which inputs did. */
  async #explore(batch: readonly Uint8Array[]): Promise<Finding | undefined> {
    const finding = await this.#runAll(batch)
    if (finding !== undefined) return finding
    const run = this.#coverage.take()
    if (!this.#coverage.isNew(run)) return undefined
    if (batch.length === 1) this.#outcome.corpus.push(...batch)
    else {
      const half = batch.length >> 1
      const found = (await this.#explore(batch.slice(0, half))) ?? (await this.#explore(batch.slice(half)))
      if (found !== undefined) return found
    }
    // Also of what only the whole batch ran, where a target has a memory.
    this.#coverage.add(run)
    return undefined
  }

  async #runAll(inputs: readonly Uint8Array[]): Promise<Finding | undefined> {
    for (const input of inputs) {
      this.#outcome.executions++
      const error = await this.#failure(input)
      if (error !== undefined) return { input, error }
    }
    return undefined
  }

  async #failure(input: Uint8Array): Promise<unknown> {
    try {
      const running = this.#target.run(new Uint8Array(input))
      if (running !== undefined) await running
      return undefined
    } catch (error) {
      return error ?? 'nothing was thrown'
    }
  }

  /** The same failure from less. */
  async #shrunk(finding: Finding): Promise<Finding> {
    let { input, error } = finding
    for (let cut = input.length >> 1; cut > 0; cut >>= 1) {
      for (let at = 0; at + cut <= input.length; ) {
        const less = Buffer.concat([input.subarray(0, at), input.subarray(at + cut)])
        const failure = await this.#failure(less)
        if (failure === undefined || String(failure) !== String(error)) at += cut
        else [input, error] = [new Uint8Array(less), failure]
      }
    }
    return { input, error }
  }
}
