// configure(): the number of workers, before any thread is started; and what is told when the link thread dies.
// src/link/link.ts. No thread may be started here. That the number is fixed by the first pair, and everything else
// of link.ts, is shown by the integration tests.

import { EventEmitter } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { configure, Link, type LinkThread, type PairEvent, workerCount } from '../../../src/link/link.js'

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

/** Hears orders, and answers none. */
class SilentThread extends EventEmitter implements LinkThread {
  readonly orders: unknown[] = []
  postMessage(order: unknown): void {
    this.orders.push(order)
  }
  ref(): void {}
  unref(): void {}
}

test('a link thread that dies: who waits is refused, and every pair hears that it is closed, and why', async () => {
  const thread = new SilentThread()
  const link = new Link(thread)
  thread.emit('message', { event: 'ready' })
  const heard: PairEvent[] = []
  const handles = [1, 2].map(() => link.register((event) => heard.push(event)))
  const waiting = link.request({ op: 'stats', handle: 1 })
  await Promise.resolve()
  expect(thread.orders).toMatchObject([{ op: 'stats' }])
  thread.emit('error', new Error('out of luck'))
  thread.emit('exit')
  const why = expect.stringContaining('the link thread failed: Error: out of luck')
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_LINK', message: why })
  const failed = { event: 'closed', reason: 'failed', end: null, stats: [null, null], why }
  expect(heard).toEqual(handles.map((handle) => ({ handle, ...failed })))
  await expect(link.request({ op: 'stats', handle: 2 })).rejects.toMatchObject({ code: 'ERR_LINK' })
})
