// Moving an end to another namespace, by move() and by `ip link set … netns` from outside. As with the
// kernel's veth it arrives down and without addresses; pair, counters and id stay, and traffic flows again
// once it is up and addressed.

import { describe, expect } from 'vitest'
import { A, B, Cable, listen } from '../support/cable.js'
import { Netns, uniqueName, until } from '../support/netns.js'
import { PingRun, pings } from '../support/ping.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')

describe('an end that others move', () => {
  test('is down and without addresses, in the same pair, and traffic flows again', async () => {
    using other = Netns.create('other')
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const seen = listen(pair)
    const run = new PingRun(right, A, 100)
    await until('traffic', () => pair.counters().a.tx_packets > 10)
    left.ip('link', 'set', 'x0', 'netns', other.name)
    await until('moved', () => pair.a.netns === other.name)
    const before = pair.counters()
    expect(before.a.tx_packets).toBeGreaterThan(10)
    expect(other.link('x0').flags).not.toContain('UP')
    expect(other.ip('-o', '-4', 'addr')).toBe('')
    await until('carrier off', () => !pair.carrier)
    expect(pair.a).toMatchObject({ name: 'x0', isUp: false, ifindex: other.link('x0').ifindex })
    await until('NO-CARRIER', () => right.link('x1').flags.includes('NO-CARRIER'))
    other.ip('addr', 'add', `${A}/24`, 'dev', 'x0')
    other.ip('link', 'set', 'x0', 'up')
    await until('carrier on', () => pair.carrier)
    expect(pings(right, A) && pings(other, B)).toBe(true)
    const received = await run.received
    expect(received).toBeGreaterThan(10)
    const after = pair.counters()
    expect(after.a.tx_packets).toBeGreaterThan(before.a.tx_packets)
    expect(after.b.tx_packets).toBeGreaterThan(before.b.tx_packets)
    expect(pair.closed).toBeUndefined()
    expect(pair.id).toBe('x0')
    const { ifindex } = other.link('x0')
    expect(seen).toEqual([
      { event: 'moved', end: 'a', netns: other.name, ifindex, name: 'x0' },
      { event: 'carrier', on: false },
      { event: 'carrier', on: true },
    ])
  })

  test('and rename in the same order: one event, with both', async () => {
    using other = Netns.create('other')
    await using cable = await Cable.addressed()
    const { right, pair } = cable
    const seen = listen(pair)
    right.ip('link', 'set', 'x1', 'netns', other.name, 'name', 'eth0')
    await until('moved', () => seen.length === 2)
    const { ifindex } = other.link('eth0')
    expect(seen[0]).toEqual({ event: 'moved', end: 'b', netns: other.name, ifindex, name: 'eth0' })
    expect(pair.b).toMatchObject({ name: 'eth0', netns: other.name, ifindex, isUp: false })
  })

  test('several times in a row is where it is in the end', async () => {
    using other = Netns.create('other')
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    for (let round = 0; round < 5; round++) {
      left.ip('link', 'set', 'x0', 'netns', other.name)
      other.ip('link', 'set', 'x0', 'netns', left.name)
    }
    left.ip('link', 'set', 'x0', 'netns', right.name)
    right.ip('link', 'set', 'x0', 'up')
    await until('the last place', () => pair.a.netns === right.name && pair.a.isUp)
    expect(pair.a.ifindex).toBe(right.link('x0').ifindex)
    await until('carrier', () => pair.carrier)
  })

  test('to home and back', async () => {
    const name = uniqueName('home')
    await using cable = await Cable.addressed({ a: { name } })
    const { left, right, pair } = cable
    left.ip('link', 'set', name, 'netns', `${process.pid}`)
    await until('home', () => pair.a.netns === null)
    await pair.a.move(left.name, { addresses: [`${A}/24`], up: true })
    expect(pair.a).toMatchObject({ name, netns: left.name, isUp: true })
    expect(pings(right, A)).toBe(true)
  })

  test('into a namespace without a name: reported by its inode', async () => {
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    const inside = left.spawn('unshare', ['-n', 'sh', '-c', 'readlink /proc/self/ns/net; exec sleep 3600'])
    const inode = await new Promise((said) => inside.stdout?.once('data', (line) => said(`${line}`.trim())))
    left.ip('link', 'set', 'x0', 'netns', `${inside.pid}`)
    await until('moved', () => pair.a.netns === inode)
    expect(pair.closed).toBeUndefined()
  })
})

describe('move()', () => {
  test('alone: down, without addresses, the name kept; traffic once up and addressed', async () => {
    using other = Netns.create('other')
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    expect(pings(left, B)).toBe(true)
    const before = pair.counters().a.tx_packets
    const seen = listen(pair)
    await pair.a.move(other.name)
    expect([left.has('x0'), other.has('x0')]).toEqual([false, true])
    expect(pair.a).toMatchObject({ name: 'x0', netns: other.name, isUp: false, carrier: false })
    expect(other.link('x0').inet6_addr_gen_mode).toBe('none') // the pair is quiet, there too
    expect(other.ip('-o', 'addr', 'show', 'dev', 'x0')).toBe('')
    await pair.a.set({ up: true, addresses: [`${A}/24`, 'fd00::1/64'] })
    expect(other.link('x0').operstate).toBe('UP')
    expect(pings(other, B)).toBe(true)
    expect(pair.counters().a.tx_packets).toBeGreaterThan(before)
    expect(seen.map(({ event }) => event)).toEqual(['moved', 'carrier', 'carrier'])
  })

  test('with addresses, up and a new name: usable when it resolves', async () => {
    using other = Netns.create('other')
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    const seen = listen(pair)
    await pair.b.move(other.path, { addresses: [`${B}/24`], up: true, name: 'eth%d', mtu: 1400 })
    expect(other.link('eth0')).toMatchObject({ operstate: 'UP', mtu: 1400 })
    expect(pair.b).toMatchObject({ name: 'eth0', netns: other.name, isUp: true, mtu: 1400 })
    expect(pings(left, B)).toBe(true)
    const { ifindex } = other.link('eth0')
    expect(seen).toContainEqual({ event: 'moved', end: 'b', netns: other.name, ifindex, name: 'eth0' })
    expect(seen.filter(({ event }) => event === 'renamed')).toEqual([])
  })

  test('to home and back', async () => {
    const name = uniqueName('home')
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    await pair.a.move(null, { name })
    expect(pair.a).toMatchObject({ name, netns: null, isUp: false })
    await pair.a.move(left.name, { name: 'x0', addresses: [`${A}/24`], up: true })
    expect(pair.a).toMatchObject({ name: 'x0', netns: left.name, isUp: true })
    expect(pings(right, A)).toBe(true)
  })

  test('to where it is: nothing is lost', async () => {
    await using cable = await Cable.addressed()
    const { left, pair } = cable
    const seen = listen(pair)
    await pair.a.move(left.name, { up: true })
    expect(pair.a).toMatchObject({ name: 'x0', netns: left.name, isUp: true })
    expect(seen.filter(({ event }) => event === 'moved')).toEqual([])
    expect(pair.carrier).toBe(true)
  })

  test('of both ends at once', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    await Promise.all([
      pair.a.move(right.name, { addresses: [`${A}/24`], up: true }),
      pair.b.move(left.name, { addresses: [`${B}/24`], up: true }),
    ])
    expect([pair.a.netns, pair.b.netns]).toEqual([right.name, left.name])
    expect(pings(right, B)).toBe(true)
  })

  test('onto a taken name: EEXIST, it stays where it is and carries on', async () => {
    using other = Netns.create('other')
    other.ip('tuntap', 'add', 'dev', 'x0', 'mode', 'tap')
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const seen = listen(pair)
    await expect(pair.a.move(other.name)).rejects.toMatchObject({ name: 'UvethError', code: 'EEXIST' })
    expect(pair.a).toMatchObject({ netns: left.name, name: 'x0', isUp: true })
    expect(pings(right, A)).toBe(true)
    expect(seen).toEqual([])
  })

  test('with a new name that is taken: EEXIST, and the pair knows where the end is and can be used', async () => {
    using other = Netns.create('other')
    other.ip('tuntap', 'add', 'dev', 'taken', 'mode', 'tap')
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const move = pair.a.move(other.name, { name: 'taken', up: true })
    await expect(move).rejects.toMatchObject({ name: 'UvethError', code: 'EEXIST' })
    const where = left.has('x0') ? left : other
    expect(pair.a).toMatchObject({ netns: where.name, ifindex: where.link(pair.a.name).ifindex })
    await pair.a.move(left.name, { name: 'again', up: true, addresses: [`${A}/16`] })
    expect(pair.a).toMatchObject({ netns: left.name, name: 'again', isUp: true })
    expect(pings(right, A)).toBe(true)
  })

  test('to a namespace that is not there: ENOENT, and nothing changes', async () => {
    await using cable = await Cable.addressed()
    const { right, pair } = cable
    await expect(pair.a.move('uvt-no-such')).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(pair.a.move('/etc/passwd')).rejects.toMatchObject({ code: 'EINVAL' })
    expect(pings(right, A)).toBe(true)
  })
})
