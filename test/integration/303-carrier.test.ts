// Carrier by order: setCarrier, and `ip link set … carrier` by others. `off` pulls the plug on both ends,
// `auto` gives it back to the rule (both ends up), `on` holds it. That carrier follows up and down by itself
// is in other files.

import { execFileSync } from 'node:child_process'
import { createPair } from 'uveth'
import { describe, expect } from 'vitest'
import { A, B, Cable, listen } from '../support/cable.js'
import { Netns, until } from '../support/netns.js'
import { pings } from '../support/ping.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
const OFF = { event: 'carrier', on: false }
const ON = { event: 'carrier', on: true }

/** operstate of both ends, as `ip link` says it now. */
function states(left: Netns, right: Netns): string[] {
  return [left.link('x0').operstate, right.link('x1').operstate]
}

describe('setCarrier', () => {
  test('off: NO-CARRIER on both ends when it resolves, and nothing crosses', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const seen = listen(pair)
    expect(pings(left, B)).toBe(true)
    await pair.setCarrier('off')
    expect(states(left, right)).toEqual(['DOWN', 'DOWN'])
    expect(left.link('x0').flags).toEqual(expect.arrayContaining(['UP', 'NO-CARRIER']))
    expect([pair.carrier, pair.a.carrier, pair.b.carrier]).toEqual([false, false, false])
    expect([pair.a.isUp, pair.b.isUp]).toEqual([true, true])
    const { tx_packets } = pair.counters().a
    expect(pings(left, B)).toBe(false)
    expect(pair.counters().a.tx_packets).toBe(tx_packets)
    expect(seen).toEqual([OFF])
  })

  test('auto: back to the rule', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const seen = listen(pair)
    await pair.setCarrier('off')
    await pair.setCarrier('auto')
    expect(states(left, right)).toEqual(['UP', 'UP'])
    expect(pings(left, B)).toBe(true)
    await pair.setCarrier('off')
    await pair.b.down()
    await pair.setCarrier('auto')
    expect(pair.carrier).toBe(false)
    await pair.b.up()
    expect(states(left, right)).toEqual(['UP', 'UP'])
    expect(seen).toEqual([OFF, ON, OFF, ON])
  })

  test('off holds while the ends go down and up', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    await pair.setCarrier('off')
    await pair.a.down()
    await pair.a.up()
    right.ip('link', 'set', 'x1', 'down')
    right.ip('link', 'set', 'x1', 'up')
    await until('b is up', () => pair.b.isUp)
    expect([pair.carrier, ...states(left, right)]).toEqual([false, 'DOWN', 'DOWN'])
  })

  test('on holds while the peer is down, and what is sent is counted as dropped', async () => {
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    await pair.setCarrier('on')
    await pair.b.down()
    expect(left.link('x0')).toMatchObject({ operstate: 'UP' })
    expect(pair.carrier).toBe(true)
    const before = pair.counters().a.drops.down
    expect(pings(left, B)).toBe(false)
    await until('drops', () => pair.counters().a.drops.down > before)
    await pair.b.up()
    expect(pings(left, B)).toBe(true)
  })

  test('the same again changes nothing and says nothing', async () => {
    await using cable = await Cable.addressed()
    const { pair } = cable
    const seen = listen(pair)
    await pair.setCarrier('auto')
    await pair.setCarrier('on')
    expect(seen).toEqual([])
    await Promise.all([pair.setCarrier('off'), pair.setCarrier('off')])
    expect(seen).toEqual([OFF])
  })

  test('before the ends are up: off holds at birth, on shows once they are', async () => {
    await using cable = await Cable.addressed({ a: { up: false }, b: { up: false } })
    const { left, right, pair } = cable
    await pair.setCarrier('off')
    await pair.a.up()
    await pair.b.up()
    expect(pair.carrier).toBe(false)
    await until('the kernel to act', () => states(left, right).join() === 'DOWN,DOWN') // before 6.8 nobody waits
    await pair.setCarrier('on')
    expect([pair.carrier, ...states(left, right)]).toEqual([true, 'UP', 'UP'])
  })

  test('flaps quickly: every change reaches the kernel', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    for (let round = 0; round < 10; round++) {
      await pair.setCarrier('off')
      expect(states(left, right)).toEqual(['DOWN', 'DOWN'])
      await pair.setCarrier('auto')
      expect(states(left, right)).toEqual(['UP', 'UP'])
    }
  })

  test('a flap that is ended gives carrier back at once: by an order, and by a signal', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const ended = new AbortController()
    const flaps = [pair.flap(60_000, 2)]
    await until('no carrier', () => !pair.carrier)
    await pair.setCarrier('auto')
    flaps.push(pair.flap(60_000, 2, { signal: ended.signal }))
    await until('no carrier', () => !pair.carrier)
    ended.abort()
    await Promise.all(flaps)
    expect([pair.carrier, ...states(left, right)]).toEqual([true, 'UP', 'UP'])
    await pair.flap(60_000, 2, { signal: ended.signal })
    expect(pair.carrier).toBe(true)
  })

  test('another mode is refused', async () => {
    using left = Netns.create('left')
    await using pair = await createPair({ a: { netns: left.name }, b: { netns: left.name } })
    const wrong = pair.setCarrier('down' as never)
    await expect(wrong).rejects.toMatchObject({ name: 'UvethError', code: 'EINVAL' })
    expect(pair.carrier).toBe(false)
  })
})

describe('`ip link set … carrier` by others', () => {
  test('off forces the pair off, until somebody gives it back', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const seen = listen(pair)
    left.ip('link', 'set', 'x0', 'carrier', 'off')
    await until('both ends off', () => !pair.carrier && states(left, right).join() === 'DOWN,DOWN')
    expect(pings(right, A)).toBe(false)
    // Up and down do not bring it back: it is forced.
    await pair.b.down()
    await pair.b.up()
    expect([pair.carrier, ...states(left, right)]).toEqual([false, 'DOWN', 'DOWN'])
    await pair.setCarrier('auto')
    expect([pair.carrier, ...states(left, right)]).toEqual([true, 'UP', 'UP'])
    expect(pings(right, A)).toBe(true)
    expect(seen).toEqual([OFF, ON])
  })

  test('on gives it back to the rule, from either end', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    right.ip('link', 'set', 'x1', 'carrier', 'off')
    await until('carrier off', () => !pair.carrier && states(left, right).join() === 'DOWN,DOWN')
    left.ip('link', 'set', 'x0', 'carrier', 'on')
    await until('carrier on', () => pair.carrier && states(left, right).join() === 'UP,UP')
    expect(pings(left, B)).toBe(true)
    await pair.a.down()
    expect(pair.carrier).toBe(false)
  })

  test('is followed while the main thread is blocked', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const script = `
      ip -n ${left.name} link set x0 carrier off
      for try in $(seq 100); do
        ip -n ${right.name} -br link show x1 | grep -q NO-CARRIER && { echo off; exit; }
        sleep 0.05
      done`
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe('off\n')
    await until('the event', () => !pair.carrier)
  })
})
