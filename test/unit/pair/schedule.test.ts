// A pair with a schedule, over memory devices: the thread that forwards does its steps, the pair follows and refuses what
// is ordered by hand meanwhile; after a loss, and as another pair, it goes on where it was.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Dossier } from '../../../dist/pair/dossier.js'
import { readDossier, writeDossier } from '../../../dist/pair/dossier.js'
import { adoptPair, goOn } from '../../../dist/pair/hand-over.js'
import type { PairOptions } from '../../../dist/pair/options.js'
import { Pair } from '../../../dist/pair/pair.js'
import { MemoryLink } from '../../support/memory-link.js'

const HOUR = 3_600_000
const FIRST = { at: 0, impair: { delay: 5, seed: 1 } }
const LATER = { at: HOUR, impair: null }
const PLUG = { at: 2 * HOUR, carrier: 'off' as const }

let memory: MemoryLink
beforeEach(async () => {
  memory = await MemoryLink.start()
})
afterEach(() => memory[Symbol.asyncDispose]())

const through = (dossier: Dossier) => readDossier(JSON.parse(JSON.stringify(writeDossier(dossier))))
const WISHES = { from: null, sent: {}, since: {} }
const PAIR = { a: { name: 'a', up: true }, b: { name: 'b', up: true } }
const make = (options: PairOptions = PAIR, from?: Dossier) => Pair.create(options, memory.link, from)

/** As if it had begun so much earlier. */
function earlier(dossier: Dossier, ms: number): Dossier {
  const { schedule } = dossier.a
  return {
    ...dossier,
    a: { ...dossier.a, schedule: schedule && { ...schedule, began: (schedule.began ?? 0) - ms } },
  }
}

describe('misuse', () => {
  const busy = (sentence: string) => ({ code: 'EBUSY', message: `EBUSY: ${sentence}: schedule off first` })

  test('what it sets is not set by hand, nor by the schedule of the other end', async () => {
    const pair = await make()
    await pair.a.schedule([FIRST, LATER, PLUG])
    await expect(pair.a.impair(null)).rejects.toMatchObject(busy('a schedule sets impair'))
    await expect(pair.a.patchImpairment({ loss: 1 })).rejects.toMatchObject(busy('a schedule sets impair'))
    await expect(pair.setCarrier('off')).rejects.toMatchObject(busy('a schedule sets carrier'))
    await expect(pair.flap(1)).rejects.toMatchObject(busy('a schedule sets carrier'))
    await expect(pair.b.schedule([PLUG])).rejects.toMatchObject(
      busy('carrier is of both ends, and the schedule of the other one sets it'),
    )
    // The rest is free.
    await pair.b.impair({ loss: 1 })
    await pair.b.schedule([LATER])
    pair.a.drop({ arp: {} })
    await pair.a.schedule([LATER])
    await pair.setCarrier('auto')
    await pair.close()
    await expect(pair.a.schedule([FIRST])).rejects.toMatchObject({ code: 'ENODEV' })
  })

  test('both ends cannot begin with carrier', async () => {
    const schedule = { steps: [PLUG] }
    await expect(make({ a: { schedule }, b: { schedule } })).rejects.toMatchObject({
      message: 'EINVAL: carrier is of both ends: the schedule of one of them sets it',
      attribute: 'b.schedule',
    })
    expect(memory.host.devices).toEqual([])
  })
})

test('it begins with the order, and what its last step has set stays until something is ordered by hand', async () => {
  const pair = await make()
  const steps: object[] = []
  pair.on('step', ({ end, ...step }) => steps.push([end.name, step]))
  const view = await pair.a.schedule([FIRST])
  expect(view).toMatchObject({
    steps: [{ at: 0, impair: { delay: { time: 5 } } }],
    done: 1,
    missed: 0,
    over: true,
  })
  expect(pair.a.impairment).toEqual({ delay: { time: 5 }, seed: 1 })
  expect(steps).toEqual([['a', { done: 1, missed: 0, impair: { delay: { time: 5 }, seed: 1 } }]])
  await pair.a.impair({ loss: 1, seed: 2 })
  expect([pair.a.scheduled, pair.a.impairment]).toEqual([null, { loss: { random: 1 }, seed: 2 }])
  await pair.close()
})

test('off leaves what there is, and another one takes its place', async () => {
  const pair = await make({ ...PAIR, a: { ...PAIR.a, schedule: { steps: [FIRST, LATER] } } })
  await pair.a.settled()
  expect(pair.a.scheduled).toMatchObject({ done: 1, over: false })
  await pair.a.schedule([{ at: HOUR, impair: { loss: 1 } }])
  expect([pair.a.scheduled?.done, pair.a.impairment?.seed]).toEqual([0, 1])
  expect(await pair.a.schedule(null)).toBe(null)
  expect(pair.a.impairment).toMatchObject({ delay: { time: 5 } })
  await pair.close()
})

test('carrier follows its steps, and comes back', async () => {
  const pair = await make()
  const told: boolean[] = []
  pair.on('carrier', ({ on }) => told.push(on))
  const over = new Promise<void>((resolve) => pair.on('step', ({ done }) => done === 6 && resolve()))
  await pair.a.schedule(
    [
      { at: 0, carrier: 'off' },
      { at: 20, carrier: 'auto' },
    ],
    { repeat: 3, period: 40 },
  )
  await over
  // A machine that stood still has passed over some; the last one counts.
  await vi.waitFor(() => expect([pair.carrier, told.at(-1)]).toEqual([true, true]), { timeout: 60_000 })
  expect(pair.a.scheduled).toMatchObject({ done: 6, over: true })
  await pair.close()
})

test('an inline pair keeps its time, with no frame or order that wakes it', async () => {
  const steps = [FIRST, { at: 20, impair: null }]
  const pair = await make({ ...PAIR, a: { ...PAIR.a, schedule: { steps } }, inline: true })
  await vi.waitFor(() => expect(pair.a.scheduled).toMatchObject({ done: 2, over: true }), { timeout: 60_000 })
  await pair.close()
})

test('what the last step of one end has pulled, a schedule of the other end plugs in', async () => {
  const pair = await make()
  await pair.a.schedule([{ at: 0, carrier: 'off' }])
  await vi.waitFor(() => expect(pair.carrier).toBe(false), { timeout: 60_000 })
  await pair.b.schedule([{ at: 0, carrier: 'auto' }])
  await vi.waitFor(() => expect(pair.carrier).toBe(true), { timeout: 60_000 })
  expect([pair.a.scheduled, pair.b.scheduled?.over]).toEqual([null, true])
  pair.a.inject(new Uint8Array(60))
  await pair.a.settled()
  const { drops, tx_packets } = pair.counters().a
  expect([tx_packets, drops.carrier]).toEqual([1, 0])
  await pair.close()
})

test('its worker is lost: the next one goes on', async () => {
  const pair = await make()
  await pair.a.schedule([FIRST, LATER])
  const { pair: _, ...before } = { pair, view: pair.a.scheduled }
  memory.workers[0]?.order({ op: 'load', url: 'data:text/javascript,process.exit(3)' })
  await vi.waitFor(() => expect(memory.workers.length).toBeGreaterThan(1), { timeout: 60_000 })
  await pair.a.settled()
  expect([pair.a.scheduled, pair.a.impairment?.seed]).toEqual([before.view, 1])
  await expect(pair.a.impair(null)).rejects.toMatchObject({ code: 'EBUSY' })
  await pair.close()
})

describe('as another pair', () => {
  test('made anew: at the same step, and what was due meanwhile is done', async () => {
    const first = await make()
    await first.a.schedule([FIRST, LATER, PLUG])
    const dossier = through(await Pair.suspend(first, WISHES))
    await first.close()
    const second = await make(PAIR, dossier)
    await second.a.settled()
    expect([second.a.scheduled, second.a.impairment?.seed]).toMatchObject([{ done: 1, missed: 0 }, 1])
    await second.close()
    const third = await make(PAIR, earlier(dossier, 3 * HOUR))
    await third.a.settled()
    expect(third.a.scheduled).toMatchObject({ done: 3, missed: 1, over: true })
    expect(third.a.impairment).toBe(null)
    await vi.waitFor(() => expect(third.carrier).toBe(false), { timeout: 60_000 })
    await third.setCarrier('auto')
    expect([third.carrier, third.a.scheduled]).toEqual([true, null])
    await third.close()
  })

  test('carrier that a step has set is in the dossier, also where the link thread has not heard of it', async () => {
    const first = await make()
    const { link } = memory
    const request = link.request.bind(link)
    const never = new Promise<never>(() => {})
    vi.spyOn(link, 'request').mockImplementation((order, transfer) =>
      order.op === 'carrier' ? never : request(order, transfer),
    )
    await first.a.schedule([{ at: 0, carrier: 'off' }])
    const { carrier, link: standing } = through(await Pair.suspend(first, WISHES))
    expect([carrier, standing?.mode, standing?.carrier]).toEqual(['off', 'off', true])
    await first.close()
  })

  test('with the same devices: carrier is as a step says that is done on the way', async () => {
    const first = await make()
    await first.a.schedule([FIRST, PLUG])
    const dossier = earlier(through(await Pair.suspend(first, WISHES)), 2 * HOUR)
    const fds = memory.host.devices.map(({ ports }) => ports.map(({ fd }) => fd))
    const second = await adoptPair({ id: 'second', queues: 1, quiet: false }, fds as never, memory.link)
    await goOn(second, { ...dossier, id: 'second' })
    await vi.waitFor(
      () => {
        expect([second.carrier, second.a.scheduled?.over, second.a.impairment?.seed]).toEqual([
          false,
          true,
          1,
        ])
      },
      { timeout: 60_000 },
    )
    await second.close()
  })
})
