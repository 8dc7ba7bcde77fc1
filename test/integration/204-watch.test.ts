// Watching what an end sends, and sending in its place: waitFor, frames, inject, sightings. What is watched is
// seen from the moment in which the call returns, as it was before any fault.

import { setImmediate } from 'node:timers/promises'
import { createPair, type Sighting } from 'uveth'
import { describe, expect } from 'vitest'
import { addressed, Cable, stream } from '../support/cable.js'
import { ETH_P, ethernet } from '../support/frames.js'
import { expectBalanced, marked, marksAtB, sendMarks } from '../support/hooks.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const itPings = needs('root', 'tun', 'netns', 'ip', 'ping')
const MEANT = { ethertype: ETH_P.EXPERIMENT }

async function take<T>(stream: AsyncIterator<T>, count: number): Promise<T[]> {
  const taken: T[] = []
  while (taken.length < count) {
    const { value, done } = await stream.next()
    if (done) break
    taken.push(value as T)
  }
  return taken
}

describe('waitFor', () => {
  it('answers a copy of the next frame that matches', async () => {
    await using cable = await Cable.lay()
    const waiting = cable.pair.a.waitFor(MEANT)
    cable.a.send(ethernet(0xfeed, Buffer.alloc(46)))
    const frame = marked(1)
    cable.a.send(frame)
    sendMarks(cable, 2)
    const found = await waiting
    expect(Buffer.from(found)).toEqual(frame)
    found.fill(0)
    cable.b.receiveNow()
    expect(await cable.b.receiveWhere((each) => each[14] === 1)).toEqual(new Uint8Array(frame))
  })

  itPings('has no race with a program that runs to its end before anything is awaited', async () => {
    await using cable = await Cable.lay(addressed())
    for (let n = 0; n < 5; n++) {
      const request = cable.pair.a.waitFor({ icmp: { type: 8 } })
      const reply = cable.pair.b.waitFor({ icmp: { type: 0 } }, { timeout: 50 })
      cable.left.exec('ping', '-n', '-q', '-c', '1', '-W', '2', '10.77.0.2')
      const started = performance.now()
      while (performance.now() - started < 60); // longer than the second one waits
      expect((await request)[34]).toBe(8)
      expect((await reply)[34]).toBe(0)
    }
  })

  it('sees frames before any fault, also those that are dropped', async () => {
    await using cable = await Cable.lay()
    cable.pair.a.corrupt(MEANT, { offset: 14, mask: 0xff })
    cable.pair.a.drop(MEANT)
    const waiting = cable.pair.a.waitFor(MEANT)
    sendMarks(cable, 5)
    expect((await waiting)[14]).toBe(5)
    await until('dropped', () => cable.pair.counters().a.drops.rule === 1)
  })

  it('counts by itself: the third one, while others wait for the first', async () => {
    await using cable = await Cable.lay()
    const third = cable.pair.a.waitFor({ ...MEANT, nth: 3 })
    const firsts = [cable.pair.a.waitFor(MEANT), cable.pair.a.waitFor(MEANT)]
    sendMarks(cable, 1, 2, 3, 4)
    expect((await Promise.all(firsts)).map((frame) => frame[14])).toEqual([1, 1])
    expect((await third)[14]).toBe(3)
  })

  it('gives up with ETIMEDOUT, which says what did not come', async () => {
    await using cable = await Cable.lay()
    const before = performance.now()
    const refused = cable.pair.a.waitFor({ udp: { dport: 53 } }, { timeout: 60 })
    await expect(refused).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      message: expect.stringMatching(/"dport":53.*60 ms/),
    })
    expect(performance.now() - before).toBeGreaterThanOrEqual(59)
  })

  it('ends with the reason of its signal: before, and meanwhile', async () => {
    await using cable = await Cable.lay()
    const reason = new Error('enough')
    const before = cable.pair.a.waitFor({}, { signal: AbortSignal.abort(reason) })
    await expect(before).rejects.toBe(reason)
    const abort = new AbortController()
    const meanwhile = cable.pair.a.waitFor({}, { signal: abort.signal })
    const expectation = expect(meanwhile).rejects.toBe(reason)
    abort.abort(reason)
    await expectation
  })

  it('ends with ENODEV when the pair does', async () => {
    await using cable = await Cable.lay()
    const waiting = expect(cable.pair.a.waitFor({}, { timeout: 0 })).rejects.toMatchObject({ code: 'ENODEV' })
    await cable.pair.close()
    await waiting
  })

  it('leaves nothing behind: afterwards frames pass uninspected', async () => {
    await using cable = await Cable.lay(addressed())
    const waiting = cable.pair.a.waitFor(MEANT)
    sendMarks(cable, 1)
    await waiting
    await cable.pair.a.settled()
    const { summary } = await stream(cable.a, cable.b, { count: 1_000 })
    expect(summary).toMatchObject({ received: 1_000, skipped: 0 })
    await expectBalanced(cable)
  })
})

describe('frames', () => {
  it('are all that match, in order, with what came before anybody read', async () => {
    await using cable = await Cable.lay()
    await using frames = cable.pair.a.frames(MEANT)
    sendMarks(cable, 1, 2)
    cable.a.send(ethernet(0xfeed, Buffer.alloc(46)))
    sendMarks(cable, 3)
    expect(await marksAtB(cable, 3)).toHaveLength(3)
    expect((await take(frames, 3)).map((frame) => frame[14])).toEqual([1, 2, 3])
    const next = frames.next()
    sendMarks(cable, 4)
    expect((await next).value?.[14]).toBe(4)
    expect(frames.lost).toBe(0)
  })

  it('of 20,000 none is lost when somebody reads', async () => {
    await using cable = await Cable.lay()
    await using frames = cable.pair.a.frames({ udp: {} }, { bytes: 16 << 20 })
    const sent = stream(cable.a, cable.b, { count: 20_000 })
    expect(await take(frames, 20_000)).toHaveLength(20_000)
    expect((await sent).summary).toMatchObject({ received: 20_000, skipped: 0 })
    expect(frames.lost).toBe(0)
  })

  it('that nobody reads are bounded and counted, and the cable loses none', async () => {
    await using cable = await Cable.lay()
    await using frames = cable.pair.a.frames({ udp: {} }, { bytes: 4096 })
    expect((await stream(cable.a, cable.b, { count: 2_000 })).summary).toMatchObject({ received: 2_000 })
    let read = 0
    while (frames.now() !== undefined) read++
    expect(read).toBeGreaterThan(10)
    expect(read + frames.lost).toBe(2_000)
  })

  it('end with the loop that reads them, and with the pair', async () => {
    await using cable = await Cable.lay()
    const frames = cable.pair.a.frames(MEANT)
    sendMarks(cable, 1, 2, 3)
    for await (const frame of frames) if (frame[14] === 2) break
    expect(await frames.next()).toEqual({ value: undefined, done: true })
    const others = cable.pair.a.frames(MEANT)
    const idle = cable.pair.b.frames().next()
    sendMarks(cable, 4)
    await marksAtB(cable, 4)
    await cable.pair.close()
    expect((await take(others, 9)).map((frame) => frame[14])).toEqual([4])
    expect(await idle).toEqual({ value: undefined, done: true })
  })
})

describe('inject', () => {
  it('puts a frame on the cable as if the end had sent it: rules and watches meet it', async () => {
    await using cable = await Cable.lay()
    cable.pair.a.duplicate(MEANT)
    const seen = cable.pair.a.waitFor(MEANT)
    await cable.pair.a.inject(marked(7))
    expect((await seen)[14]).toBe(7)
    expect(await marksAtB(cable, 2)).toEqual([7, 7])
    const { a } = await expectBalanced(cable)
    expect(a.inspected).toMatchObject({ injected: 1, copied: 1 })
    expect(a).toMatchObject({ tx_packets: 2 })
  })

  it('needs nothing else on the pair, and copies the frame', async () => {
    await using cable = await Cable.lay()
    const frame = marked(1)
    const injected = cable.pair.b.inject(frame)
    frame.fill(0)
    await injected
    expect((await cable.a.receive())?.[14]).toBe(1)
    await expectBalanced(cable)
  })

  it.each([
    [14, 1_518, true],
    [14, 1_519, false],
  ])('from %i to the peer’s MTU; %i bytes pass: %s', async (least, most, passes) => {
    await using cable = await Cable.lay()
    await cable.pair.a.inject(new Uint8Array(least))
    await cable.pair.a.inject(new Uint8Array(most))
    const { a } = await expectBalanced(cable)
    expect([a.tx_packets, a.drops.mtu]).toEqual(passes ? [2, 0] : [1, 1])
  })

  it('without carrier it is dropped for that', async () => {
    await using pair = await createPair({ quiet: true })
    await pair.a.inject(marked(1))
    expect(pair.counters().a.drops.carrier).toBe(1)
  })

  it('a thousand, in order, between what the stack sends', async () => {
    await using cable = await Cable.lay()
    const all: Promise<void>[] = []
    for (let n = 0; n < 1_000; n++) all.push(cable.pair.a.inject(marked(n % 256)))
    await Promise.all(all)
    expect(await marksAtB(cable, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, n) => n % 256))
    await expectBalanced(cable)
  })
})

describe('sightings', () => {
  it('say what became of each frame: passed, dropped and why, held, delivered', async () => {
    await using cable = await Cable.lay()
    const rule = cable.pair.a.drop({ bytes: [[14, 0xff, 2]] })
    cable.pair.a.delay({ bytes: [[14, 0xff, 3]] }, 15)
    await using seen = cable.pair.sightings()
    const since = Date.now()
    sendMarks(cable, 1, 2, 3)
    const sightings = await take<Sighting>(seen, 5)
    const of = (mark: number, sent: boolean) =>
      sightings.find((each) => each.frame[14] === mark && each.sent === sent)
    expect(of(1, true)).toMatchObject({ end: 'a', cause: undefined, delay: 0, length: 100 })
    expect(of(1, false)).toMatchObject({ end: 'b', id: of(1, true)?.id })
    expect(of(2, true)).toMatchObject({ cause: 'rule', reason: `rule ${rule.id}` })
    expect(of(2, false)).toBeUndefined()
    expect(of(3, true)).toMatchObject({ delay: 15, cause: undefined })
    expect(of(3, false)).toMatchObject({ delay: 15, id: of(3, true)?.id })
    expect((of(3, false)?.time ?? 0) - (of(3, true)?.time ?? 0)).toBeGreaterThanOrEqual(15)
    for (const { time } of sightings) expect(Math.abs(time - since)).toBeLessThan(5_000)
  })
})

it('watches, rules and injections of many kinds at once, dropped again at random, lose no frame', async () => {
  await using cable = await Cable.lay()
  const sent = stream(cable.a, cable.b, { count: 10_000 })
  let ended = false
  void sent.finally(() => {
    ended = true
  })
  for (let n = 0; !ended; n++) {
    const waiting = cable.pair.a.waitFor({ udp: {} })
    const frames = cable.pair.a.frames({ udp: {} })
    if (n % 3 === 0) await waiting.catch(() => {})
    else void waiting.catch(() => {})
    if (n % 2 === 0) await frames.return()
    else frames[Symbol.asyncDispose]()
    await setImmediate()
  }
  expect((await sent).summary).toEqual({ received: 10_000, damaged: 0, disordered: 0, skipped: 0 })
  await expectBalanced(cable)
})
