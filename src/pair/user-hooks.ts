// Users' hooks in the chains of a pair: loaded into its own worker, or functions of this thread; taken out when they
// are removed, or fail. Used by inspection.ts, whose header says when each call is allowed.

import type { AdjustNotice } from '../datapath/adjust.js'
import type { InlineLoop } from '../datapath/inline.js'
import { invalid } from '../errors.js'
import { type Judge, messageOf } from '../hooks/guard.js'
import { ENDS, type EndIndex, withEntry, without } from './chain.js'
import { hookError, plainOptions } from './options.js'
import type { Standing } from './standing.js'

/** A user's hook threw, or did not come back, and is not in the chain any more. */
export type HookFailed = (end: EndIndex, message: string) => void

export interface UserHooksSetup {
  standing: Standing
  nextId: () => number
  /** Gives the pair a worker of its own, with the module loaded; why not, or undefined. */
  own: (url: string) => Promise<string | undefined>
  failed: HookFailed
}

export class UserHooks {
  readonly #setup: UserHooksSetup
  readonly #standing: Standing
  /** Those that are being loaded. */
  readonly #loading = new Map<number, (error: string | undefined) => void>()
  /** The loop of a pair that is forwarded in this thread. */
  inline: InlineLoop | undefined

  constructor(setup: UserHooksSetup) {
    this.#setup = setup
    this.#standing = setup.standing
  }

  /** Loads a module of hooks and puts its hook behind the others; its number. */
  async useModule(end: EndIndex, url: string, options: unknown): Promise<number> {
    this.#standing.needOpen()
    const plain = plainOptions(options)
    if (this.inline === undefined) {
      const why = await this.#setup.own(url)
      if (why !== undefined) throw hookError(url, why)
    }
    const id = this.#setup.nextId()
    const loaded = new Promise<string | undefined>((resolve) => this.#loading.set(id, resolve))
    this.#add(end, id, { url, options: plain })
    const failed = await loaded
    if (failed !== undefined) {
      this.drop(end, id)
      throw hookError(url, failed)
    }
    await this.#standing.told
    return id
  }

  /** A function of this thread as a hook; armed when this returns. */
  useFunction(end: EndIndex, judge: Judge): number {
    this.#standing.needOpen()
    if (this.inline === undefined) {
      throw invalid(
        'a function as a hook needs createPair({ inline: true }); otherwise give the URL of a module',
        'hook',
      )
    }
    const id = this.#setup.nextId()
    this.#add(end, id, null)
    this.inline.use(end, id, judge, (error) => this.#ended(id, messageOf(error)))
    return id
  }

  /** False when it is not in the chain any more. */
  drop(end: EndIndex, id: number): boolean {
    const { hooks } = this.#standing.chain(end)
    if (!hooks.has(id)) return false
    this.#standing.change(end, { hooks: without(hooks, id) })
    return true
  }

  hear(notice: Extract<AdjustNotice, { event: 'hook-ready' | 'hook-failed' }>): void {
    if (notice.event === 'hook-ready') this.#loaded(notice.id, undefined)
    else this.#ended(notice.id, notice.message)
  }

  /** The thread that ran them does so no more. Told later: who hears it may use the pair, which is forwarded again then. */
  lost(why: string): void {
    for (const end of ENDS)
      for (const id of this.#standing.chain(end).hooks.keys()) queueMicrotask(() => this.#ended(id, why))
  }

  /** The pair has ended. */
  close(): void {
    for (const loaded of this.#loading.values()) loaded('the pair is closed')
  }

  #add(end: EndIndex, id: number, hook: { url: string; options: unknown } | null): void {
    this.#standing.change(end, { hooks: withEntry(this.#standing.chain(end).hooks, id, hook) })
  }

  #loaded(id: number, error: string | undefined): void {
    this.#loading.get(id)?.(error)
    this.#loading.delete(id)
  }

  #ended(id: number, message: string): void {
    if (this.#loading.has(id)) return this.#loaded(id, message)
    for (const end of ENDS) if (this.drop(end, id)) this.#setup.failed(end, message)
  }
}
