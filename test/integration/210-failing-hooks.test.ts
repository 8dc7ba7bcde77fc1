// Hooks of users that fail while frames pass: nothing that they do wrong harms the pair or the process. The
// hook is taken out, which the pair tells, and frames pass on.

import { once } from 'node:events'
import type { EndStats, Pair } from 'uveth'
import { configure, createPair } from 'uveth'
import { beforeAll, describe, expect } from 'vitest'
import { Cable } from '../support/cable.js'
import { expectBalanced, marked, marksAtB, moduleOf, perFrame, sendMarks } from '../support/hooks.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
beforeAll(() => configure({ workers: 2 }))

const MARKS = [1, 2, 3, 4, 5, 6]
const PASS = perFrame('')
const DROP_EVEN = perFrame("if (burst.frame(i)[14] % 2 === 0) burst.drop(i, 'hook', 'even')")

/** Frames that were read. */
const asked = ({ kernel }: EndStats) => kernel?.tx_packets

async function failure(pair: Pair): Promise<{ end: string; message: string }> {
  const [{ end, message }] = (await once(pair, 'hookFailed')) as [{ end: unknown; message: string }]
  return { end: end === pair.a ? 'a' : 'b', message }
}

it.each<[what: string, body: string, message: RegExp]>([
  ['throws', "if (burst.frame(i)[14] === 3) throw new Error('three')", /three/],
  ['throws something that is no error', "if (burst.frame(i)[14] === 3) throw 'three'", /three/],
  ['moves a frame out of the memory', 'if (burst.frame(i)[14] === 3) burst.starts[i] = 2 ** 30', /start/],
  ['gives it a negative place', 'if (burst.frame(i)[14] === 3) burst.starts[i] = -5', /start/],
  ['makes it longer than the memory', 'if (burst.frame(i)[14] === 3) burst.lengths[i] = 2 ** 30', /length/],
  ['holds it for no number', 'if (burst.frame(i)[14] === 3) burst.hold(i, Number.NaN)', /delay/],
  ['holds it for ever', 'if (burst.frame(i)[14] === 3) burst.hold(i, Infinity)', /delay/],
  ['gives a verdict that there is not', 'if (burst.frame(i)[14] === 3) burst.verdicts[i] = 99', /verdict/],
  ['counts more frames than there are', 'if (burst.frame(i)[14] === 3) { burst.count = 99; return }', /./],
])('one that %s', async (_, body, message) => {
  await using cable = await Cable.lay()
  await cable.pair.a.use(perFrame(body))
  const failed = failure(cable.pair)
  sendMarks(cable, 1, 2, 3)
  expect(await failed).toMatchObject({ end: 'a', message: expect.stringMatching(message) })
  sendMarks(cable, 4, 5, 6, 3)
  const marks = await marksAtB(cable, 7, 1_000)
  expect(marks.slice(-4)).toEqual([4, 5, 6, 3])
  const { a } = await expectBalanced(cable)
  expect(a.inspected.hook_errors).toBe(1)
  expect(a.tx_packets + a.drops.hook).toBe(7)
})

it('one that never returns: within seconds, with what it was about to judge', async () => {
  await using cable = await Cable.lay()
  const rule = cable.pair.a.drop({ bytes: [[14, 0xff, 5]] })
  await cable.pair.a.impair({ delay: 1, seed: 1 })
  await cable.pair.a.use(perFrame('if (burst.frame(i)[14] === 3) for (;;);'))
  sendMarks(cable, 1, 2)
  expect(await marksAtB(cable, 2)).toEqual([1, 2])
  const failed = failure(cable.pair)
  sendMarks(cable, 3)
  expect(await failed).toMatchObject({ end: 'a', message: expect.stringContaining('2 s') })
  sendMarks(cable, 4, 5, 6, 3)
  expect(await marksAtB(cable, 3)).toEqual([4, 6, 3])
  const { a } = await expectBalanced(cable)
  expect(rule.hits).toBe(1)
  expect(a.drops).toMatchObject({ hook: 1, rule: 1 })
  expect(a.inspected.delayed).toBe(5)
})

it('one that takes its time keeps nobody else waiting, also while another one is to be loaded beside it', async () => {
  await using cable = await Cable.lay()
  await using other = await createPair({ a: { up: true }, b: { up: true }, quiet: true })
  const spin = 'for (const until = Date.now() + 1_500; Date.now() < until; );' // a hook has 2 s
  await cable.pair.a.use(perFrame(`if (burst.frame(i)[14] === 3) ${spin}`))
  const before = (await cable.pair.stats()).a.kernel?.tx_packets ?? 0
  sendMarks(cable, 3)
  await until('it is inside', async () => asked((await cable.pair.stats()).a) === before + 1)
  const loaded = cable.pair.a.use(PASS)
  // Not its carrier: for that the kernel may take a second, before Linux 6.8.
  await other.a.set({ mtu: 1400 })
  await other.b.set({ mtu: 1400 })
  expect(cable.pair.counters().a.tx_packets).toBe(before)
  await loaded
  expect(await marksAtB(cable, 1)).toEqual([3])
})

it('one that never returns does not keep its pair from being closed', async () => {
  await using cable = await Cable.lay()
  await cable.pair.a.use(perFrame('for (;;);'))
  sendMarks(cable, 3)
  await until('it is inside', async () => asked((await cable.pair.stats()).a) === 1)
  await cable.pair.close()
  expect(cable.links).toThrow()
})

it.each<[what: string, body: string, message: RegExp]>([
  ['by leaving', 'process.exit(3)', /exited: 3/],
  ['by an error later on', "setTimeout(() => { throw new Error('later') })", /later/],
  ['by a rejection that nobody handles', "Promise.reject(new Error('later'))", /later/],
])('one that ends its thread %s', async (_, body, message) => {
  await using cable = await Cable.lay()
  await cable.pair.b.use(perFrame(body))
  const failed = failure(cable.pair)
  cable.b.send(marked(1))
  await until('it was asked', async () => asked((await cable.pair.stats()).b) === 1)
  await cable.pair.b.settled() // a turn of that thread's event loop
  expect(await failed).toMatchObject({ end: 'b', message: expect.stringMatching(message) })
  sendMarks(cable, ...MARKS)
  expect(await marksAtB(cable, 6)).toEqual(MARKS)
  await expectBalanced(cable)
})

it('one of a pair with several queues: what else was ordered holds for all of them', async () => {
  await using cable = await Cable.lay({ queues: 2 })
  const rule = cable.pair.a.drop({ bytes: [[14, 0xff, 5]] })
  await cable.pair.a.use(perFrame('if (burst.frame(i)[14] === 3) process.exit()'))
  const failed = failure(cable.pair)
  sendMarks(cable, 3)
  await failed
  await cable.pair.a.settled()
  for (let flow = 0; flow < 40; flow++) cable.a.send(marked(5, 100 + flow))
  sendMarks(cable, 6)
  expect(await marksAtB(cable, 1)).toEqual([6])
  await until('all were judged', () => rule.hits === 40)
})

describe('while it is loaded', () => {
  const endless = moduleOf('for (;;);')

  it('one that never returns is refused, also beside another one, and frames pass on', async () => {
    await using cable = await Cable.lay()
    await expect(cable.pair.a.use(endless)).rejects.toMatchObject({ code: 'EINVAL', message: /2 s/ })
    await cable.pair.a.use(DROP_EVEN)
    await expect(cable.pair.a.use(endless)).rejects.toMatchObject({ code: 'EINVAL', message: /2 s/ })
    sendMarks(cable, ...MARKS)
    expect(await marksAtB(cable, 6)).toEqual(MARKS)
    await expectBalanced(cable)
  })

  it.each([
    ['at its top level', 'await new Promise((done) => setTimeout(done, 50)); export default () => () => {}'],
    [
      'in its export',
      'export default async () => { await new Promise((done) => setTimeout(done, 50)); return () => {} }',
    ],
  ])('one that waits for a timer %s is waited for', async (_, source) => {
    await using cable = await Cable.lay()
    await using _hook = await cable.pair.a.use(moduleOf(source))
    sendMarks(cable, 1)
    expect(await marksAtB(cable, 1)).toEqual([1])
  })

  it.each([1, 2])(
    'options that cannot cross threads are refused, and nothing stays (%d queues)',
    async (queues) => {
      await using cable = await Cable.lay({ queues })
      const wish = cable.pair.a.use(DROP_EVEN, { log: () => {} })
      await expect(wish).rejects.toMatchObject({ code: 'EINVAL', attribute: 'options' })
      await cable.pair.a.settled()
      sendMarks(cable, 2)
      expect(await marksAtB(cable, 1)).toEqual([2])
      expect(cable.pair.counters().a.workers).toHaveLength(2)
    },
  )
})

it('another one may be used at once, from within the event', async () => {
  await using cable = await Cable.lay()
  await cable.pair.a.use(perFrame('for (;;);'))
  const second = new Promise((resolve, reject) => {
    cable.pair.once('hookFailed', () => cable.pair.a.use(DROP_EVEN).then(resolve, reject))
  })
  sendMarks(cable, 1)
  await second
  sendMarks(cable, ...MARKS)
  expect(await marksAtB(cable, 3)).toEqual([1, 3, 5])
})

it('the others stay when one of two throws', async () => {
  await using cable = await Cable.lay()
  await cable.pair.a.use(DROP_EVEN)
  await cable.pair.a.use(perFrame("throw new Error('always')"))
  const failed = failure(cable.pair)
  sendMarks(cable, 1)
  await failed
  sendMarks(cable, ...MARKS)
  expect(await marksAtB(cable, 4)).toEqual([1, 1, 3, 5])
})
