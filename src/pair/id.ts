// Ids of pairs: unique among those of this JavaScript thread. Used by pair.ts alone.

import { invalid } from '../errors.js'

const inUse = new Set<string>()

/** EEXIST where another pair has it. */
export function reserveId(id: string): void {
  if (inUse.has(id)) throw invalid(`a pair with id '${id}' exists`, 'id', 'EEXIST')
  inUse.add(id)
}

/** The name, or the name with a suffix. */
export function takeId(name: string): string {
  let id = name
  for (let suffix = 2; inUse.has(id); suffix++) id = `${name}-${suffix}`
  inUse.add(id)
  return id
}

export function releaseId(id: string | undefined): void {
  if (id !== undefined) inUse.delete(id)
}
