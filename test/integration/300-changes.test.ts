// Changing an end that exists: up, down, settings, name; by its own methods and by `ip` from outside. What
// is asked of the kernel right after an order shows the change; what others do arrives as an event.

import { createPair } from 'uveth'
import { describe, expect } from 'vitest'
import { A, B, Cable, listen } from '../support/cable.js'
import { Netns, until } from '../support/netns.js'
import { PingRun, pings } from '../support/ping.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
/** Older kernels rename only what is down. */
const live = needs('root', 'tun', 'netns', 'ip', 'ping', 'kernel 6.2')

describe('up() and down()', () => {
  test('carrier follows both ends, and the kernel shows it when they resolve', async () => {
    await using cable = await Cable.addressed({ a: { up: false }, b: { up: false } })
    const { left, right, pair } = cable
    const seen = listen(pair)
    const states = () => [left.link('x0').operstate, right.link('x1').operstate]
    await pair.a.up()
    expect(left.link('x0').flags).toEqual(expect.arrayContaining(['UP', 'NO-CARRIER']))
    expect([pair.a.isUp, pair.carrier, ...states()]).toEqual([true, false, 'DOWN', 'DOWN'])
    await pair.b.up()
    expect([pair.carrier, ...states()]).toEqual([true, 'UP', 'UP'])
    expect(pings(left, B)).toBe(true)
    await pair.a.down()
    expect([pair.a.isUp, pair.b.isUp, pair.carrier, ...states()]).toEqual([
      false,
      true,
      false,
      'DOWN',
      'DOWN',
    ])
    expect(right.link('x1').flags).toEqual(expect.arrayContaining(['UP', 'NO-CARRIER']))
    await pair.a.up()
    expect(pings(right, A)).toBe(true)
    expect(seen).toEqual([true, false, true].map((on) => ({ event: 'carrier', on })))
  })

  test('twice is as once', async () => {
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    const seen = listen(pair)
    await pair.a.up()
    await Promise.all([pair.a.down(), pair.a.down(), pair.b.down()])
    await Promise.all([pair.a.up(), pair.b.up(), pair.b.up()])
    expect(seen).toEqual([false, true].map((on) => ({ event: 'carrier', on })))
    expect(pings(left, B)).toBe(true)
  })

  test('by others: the pair follows', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const seen = listen(pair)
    right.ip('link', 'set', 'x1', 'down')
    await until('carrier off', () => !pair.carrier)
    expect([pair.a.isUp, pair.b.isUp]).toEqual([true, false])
    await until('NO-CARRIER', () => left.link('x0').flags.includes('NO-CARRIER'))
    right.ip('link', 'set', 'x1', 'up')
    await until('carrier on', () => pair.carrier)
    await until('UP', () => left.link('x0').operstate === 'UP')
    expect(pings(left, B)).toBe(true)
    expect(seen).toEqual([false, true].map((on) => ({ event: 'carrier', on })))
  })
})

describe('set()', () => {
  test('changes everything that is given, in one call', async () => {
    await using cable = await Cable.addressed({ a: { up: false, addresses: [] } })
    const { left, right, pair } = cable
    await pair.a.set({
      name: 'eth7',
      address: '02:00:00:00:00:77',
      mtu: 1400,
      txQueueLength: 77,
      up: true,
      addresses: [`${A}/24`, 'fd00::1/64'],
    })
    expect(left.link('eth7')).toMatchObject({
      address: '02:00:00:00:00:77',
      mtu: 1400,
      txqlen: 77,
      operstate: 'UP',
    })
    expect(pair.a).toMatchObject({ name: 'eth7', address: '02:00:00:00:00:77', mtu: 1400, isUp: true })
    expect(left.ip('-o', 'addr', 'show', 'dev', 'eth7')).toMatch(/10\.77\.0\.1\/24.*\n.*fd00::1\/64/)
    expect(pings(right, A)).toBe(true)
  })

  test('nothing given: nothing changes', async () => {
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    const before = { ...left.link('x0'), stats64: null }
    await pair.a.set({})
    expect({ ...left.link('x0'), stats64: null }).toEqual(before)
  })

  test('the MAC address and the MTU under traffic, by others: reported at once', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    right.ip('link', 'set', 'x1', 'mtu', '9000', 'address', '02:00:00:00:00:99')
    await until('the MTU', () => pair.b.mtu === 9000 && pair.b.address === '02:00:00:00:00:99')
    expect(right.link('x1').mtu).toBe(9000)
    expect(pings(left, B)).toBe(true)
  })

  live('what the kernel refuses is thrown; what it did before that is reported', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const twice = pair.a.set({ name: 'other', addresses: [`${A}/24`] })
    await expect(twice).rejects.toMatchObject({ name: 'UvethError', code: 'EEXIST' })
    expect(pair.a.name).toBe('other')
    expect(left.has('other')).toBe(true)
    expect(pings(right, A)).toBe(true)
  })
})

describe('a rename', () => {
  live('by rename(): says renamed, and the old name is free', async () => {
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    const seen = listen(pair)
    const { ifindex } = pair.a
    await pair.a.rename('eth0')
    expect([left.has('eth0'), left.has('x0')]).toEqual([true, false])
    expect(pair.a).toMatchObject({ name: 'eth0', ifindex, netns: left.name })
    expect(seen).toEqual([{ event: 'renamed', end: 'a', name: 'eth0', previous: 'x0' }])
    await pair.a.rename('eth0')
    expect(seen).toHaveLength(1)
  })

  test('to a template takes a free number', async () => {
    using left = Netns.create('left')
    left.ip('tuntap', 'add', 'dev', 'eth0', 'mode', 'tap')
    await using pair = await createPair({
      a: { name: 'x', netns: left.name },
      b: { name: 'y', netns: left.name },
    })
    await pair.a.rename('eth%d')
    expect(pair.a.name).toBe('eth1')
  })

  live('to a taken name: EEXIST, and nothing changes', async () => {
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    const seen = listen(pair)
    left.ip('tuntap', 'add', 'dev', 'taken', 'mode', 'tap')
    await expect(pair.a.rename('taken')).rejects.toMatchObject({ name: 'UvethError', code: 'EEXIST' })
    await expect(pair.a.rename('lo')).rejects.toMatchObject({ code: 'EEXIST' })
    expect(pair.a.name).toBe('x0')
    expect(seen).toEqual([])
    expect(pings(left, B)).toBe(true)
  })

  live('of both ends to each other’s name, in two namespaces', async () => {
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    await Promise.all([pair.a.rename('x1'), pair.b.rename('x0')])
    expect([pair.a.name, pair.b.name]).toEqual(['x1', 'x0'])
    expect(pings(left, B)).toBe(true)
  })

  live('while traffic flows, by rename() and by `ip link set … name`: no frame is lost', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const seen = listen(pair)
    const count = 120
    const run = new PingRun(left, B, count)
    const through = (n: number) => until(`${n} pings`, () => pair.counters().a.tx_packets > n)
    await through(10)
    left.ip('link', 'set', 'x0', 'name', 'eth0')
    await through(30)
    right.ip('link', 'set', 'x1', 'name', 'eth1')
    await through(50)
    await pair.a.rename('veth2')
    await through(70)
    await pair.b.rename('veth3')
    expect(await run.received).toBe(count)
    expect([pair.a.name, pair.b.name]).toEqual(['veth2', 'veth3'])
    expect(seen).toEqual([
      { event: 'renamed', end: 'a', name: 'eth0', previous: 'x0' },
      { event: 'renamed', end: 'b', name: 'eth1', previous: 'x1' },
      { event: 'renamed', end: 'a', name: 'veth2', previous: 'eth0' },
      { event: 'renamed', end: 'b', name: 'veth3', previous: 'eth1' },
    ])
    const { drops } = pair.counters().a
    expect(Object.values(drops)).toEqual(Object.keys(drops).map(() => 0))
  })
})
