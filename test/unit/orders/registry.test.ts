// Which pair a reference means, whose turn it is, and what is told: the registry over pairs that are none.

import { beforeEach, describe, expect, test, vi } from 'vitest'
import { Registry, type RegistryEvent } from '../../../src/orders/registry.js'
import { FakePair } from './fake-pairs.js'

vi.mock('../../../src/pair/pair.js', async () => ({ Pair: (await import('./fake-pairs.js')).FakePair }))

let registry: Registry<string>
let told: RegistryEvent[]
const add = (id: string, a: object = {}, b: object = {}) =>
  registry.add(id, { id, a: { name: `${id}-a`, ...a }, b: { name: `${id}-b`, ...b } })
const fake = (id: string) => registry.byId(id)?.pair as unknown as FakePair

beforeEach(() => {
  registry = new Registry()
  told = []
  registry.on('event', (event) => told.push(event))
})

describe('a reference', () => {
  /** What it means for a caller in the namespace with this inode: id of the pair, and name of the end. */
  const meaning = (reference: string, inode = 1) => {
    const { entry, end } = registry.find(reference, inode)
    return [entry.pair.id, end?.name]
  }

  test.each(['none', 'id:none', 'x0@red', '', '@', 'one@'])('%j means nothing', async (reference) => {
    await add('one')
    expect(() => meaning(reference)).toThrow(expect.objectContaining({ code: 'ENODEV', attribute: 'ref' }))
  })

  test('is an interface of the caller first, then an id, then an interface elsewhere', async () => {
    await add('x0', { name: 'first' })
    await add('two', { name: 'x0', netns: 'red' })
    expect(meaning('x0', 2)).toEqual(['two', 'x0'])
    expect(meaning('x0', 1)).toEqual(['x0', undefined])
    expect(meaning('two-b', 3)).toEqual(['two', 'two-b'])
    expect(meaning('id:x0', 2)).toEqual(['x0', undefined])
  })

  test('with a place is exact: a name, nothing for home, an inode', async () => {
    await add('one', { name: 'x0', netns: 'red' })
    await add('two', { name: 'x0' })
    expect([meaning('x0@red', 3), meaning('x0@net:[2]'), meaning('x0@', 3)]).toEqual([
      ['one', 'x0'],
      ['one', 'x0'],
      ['two', 'x0'],
    ])
  })

  test('may be one of the more names that an interface has', async () => {
    await add('one', { name: 'x0', netns: 'red' })
    fake('one').a.altnames = ['alternative']
    expect([meaning('alternative', 2), meaning('alternative@red', 1), meaning('alternative', 1)]).toEqual(
      Array(3).fill(['one', 'x0']),
    )
    expect(registry.knows('another', 1)).toBe(false)
    await add('two', { name: 'x1', netns: 'blue' })
    fake('two').a.altnames = ['alternative']
    expect(() => meaning('alternative')).toThrow(/^ENOTUNIQ: /)
    expect(registry.knows('alternative', 1)).toBe(true)
  })

  test('of two interfaces elsewhere is refused, with both named', async () => {
    await add('one', { name: 'x0', netns: 'red' })
    await add('two', { name: 'x0', netns: 'blue' })
    expect(() => meaning('x0')).toThrow(
      /^ENOTUNIQ: 'x0' is ambiguous: id:one \(x0@red\), id:two \(x0@blue\)$/,
    )
    expect(meaning('x0', 3)).toEqual(['two', 'x0'])
  })
})

describe('what is told', () => {
  test('everything that happens to a pair, by its id', async () => {
    await add('one')
    const pair = fake('one')
    pair.emit('carrier', { on: false })
    pair.emit('renamed', { end: pair.b, name: 'y', previous: 'x' })
    pair.emit('moved', { end: pair.a, netns: 'red', ifindex: 3, name: 'z' })
    pair.end('deleted')
    expect(told).toEqual([
      { event: 'added', id: 'one', a: 'one-a', b: 'one-b' },
      { event: 'carrier', id: 'one', on: false },
      { event: 'renamed', id: 'one', end: 'b', name: 'y', previous: 'x' },
      { event: 'moved', id: 'one', end: 'a', netns: 'red', ifindex: 3, name: 'z' },
      { event: 'removed', id: 'one', reason: 'deleted' },
    ])
    expect(registry.list()).toEqual([])
  })

  test('why a pair failed', async () => {
    await add('one')
    fake('one').emit('closed', { reason: 'failed', end: null, message: 'out of luck' })
    expect(told.at(-1)).toEqual({ event: 'removed', id: 'one', reason: 'failed', message: 'out of luck' })
  })

  test('a pair that ended while it was made is not kept', async () => {
    const create = vi.spyOn(FakePair, 'create').mockImplementationOnce(async (options) => {
      const pair = await FakePair.create(options)
      pair.end('netns-deleted')
      return pair
    })
    await add('one')
    expect(create).toHaveBeenCalled()
    expect(registry.list()).toEqual([])
    expect(told.at(-1)).toEqual({ event: 'removed', id: 'one', reason: 'netns-deleted' })
  })

  test('clear removes all of them', async () => {
    await Promise.all(['one', 'two'].map((id) => add(id)))
    await registry.clear()
    expect(registry.list()).toEqual([])
  })
})

describe('works of one key', () => {
  test('go one after the other, also behind one that failed; those of others do not wait', async () => {
    const order: string[] = []
    let release!: () => void
    const gate = new Promise<void>((resolve) => (release = resolve))
    const first = registry.inTurn('x', async () => {
      await gate
      order.push('first')
      throw new Error('no')
    })
    const second = registry.inTurn('x', async () => order.push('second'))
    await registry.inTurn('y', async () => order.push('other'))
    release()
    await expect(first).rejects.toThrow('no')
    await second
    expect(order).toEqual(['other', 'first', 'second'])
  })
})
