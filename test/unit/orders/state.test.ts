// The file of wanted pairs, over pairs that are none: what it says when, what is tried again, and what is refused.

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { home } from '../../../src/orders/caller.js'
import { Orders, type PairRegistry } from '../../../src/orders/handlers.js'
import { Registry } from '../../../src/orders/registry.js'
import { State } from '../../../src/orders/state.js'
import type { SentWish } from '../../../src/orders/wanted.js'
import { FakePair, NAMESPACES } from './fake-pairs.js'

vi.mock('../../../src/pair/pair.js', async () => ({ Pair: (await import('./fake-pairs.js')).FakePair }))

const HOME = home()
const DROP = { action: { kind: 'drop' as const }, match: { arp: {} } }
const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn() }

let folder: string
let file: string
let registry: PairRegistry
let state: State | undefined

async function open(): Promise<State> {
  registry = new Registry<SentWish>()
  state = await State.open(file, registry, logger)
  return state
}
const saved = () => JSON.parse(readFileSync(file, 'utf8')).pairs
const orders = (caller = HOME) => new Orders(registry, caller)
const add = (wish: object) => orders().addPair(wish)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-state-'))
  chmodSync(folder, 0o700)
  file = join(folder, 'pairs.json')
  FakePair.taken.clear()
  FakePair.made.length = 0
})

afterEach(async () => {
  await state?.close()
  state = undefined
  rmSync(folder, { recursive: true })
})

test.each([
  ['text', /is no file of wanted pairs: it is no such file: move it away$/],
  ['[]', /it is no such file/],
  ['null', /it is no such file/],
  ['{"pairs":{}}', /it is no such file/],
  ['{"version":2,"pairs":[]}', /it is no such file/],
  ['{"pairs":[null]}', /one of its pairs: a dossier must be an object, not null/],
  ['{"pairs":[{"version":7}]}', /its version is 7, and 1 is the newest that is understood here/],
])('%s is refused with a sentence, and stays as it is', async (text, sentence) => {
  writeFileSync(file, text)
  await expect(open()).rejects.toMatchObject({ code: 'EBADMSG', message: expect.stringMatching(sentence) })
  expect(readFileSync(file, 'utf8')).toBe(text)
})

test('says what is wanted when an order is answered, faults and carrier included', async () => {
  await open()
  expect(saved()).toEqual([])
  await add({ id: 'cable', a: { name: 'x%d', rules: [DROP] }, b: { name: 'x1' } })
  await orders().setImpair('x1', { loss: 1, seed: 4 })
  await orders().setPair('cable', { carrier: 'off' })
  expect(saved()).toMatchObject([
    {
      version: 1,
      id: 'cable',
      wishes: { sent: { a: { name: 'x%d' } }, since: { a: { name: 'x0' } } },
      carrier: 'off',
      a: { rules: [{ id: 1, ...DROP, matched: 0, hits: 0 }] },
      b: { impair: { loss: { random: 1 }, seed: 4 } },
    },
  ])
  await orders().deletePair('cable')
  expect(saved()).toEqual([])
})

test('follows what others do to an end: many steps are one writing', async () => {
  await open()
  await add({ id: 'cable', a: { name: 'x0' }, b: { name: 'x1' } })
  const pair = registry.byId('cable')?.pair as unknown as FakePair
  for (let step = 0; step < 50; step++) pair.rename(`y${step}`)
  expect(saved()).toMatchObject([{ wishes: { since: { a: { name: 'x0' } } } }])
  await vi.waitFor(() => expect(saved()[0].wishes.since.a.name).toBe('y49'), { timeout: 30_000 })
  expect(saved()[0].a.former).toMatchObject({ address: '02:00:00:00:00:01', mtu: 1500, ifindex: 5 })
})

test('pairs are made again as they were, counts of rules as at the end', async () => {
  const first = await open()
  await add({ id: 'cable', a: { name: 'x0', rules: [DROP, DROP] }, b: { name: 'x1' } })
  await orders().deleteRule('x0', '1')
  const pair = registry.byId('cable')?.pair as unknown as FakePair
  const [rule] = pair.a.counted
  new Float64Array(rule?.counts as SharedArrayBuffer).set([7, 3])
  await first.close()
  await open()
  expect(registry.byId('cable')?.pair.a.rules()).toMatchObject([{ id: 2, ...DROP, matched: 7, hits: 3 }])
  expect((await orders().addRule('x1', DROP)).id).toBe(3)
  expect(
    (
      await orders().putPair('cable', {
        a: { name: 'x0', rules: [DROP, DROP] },
        b: { name: 'x1' },
      })
    ).made,
  ).toBe(false)
})

test('at its end the pairs are suspended: the file says how far each has come, and nothing after that', async () => {
  const first = await open()
  await add({ id: 'cable', a: { name: 'x0' } })
  expect(saved()).toMatchObject([{ id: 'cable', progress: [] }])
  await first.close()
  await registry.clear()
  expect(saved()).toMatchObject([{ id: 'cable', progress: [{ number: 7 }, { number: 7 }] }])
  await open()
  expect(FakePair.made.at(-1)?.from).toMatchObject({ progress: [{ number: 7 }, { number: 7 }] })
})

test('a pair that cannot be made stays wanted, is told, and is tried again', async () => {
  const first = await open()
  NAMESPACES.set('green', 4)
  await add({ id: 'cable', a: { name: 'x0', netns: 'green' } })
  await add({ id: 'other', a: { name: 'y0' } })
  await first.close()
  NAMESPACES.delete('green')
  const again = await open()
  expect(registry.list().map(({ pair }) => pair.id)).toEqual(['other'])
  expect(again.view()).toMatchObject({
    pending: [{ id: 'cable', error: expect.stringMatching(/^ENOENT: .*green/) }],
  })
  expect([again.waits, again.wellKept]).toEqual([true, false])
  expect(
    saved()
      .map(({ id }: { id: string }) => id)
      .sort(),
  ).toEqual(['cable', 'other'])
  NAMESPACES.set('green', 4)
  await vi.waitFor(() => expect(registry.byId('cable')).toBeDefined(), { timeout: 30_000 })
  NAMESPACES.delete('green')
  expect([again.waits, again.wellKept]).toEqual([false, true])
})

/** The next one's state: a pair is wanted whose name somebody else has meanwhile. */
async function openWithout(): Promise<State> {
  const first = await open()
  await add({ id: 'cable', a: { name: 'x0' } })
  await first.close()
  FakePair.taken.add('x0')
  return await open()
}

test('one that is given up goes', async () => {
  const again = await openWithout()
  expect(await again.forget('id:none')).toBe(false)
  expect(await again.forget('id:cable')).toBe(true)
  expect(saved()).toEqual([])
})

test('one that is given up while it is being made goes, and who wants its id waits for that', async () => {
  const again = await openWithout()
  FakePair.taken.clear()
  let release = () => {}
  const create = vi.spyOn(FakePair, 'create').mockImplementationOnce(async (...given) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    return await FakePair.create(...given)
  })
  await vi.waitFor(() => expect(create).toHaveBeenCalled(), { timeout: 30_000 })
  const order: string[] = []
  const gone = again.forget('cable').then((known) => order.push(`gone ${known}`))
  const made = add({ id: 'cable', a: { name: 'y0' } }).catch(({ code }) => order.push(code))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(order).toEqual([])
  release()
  await Promise.all([gone, made])
  expect([order, again.waits]).toEqual([['gone true'], false])
  expect(registry.list().map(({ pair }) => pair.a.name)).toEqual(['y0'])
  create.mockRestore()
})

test('one that our own failure has ended is made again with what it had met; one that was deleted is not', async () => {
  await open()
  await add({ id: 'one', a: { name: 'x0', rules: [DROP] } })
  await add({ id: 'two', a: { name: 'y0' } })
  const of = (id: string) => registry.byId(id)?.pair as unknown as FakePair
  new Float64Array(of('one').a.counted[0]?.counts as SharedArrayBuffer).set([5, 5])
  of('two').end('deleted')
  of('one').end('failed')
  await vi.waitFor(() => expect(of('one')).toBeDefined(), { timeout: 30_000 })
  expect(of('one').a.rules()).toMatchObject([{ matched: 5, hits: 5 }])
  await registry.commit()
  expect(saved().map(({ id }: { id: string }) => id)).toEqual(['one'])
})

/** Paths to all parts of a value. */
function partsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, part]) => partsOf(part, [...path, key]))]
}

function without(value: unknown, [key, ...path]: string[]): unknown {
  if (key === undefined) return null
  const copy: Record<string, unknown> = Array.isArray(value)
    ? ([...value] as never)
    : { ...(value as object) }
  copy[key] = without(copy[key], path)
  return copy
}

test('a null anywhere in it is a sentence, or means nothing: no stack, no lost file', async () => {
  const first = await open()
  const ends = {
    a: { name: 'x0', impair: { loss: 1, seed: 4 }, rules: [DROP] },
    b: { name: 'x1', mtu: 1400 },
  }
  await add({ id: 'cable', ...ends })
  await orders().setPair('cable', { a: { mtu: 1300 }, b: { up: true } })
  await first.close()
  const good = JSON.parse(readFileSync(file, 'utf8'))
  const paths = partsOf(good)
  expect(paths.length).toBeGreaterThan(40)
  for (const path of paths) {
    const text = JSON.stringify(without(good, path))
    const at = path.join('.')
    writeFileSync(file, text)
    FakePair.taken.clear()
    const opened = await open().catch((error: Error & { code?: string }) => {
      expect([at, error.code, error.message]).toEqual([
        at,
        'EBADMSG',
        expect.stringMatching(/: move it away$/),
      ])
      expect(readFileSync(file, 'utf8')).toBe(text)
      state = undefined
    })
    const { pending } = (opened?.view() ?? { pending: [] }) as { pending: { error: string }[] }
    for (const { error } of pending)
      expect([at, error]).toEqual([at, expect.stringMatching(/^E[A-Z]+: [^\n]+$/)])
    await opened?.close()
    await registry.clear()
  }
  state = undefined
})

test('a disk that does not take it is told, and the orders go on', async () => {
  const opened = await open()
  rmSync(folder, { recursive: true })
  await add({ id: 'cable', a: { name: 'x0' } })
  expect(opened.view()).toMatchObject({ error: expect.stringContaining('ENOENT') })
  expect([opened.wellKept, existsSync(file)]).toEqual([false, false])
  const { mkdirSync } = await import('node:fs')
  mkdirSync(folder, { mode: 0o700 })
  await registry.commit()
  expect([opened.wellKept, saved().length]).toEqual([true, 1])
})
