// configure(): the number of workers, before any thread is started. src/link/link.ts. No thread may be
// started here. That the number is fixed by the first pair, and everything else of link.ts, is shown by
// the integration tests.

import { afterEach, expect, test } from 'vitest'
import { configure, workerCount } from '../../../src/link/link.js'
import { planPair } from '../../../src/pair/options.js'

afterEach(() => configure({ workers: 1 }))

test.each([0, -1, 65, 1.5, Number.NaN, '2', null])('refuses %j workers', (workers) => {
  const refused = expect.objectContaining({ code: 'EINVAL', attribute: 'workers' })
  expect(() => configure({ workers: workers as number })).toThrow(refused)
  expect(workerCount()).toBe(1)
})

test('is 1 unless it is said; the last word before the first pair counts', () => {
  expect(workerCount()).toBe(1)
  configure({ workers: 64 })
  configure({ workers: 4 })
  expect(workerCount()).toBe(4)
})

test('allows as many queues as there are workers', () => {
  configure({ workers: 3 })
  expect(planPair({ queues: 3 }).queues).toBe(3)
  expect(() => planPair({ queues: 4 })).toThrow(/from 1 to the number of workers \(3\), not 4/)
})
