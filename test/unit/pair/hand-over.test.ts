// A pair that stops in the middle of traffic, becomes JSON and goes on, by itself or as another one, over memory
// devices: what it does to the frames behind that is what it would have done to them anyway.

import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import type { Dossier } from '../../../dist/pair/dossier.js'
import { readDossier, withoutDevices, writeDossier } from '../../../dist/pair/dossier.js'
import { adoptPair, goOn } from '../../../dist/pair/hand-over.js'
import type { EndOptions } from '../../../dist/pair/options.js'
import { Pair } from '../../../dist/pair/pair.js'
import { MemoryLink } from '../../support/memory-link.js'

const WISHES = { from: null, sent: {}, since: {} }
const RUNS = 6
/** Frames: the queue of a memory device takes some 270, copies included. */
const MOST = 70

function frame(mark: number): Uint8Array {
  const bytes = new Uint8Array(80)
  bytes[0] = 2 // not a multicast address
  bytes.set([0x88, 0xb5], 12) // an ethertype for experiments
  new DataView(bytes.buffer).setUint16(14, mark)
  return bytes
}

function ends(a: EndOptions, b: EndOptions = {}) {
  return { a: { name: 'a', up: true, ...a }, b: { name: 'b', up: true, ...b } }
}

const through = (dossier: Dossier) => readDossier(JSON.parse(JSON.stringify(writeDossier(dossier))))

function send({ host }: MemoryLink, from: number, to: number): void {
  for (let mark = from; mark < to; mark++) host.devices.at(-2)?.send(frame(mark))
}

/** All that arrives, once every frame is accounted for: in the order of the bytes, since times differ. */
async function arrived({ host }: MemoryLink, pair: Pair, received: number): Promise<string[]> {
  const frames: string[] = []
  for (let all = false; !all; ) {
    const { tx_packets, tx_dropped, inspected } = pair.counters().a
    all = tx_packets + tx_dropped === received + inspected.copied && inspected.held === 0
    for (let next = host.devices.at(-1)?.taken(); next; next = host.devices.at(-1)?.taken())
      frames.push(Buffer.from(next).toString('hex'))
    await pause(1)
  }
  return frames.sort()
}

/** Everything that it has counted, but when and in which thread. */
function counted(pair: Pair): object {
  const of = ({ workers: _, ...counts }: ReturnType<Pair['counters']>['a']) => counts
  const { a, b } = pair.counters()
  return { a: of(a), b: of(b), rules: pair.a.rules() }
}

const percent = fc.integer({ min: 1, max: 60 })
const chance = fc.record({ probability: percent, correlation: fc.integer({ min: 0, max: 50 }) })
const anyImpair = fc
  .record(
    {
      loss: fc.oneof(
        fc.record({ random: percent, correlation: fc.integer({ min: 0, max: 50 }) }),
        fc.record({ gemodel: fc.record({ p: percent, r: percent }) }),
        fc.record({ state: fc.record({ p13: fc.constant(40), p32: fc.constant(30), p23: fc.constant(40) }) }),
      ),
      duplicate: chance,
      corrupt: chance,
      reorder: fc.record({ probability: percent, gap: fc.integer({ min: 1, max: 4 }) }),
      rate: fc.constantFrom('100mbit', { trace: { times: [0, 1, 1, 1, 2, 2] } }),
      slot: fc.constant({ min: 1, max: 2, packets: 5 }),
      seed: fc.nat(),
    },
    { requiredKeys: ['seed'] },
  )
  .map((wish) => ({ ...wish, delay: { time: 30, jitter: 20 }, limit: 10_000 }))
const anyRules = fc.uniqueArray(
  fc.constantFrom(
    { action: { kind: 'drop' as const }, match: { nth: 40 } },
    { action: { kind: 'drop' as const }, match: { every: 7 } },
    { action: { kind: 'corrupt' as const, bits: 3, seed: 5 }, match: { every: 3 } },
    { action: { kind: 'duplicate' as const, copies: 2 }, match: { first: 50 } },
    { action: { kind: 'delay' as const, ms: 40 }, match: { every: 5 } },
  ),
  { maxLength: 4 },
)

async function uninterrupted(options: Parameters<typeof Pair.create>[0], total: number) {
  await using memory = await MemoryLink.start()
  const pair = await Pair.create(options, memory.link)
  send(memory, 0, total)
  const frames = await arrived(memory, pair, total)
  await pair.close()
  return { frames, counts: counted(pair) }
}

/**
 * A pair is stopped after any number of frames and goes on as `goOn` has it; the others wait in the device meanwhile. In
 * the end all is as if it had never been stopped.
 */
async function expectUninterrupted(
  goOn: (memory: MemoryLink, first: Pair, dossier: Dossier) => Promise<Pair>,
  delivered: (memory: MemoryLink) => void = () => {},
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(anyImpair, anyRules, fc.nat(MOST), async (impair, rules, cut) => {
      const options = ends({ impair, rules })
      await using memory = await MemoryLink.start()
      const first = await Pair.create(options, memory.link)
      send(memory, 0, cut)
      const dossier = through(await Pair.suspend(first, WISHES))
      send(memory, cut, MOST)
      const pair = await goOn(memory, first, dossier)
      const frames = await arrived(memory, pair, MOST)
      delivered(memory)
      await pair.close()
      expect({ frames, counts: counted(pair) }).toEqual(await uninterrupted(options, MOST))
    }),
    { numRuns: RUNS },
  )
}

test('whatever is done to frames, a pair that goes on has the same fates, counts and frames', {
  timeout: 90_000,
}, async () => {
  await expectUninterrupted(async (_, pair, dossier) => {
    await Pair.resume(pair, dossier)
    return pair
  })
})

test('as another pair too, where nothing is held; rules, numbers and counts go on', {
  timeout: 90_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      anyImpair,
      anyRules,
      fc.nat(MOST),
      async ({ delay: _, reorder: __, rate: ___, slot: ____, ...impair }, some, cut) => {
        const rules = some.filter(({ action }) => action.kind !== 'delay')
        const options = ends({ impair, rules })
        await using memory = await MemoryLink.start()
        const first = await Pair.create(options, memory.link)
        send(memory, 0, cut)
        const before = await arrived(memory, first, cut)
        const dossier = through(await Pair.suspend(first, WISHES))
        await first.close()
        const second = await Pair.create(options, memory.link, dossier)
        send(memory, cut, MOST)
        const frames = [...before, ...(await arrived(memory, second, MOST))].sort()
        await second.close()
        expect({ frames, counts: counted(second) }).toEqual(await uninterrupted(options, MOST))
      },
    ),
    { numRuns: RUNS },
  )
})

/** The first capture of the dossier, which is written from now on. */
async function again(pair: Pair, { captures: [first] }: Dossier) {
  return await Pair.inside(pair).captures.again(first?.id ?? 0, 'stream', pair.a, pair.b)
}

/** Another pair by the same devices, as another process has them. */
async function adopted(memory: MemoryLink, first: Pair, to: Dossier): Promise<Pair> {
  const fds = memory.host.devices.map(({ ports }) => ports.map(({ fd }) => fd))
  const second = await adoptPair({ id: 'second', queues: 1, quiet: false }, fds as never, memory.link)
  expect(second.closed ?? first.closed).toBeUndefined()
  await goOn(second, { ...to, id: 'second' })
  return second
}

test('by its descriptors, another pair goes on in the middle of traffic: nothing is lost, and carrier stays', {
  timeout: 90_000,
}, async () => {
  await expectUninterrupted(
    async (memory, first, dossier) => {
      for (const { calls } of memory.host.devices) calls.length = 0
      const second = await adopted(memory, first, dossier)
      expect(second.carrier).toBe(true)
      return second
    },
    (memory) => expect(memory.host.devices.flatMap(({ calls }) => calls)).toEqual([]),
  )
})

test('carrier that is forced stays so, and what happens to the ends meanwhile is followed by who goes on', async () => {
  await using memory = await MemoryLink.start()
  const first = await Pair.create(ends({}), memory.link)
  await first.setCarrier('off')
  const dossier = through(await Pair.suspend(first, WISHES))
  expect(dossier.link).toMatchObject({ mode: 'off', carrier: false })
  memory.host.named('b').set({ name: 'c', mtu: 900 })
  const second = await adopted(memory, first, dossier)
  await vi.waitFor(() => expect([second.b.name, second.b.mtu]).toEqual(['c', 900]))
  expect([second.carrier, first.b.name]).toEqual([false, 'b'])
  await second.setCarrier('auto')
  expect(second.carrier).toBe(true)
  await second.close()
})

test.each([
  ['as the dossier says', true],
  ['as nobody could say', false],
])('a program that went meanwhile: the peer leaves super-frames whole again, %s', async (_, told) => {
  await using memory = await MemoryLink.start()
  const first = await Pair.create(ends({}), memory.link)
  const { calls } = memory.host.named('a')
  memory.host.named('b').attach(true)
  await vi.waitFor(() => expect(calls.at(-1)).toBe('cut'))
  const dossier = through(await Pair.suspend(first, WISHES))
  const { link: _link, ...untold } = dossier
  expect(dossier.link?.whole).toEqual({ a: false, b: true })
  memory.host.named('b').attach(false, false)
  const second = await adopted(memory, first, told ? dossier : untold)
  await vi.waitFor(() => expect(calls.at(-1)).toBe('whole'))
  await second.close()
})

test('one that is given up before it goes on leaves the ends to who has them', async () => {
  await using memory = await MemoryLink.start()
  const first = await Pair.create(ends({}), memory.link)
  const dossier = await Pair.suspend(first, WISHES)
  const fds = memory.host.devices.map(({ ports }) => ports.map(({ fd }) => fd))
  const second = await adoptPair({ id: 'second', queues: 1, quiet: false }, fds as never, memory.link)
  await second.close()
  expect(memory.host.devices.map(({ calls }) => calls.at(-1))).toEqual(['let go', 'let go'])
  memory.host.named('b').set({ mtu: 900 })
  await Pair.resume(first, dossier)
  send(memory, 0, 1)
  expect(await memory.host.devices.at(-1)?.take(1)).toEqual([frame(0)])
  while (first.b.mtu !== 900) await pause(2)
  await first.close()
})

test('an end that dies meanwhile ends the pair that goes on', async () => {
  await using memory = await MemoryLink.start()
  const first = await Pair.create(ends({}), memory.link)
  const dossier = await Pair.suspend(first, WISHES)
  const b = memory.host.named('b')
  b.delete()
  const second = await adopted(memory, first, dossier)
  await vi.waitFor(() => expect(second.closed).toBe('deleted'))
})

test('what is held waits on, as long as it was to, and is in the dossier', async () => {
  await using memory = await MemoryLink.start()
  const pair = await Pair.create(ends({ impair: { delay: '3600s' } }), memory.link)
  send(memory, 0, 3)
  while (pair.counters().a.inspected.held < 3) await pause(2)
  const dossier = await Pair.suspend(pair, WISHES)
  const [direction] = dossier.progress
  expect(direction?.held.map((held) => Buffer.from(held.frame.slice(-80)))).toEqual(
    [0, 1, 2].map((mark) => Buffer.from(frame(mark))),
  )
  expect(direction?.held[0]?.wait).toBeLessThanOrEqual(3_600_000)
  expect(direction?.held[0]?.wait).toBeGreaterThan(3_000_000)
  expect(dossier.a.counts).toMatchObject({ received: 3, sent: 0 })
  expect(withoutDevices(dossier)).toMatchObject({
    a: { counts: { received: 3, drops: { carrier: 3 } } },
    progress: [{ number: 3, held: [] }, { held: [] }],
  })
  await Pair.resume(pair, through(dossier))
  await pair.a.settled()
  expect(pair.counters().a.inspected.held).toBe(3)
  await pair.a.impair(null)
  send(memory, 3, 4) // which they leave in front of
  expect(await memory.host.devices.at(-1)?.take(4)).toEqual([0, 1, 2, 3].map(frame))
  await pair.close()
})

test('carrier mode, flaps that run, captures and the numbers of rules go along', async () => {
  await using memory = await MemoryLink.start()
  const first = await Pair.create(ends({}), memory.link)
  first.a.drop({}).remove()
  const flapping = first.flap(3_600_000, 5)
  while (first.carrier) await pause(2)
  const sightings = first.sightings({ end: 'a', snaplen: 60 })
  const dossier = through(await Pair.suspend(first, WISHES))
  expect(dossier).toMatchObject({
    carrier: 'auto',
    flaps: [{ ms: 3_600_000, times: 5 }],
    lastRule: 1,
    captures: [{ ends: { a: true, b: false }, match: null, snaplen: 60 }],
  })
  await sightings.return()
  await first.setCarrier('off')
  await flapping
  await first.close()

  const second = await Pair.create(ends({}), memory.link, dossier)
  while (second.carrier) await pause(2)
  await second.setCarrier('auto')
  expect(second.carrier).toBe(true)
  expect(second.a.drop({ nth: 2 }).id).toBe(2)
  send(memory, 0, 2)
  const capture = await again(second, dossier)
  await expect(again(second, dossier)).rejects.toMatchObject({
    code: 'ENOENT',
  })
  expect(await memory.host.devices.at(-1)?.take(1)).toEqual([frame(0)])
  expect(await capture.stop()).toMatchObject({ records: 2 })
  await second.close()
})

test('an inline pair is not suspended; one that is may be closed', async () => {
  await using memory = await MemoryLink.start()
  const inline = await memory.createPair({ inline: true })
  await expect(Pair.suspend(inline, WISHES)).rejects.toMatchObject({ code: 'EINVAL' })
  await inline.close()
  const pair = await memory.createPair({ a: { impair: { delay: '3600s' } } })
  await Pair.suspend(pair, WISHES)
  await pair.close()
  await expect(Pair.suspend(pair, WISHES)).rejects.toMatchObject({ code: 'ENODEV' })
})
