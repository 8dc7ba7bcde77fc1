// A pair that is looped in the thread that made it: hooks are functions, which see and change that thread's own
// variables. It carries what another pair carries, more slowly.

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Burst, createPair } from 'uveth'
import { describe, expect } from 'vitest'
import { addressed, Cable, listen, stream } from '../support/cable.js'
import { expectBalanced, marked, marksAtB, perFrame, sendMarks } from '../support/hooks.js'
import { until } from '../support/netns.js'
import { evaluate } from '../support/program.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const itPings = needs('root', 'tun', 'netns', 'ip', 'ping')

const lay = (options: Parameters<typeof Cable.lay>[0] = {}) => Cable.lay({ inline: true, ...options })

/** The first byte behind the header of each frame. */
function marksOf(burst: Burst): number[] {
  return Array.from({ length: burst.count }, (_, i) => burst.frame(i)[14] as number)
}

it('is refused with several queues', async () => {
  await expect(createPair({ inline: true, queues: 2 })).rejects.toMatchObject({ code: 'EINVAL' })
})

describe('without hooks', () => {
  it('10,000 frames each way keep their order', async () => {
    await using cable = await lay()
    const wish = { count: 10_000 }
    const ledgers = await Promise.all([stream(cable.a, cable.b, wish), stream(cable.b, cable.a, wish)])
    for (const { summary } of ledgers) {
      expect(summary).toEqual({ received: 10_000, damaged: 0, disordered: 0, skipped: 0 })
    }
    await expectBalanced(cable)
  })

  itPings('the stacks talk', async () => {
    await using cable = await lay(addressed())
    const ping = cable.left.spawn('ping', ['-n', '-q', '-c', '5', '-i', '0.05', '10.77.0.2'])
    expect(await once(ping, 'exit')).toEqual([0, null])
  })

  it('with another MTU, down, renamed and up, as any pair', async () => {
    await using cable = await lay()
    const { pair } = cable
    for (const end of [pair.a, pair.b]) await end.set({ mtu: 9_000 })
    await pair.a.down()
    expect(pair.carrier).toBe(false)
    await pair.a.rename('y0') // before Linux 6.2 only while it is down
    await pair.a.up()
    cable.a.receiveNow() // it says once that its interface was down
    cable.a.send(marked(3, 9_014))
    expect(await marksAtB(cable, 1)).toEqual([3])
    await pair.setCarrier('off')
    cable.a.send(marked(4))
    await pair.setCarrier('auto')
    sendMarks(cable, 5)
    expect(await marksAtB(cable, 1)).toEqual([5])
    await expectBalanced(cable)
  })

  it('an end that is deleted ends the pair', async () => {
    await using cable = await lay()
    const closed = once(cable.pair, 'closed')
    cable.left.ip('link', 'del', 'x0')
    expect(await closed).toMatchObject([{ reason: 'deleted' }])
  })
})

describe('a function as a hook', () => {
  it('sees every frame of its end, and variables of the test', async () => {
    await using cable = await lay()
    const seen: number[] = []
    let threshold = 2
    await using _hook = await cable.pair.a.use((burst) => {
      for (const [i, mark] of marksOf(burst).entries()) {
        seen.push(mark)
        if (mark > threshold) burst.drop(i, 'hook', 'too high')
      }
    })
    sendMarks(cable, 1, 2, 3)
    expect(await marksAtB(cable, 2)).toEqual([1, 2])
    await until('all are judged', () => seen.length === 3)
    threshold = 9
    sendMarks(cable, 4)
    expect(await marksAtB(cable, 1)).toEqual([4])
    cable.b.send(marked(5))
    expect((await cable.a.receive())?.[14]).toBe(5)
    expect(seen).toEqual([1, 2, 3, 4])
    expect((await expectBalanced(cable)).a.drops.hook).toBe(1)
  })

  it('is armed when the call returns, and gone when it was removed', async () => {
    await using cable = await lay()
    const using_ = cable.pair.a.use((burst) => burst.drop(0))
    sendMarks(cable, 1)
    const hook = await using_
    await until('dropped', () => cable.pair.counters().a.drops.hook === 1)
    await hook.remove()
    sendMarks(cable, 2)
    expect(await marksAtB(cable, 1)).toEqual([2])
  })

  it('may hold, double and replace', async () => {
    await using cable = await lay()
    await using _hook = await cable.pair.a.use((burst) => {
      for (const [i, mark] of marksOf(burst).entries()) {
        if (mark === 1) burst.hold(i, 40)
        if (mark === 2) burst.duplicate(i)
        if (mark === 3) burst.replace(i, marked(7, 800))
      }
    })
    const before = performance.now()
    sendMarks(cable, 1, 2, 3)
    expect(await marksAtB(cable, 4)).toEqual([2, 2, 7, 1])
    expect(performance.now() - before).toBeGreaterThanOrEqual(39)
    await expectBalanced(cable)
  })

  it('that throws is taken out, counted and told', async () => {
    await using cable = await lay()
    const failed = once(cable.pair, 'hookFailed')
    await cable.pair.a.use(() => {
      throw new Error('not me')
    })
    sendMarks(cable, 1, 2)
    expect(await failed).toMatchObject([{ end: cable.pair.a, message: expect.stringContaining('not me') }])
    expect(await marksAtB(cable, 2)).toEqual([1, 2])
    expect((await expectBalanced(cable)).a.inspected.hook_errors).toBe(1)
  })

  it('that is async is taken out: a verdict that comes later is none', async () => {
    await using cable = await lay()
    const failed = once(cable.pair, 'hookFailed')
    await cable.pair.a.use((async () => {
      throw new Error('later')
    }) as () => void)
    sendMarks(cable, 1, 2)
    expect(await failed).toMatchObject([{ message: expect.stringContaining('this one is async') }])
    expect(await marksAtB(cable, 2)).toEqual([1, 2])
  })

  it('may use the pair that it is in: wait, inject, close', async () => {
    await using cable = await lay()
    const events = listen(cable.pair)
    let done: Promise<void> | undefined
    await cable.pair.a.use((burst) => {
      if (marksOf(burst).includes(1)) void cable.pair.b.inject(marked(8))
      if (marksOf(burst).includes(2)) done = cable.pair.close()
    })
    sendMarks(cable, 1)
    expect((await cable.a.receive())?.[14]).toBe(8)
    sendMarks(cable, 2)
    await until('closing', () => done !== undefined)
    await done
    expect(events.at(-1)).toMatchObject({ event: 'closed', reason: 'close' })
  })
})

describe('everything else that acts on frames acts here, too', () => {
  it('a module as a hook', async () => {
    await using cable = await lay()
    await using _hook = await cable.pair.a.use(perFrame('burst.frame(i)[14] += options'), 10)
    sendMarks(cable, 1)
    expect(await marksAtB(cable, 1)).toEqual([11])
  })

  it('rules, impairments, watches and sightings', async () => {
    await using cable = await lay({ a: { impair: { delay: 20, seed: 1 } } })
    const rule = cable.pair.a.drop({ bytes: [[14, 0xff, 2]] })
    const waiting = cable.pair.a.waitFor({ bytes: [[14, 0xff, 2]] })
    await using seen = cable.pair.sightings({ end: 'b' })
    const before = performance.now()
    sendMarks(cable, 1, 2, 3)
    expect((await waiting)[14]).toBe(2)
    expect(await marksAtB(cable, 2)).toEqual([1, 3])
    expect(performance.now() - before).toBeGreaterThanOrEqual(19)
    expect((await seen.next()).value).toMatchObject({ end: 'b', sent: false, delay: 20 })
    expect(rule.hits).toBe(1)
    await expectBalanced(cable)
  })

  it('what is held when carrier goes is dropped, and when the pair is closed', async () => {
    await using cable = await lay({ a: { impair: { delay: 10_000, seed: 1 } } })
    const { pair } = cable
    sendMarks(cable, 1, 2)
    await until('held', () => pair.counters().a.inspected.held === 2)
    await pair.flap(5)
    expect(pair.counters().a).toMatchObject({ drops: { carrier: 2 }, inspected: { held: 0 } })
    sendMarks(cable, 3)
    await until('held', () => pair.counters().a.inspected.held === 1)
    await pair.close()
    expect(pair.counters().a).toMatchObject({ drops: { carrier: 3 }, inspected: { held: 0 } })
  })
})

it('keeps the process alive no longer than it is open', async () => {
  const ended = await evaluate(async ({ createPair, sleep: pause }) => {
    const pair = await createPair({ inline: true, quiet: true })
    await pair.a.use(() => {})
    await pause(10)
    await pair.close()
    return 'closed'
  }, null)
  expect(ended).toBe('closed')
})

it('a thread that is busy makes frames wait, and loses none that the ring holds', async () => {
  await using cable = await lay()
  for (let mark = 0; mark < 200; mark++) cable.a.send(marked(mark))
  const since = performance.now()
  while (performance.now() - since < 100);
  expect(await marksAtB(cable, 200)).toEqual(Array.from({ length: 200 }, (_, mark) => mark))
  await sleep(0)
  await expectBalanced(cable)
})
