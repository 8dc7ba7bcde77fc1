// Rules: what is done to exactly the frames that are meant, from the moment in which the call returns. Counted
// by whoever sends, by the rule, and by the pair.

import type { Match, Rule, RuleOptions } from 'uveth'
import { describe, expect } from 'vitest'
import { addressed, Cable, stream } from '../support/cable.js'
import { ETH_P, ethernet, filler, tagged } from '../support/frames.js'
import { expectBalanced, marked, marksAtB, sendMarks } from '../support/hooks.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')

/** The marked frame with this number. */
const mark = (number: number): Match => ({ bytes: [[14, 0xff, number]] })

/** A server that answers each datagram with itself, and a client that asks up to three times, 300 ms each. */
const ECHO = `const socket = require('node:dgram').createSocket('udp4')
  .on('message', (message, { port, address }) => socket.send(message, port, address))
  .bind(5353, '10.77.0.2', () => console.log('bound'))`
const RESOLVE = `const socket = require('node:dgram').createSocket('udp4')
  let name = 0, tries = 0, timer
  const asked = []
  const ask = () => {
    tries++
    socket.send('query ' + name, 5353, '10.77.0.2')
    timer = setTimeout(ask, 300)
  }
  socket.on('message', () => {
    clearTimeout(timer)
    asked.push(tries)
    tries = 0
    if (++name < 6) return ask()
    console.log(JSON.stringify(asked))
    socket.close()
  })
  ask()`

it('of an exchange like DNS’s the third reply is lost, exactly once', async () => {
  await using cable = await Cable.lay(addressed())
  const echo = cable.right.spawn(process.execPath, ['-e', ECHO])
  await new Promise((bound) => echo.stdout?.once('data', bound))
  const rule = cable.pair.b.drop({ udp: { sport: 5353 }, nth: 3 })
  expect(cable.left.exec(process.execPath, '-e', RESOLVE)).toBe('[1,1,2,1,1,1]\n')
  expect([rule.matched, rule.hits]).toEqual([7, 1])
  const { b } = await expectBalanced(cable)
  expect(b.drops.rule).toBe(1)
})

it('given at creation, is in force from the first frame, in the order of its kind', async () => {
  // Of a fresh interface's own chatter as well: nothing of it arrives.
  const rules: RuleOptions[] = [
    { action: { kind: 'delay', ms: 1 }, match: mark(1) },
    { action: { kind: 'drop' }, match: { first: 2 } },
    { action: { kind: 'drop' }, match: { ethertype: 'ipv6' } },
  ]
  await using cable = await Cable.lay({ quiet: false, a: { rules } })
  expect(cable.pair.a.rules().map(({ id, action }) => [id, action.kind])).toEqual([
    [1, 'delay'],
    [2, 'drop'],
    [3, 'drop'],
  ])
  await until('the chatter to be over', () => (cable.pair.a.rules()[2]?.hits ?? 0) > 0)
  expect(cable.pair.a.rules()[1]?.hits).toBe(2)
  expect(cable.pair.counters().b.rx_packets).toBe(0)
  expect(cable.pair.b.drop(mark(2)).id).toBe(4)
})

it('is armed when the call returns (invariant 11): the very next frame meets it, a hundred times', async () => {
  await using cable = await Cable.lay()
  for (let n = 0; n < 100; n++) {
    const rule = cable.pair.a.drop(mark(1))
    sendMarks(cable, 1, 2)
    expect(await marksAtB(cable, 1)).toEqual([2])
    rule.remove()
    sendMarks(cable, 1)
    expect(await marksAtB(cable, 1)).toEqual([1])
    expect(rule.hits).toBe(1)
  }
  const { a } = await expectBalanced(cable)
  expect(a.drops).toMatchObject({ rule: 100 })
  expect(a.kernel?.tx_dropped).toBe(0)
})

it('acts on what its own end sends, and not on what its peer does', async () => {
  await using cable = await Cable.lay()
  cable.pair.a.drop({})
  cable.b.send(marked(7))
  expect((await cable.a.receive())?.[14]).toBe(7)
  sendMarks(cable, 1)
  await until('dropped', () => cable.pair.counters().a.drops.rule === 1)
})

describe('nth, every and first', () => {
  it.each<[match: Match, passes: number[], hits: number]>([
    [{ nth: 2 }, [1, 3, 4, 5, 6, 7], 1],
    [{ every: 3 }, [1, 2, 4, 5, 7], 2],
    [{ first: 4 }, [5, 6, 7], 4],
    [{}, [], 7],
  ])('%j', async (which, passes, hits) => {
    await using cable = await Cable.lay()
    const rule = cable.pair.a.drop({ ...which, ethertype: ETH_P.EXPERIMENT })
    sendMarks(cable, 1, 2, 3, 4, 5, 6, 7)
    cable.a.send(ethernet(0xfeed, Buffer.alloc(46, 99))) // not meant, and the last one
    expect(await marksAtB(cable, passes.length + 1)).toEqual([...passes, 99])
    expect(rule).toMatchObject({ matched: 7, hits })
    expect(cable.pair.a.rules()).toMatchObject([{ id: rule.id, matched: 7, hits }])
    await expectBalanced(cable)
  })
})

describe('what it does', () => {
  it('delays: what is not meant overtakes', async () => {
    await using cable = await Cable.lay()
    cable.pair.a.delay(mark(1), 60)
    const before = performance.now()
    sendMarks(cable, 1, 2, 3)
    expect(await marksAtB(cable, 3)).toEqual([2, 3, 1])
    expect(performance.now() - before).toBeGreaterThanOrEqual(60)
    await expectBalanced(cable)
  })

  it('duplicates: the copies come right behind', async () => {
    await using cable = await Cable.lay()
    cable.pair.a.duplicate(mark(1), 3)
    sendMarks(cable, 1, 2)
    expect(await marksAtB(cable, 5)).toEqual([1, 1, 1, 1, 2])
    expect((await expectBalanced(cable)).a.inspected.copied).toBe(3)
  })

  it('flips the bits of a mask', async () => {
    await using cable = await Cable.lay()
    cable.pair.a.corrupt(mark(1), { offset: 20, mask: 0x81 })
    const frame = marked(1)
    cable.a.send(frame)
    frame[20]! ^= 0x81
    expect(Buffer.from((await cable.b.receive()) ?? [])).toEqual(frame)
  })

  it('flips so many bits as it is told, behind the header, the same for the same seed', async () => {
    await using cable = await Cable.lay()
    const seen: string[] = []
    for (const seed of [1, 1, 2]) {
      using _rule = cable.pair.a.corrupt(mark(1), { bits: 5, seed })
      const frame = marked(1)
      cable.a.send(frame)
      const came = Buffer.from((await cable.b.receive()) ?? [])
      const flipped = came.map((byte, at) => byte ^ (frame[at] as number))
      expect([...flipped].reduce((sum, byte) => sum + bits(byte), 0)).toBe(5)
      expect([...flipped.subarray(0, 14)].every((byte) => byte === 0)).toBe(true)
      seen.push(Buffer.from(flipped).toString('hex'))
    }
    expect(seen[1]).toBe(seen[0])
    expect(seen[2]).not.toBe(seen[0])
  })
})

describe('several', () => {
  it('are asked in their order: what one has dropped, the next one does not see', async () => {
    await using cable = await Cable.lay()
    const rules = [cable.pair.a.drop(mark(1)), cable.pair.a.drop({ ethertype: ETH_P.EXPERIMENT, first: 1 })]
    sendMarks(cable, 1, 2, 3)
    expect(await marksAtB(cable, 1)).toEqual([3])
    expect(rules.map(({ matched, hits }) => [matched, hits])).toEqual([
      [1, 1],
      [2, 1],
    ])
  })

  it('add up: delayed twice and doubled twice', async () => {
    await using cable = await Cable.lay()
    const { a } = cable.pair
    for (const _ of [1, 2]) {
      a.delay(mark(1), 40)
      a.duplicate(mark(1))
    }
    const before = performance.now()
    sendMarks(cable, 1)
    expect(await marksAtB(cable, 3)).toEqual([1, 1, 1])
    expect(performance.now() - before).toBeGreaterThanOrEqual(80)
    await expectBalanced(cable)
  })

  it('stand in the statistics with their counts, and are taken away by their numbers', async () => {
    await using cable = await Cable.lay()
    const { a } = cable.pair
    const [one, other] = [a.drop(mark(1)), a.duplicate(mark(2), 2)] as [Rule, Rule]
    sendMarks(cable, 1, 2)
    expect(await marksAtB(cable, 3)).toEqual([2, 2, 2])
    expect((await cable.pair.stats()).a.rules).toEqual([
      { id: one.id, action: { kind: 'drop' }, match: { bytes: [[14, 'ff', '01']] }, matched: 1, hits: 1 },
      {
        ...{ id: other.id, action: { kind: 'duplicate', copies: 2 } },
        ...{ match: { bytes: [[14, 'ff', '02']] }, matched: 1, hits: 1 },
      },
    ])
    expect(a.removeRule(one.id)).toBe(true)
    expect(a.removeRule(one.id)).toBe(false)
    expect(cable.pair.b.removeRule(other.id)).toBe(false)
    expect(a.rules().map(({ id }) => id)).toEqual([other.id])
    expect(one.hits).toBe(0)
    expect((await cable.pair.stats()).b.rules).toEqual([])
  })

  it('a thousand of them on one end', async () => {
    await using cable = await Cable.lay()
    const rules = Array.from({ length: 1_000 }, (_, n) =>
      cable.pair.a.drop({ bytes: [[14, 'ffff', n.toString(16).padStart(4, '0')]] }),
    )
    await cable.pair.a.settled()
    const frame = marked(0)
    frame.writeUInt16BE(999, 14)
    cable.a.send(frame)
    frame.writeUInt16BE(1_000, 14)
    cable.a.send(frame)
    expect(await marksAtB(cable, 1)).toEqual([1_000 >> 8])
    expect(rules.filter(({ hits }) => hits > 0).map(({ id }) => id)).toEqual([rules[999]?.id])
    for (const rule of rules) rule.remove()
    expect(cable.pair.a.rules()).toEqual([])
  })
})

it('frames that are not meant lose nothing: 10,000 of them around 100 that are dropped', async () => {
  await using cable = await Cable.lay()
  const rule = cable.pair.a.drop({ ethertype: ETH_P.EXPERIMENT })
  const before = stream(cable.a, cable.b, { count: 10_000 })
  for (let n = 0; n < 100; n++) {
    sendMarks(cable, n)
    await new Promise(setImmediate)
  }
  expect((await before).summary).toEqual({ received: 10_000, damaged: 0, disordered: 0, skipped: 0 })
  await until('all dropped', () => rule.hits === 100)
  await expectBalanced(cable)
})

it('sees through VLAN tags, and leaves tags as they were', async () => {
  await using cable = await Cable.lay()
  const rule = cable.pair.a.delay({ vlan: { id: 7 }, ethertype: ETH_P.EXPERIMENT }, 5)
  const frame = tagged(ethernet(ETH_P.EXPERIMENT, filler(60)), 7, ETH_P.VLAN, 3)
  cable.a.send(frame)
  expect(Buffer.from((await cable.b.receive()) ?? [])).toEqual(frame)
  expect(rule.hits).toBe(1)
})

function bits(byte: number): number {
  return byte === 0 ? 0 : (byte & 1) + bits(byte >> 1)
}
