// Each step of a creation fails in its turn, in the link thread, in this one and in users' code: nothing is left, its
// names and its id are free, and the link thread goes on. Over memory devices; with a kernel it is
// test/integration/003's business. And what users' code throws later breaks no pair.
// Invariant 8.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Line } from '../../../dist/pair/line.js'
import type { PairOptions } from '../../../dist/pair/options.js'
import { MemoryLink } from '../../support/memory-link.js'

let memory: MemoryLink
let folder: string
beforeEach(async () => {
  memory = await MemoryLink.start()
  folder = mkdtempSync(join(tmpdir(), 'uveth-fails-'))
})
afterEach(async () => {
  rmSync(folder, { recursive: true })
  await memory[Symbol.asyncDispose]()
})

/** All that a creation can be made of. */
const whole = (more: PairOptions = {}): PairOptions => ({
  id: 'one',
  a: { impair: { delay: '1ms' }, rules: [{ action: { kind: 'drop' }, match: { arp: {} } }] },
  capture: join(folder, 'x.pcapng'),
  signal: new AbortController().signal,
  ...more,
})

/** Nothing is left of an earlier attempt: the same one works, and ends. */
async function expectNothingLeft(wish: PairOptions): Promise<void> {
  expect(memory.host.devices).toEqual([])
  expect(memory.workers.map(({ load }) => load)).toEqual([0])
  const { logger: _, signal: __, ...rest } = wish
  const pair = await memory.createPair(rest)
  expect(pair.id).toBe(wish.id ?? 'a')
  await pair.close()
  expect(memory.host.devices).toEqual([])
}

const ways = [
  ['by a worker', {}],
  ['inline', { inline: true }],
] as const

describe.each(ways)('forwarded %s', (_way, options) => {
  test('whichever call of a device is refused', async () => {
    const wish = whole(options)
    await (await memory.createPair(wish)).close()
    const { calls } = memory.host
    const steps = calls.slice(0, calls.indexOf('close a'))
    expect(steps.length).toBeGreaterThan(7)
    for (const [at, step] of steps.entries()) {
      memory.host.refuseAfter = at
      const made = await memory.createPair(wish).catch((error: Error) => error)
      memory.host.refuseAfter = Number.POSITIVE_INFINITY
      // The last looks are nobody's order: what fails there ends the pair that was made.
      if (made instanceof Error) expect(made.message).toContain(`no ${step}`)
      else {
        await made.close()
        expect([step, made.closed]).toEqual([expect.stringMatching(/^look/), 'failed'])
      }
      await expectNothingLeft(wish)
    }
  })

  test('a device that cannot be closed keeps neither the other one nor the pair', async () => {
    const pair = await memory.createPair(options)
    memory.host.refuse = { call: 'close a', error: new Error('out of luck') }
    await pair.close()
    expect(pair.closed).toBe('close')
    memory.host.refuse = undefined
    await expectNothingLeft(options)
  })

  test('a capture that cannot be opened', async () => {
    const wish = whole(options)
    const nowhere = { ...wish, capture: '/no/such/folder/x.pcapng' }
    await expect(memory.createPair(nowhere)).rejects.toMatchObject({ code: 'ENOENT' })
    await expectNothingLeft(wish)
  })

  test('a logger that throws', async () => {
    const thrown = () => {
      throw new Error('no log')
    }
    const wish = whole({ ...options, logger: { debug: thrown, info: thrown, warn: thrown } })
    await expect(memory.createPair(wish)).rejects.toThrow('no log')
    await expectNothingLeft(wish)
  })

  test('a signal that is raised while it is made', async () => {
    const abort = new AbortController()
    const wish = whole({ ...options, signal: abort.signal })
    const made = memory.createPair(wish)
    abort.abort(new Error('enough'))
    await expect(made).rejects.toThrow('enough')
    await expectNothingLeft(wish)
  })

  test('a thread that cannot be told of it: an order that cannot be cloned', async () => {
    const { postMessage } = MessagePort.prototype
    const wish = whole(options)
    MessagePort.prototype.postMessage = function (this: unknown, ...args: [unknown]) {
      if ((args[0] as { op?: string }).op === 'create') throw new DOMException('no', 'DataCloneError')
      Reflect.apply(postMessage, this, args)
    }
    try {
      await expect(memory.createPair(wish)).rejects.toThrow('no')
    } finally {
      MessagePort.prototype.postMessage = postMessage
    }
    await expectNothingLeft(wish)
  })

  test('the line to the thread that forwards', async () => {
    const wish = whole(options)
    const { connect } = Line.prototype
    Line.prototype.connect = () => {
      throw new Error('no line')
    }
    try {
      await expect(memory.createPair(wish)).rejects.toThrow('no line')
    } finally {
      Line.prototype.connect = connect
    }
    await expectNothingLeft(wish)
  })

  test('an end that dies while it is made has an id no longer, and its capture is complete', async () => {
    const wish = whole(options)
    memory.host.refuse = { call: 'look b', error: new Error('out of luck') }
    const pair = await memory.createPair(wish)
    await pair.close()
    expect(pair.closed).toBe('failed')
    memory.host.refuse = undefined
    await expectNothingLeft(wish)
  })
})

test.each([
  ['signal', null],
  ['signal', {}],
  ['signal', { aborted: false }],
  ['logger', null],
  ['logger', {}],
  ['logger', { warn() {}, debug() {} }],
])('what is no %s (%o) is refused before anything is made', async (key, value) => {
  await expect(memory.createPair({ [key]: value })).rejects.toMatchObject({ code: 'EINVAL', attribute: key })
  expect(memory.host.calls).toEqual([])
})

describe('what a listener throws', () => {
  /** What is thrown where nothing of ours is on the stack. */
  const uncaught: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  beforeEach(() => {
    uncaught.length = 0
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error))
  })
  afterEach(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  })

  test('keeps no other listener from hearing it, and no pair from going on and ending', async () => {
    const warn = new Error('no warning')
    const logger = {
      debug() {},
      info({ on }: { on?: boolean }) {
        if (on !== undefined) throw warn
      },
      warn() {},
    }
    const pair = await memory.createPair({ logger })
    const heard: unknown[] = []
    const [first, last] = [new Error('first'), new Error('last')]
    pair.on('carrier', () => {
      throw first
    })
    pair.on('carrier', ({ on }) => heard.push(on))
    pair.once('closed', () => {
      throw last
    })
    pair.on('closed', ({ reason }) => heard.push(reason))
    await pair.b.set({ up: false })
    await pair.b.set({ up: true })
    expect(pair.carrier).toBe(true)
    await pair.close()
    await new Promise(setImmediate)
    expect(heard).toEqual([false, true, 'close'])
    expect(uncaught).toEqual([warn, first, warn, first, last])
    expect(memory.host.devices).toEqual([])
    await (await memory.createPair()).close()
  })
})
