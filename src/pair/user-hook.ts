// A user's hook that is in a chain, as its user holds it. Made by end.ts.

import type { Judge } from '../hooks/guard.js'
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
