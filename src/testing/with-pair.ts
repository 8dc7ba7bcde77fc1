// withPair: a test's body with a cable around it, for any test runner.

import { invalid } from '../errors.js'
import { callerIn, type WithPairOptions } from './options.js'
import { explained } from './report.js'
import { type PairContext, Testbed } from './testbed.js'

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
  const testbed = await Testbed.lay(options, callerIn(new Error().stack, import.meta.url))
  let result: T
  try {
    result = await untilAborted(async () => await body(testbed.context), options.signal)
  } catch (error) {
    const report = await testbed.close(true).catch((problem) => `uveth: ${problem}`)
    // A runner whose time is out has its failure already, and does not look at this one.
    // biome-ignore lint/suspicious/noConsole: runners show it with the test that it is of
    if (options.signal?.aborted) console.error(report)
    throw explained(error, report)
  }
  await testbed.close(false)
  return result
}

function untilAborted<T>(body: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return body()
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    body()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}
