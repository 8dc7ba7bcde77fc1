// What the tests of the test kit have in common: tests that are to fail, and what must be gone afterwards.

import { existsSync } from 'node:fs'
import type { PairContext } from 'uveth/testing'
import { expect } from 'vitest'

/** What `test` fails with. */
export async function failureOf(test: Promise<unknown>): Promise<Error> {
  const unexpected = new Error('it has not failed')
  const error = await test.then(
    () => unexpected,
    (error: Error) => error,
  )
  if (error === unexpected) throw error
  return error
}

export function expectGone({ a, b }: PairContext['netns']): void {
  for (const name of [a, b]) expect(existsSync(`/run/netns/${name}`), name).toBe(false)
}

export function alive(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}
