// One seed for everything in a test that draws: the impairments and corrupting rules of its ends that were
// given none of their own. Used by testbed.ts, which wraps the ends of its pair: nothing in the library itself
// looks at the environment.

import { randomInt } from 'node:crypto'
import type { End, ScheduleOptions } from '../index.js'
import { TEST_SEED } from '../wishes/kit.js'
import type { RuleAction } from '../wishes/rule.js'

const VARIABLE = 'UVETH_SEED'
const SEEDS = Number.MAX_SAFE_INTEGER + 1
/** More than a test has corrupting rules, each of which has a seed of its own. */
const STRIDE = 1_000_003

/** The seed of a test: the one that it asks for, the environment's, or a random one. */
export function chooseSeed(wanted: number | undefined): number {
  if (wanted !== undefined) return TEST_SEED.read(wanted, 'seed')
  const text = process.env[VARIABLE]
  if (text === undefined || text === '') return randomInt(2 ** 32)
  return TEST_SEED.read(/^\d+$/.test(text) ? Number(text) : text, VARIABLE)
}

/** Two cables that lose frames by chance are not to lose the same ones. The first one's is the test's. */
export function cableSeed(seed: number, cable: number): number {
  return (seed + STRIDE * cable) % SEEDS
}

/** `options` with the seed, unless they have one or are none. */
export function withSeed<T>(options: T, seed: number): T {
  const lacksOne = typeof options === 'object' && options !== null && !('seed' in options)
  return lacksOne ? { ...options, seed } : options
}

/** The same of each step of a schedule. */
export function withSeeds(steps: ScheduleOptions['steps'], seed: number): ScheduleOptions['steps'] {
  if (!Array.isArray(steps)) return steps
  return steps.map((step) => (step?.impair == null ? step : { ...step, impair: withSeed(step.impair, seed) }))
}

/** From here on `impair`, `schedule`, `patchImpairment`, `corrupt` and `addRule` of these ends draw from `seed`. */
export function seedEnds(ends: readonly End[], seed: number): void {
  let rules = 0
  for (const end of ends) {
    const impair = end.impair.bind(end)
    end.impair = ((options, part) =>
      part === undefined ? impair(withSeed(options, seed)) : impair(options, part)) as End['impair']
    const patch = end.patchImpairment.bind(end)
    end.patchImpairment = (change) => patch(end.impairment === null ? withSeed(change, seed) : change)
    const schedule = end.schedule.bind(end)
    end.schedule = (steps, options) => schedule(steps && withSeeds(steps, seed), options)
    const addRule = end.addRule.bind(end)
    end.addRule = (action, match) => {
      const { kind, ...given } = definedOf(action ?? {}) as Partial<RuleAction>
      const draws =
        (kind === 'corrupt' && !('mask' in given)) || (kind === 'impair' && Object.keys(given).length > 0)
      // Each its own: two rules that flip the same bit of a frame would change nothing.
      return addRule(draws ? withSeed(definedOf(action), (seed + rules++) % SEEDS) : action, match)
    }
  }
}

function definedOf<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T
}
