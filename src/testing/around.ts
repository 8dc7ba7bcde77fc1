// A test's body with a testbed around it: run, and everything removed, however it ends. Used by with-pair.ts and lab.ts.

import { explained } from './report.js'
import type { Testbed } from './testbed.js'

/**
 * When it throws, the error's message says the seed, what was done to frames, and where the captures are; when the
 * test's signal ends it, stderr says so too.
 */
export async function around<T>(testbed: Testbed, body: () => Promise<T>): Promise<T> {
  const { signal } = testbed.plan
  let result: T
  try {
    result = await untilAborted(body, signal)
  } catch (error) {
    const report = await testbed.close(true).catch((problem) => `uveth: ${problem}`)
    // A runner whose time is out has its failure already, and does not look at this one.
    // biome-ignore lint/suspicious/noConsole: runners show it with the test that it is of
    if (signal?.aborted) console.error(report)
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
