// What each order does to a pair, and what is kept of it: handlers and faults over pairs that are none.

import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Caller } from '../../../src/orders/caller.js'
import { Orders, type PairRegistry } from '../../../src/orders/handlers.js'
import { Registry } from '../../../src/orders/registry.js'
import type { SentWish } from '../../../src/orders/wanted.js'
import { FakePair } from './fake-pairs.js'

vi.mock('../../../src/pair/pair.js', async () => ({ Pair: (await import('./fake-pairs.js')).FakePair }))

const HOME: Caller = { netns: null, inode: 1 }
const RED: Caller = { netns: 'red', inode: 2 }
const DROP = { action: { kind: 'drop' as const }, match: { arp: {} } }

let registry: PairRegistry
const committed = vi.fn(async () => {})
const changes = vi.fn()
const wishOf = (id: string) => registry.byId(id)?.wish as SentWish

beforeEach(() => {
  registry = new Registry<SentWish>()
  registry.commit = committed
  registry.on('event', ({ event, change }) => event === 'changed' && changes(change))
  committed.mockClear()
  changes.mockClear()
  FakePair.made.length = 0
  FakePair.taken.clear()
})

const orders = (caller = HOME) => new Orders(registry, caller)
const add = (wish: object = {}, caller = HOME) => orders(caller).addPair({ id: 'cable', ...wish })

describe('a pair', () => {
  test('is made where its caller stands, unless an end says otherwise; what was drawn is kept beside what was sent', async () => {
    const view = await add(
      { a: { name: 'x%d' }, b: { name: 'y', netns: 'blue', impair: { loss: 1 }, rules: [DROP] } },
      RED,
    )
    expect(view).toMatchObject({
      id: 'cable',
      a: { name: 'x0', netns: 'red' },
      b: { netns: 'blue', rules: [{ id: 1 }] },
    })
    expect(wishOf('cable')).toMatchObject({
      inode: 2,
      wish: { a: { name: 'x%d' } },
      since: { a: { name: 'x0', netns: 'red' }, b: { name: 'y', netns: 'blue' } },
    })
    expect(committed).toHaveBeenCalledTimes(1)
  })

  test('more addresses than one order may bring are refused, at both ends together, before anything is done', async () => {
    const some = (count: number) => Array.from({ length: count }, (_, n) => `10.0.${n >> 8}.${n & 255}/32`)
    const tooMany = { a: { addresses: some(200) }, b: { addresses: some(57) } }
    const refusal = { code: 'E2BIG', message: expect.stringMatching(/256 IP addresses, not 257/) }
    await expect(add(tooMany)).rejects.toMatchObject(refusal)
    await expect(orders().putPair('cable', tooMany)).rejects.toMatchObject(refusal)
    expect(FakePair.made).toEqual([])
    await add({ a: { name: 'x0' } })
    await expect(orders().setPair('cable', tooMany)).rejects.toMatchObject(refusal)
    await expect(orders().setEnd('x0', { addresses: some(257) })).rejects.toMatchObject(refusal)
    expect(committed).toHaveBeenCalledTimes(1)
  })

  test('that cannot be made leaves nothing', async () => {
    FakePair.taken.add('x0')
    await expect(add({ a: { name: 'x0' } })).rejects.toMatchObject({ code: 'EEXIST' })
    expect([registry.list(), committed.mock.calls]).toEqual([[], []])
  })

  test('PUT makes it once: equal wishes find it, whatever the order of their keys; others are refused', async () => {
    const put = (wish: object, caller = HOME) => orders(caller).putPair('cable', wish)
    const both = await Promise.all([
      put({ a: { name: 'x0', mtu: 1400 }, quiet: true }),
      put({ quiet: true, a: { mtu: 1400, name: 'x0' } }),
    ])
    expect(both.map(({ made }) => made)).toEqual([true, false])
    await expect(put({ a: { name: 'x0' } })).rejects.toMatchObject({ code: 'EEXIST', attribute: 'id' })
    await expect(put({ quiet: true, a: { name: 'x0', mtu: 1400 } }, RED)).rejects.toMatchObject({
      code: 'EEXIST',
    })
    await expect(put({ id: 'other' })).rejects.toMatchObject({ code: 'EINVAL', attribute: 'id' })
  })

  test('is removed, and that is kept', async () => {
    await add()
    await orders().deletePair('cable')
    expect(orders().listPairs()).toEqual([])
    expect(committed).toHaveBeenCalledTimes(2)
    await expect(orders().deletePair('cable')).rejects.toMatchObject({ code: 'ENODEV' })
  })
})

describe('an end', () => {
  test('changed and moved: in force, kept without what the pair knows itself, told', async () => {
    await add({ a: { name: 'x0', addresses: ['10.0.0.1/24'], impair: { loss: 1 }, rules: [DROP] } })
    const view = await orders().setEnd('x0', {
      mtu: 1400,
      netns: 'blue',
      impair: { delay: 5 },
    })
    expect(view).toMatchObject({
      mtu: 1400,
      netns: 'blue',
      impair: { loss: { random: 1 }, delay: { time: 5 } },
    })
    expect(wishOf('cable').since.a).toEqual({
      name: 'x0',
      netns: 'blue',
      mtu: 1400,
      up: false,
      addresses: [],
    })
    expect([changes.mock.calls.length, committed.mock.calls.length]).toEqual([1, 2])
  })

  test('a bad impairment is refused before anything is changed, in the words of who changes one end', async () => {
    await add({ a: { name: 'x0' } })
    const refused = orders().setEnd('x0', { mtu: 1400, impair: { delay: 'soon' } })
    await expect(refused).rejects.toMatchObject({
      code: 'EINVAL',
      attribute: expect.stringMatching(/^impair\.delay/),
    })
    expect(orders().getPair('cable').a.mtu).toBe(1500)
    expect(changes).not.toHaveBeenCalled()
  })

  test('what a schedule sets is refused before anything is changed', async () => {
    await add({ a: { name: 'x0' } })
    FakePair.busy = true
    try {
      await expect(orders().setEnd('x0', { mtu: 1400, impair: null })).rejects.toMatchObject({
        code: 'EBUSY',
      })
      await expect(orders().setPair('x0', { a: { mtu: 1400 }, carrier: 'off' })).rejects.toMatchObject({
        code: 'EBUSY',
      })
    } finally {
      FakePair.busy = false
    }
    expect(orders().getEnd('x0').pair.a.mtu).toBe(1500)
  })

  test('a schedule is begun, shown, told and ended', async () => {
    await add({ a: { name: 'x0' } })
    const wish = { steps: [{ at: '1s', carrier: 'off' as const }] }
    const view = await orders().setSchedule('x0', wish)
    expect(view).toMatchObject({ steps: [{ at: 1000, carrier: 'off' }], done: 0, over: false })
    expect([orders().getSchedule('x0'), orders().getEnd('x0').pair.a.schedule]).toEqual([view, view])
    expect(changes).toHaveBeenLastCalledWith({ a: { schedule: view } })
    expect(await orders().setSchedule('x0', null)).toBe(null)
    expect(changes).toHaveBeenLastCalledWith({ a: { schedule: null } })
    changes.mockClear()
    expect(await orders().setSchedule('x0', null)).toBe(null)
    expect(changes).not.toHaveBeenCalled()
  })

  test('carrier and both ends in one order', async () => {
    await add({ a: { name: 'x0' }, b: { name: 'x1' } })
    const view = await orders().setPair('cable', {
      a: { up: true },
      b: { mtu: 900 },
      carrier: 'off',
    })
    expect(view).toMatchObject({ carrier: false, a: { up: true }, b: { mtu: 900 } })
    expect(FakePair.dossier(registry.byId('cable')?.pair as never, {} as never).carrier).toBe('off')
  })

  test('says which end of which pair an interface is; an id is end a of its pair', async () => {
    await add({ a: { name: 'x0' }, b: { name: 'x1' } })
    expect(orders().getEnd('x1')).toMatchObject({ end: 'b', pair: { id: 'cable' } })
    expect(orders().getEnd('cable')).toMatchObject({ end: 'a' })
  })
})

describe('faults', () => {
  test('impairments are set, patched and taken away; each is kept and told', async () => {
    await add({ a: { name: 'x0' } })
    await orders().setImpair('x0', { delay: 5, seed: 1 })
    await orders().patchImpair('x0', { loss: 1 })
    expect(orders().getImpair('x0')).toMatchObject({
      delay: { time: 5 },
      loss: { random: 1 },
      seed: 1,
    })
    await orders().setImpair('x0', null)
    expect(orders().getImpair('x0')).toBeNull()
    expect([changes.mock.calls.length, committed.mock.calls.length]).toEqual([3, 4])
  })

  test('rules are added, listed and removed by their numbers', async () => {
    await add({ a: { name: 'x0' } })
    const first = await orders().addRule('x0', DROP)
    const second = await orders().addRule('x0', { action: { kind: 'delay', ms: 3 } })
    expect([first, second]).toMatchObject([{ id: 1, ...DROP, matched: 0 }, { id: 2 }])
    await orders().deleteRule('x0', '1')
    expect(orders().listRules('x0')).toMatchObject([{ id: 2 }])
    for (const id of ['1', 'first', '-2', ''])
      await expect(orders().deleteRule('x0', id)).rejects.toMatchObject({
        code: 'ENODEV',
        attribute: 'id',
      })
    await orders().clearRules('x0')
    expect(orders().listRules('x0')).toEqual([])
    changes.mockClear()
    await orders().clearRules('x0')
    expect(changes).not.toHaveBeenCalled()
  })

  test('a bad rule is refused in the words of who orders one', async () => {
    await add({ a: { name: 'x0' } })
    await expect(
      orders().addRule('x0', { ...DROP, match: { udp: { dport: 99_999 } } }),
    ).rejects.toMatchObject({ code: 'EINVAL', attribute: 'match.udp.dport' })
    expect(changes).not.toHaveBeenCalled()
  })

  test('flaps of a pair come one after the other', async () => {
    await add()
    const { signal } = new AbortController()
    await Promise.all([5, 6].map((ms) => orders().flapPair('cable', { ms }, signal)))
    const pair = registry.byId('cable')?.pair as unknown as FakePair
    expect(pair.flaps).toEqual([5, 6])
  })
})
