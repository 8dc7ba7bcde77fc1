// Hooks of users as modules, which run in a worker of the pair's own: which are refused, and what they can do
// to frames. What becomes of one that fails later is the next file's.

import { createPair } from 'uveth'
import { describe, expect } from 'vitest'
import { Cable, stream } from '../support/cable.js'
import { expectBalanced, marked, marksAtB, moduleOf, perFrame, sendMarks } from '../support/hooks.js'
import { until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { evaluate } from '../support/program.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const MARKS = [1, 2, 3, 4, 5, 6]
const DROP_EVEN = perFrame("if (burst.frame(i)[14] % 2 === 0) burst.drop(i, 'hook', 'even')")

describe('refused, and the pair goes on', () => {
  it.each<[what: string, url: URL, message: RegExp]>([
    ['a module that does not exist', new URL('file:///nowhere/hook.mjs'), /Cannot find module/],
    ['a module with a syntax error', moduleOf('export default ('), /SyntaxError|Unexpected/],
    ['a module that throws when it is loaded', moduleOf("throw new Error('not today')"), /not today/],
    ['a module without a default export', moduleOf('export const hook = 1'), /default export/],
    ['a default export that is no function', moduleOf('export default 7'), /default export/],
    ['a default export that throws', moduleOf("export default () => { throw new Error('no') }"), /no/],
    ['a default export that answers no function', moduleOf('export default () => 7'), /function/],
    ['one that rejects', moduleOf("export default async () => { throw new Error('later') }"), /later/],
  ])('%s', async (_, url, message) => {
    await using cable = await Cable.lay()
    await expect(cable.pair.a.use(url)).rejects.toMatchObject({
      name: 'UvethError',
      code: 'EINVAL',
      message: expect.stringMatching(message),
    })
    sendMarks(cable, ...MARKS)
    expect(await marksAtB(cable, 6)).toEqual(MARKS)
    await expectBalanced(cable)
  })

  it('a default export that never comes back', async () => {
    await using cable = await Cable.lay()
    const refused = cable.pair.a.use(moduleOf('export default () => { for (;;); }'))
    await expect(refused).rejects.toMatchObject({ code: 'EINVAL', message: expect.stringContaining('2 s') })
    sendMarks(cable, ...MARKS)
    expect(await marksAtB(cable, 6)).toEqual(MARKS)
  })

  it('one that is loading when the pair is closed', async () => {
    await using cable = await Cable.lay()
    const refused = cable.pair.a.use(moduleOf('await new Promise(() => {})'))
    const expectation = expect(refused).rejects.toMatchObject({ name: 'UvethError' })
    await cable.pair.close()
    await expectation
  })
})

describe('what a hook may do', () => {
  it('have timers, which run while no frame comes', async () => {
    await using cable = await Cable.lay()
    const gate = moduleOf(`export default () => {
      let [open, timer] = [false, undefined]
      return (burst) => {
        timer ??= setTimeout(() => { open = true }, 50)
        for (let i = 0; i < burst.count; i++) if (!open) burst.drop(i)
      }
    }`)
    await using _hook = await cable.pair.a.use(gate)
    sendMarks(cable, 1)
    await until('it was dropped', () => cable.pair.counters().a.drops.hook === 1)
    await new Promise((resolve) => setTimeout(resolve, patient(300)))
    sendMarks(cable, 2)
    expect(await marksAtB(cable, 1)).toEqual([2])
  })

  it('let everything pass: 5,000 frames keep their order', async () => {
    await using cable = await Cable.lay()
    await using _hook = await cable.pair.a.use(perFrame(''))
    const { summary } = await stream(cable.a, cable.b, { count: 5_000 })
    expect(summary).toEqual({ received: 5_000, damaged: 0, disordered: 0, skipped: 0 })
    await expectBalanced(cable)
  })

  it('drop frames, under its own cause', async () => {
    await using cable = await Cable.lay()
    await using _hook = await cable.pair.a.use(DROP_EVEN)
    sendMarks(cable, ...MARKS)
    expect(await marksAtB(cable, 3)).toEqual([1, 3, 5])
    const { a } = await expectBalanced(cable)
    expect(a.drops.hook).toBe(3)
  })

  it('hold them: what comes behind overtakes', async () => {
    await using cable = await Cable.lay()
    await using _hook = await cable.pair.a.use(
      perFrame('if (burst.frame(i)[14] === 1) burst.hold(i, options.ms)'),
      { ms: 100 },
    )
    const before = performance.now()
    sendMarks(cable, 1, 2)
    expect(await marksAtB(cable, 2)).toEqual([2, 1])
    expect(performance.now() - before).toBeGreaterThanOrEqual(100)
    await expectBalanced(cable)
  })

  it('send them more than once', async () => {
    await using cable = await Cable.lay()
    await using _hook = await cable.pair.a.use(perFrame('burst.duplicate(i, 2)'))
    sendMarks(cable, 1, 2)
    expect(await marksAtB(cable, 6)).toEqual([1, 1, 1, 2, 2, 2])
    const { a } = await expectBalanced(cable)
    expect(a.inspected.copied).toBe(4)
  })

  it.each([
    ['shorter', 40],
    ['longer', 700],
    ['as long', 100],
  ])('put other bytes in their place: %s', async (_, length) => {
    await using cable = await Cable.lay()
    const replace = 'burst.replace(i, new Uint8Array(options).fill(burst.frame(i)[14]))'
    await using _hook = await cable.pair.a.use(perFrame(replace), length)
    const fill = (mark: number) => Buffer.alloc(length, mark)
    cable.a.send(marked(0x21))
    cable.a.send(marked(0x22))
    expect(await cable.b.receive()).toEqual(new Uint8Array(fill(0x21)))
    expect(await cable.b.receive()).toEqual(new Uint8Array(fill(0x22)))
    await expectBalanced(cable)
  })

  it('replace and hold them, and a capture sees both frames', async () => {
    await using cable = await Cable.lay()
    const sightings = cable.pair.sightings()
    await using _hook = await cable.pair.a.use(
      perFrame('burst.replace(i, new Uint8Array(300).fill(9)); burst.hold(i, 20)'),
    )
    cable.a.send(marked(1))
    expect((await cable.b.receive())?.length).toBe(300)
    const { value: sent } = await sightings.next()
    const { value: delivered } = await sightings.next()
    expect(sent).toMatchObject({ end: 'a', sent: true, length: 100, delay: 20 })
    expect(delivered).toMatchObject({ end: 'b', sent: false, length: 300, id: sent?.id })
    await sightings.return()
  })

  it('replacements that are too long for the peer, or for the room, are dropped', async () => {
    await using cable = await Cable.lay()
    await using _hook = await cable.pair.a.use(
      perFrame('burst.replace(i, new Uint8Array(burst.frame(i)[14] === 1 ? 2000 : 300000))'),
    )
    sendMarks(cable, 1, 2)
    await until('two drops', () => cable.pair.counters().a.tx_dropped === 2)
    const { a } = await expectBalanced(cable)
    expect(a.drops).toMatchObject({ mtu: 1, hook: 1 })
  })
})

describe('several hooks', () => {
  it('of one end judge in the order in which they came', async () => {
    await using cable = await Cable.lay()
    const add = perFrame('burst.frame(i)[14] = burst.frame(i)[14] * 10 + options')
    await using _one = await cable.pair.a.use(add, 1)
    await using two = await cable.pair.a.use(add, 2)
    sendMarks(cable, 0)
    expect(await marksAtB(cable, 1)).toEqual([12])
    await two.remove()
    await two.remove()
    sendMarks(cable, 0)
    expect(await marksAtB(cable, 1)).toEqual([1])
  })

  it('on both ends, asked for at the same time, all judge', async () => {
    await using cable = await Cable.lay()
    const [ones, others] = [1, 2].map((mark) => perFrame(`if (burst.frame(i)[14] === ${mark}) burst.drop(i)`))
    await Promise.all([
      cable.pair.a.use(ones as URL),
      cable.pair.b.use(others as URL),
      cable.pair.a.use(ones as URL),
    ])
    sendMarks(cable, 1, 2, 3)
    expect(await marksAtB(cable, 2)).toEqual([2, 3])
    for (const mark of [1, 2, 3]) cable.b.send(marked(mark))
    expect([(await cable.a.receive())?.[14], (await cable.a.receive())?.[14]]).toEqual([1, 3])
    await expectBalanced(cable)
  })

  it('the same module on two pairs at the same time', async () => {
    await using one = await Cable.lay()
    await using other = await Cable.lay()
    await Promise.all([one.pair.a.use(DROP_EVEN), other.pair.a.use(DROP_EVEN)])
    for (const cable of [one, other]) {
      sendMarks(cable, ...MARKS)
      expect(await marksAtB(cable, 3)).toEqual([1, 3, 5])
    }
  })

  it('rules come first, hooks next, then the impairment', async () => {
    await using cable = await Cable.lay()
    const rule = cable.pair.a.drop({ bytes: [[14, 0xff, 1]] })
    await using _hook = await cable.pair.a.use(perFrame('burst.frame(i)[14]++'))
    sendMarks(cable, 0, 1, 2)
    expect(await marksAtB(cable, 2)).toEqual([1, 3])
    await cable.pair.a.impair({ loss: 100 })
    sendMarks(cable, 1, 2)
    await until('all are dropped', () => cable.pair.counters().a.tx_dropped === 3)
    expect(rule.hits).toBe(2)
    const { a } = await expectBalanced(cable)
    expect(a.drops).toMatchObject({ rule: 2, loss: 1, hook: 0 })
  })
})

it('a process with hooks ends by itself when its pairs are closed', async () => {
  const hook = DROP_EVEN.href
  const ended = await evaluate(async ({ createPair }, url) => {
    const pair = await createPair({ quiet: true })
    await pair.a.use(url)
    await pair.close()
    return 'closed'
  }, hook)
  expect(ended).toBe('closed')
})

it('a function is refused where the pair is not looped in this thread', async () => {
  await using pair = await createPair({ quiet: true })
  await expect(pair.a.use(() => {})).rejects.toMatchObject({
    code: 'EINVAL',
    message: expect.stringContaining('inline'),
  })
})
