// The pool over workers that only note what they are ordered: which pair goes where, what a worker's death does, and
// what users' code that does not come back does. The decisions alone: placement.test.ts; real workers: unit/pair.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { expect, test } from 'vitest'
import type { Order, Surrendered } from '../../../src/datapath/orders.js'
import { type Adoptee, Pool } from '../../../src/link/pool.js'
import type { Hearing, PooledWorker } from '../../../src/link/pooled-worker.js'

class FakeWorker {
  load = 0
  serving = true
  readonly ready = Promise.resolve()
  readonly orders: string[] = []
  /** It answers no order any more. */
  mute = false
  /** Pieces that a drain is done in. */
  pieces: number[] = []
  stuck: () => void = () => {}
  module: string | undefined
  readonly #ports = new Map<number, MessagePort | undefined>()

  readonly own: boolean
  readonly index: number
  readonly #hearing: Hearing

  constructor(index: number, own: boolean, hearing: Hearing) {
    this.index = index
    this.own = own
    this.#hearing = hearing
  }

  order(order: Order): boolean {
    if (this.mute) return false
    if (order.op === 'adopt') this.#ports.set(order.handle, order.port)
    const { op } = order
    this.orders.push(
      op === 'adopt'
        ? `adopt ${order.handle} x${order.queues.length}`
        : `${op} ${'handle' in order && order.handle}`,
    )
    return true
  }

  surrender(handle: number): Surrendered | undefined {
    if (this.mute) return undefined
    this.orders.push(`surrender ${handle}`)
    return { port: this.#ports.get(handle), state: [] }
  }

  async finish(order: Order): Promise<boolean> {
    return this.order(order)
  }

  drain(handle: number): number | undefined {
    return this.order({ op: 'drain', handle }) ? (this.pieces.shift() ?? 0) : undefined
  }

  async loadModule(): Promise<string | undefined> {
    return this.module
  }

  watch(stuck: () => void): undefined {
    this.stuck = stuck
  }

  async end(): Promise<void> {
    this.serving = false
    this.orders.push('end')
  }

  die(why: string): void {
    this.serving = false
    this.mute = true
    this.#hearing.died(this as unknown as PooledWorker, why)
  }
}

async function bench(size: number, module?: string) {
  const workers: FakeWorker[] = []
  const make = (index: number, own: boolean, hearing: Hearing) => {
    const worker = new FakeWorker(index, own, hearing)
    worker.module = module
    workers.push(worker)
    return worker as unknown as PooledWorker
  }
  const pool = await Pool.start(size, () => {}, make)
  const lost: string[] = []
  const adopt = (handle: number, queues = 1, together = false) => {
    const adoptee: Adoptee = {
      handle,
      counters: new SharedArrayBuffer(8),
      queues: Array(queues).fill([{}, {}]),
      lost: (why) => lost.push(`${handle}: ${why}`),
    }
    pool.adopt(adoptee, { port: new MessageChannel().port1, state: [] }, together)
  }
  return { pool, workers, lost, adopt }
}

test('new pairs go where the load is least, and give it back', async () => {
  const { pool, workers, adopt } = await bench(2)
  for (const handle of [1, 2, 3]) adopt(handle)
  expect(workers.map(({ load }) => load)).toEqual([2, 1])
  for (const handle of [1, 2, 3]) pool.release(handle)
  expect(workers.map(({ load }) => load)).toEqual([0, 0])
  expect(workers[1]?.orders).toEqual(['adopt 2 x1', 'release 2'])
  pool.release(1)
  expect(workers[0]?.orders.filter((order) => order === 'release 1').length).toBe(1)
})

test('a pair is gathered and spread by handing over', async () => {
  const { pool, workers, adopt } = await bench(2)
  adopt(1, 2)
  pool.gather(1, true)
  pool.gather(1, true)
  expect(workers.map(({ orders }) => orders)).toEqual([
    ['adopt 1 x1', 'surrender 1', 'adopt 1 x2'],
    ['adopt 1 x1', 'surrender 1'],
  ])
  pool.gather(1, false)
  expect(workers.map(({ load }) => load)).toEqual([1, 1])
})

test('a pair that is suspended is served by nobody, and what one of its workers leaves is kept', async () => {
  const { pool, workers, adopt } = await bench(2)
  adopt(1, 2)
  expect(await pool.suspend(1)).toEqual([])
  expect(workers.map(({ orders }) => orders)).toEqual([
    ['adopt 1 x1', 'surrender 1', 'release 1'],
    ['adopt 1 x1', 'surrender 1', 'release 1'],
  ])
  expect(workers.map(({ load }) => load)).toEqual([0, 0])
  expect(await pool.suspend(1)).toEqual([])
  adopt(1)
  expect(workers[0]?.orders.at(-1)).toBe('adopt 1 x1')
})

test('a drain is asked for piece by piece; of a dead worker nothing is left', async () => {
  const { pool, workers, adopt } = await bench(1)
  adopt(1)
  const [worker] = workers as [FakeWorker]
  worker.pieces = [10, 5, 0]
  expect([pool.drain(1), pool.drain(1), pool.drain(1)]).toEqual([10, 5, 0])
  worker.mute = true
  expect(pool.drain(1)).toBe(0)
  expect(pool.drain(2)).toBe(0)
})

test('a worker that dies is replaced; its pairs are lost once the next one runs, others are not', async () => {
  const { pool, workers, lost, adopt } = await bench(2)
  adopt(1)
  adopt(2)
  adopt(3, 2)
  const [dying, other] = workers as [FakeWorker, FakeWorker]
  dying.die('its thread exited')
  expect(lost).toEqual([])
  await Promise.resolve()
  expect(lost).toEqual(['1: its thread exited', '3: its thread exited'])
  expect(workers.length).toBe(3)
  expect(other.orders).toEqual(['adopt 2 x1', 'adopt 3 x1', 'release 3'])
  expect(workers.map(({ load }) => load)).toEqual([0, 1, 0])
  adopt(1)
  expect(workers[2]?.orders).toEqual(['adopt 1 x1'])
  pool.release(2)
})

test('one that is dead already, and not known to be, moves no pair: its death does', async () => {
  const { pool, workers, lost, adopt } = await bench(2)
  adopt(1, 2)
  const [dying, other] = workers as [FakeWorker, FakeWorker]
  dying.mute = true
  pool.gather(1, true)
  expect(other.orders).toEqual(['adopt 1 x1', 'surrender 1'])
  pool.drain(1)
  dying.die('its thread exited')
  await Promise.resolve()
  expect(lost).toEqual(['1: its thread exited'])
  expect(workers.map(({ load }) => load)).toEqual([0, 0, 0])
})

test('without a worker that runs, a pair is refused', async () => {
  const { workers, adopt } = await bench(1)
  ;(workers[0] as FakeWorker).serving = false
  expect(() => adopt(1)).toThrow('no forwarding worker runs')
})

test('a worker of its own takes the pair over when its module is loaded', async () => {
  const { pool, workers, adopt } = await bench(1)
  adopt(1, 1)
  expect(await pool.own(1, 'file:///hook.js')).toBeUndefined()
  const [first, own] = workers as [FakeWorker, FakeWorker]
  expect([first.orders, own.orders, own.own]).toEqual([['adopt 1 x1', 'surrender 1'], ['adopt 1 x1'], true])
  pool.gather(1, false)
  await pool.release(1)
  expect(own.orders).toEqual(['adopt 1 x1', 'release 1', 'end'])
})

test.each(['stuck', 'dead'])(
  'a worker of its own that is %s is taken away, and the pair is lost',
  async (how) => {
    const { pool, workers, lost, adopt } = await bench(1)
    adopt(1)
    await pool.own(1, 'file:///hook.js')
    const own = workers[1] as FakeWorker
    if (how === 'stuck') own.stuck()
    if (how === 'dead') own.die('its thread exited: 3')
    expect(pool.drain(1)).toBe(0)
    await new Promise(setImmediate)
    expect(lost).toEqual([
      how === 'dead' ? '1: its thread exited: 3' : expect.stringContaining('a hook took more than 2 s'),
    ])
    expect(own.orders.at(-1)).toBe('end')
    expect(workers.length).toBe(2)
  },
)

test('a worker of its own that does not answer is waited for by its pair alone', async () => {
  const { pool, workers, lost, adopt } = await bench(1)
  adopt(1)
  adopt(2)
  await pool.own(1, 'file:///hook.js')
  const own = workers[1] as FakeWorker
  own.mute = true
  expect([pool.drain(1), pool.drain(2)]).toEqual([undefined, 0])
  own.stuck()
  await new Promise(setImmediate)
  expect(lost).toEqual([expect.stringContaining('a hook took more than 2 s')])
  expect(pool.drain(1)).toBe(0)
})

test('a module that cannot be loaded leaves the pair where it is', async () => {
  const { pool, workers, adopt } = await bench(1, 'no such file')
  adopt(1)
  expect(await pool.own(1, 'file:///hook.js')).toBe('no such file')
  expect(workers.map(({ orders }) => orders)).toEqual([['adopt 1 x1'], ['end']])
})
