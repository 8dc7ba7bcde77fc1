// A pair whose link thread is lost at a bad moment: in the middle of a hand-over, or of close(). src/pair/life.ts; the same
// for real: test/integration/519. The link thread's other side is a list of orders here, each answered, but those in `deaf`.

import { EventEmitter } from 'node:events'
import { expect, test, vi } from 'vitest'
import { Link, type LinkThread } from '../../../src/link/link.js'
import { adoptPair } from '../../../src/pair/hand-over.js'
import { Pair } from '../../../src/pair/pair.js'

class Thread extends EventEmitter implements LinkThread {
  readonly ops: string[] = []
  deaf: string[] = []
  postMessage({ id, op }: { id: number; op: string }): void {
    this.ops.push(op)
    const value = op === 'suspend' ? { state: [], standing: { mode: 'auto', carrier: true } } : undefined
    if (!this.deaf.includes(op)) queueMicrotask(() => this.emit('message', { event: 'reply', id, value }))
  }
  ref(): void {}
  unref(): void {}
}

async function adopted() {
  const threads: Thread[] = []
  const start = () => {
    const thread = new Thread()
    threads.push(thread)
    queueMicrotask(() => thread.emit('message', { event: 'ready' }))
    return thread
  }
  const link = new Link(start, async () => ({ number: 7, end: () => {} }))
  const pair = await adoptPair(
    { id: `lost-${process.hrtime.bigint()}`, queues: 1, quiet: true },
    [[3], [4]],
    link,
  )
  const [first] = threads as [Thread]
  /** What the next one is told to do. */
  const lose = async () => {
    first.emit('exit')
    await link.ready
    return (threads.at(-1) as Thread).ops
  }
  return { pair, first, lose }
}

test('one that is adopted, and not ours yet, is adopted again and rests', async () => {
  const { lose, pair } = await adopted()
  expect(await lose()).toEqual(['heir', 'create', 'rest'])
  await pair.close()
})

test('one whose close() is on its way is closed, once what was left is', async () => {
  const { lose, pair, first } = await adopted()
  first.deaf = ['close']
  let closed = false
  const closing = pair.close().then(() => {
    closed = true
  })
  await vi.waitFor(() => expect(first.ops).toContain('close'))
  const lost = lose()
  expect(closed).toBe(false)
  await closing
  expect(pair.closed).toBe('close')
  expect(await lost).toEqual(['heir', 'rest'])
})

test('one whose close() is on its way is closed where no other thread runs, too', async () => {
  const { pair, first } = await adopted()
  first.deaf = ['close']
  const closing = pair.close()
  await vi.waitFor(() => expect(first.ops).toContain('close'))
  first.emit('exit')
  first.emit('exit') // as the next one would, that does not begin
  await closing
  expect(pair.closed).toBeDefined()
})

test('one that is suspended rests, and goes on by all that it was suspended with', async () => {
  const { lose, pair } = await adopted()
  const dossier = await Pair.suspend(pair, {} as never).catch((error: unknown) => error)
  expect(dossier).toMatchObject({ link: { carrier: true } })
  const ops = await lose()
  expect(ops).toEqual(['heir', 'create', 'rest'])
  await Pair.resume(pair, dossier as never)
  expect(ops).toEqual(['heir', 'create', 'rest', 'goOn'])
  await pair.close()
})
