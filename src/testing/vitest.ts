// `uveth/testing/vitest`: vitest's `test` with a pair as a fixture, and its `expect` with the matchers. The
// only file that imports vitest, which is an optional peer dependency.

import { basename } from 'node:path'
import { test as base, expect, type TestAPI } from 'vitest'
import type { End, Pair } from '../index.js'
import { matchers, type PairMatchers } from './matchers.js'
import type { WithPairOptions } from './options.js'
import type { Exec, Spawn } from './programs.js'
import { explained, isErrorLike, thrownWords } from './report.js'
import { type PairContext, Testbed } from './testbed.js'

export interface PairFixtures {
  /** Options of the pair: `test.extend({ pairOptions: { … } })`, or `test.override` for a describe block. */
  pairOptions: WithPairOptions
  /** Everything of the pair: what withPair hands out. */
  cable: PairContext
  pair: Pair
  a: End
  b: End
  exec: Exec
  spawn: Spawn
}

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: type parameters of a merged interface are to be the same
  interface Matchers<T = any> extends PairMatchers {}
}

interface TestError {
  message: string
  stack?: string
}

/** What is needed of the test that runs. */
interface Task {
  readonly name: string
  readonly file: { readonly name: string }
  readonly suite?: Suite | undefined
  readonly fails?: boolean | undefined
  readonly result?: { readonly state: string; readonly errors?: TestError[] | undefined } | undefined
}

interface Suite {
  readonly name: string
  readonly suite?: Suite | undefined
}

expect.extend(matchers)

export { expect }

export const test: TestAPI<PairFixtures> = base.extend<PairFixtures>({
  pairOptions: {},
  cable: async ({ task, pairOptions, signal }, use) => {
    const earlier = task.result?.errors?.length ?? 0
    const testbed = await Testbed.lay({ name: nameOf(task), ...pairOptions }, nameOf(task))
    if (signal.aborted) {
      // Time ran out before the test began: then vitest does not come back here.
      await testbed.close(false)
      throw signal.reason
    }
    await use(testbed.context)
    // vitest comes back here when the test is over, also when it has failed or timed out.
    const failed = task.result?.state === 'fail' && !task.fails
    const report = await testbed.close(failed)
    if (failed) for (const error of task.result?.errors?.slice(earlier) ?? []) explain(error, report)
  },
  pair: async ({ cable }, use) => await use(cable.pair),
  a: async ({ cable }, use) => await use(cable.a),
  b: async ({ cable }, use) => await use(cable.b),
  exec: async ({ cable }, use) => await use(cable.exec),
  spawn: async ({ cable }, use) => await use(cable.spawn),
})

/** Puts the report into what vitest has made of something that was thrown: an object, whatever it was. */
function explain(error: TestError, report: string): void {
  if (!isErrorLike(error)) Object.assign(error, { message: thrownWords(error) })
  explained(error, report)
}

/** `client.test.ts describe block test`. */
function nameOf({ name, suite, file }: Task): string {
  const names = [name]
  for (let outer = suite; outer !== undefined; outer = outer.suite) names.unshift(outer.name)
  return [basename(file.name), ...names].join(' ')
}
