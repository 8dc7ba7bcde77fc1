// configure(): the number of workers, before any thread is started; and what is told when the link thread dies.
// src/link/link.ts. No thread may be started here. That the number is fixed by the first pair, and everything else
// of link.ts, is shown by the integration tests.

import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  configure,
  type Give,
  Link,
  type LinkThread,
  type PairEvent,
  workerCount,
} from '../../../src/link/link.js'

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
  const link = new Link(() => thread)
  thread.emit('message', { event: 'ready' })
  const heard: PairEvent[] = []
  const handles = [1, 2].map(() => link.register({ hear: (event) => heard.push(event) }))
  const waiting = link.request({ op: 'stats', handle: 1 })
  await vi.waitFor(() => expect(thread.orders).toMatchObject([{ op: 'stats' }]))
  thread.emit('error', new Error('out of luck'))
  thread.emit('exit')
  const why = expect.stringContaining('the link thread failed: Error: out of luck')
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_LINK', message: why })
  const failed = { event: 'closed', reason: 'failed', end: null, stats: [null, null], why }
  expect(heard).toEqual(handles.map((handle) => ({ handle, ...failed })))
  await expect(link.request({ op: 'stats', handle: 2 })).rejects.toMatchObject({ code: 'ERR_LINK' })
})

/** One that answers every order, but those that are to wait. */
class AnsweringThread extends SilentThread {
  override postMessage(order: { id: number; op: string }): void {
    super.postMessage(order)
    if (order.op !== 'stats') queueMicrotask(() => this.emit('message', { event: 'reply', id: order.id }))
  }
}

describe('a link thread that is lost, where this one inherits what it had', () => {
  const threads: AnsweringThread[] = []
  const heirEnds = vi.fn()
  const last = () => threads.at(-1) as AnsweringThread
  const ready = () => last().emit('message', { event: 'ready' })
  const opsOf = (thread: SilentThread) => thread.orders.map((order) => (order as { op: string }).op)

  async function linked(): Promise<Link> {
    threads.length = 0
    const start = () => {
      threads.push(new AnsweringThread())
      return last()
    }
    const link = new Link(start, async () => ({ number: 7, end: heirEnds }))
    ready()
    await link.ready
    expect(last().orders).toMatchObject([{ op: 'heir', heir: 7 }])
    return link
  }

  test('what was on its way is refused; another one has the pairs, and then what was ordered meanwhile', async () => {
    const link = await linked()
    const heard: PairEvent[] = []
    const again = vi.fn(async (give: Give) => void (await give({ op: 'close', handle: 1 })))
    link.register({ hear: (event) => heard.push(event), again })
    const waiting = link.request({ op: 'stats', handle: 1 })
    await vi.waitFor(() => expect(opsOf(last())).toContain('stats'))
    last().emit('error', new Error('out of luck'))
    last().emit('exit')
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_LINK' })
    expect(threads).toHaveLength(2)
    const later = link.request({ op: 'inspect', handle: 1, inspected: [true, false] })
    ready()
    await later
    expect(opsOf(last())).toEqual(['heir', 'close', 'rest', 'inspect'])
    expect(again).toHaveBeenCalledWith(expect.anything(), expect.stringContaining('out of luck'))
    expect(heard).toEqual([])
  })

  test('one that ends before it runs, or too often, ends the pairs', async () => {
    for (const times of [1, 9]) {
      const link = await linked()
      const heard: PairEvent[] = []
      link.register({ hear: (event) => heard.push(event), again: async () => {} })
      for (let time = 0; time < times; time++) {
        expect(heard).toEqual([])
        last().emit('exit')
        if (times === 1) last().emit('exit')
        else if (time < 8) {
          ready()
          await link.ready
        }
      }
      expect(heard).toMatchObject([{ event: 'closed', reason: 'failed' }])
      expect(heirEnds).toHaveBeenCalled() // what nobody adopts any more is closed
      heirEnds.mockClear()
      await expect(link.request({ op: 'stats', handle: 1 })).rejects.toMatchObject({ code: 'ERR_LINK' })
    }
  })
})
