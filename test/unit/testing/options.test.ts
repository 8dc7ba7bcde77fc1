// What a test may ask of its pair: defaults, the environment, the seed and where it goes, and what is refused.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { End } from '../../../src/index.js'
import { addressOf, planLabTest, planPairTest, type TestPlan } from '../../../src/testing/options.js'
import { chooseSeed, seedEnds } from '../../../src/testing/seeded.js'

beforeEach(() => {
  vi.stubEnv('UVETH_SEED', '')
  vi.stubEnv('UVETH_ARTIFACTS', '')
})
afterEach(() => {
  vi.unstubAllEnvs()
})

/** The pair of a plan, and the addresses that its test is told. */
function addressed({ lab }: Pick<TestPlan, 'lab'>) {
  const pair = lab.cables[0]?.pair
  if (pair === undefined) throw new Error('no pair')
  const first = (version: 4 | 6) => ({ a: addressOf(pair.a, version), b: addressOf(pair.b, version) })
  return { pair, ip: first(4), ip6: first(6) }
}

test('misuse is refused', () => {
  expect(() => planPairTest(null as never, 'x')).toThrow(/^EINVAL: the wish must be an object, not null/)
  expect(() => planPairTest({ capture: true as never }, 'x')).toThrow(
    /capture must be one of on-failure, always, false, not true/,
  )
  expect(() => planPairTest({ a: { netns: 'left' } as never }, 'x')).toThrow(/unknown attribute a\.netns/)
  expect(() => planPairTest({ sede: 1 } as never, 'x')).toThrow(
    /^EINVAL: unknown attribute sede: there are a, b, seed, name, capture, both, artifacts, signal, id, queues, quiet, inline, logger$/,
  )
  expect(() => planPairTest({ b: { adress: [] } as never }, 'x')).toThrow(
    /^EINVAL: unknown attribute b.adress: there are name, addresses, up, address, mtu, txQueueLength, dad, ifindex, impair/,
  )
  expect(() => planPairTest({ a: 'left' as never }, 'x')).toThrow(/^EINVAL: a must be an object/)
  expect(() => planPairTest({ a: { addresses: '10.0.0.1/8' as never } }, 'x')).toThrow(
    /^EINVAL: a.addresses must be an array of IP addresses/,
  )
  expect(() => planPairTest({ seed: -1 }, 'x')).toThrow(/^EINVAL: seed must be a whole number/)
  vi.stubEnv('UVETH_SEED', '12x')
  expect(() => planPairTest({}, 'x')).toThrow(/^EINVAL: UVETH_SEED must be a whole number .*, not "12x"$/)
})

test('the defaults: two addressed ends that are up, quiet', () => {
  const { name, capture, artifacts, seed, ...plan } = planPairTest({}, 'a.test.ts-7')
  const { pair, ip, ip6 } = addressed(plan)
  expect(pair).toMatchObject({
    quiet: true,
    a: { name: 'uveth-a', up: true },
    b: { name: 'uveth-b', up: true },
  })
  expect(pair.a.addresses?.[0]).toBe('192.0.2.1/24')
  expect(ip).toEqual({ a: '192.0.2.1', b: '192.0.2.2' })
  expect([ip6, { a: '', b: '' }]).toContainEqual({ a: ip6.a, b: ip6.b })
  expect({ name, capture, artifacts }).toEqual({
    name: 'a.test.ts-7',
    capture: 'on-failure',
    artifacts: `${process.cwd()}/uveth-artifacts`,
  })
  expect(Number.isSafeInteger(seed)).toBe(true)
})

test('what is asked for replaces them', () => {
  vi.stubEnv('UVETH_ARTIFACTS', '/tmp/kept')
  const wish = {
    a: { addresses: ['10.0.0.1/8'], up: false },
    b: { addresses: [] },
    quiet: false,
    inline: true,
  }
  const { artifacts, ...plan } = planPairTest({ ...wish, name: 'mine' }, 'x')
  const { pair, ip, ip6 } = addressed(plan)
  expect(pair).toMatchObject({ quiet: false, inline: true, a: wish.a, b: wish.b })
  expect({ ip, ip6, artifacts }).toEqual({
    ip: { a: '10.0.0.1', b: '' },
    ip6: { a: '', b: '' },
    artifacts: '/tmp/kept',
  })
  expect(planPairTest({ artifacts: '/tmp/other' }, 'x').artifacts).toBe('/tmp/other')
})

test('the seed is the wish, the environment or random, in this order', () => {
  const random = new Set([1, 2, 3].map(() => chooseSeed(undefined)))
  expect(random.size).toBe(3)
  vi.stubEnv('UVETH_SEED', '9007199254740991')
  expect(chooseSeed(undefined)).toBe(2 ** 53 - 1)
  expect(chooseSeed(0)).toBe(0)
})

test('impairments of the options take the seed unless they have one', () => {
  const { pair } = addressed(
    planPairTest({ seed: 5, a: { impair: { loss: 1 } }, b: { impair: { loss: 1, seed: 6 } } }, 'x'),
  )
  expect([pair.a.impair, pair.b.impair]).toEqual([
    { loss: 1, seed: 5 },
    { loss: 1, seed: 6 },
  ])
})

test('each cable of a lab loses other frames by chance; the first one those of a pair', () => {
  const lossy = { a: { impair: { loss: 1 } }, b: { impair: { loss: 1, seed: 6 } } }
  const { lab, of, name } = planLabTest(
    {
      nodes: { one: {}, two: {} },
      cables: [
        ['one:eth0', 'two:eth0', lossy],
        ['one:eth1', 'two:eth1', { id: 'second', ...lossy }],
      ],
      seed: 5,
    },
    'a.test.ts-7',
  )
  expect(lab.cables.map(({ pair: { a, b } }) => [a.impair, b.impair])).toEqual([
    [
      { loss: 1, seed: 5 },
      { loss: 1, seed: 6 },
    ],
    [
      { loss: 1, seed: 1_000_008 },
      { loss: 1, seed: 6 },
    ],
  ])
  expect([of, name]).toEqual(['lab', 'a.test.ts-7'])
  expect(() => planLabTest({ nodes: {}, cables: [], sede: 1 } as never, 'x')).toThrow(
    /^EINVAL: unknown attribute sede: there are nodes, cables, routes, neighbours, seed, name, capture,/,
  )
})

/** An end that keeps what it was asked. */
function recording(impairment: object | null = null) {
  const asked: unknown[] = []
  const fake: unknown = {
    impairment,
    impair: async (options: unknown) => void asked.push(options),
    patchImpairment: async (patch: unknown) => void asked.push(patch),
    schedule: async (steps: unknown) => void asked.push(steps),
    addRule: (action: unknown, match: unknown) => void asked.push([action, match]),
  }
  return { asked, end: fake as End }
}

test('impairments and corrupting rules of ends take the seed unless they have one', async () => {
  const one = recording()
  const other = recording({ seed: 1, limit: 1000 })
  seedEnds([one.end, other.end], 5)
  await one.end.impair({ loss: 1 })
  await one.end.impair({ loss: 1, seed: 9 })
  await one.end.impair(null)
  await one.end.patchImpairment({ loss: 2 })
  await other.end.patchImpairment({ loss: 2 })
  await one.end.schedule([
    { at: 0, impair: { loss: 1 } },
    { at: 5, impair: null },
    { at: 9, impair: { seed: 3 } },
  ])
  await one.end.schedule(null)
  const steps = [
    { at: 0, impair: { loss: 1, seed: 5 } },
    { at: 5, impair: null },
    { at: 9, impair: { seed: 3 } },
  ]
  const impairs = [{ loss: 1, seed: 5 }, { loss: 1, seed: 9 }, null, { loss: 2, seed: 5 }]
  expect(one.asked).toEqual([...impairs, steps, null])
  expect(other.asked).toEqual([{ loss: 2 }])
})

test('no two corrupting rules draw the same', () => {
  const one = recording()
  const other = recording()
  seedEnds([one.end, other.end], 2 ** 53 - 1)
  const match = { udp: {} }
  one.end.addRule({ kind: 'corrupt' }, match)
  one.end.addRule({ kind: 'corrupt', offset: 20, mask: 1 }, match)
  one.end.addRule({ kind: 'drop' }, match)
  one.end.addRule({ kind: 'corrupt', seed: 3 }, match)
  other.end.addRule({ kind: 'corrupt', bits: 2 }, match)
  expect([...one.asked, ...other.asked]).toEqual([
    [{ kind: 'corrupt', seed: 2 ** 53 - 1 }, match],
    [{ kind: 'corrupt', offset: 20, mask: 1 }, match],
    [{ kind: 'drop' }, match],
    [{ kind: 'corrupt', seed: 3 }, match],
    [{ kind: 'corrupt', bits: 2, seed: 0 }, match],
  ])
})
