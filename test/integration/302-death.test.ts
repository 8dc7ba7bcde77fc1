// The end of a pair from outside: one interface is deleted, or a namespace dies. The other interface goes
// too, the pair says why, and nothing is left: no descriptor, no thread, nothing that keeps a namespace.
// Invariant 9: nothing of ours keeps them alive.

import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { createPair, type Pair } from 'uveth'
import { describe, expect } from 'vitest'
import { A, addressed, B, between, Cable, listen } from '../support/cable.js'
import { holdersOf, homeLink, Netns, uniqueName, until } from '../support/netns.js'
import { PingRun, pings } from '../support/ping.js'
import { launch } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
const ip = (...words: string[]) => promisify(execFile)('ip', words)

/** The first `closed` of a pair, an end by its letter; it may have come already. */
async function closing(pair: Pair): Promise<{ reason: string; end: string | null }> {
  if (pair.closed !== undefined) throw new Error('listen before it happens')
  const [{ reason, end }] = await once(pair, 'closed')
  return { reason, end: end === null ? null : end === pair.a ? 'a' : 'b' }
}

describe('`ip link del`', () => {
  test.each(['a', 'b'] as const)('of end %s: the other end vanishes', async (end) => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    expect(pings(left, B)).toBe(true)
    const said = listen(pair)
    const closed = closing(pair)
    if (end === 'a') left.ip('link', 'del', 'x0')
    else right.ip('link', 'del', 'x1')
    expect(await closed).toEqual({ reason: 'deleted', end })
    expect([left.has('x0'), right.has('x1')]).toEqual([false, false])
    expect(pair).toMatchObject({ closed: 'deleted', carrier: false })
    await pair.close()
    expect(said.filter(({ event }) => event === 'closed')).toHaveLength(1)
  })

  test('of an end at home', async () => {
    using left = Netns.create('left')
    const name = uniqueName('home')
    await using pair = await createPair({ a: { name }, b: { name: 'x1', netns: left.name } })
    const closed = closing(pair)
    execFileSync('ip', ['link', 'del', name])
    expect(await closed).toEqual({ reason: 'deleted', end: 'a' })
    expect(left.has('x1')).toBe(false)
    expect(() => homeLink(name)).toThrow()
  })

  test('of both ends at once: closed once', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const said = listen(pair)
    const closed = closing(pair)
    // The slower one may find its link gone already, with the pair.
    const both = [ip('-n', left.name, 'link', 'del', 'x0'), ip('-n', right.name, 'link', 'del', 'x1')]
    await Promise.allSettled(both)
    expect((await closed).reason).toBe('deleted')
    await pair.close()
    expect(said.filter(({ event }) => event === 'closed')).toHaveLength(1)
    expect([left.has('x0'), right.has('x1')]).toEqual([false, false])
  })

  test('in the middle of traffic, and the statistics stay', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const run = new PingRun(left, B, 50)
    await until('traffic', () => pair.counters().a.tx_packets > 10)
    const closed = closing(pair)
    right.ip('link', 'del', 'x1')
    expect(await closed).toEqual({ reason: 'deleted', end: 'b' })
    await run.received.catch(() => {})
    const stats = await pair.stats()
    expect(stats.a.tx_packets).toBeGreaterThan(10)
    expect(stats.b.kernel).toBeNull()
  })

  test('an order right after it: ENODEV, and the pair still says why it ended', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    for (const order of [
      (pair: Pair) => pair.a.up(),
      (pair: Pair) => pair.a.rename('other'),
      (pair: Pair) => pair.a.move(right.name),
      (pair: Pair) => pair.a.set({ addresses: ['10.1.0.1/24'] }),
    ]) {
      await using pair = await createPair(between(left, right, addressed()))
      const closed = closing(pair)
      left.ip('link', 'del', 'x0')
      await expect(order(pair)).rejects.toMatchObject({ name: 'UvethError', code: 'ENODEV' })
      expect(await closed).toEqual({ reason: 'deleted', end: 'a' })
      expect(right.has('x1')).toBe(false)
    }
  })
})

describe('`ip netns del`', () => {
  test.each(['a', 'b'] as const)('of the namespace of end %s: the other end vanishes', async (end) => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    expect(pings(left, B)).toBe(true)
    const closed = closing(pair)
    const { inode } = end === 'a' ? left : right
    if (end === 'a') left.delete()
    else right.delete()
    expect(await closed).toEqual({ reason: 'netns-deleted', end })
    expect(end === 'a' ? right.has('x1') : left.has('x0')).toBe(false)
    expect(holdersOf(inode)).toEqual([])
  })

  test('of both namespaces at once', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const said = listen(pair)
    const closed = closing(pair)
    left.delete()
    right.delete()
    expect((await closed).reason).toBe('netns-deleted')
    await pair.close()
    expect(said.filter(({ event }) => event === 'closed')).toHaveLength(1)
  })

  test('of the one namespace that holds both ends', async () => {
    using left = Netns.create('left')
    await using pair = await createPair(between(left, left, addressed()))
    const closed = closing(pair)
    left.delete()
    expect((await closed).reason).toBe('netns-deleted')
  })

  test('of a namespace that an end was moved into by others', async () => {
    using other = Netns.create('other')
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const closed = closing(pair)
    left.ip('link', 'set', 'x0', 'netns', other.name)
    await until('moved', () => pair.a.netns === other.name)
    other.delete()
    expect(await closed).toEqual({ reason: 'netns-deleted', end: 'a' })
    expect(right.has('x1')).toBe(false)
  })

  test('of a namespace that an end was moved into a moment ago: the pair ends all the same', async () => {
    using other = Netns.create('other')
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const closed = closing(pair)
    left.ip('link', 'set', 'x0', 'netns', other.name)
    other.delete()
    expect((await closed).end).toBe('a')
    expect([left.links().length, right.links().length]).toEqual([1, 1])
  })

  test('a namespace that an end has left may die', async () => {
    using other = Netns.create('other')
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    await pair.a.move(other.name, { addresses: [`${A}/24`], up: true })
    left.delete()
    expect(pings(right, A)).toBe(true)
    expect(pair.closed).toBeUndefined()
  })

  test('a namespace without a name dies with its last process', async () => {
    using left = Netns.create('left')
    const inside = left.spawn('unshare', ['-n', 'sh', '-c', 'echo ready; exec sleep 3600'])
    await once(inside.stdout as NodeJS.EventEmitter, 'data')
    await using pair = await createPair({ a: { netns: inside.pid as number }, b: { netns: left.name } })
    const closed = closing(pair)
    inside.kill('SIGKILL')
    expect(await closed).toEqual({ reason: 'netns-deleted', end: 'a' })
    expect(left.links()).toHaveLength(1)
  })

  const canary = needs('root', 'tun', 'netns', 'ip', 'ping', 'veth')
  canary('really ends it, while the pair lives on elsewhere in the process', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    using watch = Netns.create('watch')
    // The kernel removes a veth's peer when a namespace ends, and not before, whatever holds it.
    left.ip('link', 'add', 'c0', 'type', 'veth', 'peer', 'name', 'left', 'netns', watch.name)
    right.ip('link', 'add', 'c0', 'type', 'veth', 'peer', 'name', 'right', 'netns', watch.name)
    await using other = await createPair({ a: { netns: watch.name }, b: { netns: watch.name } })
    await using pair = await createPair(between(left, right, addressed()))
    await pair.a.set({ addresses: ['10.2.0.1/24'] })
    const closed = closing(pair)
    left.delete()
    await closed
    await until('the end of left', () => !watch.has('left'))
    right.delete()
    await until('the end of right', () => !watch.has('right'))
    expect(other.closed).toBeUndefined()
  })
})

describe('the death of an end', () => {
  test('is followed while the main thread is blocked', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const closed = closing(pair)
    const gone = `
      ip -n ${left.name} link del x0
      for try in $(seq 100); do
        ip -n ${right.name} link show x1 >/dev/null 2>&1 || { echo gone; exit; }
        sleep 0.05
      done`
    expect(execFileSync('sh', ['-c', gone], { encoding: 'utf8' })).toBe('gone\n')
    expect(await closed).toEqual({ reason: 'deleted', end: 'a' })
  })

  test('leaves no descriptor and no thread, however often', async () => {
    using home = Netns.create('home')
    using left = Netns.create('left')
    const rights = Array.from({ length: 6 }, (_, n) => Netns.create(`right${n}`))
    try {
      await using program = launch(
        async ({ atRest, createPair, events, say }, [left, ...rights]) => {
          await (await createPair()).close()
          for (const right of ['', ...rights]) {
            const a = { name: 'x0', netns: left as string, up: true, addresses: ['10.0.0.1/24'] }
            const b = { name: 'x1', netns: right === '' ? null : right, up: true }
            const pair = await createPair({ a, b, quiet: true })
            const closed = events.once(pair, 'closed')
            say({ event: 'made' })
            const [{ reason }] = await closed
            say({ event: 'closed', reason, ...(await atRest()) })
          }
        },
        [left.name, ...rights.map(({ name }) => name)],
        { netns: home.name },
      )
      const after: Record<string, unknown>[] = []
      for (const [n, right] of [undefined, ...rights].entries()) {
        await program.next('made')
        if (right === undefined || n % 2 === 0) left.ip('link', 'del', 'x0')
        else right.delete()
        after.push(await program.next('closed'))
      }
      const reasons = after.map(({ reason }) => reason)
      expect(reasons).toEqual([0, 1, 2, 3, 4, 5, 6].map((n) => (n % 2 ? 'netns-deleted' : 'deleted')))
      for (const { descriptors, threads } of after as { descriptors: string[]; threads: number }[]) {
        expect({ descriptors, threads }).toEqual({
          descriptors: after[0]?.descriptors,
          threads: after[0]?.threads,
        })
        expect(descriptors).not.toContain('/dev/net/tun')
        // The workshop, a namespace of the process's own.
        expect(descriptors.filter((name) => name === 'net')).toHaveLength(1)
      }
      expect((await program.end()).code).toBe(0)
    } finally {
      for (const right of rights) right[Symbol.dispose]()
    }
  })
})
