// Ids of pairs: unique among those of this JavaScript thread. Used by pair.ts alone.

import { invalid } from '../errors.js'

const inUse = new Set<string>()

/** The id of one pair. */
export class PairId {
  /** Empty until the pair stands. */
  id = ''
  /** The one that nobody else may have, until release(). */
  #reserved: string | undefined

  /** EEXIST where another pair has it. */
  reserve(id: string): void {
    if (inUse.has(id)) throw invalid(`a pair with id '${id}' exists`, 'id', 'EEXIST')
    inUse.add(id)
    this.#reserved = id
  }

  /** What was reserved; otherwise the name, or the name with a suffix. */
  take(name: string): string {
    let id = this.#reserved ?? name
    for (let suffix = 2; this.#reserved === undefined && inUse.has(id); suffix++) id = `${name}-${suffix}`
    inUse.add(id)
    this.#reserved = id
    this.id = id
    return id
  }

  /** The pair is no more. */
  release(): void {
    if (this.#reserved !== undefined) inUse.delete(this.#reserved)
    this.#reserved = undefined
  }
}
