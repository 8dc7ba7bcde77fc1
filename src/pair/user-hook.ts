// A user's hook that is in a chain, as its user holds it. Made by end.ts.

import type { Judge } from '../hooks/guard.js'
import { invalid, UvethError } from '../errors.js'
import type { Inspection } from './inspection.js'

export class UserHook implements AsyncDisposable {
  readonly #inspection: Inspection
  readonly #end: 0 | 1
  readonly #id: number

  /** @internal */
  constructor(inspection: Inspection, end: 0 | 1, id: number) {
    this.#inspection = inspection
    this.#end = end
    this.#id = id
  }

  /** Takes it out of the chain. Any number of times, also after it failed. */
  async remove(): Promise<void> {
    await this.#inspection.removeHook(this.#end, this.#id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove()
  }
}

/** Types a hook module's default export: `export default defineHook<Options>((options) => (burst) => { … })`. */
export function defineHook<Options = undefined>(
  make: (options: Options) => Judge | Promise<Judge>,
): (options: Options) => Judge | Promise<Judge> {
  return make
}

/** In one line: `why` may be a stack. */
export function hookError(url: string, why: string): UvethError {
  const [reason = ''] = why.split('\n')
  const name = url.startsWith('data:') ? 'data:…' : url
  return new UvethError(`EINVAL: the hook ${name} cannot be used: ${reason}`, {
    code: 'EINVAL',
    attribute: 'hook',
  })
}

/** As a module in another thread gets them. */
export function plainOptions(options: unknown): unknown {
  try {
    return structuredClone(options)
  } catch (error) {
    throw invalid(
      `a hook's options cross threads, so they are plain data: ${(error as Error).message}`,
      'options',
    )
  }
}
