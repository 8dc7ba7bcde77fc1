// The end of a pair by our own will: close(), `await using`, an AbortSignal; and its id, which is free again
// afterwards. Closed is final: what may still be asked of a closed pair is here, too.

import { setTimeout as sleep } from 'node:timers/promises'
import { createPair, type Pair } from 'uveth'
import { describe, expect } from 'vitest'
import { addressed, B, between, Cable } from '../support/cable.js'
import { Netns, until } from '../support/netns.js'
import { pings } from '../support/ping.js'
import { evaluate } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')

function closings(pair: Pair): unknown[] {
  const seen: unknown[] = []
  pair.on('closed', (event) => seen.push(event))
  return seen
}

describe('close()', () => {
  test('removes both interfaces, from home and from other namespaces', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    await pair.close()
    expect([left.has('x0'), right.has('x1')]).toEqual([false, false])
    expect(pair).toMatchObject({ closed: 'close', carrier: false })
  })

  test('frees the names at once', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    for (let round = 0; round < 5; round++) {
      await using pair = await createPair(between(left, right, addressed()))
      expect(pair.id).toBe('x0')
      await pair.close()
    }
    expect(left.links()).toHaveLength(1)
  })

  test('may be called any number of times, and says closed once', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const seen = closings(pair)
    await Promise.all([pair.close(), pair.close(), pair.close()])
    expect(left.has('x0') || right.has('x1')).toBe(false)
    await pair.close()
    await pair[Symbol.asyncDispose]()
    await sleep(50)
    expect(seen).toEqual([{ reason: 'close', end: null }])
  })

  test('every concurrent call resolves only when the names are free', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const calls = [1, 2, 3].map(async () => {
      await pair.close()
      return left.has('x0') || right.has('x1')
    })
    expect(await Promise.all(calls)).toEqual([false, false, false])
  })

  test('says closed before it resolves', async () => {
    using left = Netns.create('left')
    const pair = await createPair({ a: { netns: left.name }, b: { netns: left.name } })
    const seen = closings(pair)
    await pair.close()
    expect(seen).toHaveLength(1)
  })

  test('in the middle of traffic', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const flood = left.spawn('ping', ['-q', '-f', B])
    await until('traffic', () => pair.counters().a.tx_packets >= 500)
    await pair.close()
    expect([left.has('x0'), right.has('x1')]).toEqual([false, false])
    flood.kill()
    expect(pair.counters().a.tx_packets).toBeGreaterThanOrEqual(500)
  })

  test('leaves the other pairs alone', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const other = await createPair({ a: { netns: left.name }, b: { netns: right.name } })
    await other.close()
    expect(pings(left, B)).toBe(true)
    expect(pair.closed).toBeUndefined()
  })
})

describe('await using', () => {
  test('closes at the end of the block, also when it is left by an error', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    const block = async () => {
      await using pair = await createPair(between(left, right, addressed()))
      expect(left.has(pair.a.name)).toBe(true)
      throw new Error('out')
    }
    await expect(block()).rejects.toThrow('out')
    expect([left.has('x0'), right.has('x1')]).toEqual([false, false])
  })
})

describe('a closed pair', () => {
  test('refuses orders with ENODEV, and still tells its statistics', async () => {
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    expect(pings(left, B)).toBe(true)
    await pair.close()
    const gone = { name: 'UvethError', code: 'ENODEV' }
    await expect(pair.a.up()).rejects.toMatchObject(gone)
    await expect(pair.a.rename('other')).rejects.toMatchObject(gone)
    await expect(pair.b.move(left.name)).rejects.toMatchObject(gone)
    await expect(pair.setCarrier('off')).rejects.toMatchObject(gone)
    const stats = await pair.stats()
    expect(stats.a.tx_packets).toBeGreaterThan(0)
    expect(stats.a).toMatchObject({ tx_packets: pair.counters().a.tx_packets, kernel: expect.any(Object) })
    expect(stats.b.rx_packets).toBe(stats.a.tx_packets)
  })
})

describe('a pair that is being closed', () => {
  test('refuses orders at once, and none of them reaches another pair (invariant 7)', async () => {
    using home = Netns.create('home')
    const seen = await evaluate(
      async ({ createPair, sleep }) => {
        const codes = new Set<unknown>()
        const names = new Set<string>()
        for (let round = 0; round < 10; round++) {
          const old = await createPair({ a: { name: 'old0' }, b: { name: 'old1' } })
          const closing = old.close()
          // Its descriptors are being closed now, and the next ones to be opened get their numbers.
          const making = createPair({ a: { name: 'new0' }, b: { name: 'new1' } })
          for (let order = 0; order < 30; order++) {
            const refused = old.a.rename('stray').then(
              () => 'taken',
              (error) => error.code,
            )
            void refused.then((code) => codes.add(code))
            await sleep(order % 3)
          }
          const pair = await making
          await closing
          await pair.a.set({})
          await pair.b.set({})
          for (const { name } of [pair.a, pair.b]) names.add(name)
          await pair.close()
        }
        return { codes: [...codes], names: [...names] }
      },
      null,
      { netns: home.name },
    )
    expect(seen).toEqual({ codes: ['ENODEV'], names: ['new0', 'new1'] })
  })
})

describe('an id', () => {
  test('is the name of end a, with a suffix while another pair has it', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    const at = (netns: Netns) => createPair({ a: { name: 'x', netns: netns.name }, b: { netns: netns.name } })
    await using one = await at(left)
    const two = await at(right)
    expect([one.id, two.id]).toEqual(['x', 'x-2'])
    await one.a.rename('y')
    await using three = await at(left)
    expect([one.id, three.id]).toEqual(['x', 'x-3']) // a rename changes the name, not the id
    await two.close()
    await using four = await at(right)
    expect(four.id).toBe('x-2')
  })
})

describe('an AbortSignal', () => {
  test('that is aborted already: its reason is thrown, and nothing is made', async () => {
    using left = Netns.create('left')
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(createPair({ a: { netns: left.name }, signal })).rejects.toThrow('too late')
    expect(left.links()).toHaveLength(1)
  })

  test('during creation: its reason is thrown, and nothing is left', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    for (const delay of [0, 1, 2, 4, 8]) {
      const controller = new AbortController()
      const creation = createPair(between(left, right, { ...addressed(), signal: controller.signal }))
      setTimeout(() => controller.abort(new Error('enough')), delay)
      const outcome = await creation.then(
        (pair) => pair,
        (error: Error) => error.message,
      )
      if (typeof outcome === 'string') expect(outcome).toBe('enough')
      else await new Promise((resolve) => (outcome.closed ? resolve(0) : outcome.once('closed', resolve)))
      expect([left.has('x0'), right.has('x1')]).toEqual([false, false])
    }
  })

  test('at once after the call, in a process whose threads do not run yet', async () => {
    using home = Netns.create('home')
    const outcome = await evaluate(
      async ({ createPair, links }) => {
        const controller = new AbortController()
        const creation = createPair({ signal: controller.signal })
        controller.abort(new Error('enough'))
        const reason = await creation.then(
          () => 'made',
          (error) => error.message,
        )
        return { reason, links: links() }
      },
      null,
      { netns: home.name },
    )
    expect(outcome).toEqual({ reason: 'enough', links: ['lo'] })
  })

  test('after creation: closes the pair', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    const controller = new AbortController()
    const pair = await createPair(between(left, right, { ...addressed(), signal: controller.signal }))
    const closed = new Promise((resolve) => pair.once('closed', resolve))
    controller.abort()
    expect(await closed).toEqual({ reason: 'close', end: null })
    expect([left.has('x0'), right.has('x1')]).toEqual([false, false])
  })

  test('after the pair was closed: nothing happens, and no listener stays behind', async () => {
    using left = Netns.create('left')
    const controller = new AbortController()
    let listeners = 0
    const { signal } = controller
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...words: Parameters<typeof addEventListener>) => {
      listeners++
      addEventListener.apply(signal, words)
    }
    signal.removeEventListener = (...words: Parameters<typeof removeEventListener>) => {
      listeners--
      removeEventListener.apply(signal, words)
    }
    const pair = await createPair({ a: { netns: left.name }, b: { netns: left.name }, signal })
    const seen = closings(pair)
    expect(listeners).toBe(1)
    await pair.close()
    expect(listeners).toBe(0)
    controller.abort()
    await sleep(20)
    expect(seen).toEqual([{ reason: 'close', end: null }])
  })
})
