// Changing an end that exists: up, down, settings, name; by its own methods and by `ip` from outside. What
// is asked of the kernel right after an order shows the change; what others do arrives as an event.

import { createPair } from 'uveth'
import { describe, expect } from 'vitest'
import { Netns, until } from '../support/netns.js'
import { needs } from '../support/skip.js'
import { A, B, listen, PingRun, pings, wired } from '../support/wiring.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
/** Older kernels rename only what is down. */
const live = needs('root', 'tun', 'netns', 'ip', 'ping', 'kernel 6.2')

describe('up() and down()', () => {
  test('carrier follows both ends, and the kernel shows it when they resolve', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right, { a: { up: false }, b: { up: false } }))
    const seen = listen(pair)
    const states = () => [left.link('veth0').operstate, right.link('veth1').operstate]
    await pair.a.up()
    expect(left.link('veth0').flags).toEqual(expect.arrayContaining(['UP', 'NO-CARRIER']))
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
    expect(right.link('veth1').flags).toEqual(expect.arrayContaining(['UP', 'NO-CARRIER']))
    await pair.a.up()
    expect(pings(right, A)).toBe(true)
    expect(seen).toEqual([true, false, true].map((on) => ({ event: 'carrier', on })))
  })

  test('twice is as once', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right))
    const seen = listen(pair)
    await pair.a.up()
    await Promise.all([pair.a.down(), pair.a.down(), pair.b.down()])
    await Promise.all([pair.a.up(), pair.b.up(), pair.b.up()])
    expect(seen).toEqual([false, true].map((on) => ({ event: 'carrier', on })))
    expect(pings(left, B)).toBe(true)
  })

  test('by others: the pair follows', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right))
    const seen = listen(pair)
    right.ip('link', 'set', 'veth1', 'down')
    await until('carrier off', () => !pair.carrier)
    expect([pair.a.isUp, pair.b.isUp]).toEqual([true, false])
    await until('NO-CARRIER', () => left.link('veth0').flags.includes('NO-CARRIER'))
    right.ip('link', 'set', 'veth1', 'up')
    await until('carrier on', () => pair.carrier)
    await until('UP', () => left.link('veth0').operstate === 'UP')
    expect(pings(left, B)).toBe(true)
    expect(seen).toEqual([false, true].map((on) => ({ event: 'carrier', on })))
  })
})

describe('set()', () => {
  test('changes everything that is given, in one call', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right, { a: { up: false, addresses: [] } }))
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
    expect(left.ip('-o', 'addr', 'show', 'dev', 'eth7')).toMatch(/10\.0\.0\.1\/24.*\n.*fd00::1\/64/)
    expect(pings(right, A)).toBe(true)
  })

  test('nothing given: nothing changes', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right))
    const before = { ...left.link('veth0'), stats64: null }
    await pair.a.set({})
    expect({ ...left.link('veth0'), stats64: null }).toEqual(before)
  })

  test('the MAC address and the MTU under traffic, by others: reported at once', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right))
    right.ip('link', 'set', 'veth1', 'mtu', '9000', 'address', '02:00:00:00:00:99')
    await until('the MTU', () => pair.b.mtu === 9000 && pair.b.address === '02:00:00:00:00:99')
    expect(right.link('veth1').mtu).toBe(9000)
    expect(pings(left, B)).toBe(true)
  })

  live('what the kernel refuses is thrown; what it did before that is reported', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right))
    const twice = pair.a.set({ name: 'other', addresses: [`${A}/24`] })
    await expect(twice).rejects.toMatchObject({ name: 'UvethError', code: 'EEXIST' })
    expect(pair.a.name).toBe('other')
    expect(left.has('other')).toBe(true)
    expect(pings(right, A)).toBe(true)
  })
})

describe('a rename', () => {
  live('by rename(): says renamed, and the old name is free', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right))
    const seen = listen(pair)
    const { ifindex } = pair.a
    await pair.a.rename('eth0')
    expect([left.has('eth0'), left.has('veth0')]).toEqual([true, false])
    expect(pair.a).toMatchObject({ name: 'eth0', ifindex, netns: left.name })
    expect(seen).toEqual([{ event: 'renamed', end: 'a', name: 'eth0', previous: 'veth0' }])
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
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right))
    const seen = listen(pair)
    left.ip('tuntap', 'add', 'dev', 'taken', 'mode', 'tap')
    await expect(pair.a.rename('taken')).rejects.toMatchObject({ name: 'UvethError', code: 'EEXIST' })
    await expect(pair.a.rename('lo')).rejects.toMatchObject({ code: 'EEXIST' })
    expect(pair.a.name).toBe('veth0')
    expect(seen).toEqual([])
    expect(pings(left, B)).toBe(true)
  })

  live('of both ends to each other’s name, in two namespaces', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right))
    await Promise.all([pair.a.rename('veth1'), pair.b.rename('veth0')])
    expect([pair.a.name, pair.b.name]).toEqual(['veth1', 'veth0'])
    expect(left.link('veth1').ifalias).toBe(`uveth peer veth0 netns ${right.name}`)
    expect(pings(left, B)).toBe(true)
  })

  live('while traffic flows, by rename() and by `ip link set … name`: no frame is lost', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair(wired(left, right))
    const seen = listen(pair)
    const count = 120
    const run = new PingRun(left, B, count)
    const through = (n: number) => until(`${n} pings`, () => pair.counters().a.tx_packets > n)
    await through(10)
    left.ip('link', 'set', 'veth0', 'name', 'eth0')
    await through(30)
    right.ip('link', 'set', 'veth1', 'name', 'eth1')
    await through(50)
    await pair.a.rename('veth2')
    await through(70)
    await pair.b.rename('veth3')
    expect(await run.received).toBe(count)
    expect([pair.a.name, pair.b.name]).toEqual(['veth2', 'veth3'])
    expect(seen).toEqual([
      { event: 'renamed', end: 'a', name: 'eth0', previous: 'veth0' },
      { event: 'renamed', end: 'b', name: 'eth1', previous: 'veth1' },
      { event: 'renamed', end: 'a', name: 'veth2', previous: 'eth0' },
      { event: 'renamed', end: 'b', name: 'veth3', previous: 'eth1' },
    ])
    const { drops } = pair.counters().a
    expect(Object.values(drops)).toEqual(Object.keys(drops).map(() => 0))
  })
})
