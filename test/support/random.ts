// Seeded randomness for tests: a run that failed can be had again with UVETH_SEED. Whoever makes one prints
// its seed when the test fails (`seeded` does it).

import { onTestFailed } from 'vitest'

/** Numbers that look random: mulberry32, which is small and good enough to mutate with. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 ≤ x < `below`, whole. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }

  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T
  }
}

/** Randomness for the test that runs, from UVETH_SEED or the clock; the seed is printed if it fails. */
export function seeded(): Random {
  const seed = Number(process.env.UVETH_SEED ?? Date.now() % 2 ** 32)
  onTestFailed(() => console.error(`run it again with UVETH_SEED=${seed}`))
  return new Random(seed)
}
