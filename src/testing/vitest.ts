// `uveth/testing/vitest`: vitest's `test` with a pair or labs as fixtures, and its `expect` with the matchers. The
// only file that imports vitest, which is an optional peer dependency.

import { basename } from 'node:path'
import { test as base, expect, type TestAPI } from 'vitest'
import type { End, Pair } from '../index.js'
import { labOf } from './lab.js'
import type { Lab, LabCable, LabNodes, LabOptions } from './lab-types.js'
import { matchers, type PairMatchers } from './matchers.js'
import { type AnyLabOptions, planLabTest, planPairTest, type WithPairOptions } from './options.js'
import type { Exec, Spawn } from './programs.js'
import { explained, isErrorLike, thrownWords } from './report.js'
import { Testbed } from './testbed.js'
import { contextOf, type PairContext } from './with-pair.js'

export interface PairFixtures {
  /** Options of the pair: `test.extend({ pairOptions: { … } })`, or `test.override` for a describe block; vitest 3.2: `test.scoped`. */
  pairOptions: WithPairOptions
  /** Everything of the pair: what withPair hands out. */
  cable: PairContext
  pair: Pair
  a: End
  b: End
  exec: Exec
  spawn: Spawn
  /** Makes a lab, which is removed with the test: `const { nodes } = await lab({ nodes: …, cables: … })`. */
  lab: <const N extends LabNodes, const C extends readonly LabCable<keyof N & string>[]>(
    options: LabOptions<N, C>,
  ) => Promise<Lab<N, C>>
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
    const earlier = errorsOf(task).length
    const testbed = await Testbed.lay(planPairTest({ name: nameOf(task), ...pairOptions }, nameOf(task)))
    await refuseLate(signal, testbed)
    await use(contextOf(testbed))
    await over(task, earlier, [testbed])
  },
  lab: async ({ task, signal }, use) => {
    const earlier = errorsOf(task).length
    const testbeds: Testbed[] = []
    const make = async (options: AnyLabOptions) => {
      const testbed = await Testbed.lay(planLabTest({ name: nameOf(task), ...options }, nameOf(task)))
      await refuseLate(signal, testbed)
      testbeds.push(testbed)
      return labOf(testbed) as never
    }
    await use(make)
    await over(task, earlier, testbeds)
  },
  pair: async ({ cable }, use) => await use(cable.pair),
  a: async ({ cable }, use) => await use(cable.a),
  b: async ({ cable }, use) => await use(cable.b),
  exec: async ({ cable }, use) => await use(cable.exec),
  spawn: async ({ cable }, use) => await use(cable.spawn),
})

function errorsOf({ result }: Task): readonly TestError[] {
  return result?.errors ?? []
}

/** Time ran out before the test, or its next step, began: then vitest does not come back here. */
async function refuseLate(signal: AbortSignal, testbed: Testbed): Promise<void> {
  if (!signal.aborted) return
  await testbed.close(false)
  throw signal.reason
}

/** vitest comes back when the test is over, also when it has failed or timed out. */
async function over(task: Task, earlier: number, testbeds: readonly Testbed[]): Promise<void> {
  const failed = task.result?.state === 'fail' && !task.fails
  const reports = await Promise.all(testbeds.map((testbed) => testbed.close(failed)))
  if (!failed || reports.length === 0) return
  for (const error of errorsOf(task).slice(earlier)) explain(error, reports.join('\n\n'))
}

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
