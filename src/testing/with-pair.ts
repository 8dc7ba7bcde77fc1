// withPair: a test's body with one cable around it, for any test runner. It is the lab of two nodes, a and b.

import { invalid } from '../errors.js'
import type { End, Pair } from '../index.js'
import { around } from './around.js'
import { addressOf, callerIn, planPairTest, type WithPairOptions } from './options.js'
import type { Exec, Spawn } from './programs.js'
import { Testbed } from './testbed.js'

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

type Body<T> = (context: PairContext) => T | Promise<T>

/**
 * Makes two network namespaces and a pair between them, runs `body`, and removes everything, however it ends.
 * When it throws, the error's message says the seed, what was done to frames, and where the capture is; when
 * `signal` ends it, stderr says so too.
 */
export function withPair<T>(options: WithPairOptions, body: Body<T>): Promise<T>
export function withPair<T>(body: Body<T>): Promise<T>
export async function withPair<T>(first: WithPairOptions | Body<T>, second?: Body<T>): Promise<T> {
  const [options, body] = typeof first === 'function' ? [{}, first] : [first, second as Body<T>]
  if (typeof body !== 'function')
    throw invalid('give the body of the test: withPair(options, async ({ exec, ip }) => { … })', 'body')
  const testbed = await Testbed.lay(planPairTest(options, callerIn(new Error().stack, import.meta.url)))
  return await around(testbed, async () => await body(contextOf(testbed)))
}

/** Of the testbed of a pair. */
export function contextOf({ laid: [laid], nodes, plan: { seed }, programs }: Testbed): PairContext {
  if (laid === undefined) throw new Error('a pair is laid')
  const { pair, plan } = laid
  const [a, b] = nodes.map(({ netns }) => String(netns)) as [string, string]
  const first = (version: 4 | 6) => ({
    a: addressOf(plan.pair.a, version),
    b: addressOf(plan.pair.b, version),
  })
  const { exec, spawn } = programs
  return { pair, a: pair.a, b: pair.b, ip: first(4), ip6: first(6), netns: { a, b }, seed, exec, spawn }
}
