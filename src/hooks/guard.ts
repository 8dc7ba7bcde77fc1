// Users' code in the loop: a hook that throws, or leaves what is no frame, is taken out and told about, and
// the loop goes on.

import type { Burst } from '../frame/burst.js'
import type { Hook } from './hook.js'

/** A user's hook: looks at each burst and gives verdicts (frame/burst.ts), before it returns. */
export type Judge = (burst: Burst) => void

/** Loads a module and lets its default export make a hook of the options. */
export type HookOf = (url: string, options: unknown) => Promise<Judge>

export class GuardedHook implements Hook {
  readonly id: number
  readonly #judge: Judge
  readonly #failed: (error: unknown) => void
  #out = false

  constructor(id: number, judge: Judge, failed: (error: unknown) => void) {
    this.id = id
    this.#judge = judge
    this.#failed = failed
  }

  judge(burst: Burst): void {
    if (this.#out) return
    const { count } = burst
    try {
      const late: unknown = this.#judge(burst)
      if (late instanceof Promise) {
        late.catch(() => {}) // told here
        throw new TypeError('a hook judges before it returns: this one is async')
      }
      if (burst.mend(count)) return
      throw new RangeError('the hook has left a start, a length, a delay or a verdict that cannot be')
    } catch (error) {
      burst.mend(count)
      this.#out = true
      this.#failed(error)
    }
  }
}

/** The hook that a module's default export makes; `loading`: what `import()` has answered. */
export async function hookFrom(loading: Promise<{ default?: unknown }>, options: unknown): Promise<Judge> {
  const module = await loading.catch(explain)
  if (typeof module.default !== 'function')
    throw new TypeError(
      'a hook module has a default export: a function that takes the options and answers the hook',
    )
  const judge: unknown = await module.default(options)
  if (typeof judge !== 'function')
    throw new TypeError(`the default export must answer a function that takes a burst, not ${typeof judge}`)
  return judge as Judge
}

function explain(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ERR_UNKNOWN_FILE_EXTENSION' || !/\.[mc]?ts\b/.test(error.message)) throw error
  const sentence = `Node ${process.versions.node} does not load TypeScript, Node 22.18, 23.6 and newer do: give the compiled module`
  throw new TypeError(`${sentence} (${error.message})`, { cause: error })
}

/** What went wrong in users' code, with where. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
