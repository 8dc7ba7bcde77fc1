// What createPair makes: defaults, each option of an end, the places that a namespace can be given by, and
// that resolved means usable. The kernel's own tools are asked, at once and without waiting.

import { createPair } from 'uveth'
import { describe, expect } from 'vitest'
import { A, addressed, B, between, Cable } from '../support/cable.js'
import { homeLink, Netns, uniqueName, until } from '../support/netns.js'
import { pings } from '../support/ping.js'
import { evaluate, launch } from '../support/program.js'
import { kernelAtLeast, needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
const IPV4 = `${A}/24`
const IPV6 = 'fd00::1/64'

/** Flags of the addresses of a link, as `ip` has them, by address. */
function addresses(netns: Netns, name: string): Map<string, Record<string, unknown>> {
  const [link] = JSON.parse(netns.ip('-json', 'addr', 'show', 'dev', name))
  return new Map(link.addr_info.map((info: { local: string }) => [info.local, info]))
}

/** Binds a UDP socket to each address, in the namespace; throws if one cannot be. */
function bind(netns: Netns, ...addresses: string[]): void {
  const script = `
    const { createSocket } = require('node:dgram')
    for (const address of ${JSON.stringify(addresses)}) {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
      socket.bind(0, address, () => socket.close())
    }`
  netns.exec(process.execPath, '-e', script)
}

describe('createPair() alone', () => {
  test('makes veth0 and veth1 at home, down, with the defaults', async () => {
    using home = Netns.create('home')
    await using program = launch(
      async ({ createPair, say }) => {
        const { id, a, b, carrier, closed } = await createPair()
        const of = ({ name, netns, mtu, isUp, address }: typeof a) => ({ name, netns, mtu, isUp, address })
        say({ event: 'made', id, carrier, closed: closed ?? null, a: of(a), b: of(b), peers: a.peer === b })
      },
      null,
      { netns: home.name },
    )
    const made = await program.next('made')
    const links = home.links().filter(({ ifname }) => ifname !== 'lo')
    expect(links.map(({ ifname }) => ifname).sort()).toEqual(['veth0', 'veth1'])
    expect(made).toMatchObject({ id: 'veth0', carrier: false, closed: null, peers: true })
    for (const [end, name] of [
      ['a', 'veth0'],
      ['b', 'veth1'],
    ] as const) {
      const link = home.link(name)
      expect(made[end]).toEqual({ name, netns: null, mtu: 1500, isUp: false, address: link.address })
      expect(link).toMatchObject({
        mtu: 1500,
        txqlen: 8192,
        operstate: 'DOWN',
        linkinfo: { info_kind: 'tun' },
      })
      expect(link.flags).not.toContain('UP')
    }
  })

  test('gives each end a random MAC address, locally administered and unicast', async () => {
    using home = Netns.create('home')
    const macs = await evaluate(
      async ({ createPair }) => {
        const pairs = await Promise.all([1, 2, 3, 4].map(() => createPair()))
        const macs = pairs.flatMap(({ a, b }) => [a.address, b.address])
        await Promise.all(pairs.map((pair) => pair.close()))
        return macs
      },
      null,
      { netns: home.name },
    )
    expect(new Set(macs).size).toBe(8)
    for (const mac of macs) expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2)
  })

  test('takes the next free numbers', async () => {
    using home = Netns.create('home')
    home.ip('tuntap', 'add', 'dev', 'veth0', 'mode', 'tap')
    home.ip('tuntap', 'add', 'dev', 'veth2', 'mode', 'tap')
    const names = await evaluate(
      async ({ createPair }) => {
        const pair = await createPair()
        const names = [pair.id, pair.a.name, pair.b.name]
        await pair.close()
        return names
      },
      null,
      { netns: home.name },
    )
    expect(names).toEqual(['veth1', 'veth1', 'veth3'])
  })
})

describe('an end is made with', () => {
  test('its MAC address, MTU and transmit queue length', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using pair = await createPair({
      a: { name: 'x', netns: left.name, address: '02:AA:bb:00:00:01', mtu: 9000, txQueueLength: 50 },
      b: { name: 'y', netns: right.name, mtu: 68 },
    })
    expect(left.link('x')).toMatchObject({ address: '02:aa:bb:00:00:01', mtu: 9000, txqlen: 50 })
    expect(right.link('y')).toMatchObject({ mtu: 68, txqlen: 8192 })
    expect(pair.a).toMatchObject({ address: '02:aa:bb:00:00:01', mtu: 9000, ifindex: left.link('x').ifindex })
    expect(pair.b).toMatchObject({ mtu: 68, ifindex: right.link('y').ifindex })
  })

  test('its index, at home and in a namespace', async () => {
    using left = Netns.create('left')
    const ifindex = 1_100_000_000 + process.pid
    const wish = { a: { name: uniqueName('i'), ifindex }, b: { name: 'x', netns: left.name, ifindex } }
    if (!kernelAtLeast('5.13')) {
      const refusal = { code: 'EOPNOTSUPP', message: expect.stringContaining('from Linux 5.13') }
      await expect(createPair(wish)).rejects.toMatchObject(refusal)
      await using pair = await createPair({ a: wish.a })
      expect(homeLink(pair.a.name).ifindex).toBe(ifindex)
      return
    }
    await using pair = await createPair(wish)
    expect([pair.a.ifindex, pair.b.ifindex]).toEqual([ifindex, ifindex])
    expect([homeLink(pair.a.name).ifindex, left.link('x').ifindex]).toEqual([ifindex, ifindex])
  })

  test('the largest MTU', async () => {
    using left = Netns.create('left')
    await using pair = await createPair({ a: { name: 'x', netns: left.name, mtu: 65_521 } })
    expect(left.link('x').mtu).toBe(65_521)
    await pair.close()
  })

  test('a name of 15 bytes, and one that is not ASCII', async () => {
    using left = Netns.create('left')
    await using pair = await createPair({
      a: { name: 'fifteen-bytes-a', netns: left.name },
      b: { name: 'käbel', netns: left.name },
    })
    expect([pair.a.name, pair.b.name]).toEqual(['fifteen-bytes-a', 'käbel'])
    expect(left.has('fifteen-bytes-a')).toBe(true)
    expect(left.has('käbel')).toBe(true)
  })

  test('a free number of its target namespace for %d', async () => {
    using left = Netns.create('left')
    left.ip('tuntap', 'add', 'dev', 'eth0', 'mode', 'tap')
    await using pair = await createPair({
      a: { name: 'eth%d', netns: left.name },
      b: { name: 'eth%d', netns: left.name },
    })
    expect([pair.a.name, pair.b.name]).toEqual(['eth1', 'eth2'])
    expect(left.has('eth1') && left.has('eth2')).toBe(true)
  })

  test('up without addresses, or addresses without up', async () => {
    await using cable = await Cable.addressed({ a: { addresses: [] }, b: { up: false } })
    const { left, right, pair } = cable
    expect(left.link('x0').flags).toEqual(expect.arrayContaining(['UP', 'NO-CARRIER']))
    // Before Linux 6.8 up to a second later, as of a kernel's pair.
    await until('the kernel to act on it', () => left.link('x0').operstate === 'DOWN')
    expect(right.link('x1').flags).not.toContain('UP')
    expect([...addresses(right, 'x1').keys()]).toEqual([B, 'fd77::2'])
    expect([pair.a.isUp, pair.b.isUp, pair.carrier]).toEqual([true, false, false])
  })

  test('quiet: no IPv6 address of the kernel, unlike without it', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using quiet = await createPair(between(left, right, addressed()))
    await using loud = await createPair(
      between(left, right, { ...addressed({ a: { name: 'loud0' }, b: { name: 'loud1' } }, 1), quiet: false }),
    )
    expect([quiet.carrier, loud.carrier]).toEqual([true, true])
    for (const [netns, silent, talking] of [
      [left, 'x0', 'loud0'],
      [right, 'x1', 'loud1'],
    ] as const) {
      expect(netns.link(silent).inet6_addr_gen_mode).toBe('none')
      expect(netns.link(talking).inet6_addr_gen_mode).toBe('eui64')
      expect([...addresses(netns, silent).keys()].filter((ip) => ip.startsWith('fe80:'))).toEqual([])
      expect([...addresses(netns, talking).keys()].filter((ip) => ip.startsWith('fe80:'))).toHaveLength(1)
    }
  })

  needs(
    'root',
    'tun',
    'netns',
    'ip',
    'kernel 6.2',
  )('an ifalias that is the administrator’s alone', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    const aliases = () => [left.link('x0').ifalias, right.links().find((l) => l.ifname !== 'lo')?.ifalias]
    expect(aliases()).toEqual([undefined, undefined])
    left.ip('link', 'set', 'x0', 'alias', 'uplink of rack 7')
    await pair.b.rename('other')
    right.ip('link', 'set', 'other', 'name', 'third')
    await until('the new name', () => pair.b.name === 'third')
    await pair.b.move(left.name)
    expect(left.link('x0').ifalias).toBe('uplink of rack 7')
    expect(left.link('third').ifalias).toBeUndefined()
  })
})

describe('resolved means usable', () => {
  test('both ends show operstate UP and carry a ping', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    expect([left.link('x0').operstate, right.link('x1').operstate]).toEqual(['UP', 'UP'])
    expect([pair.carrier, pair.a.carrier, pair.b.carrier]).toEqual([true, true, true])
    expect([pair.a.isUp, pair.b.isUp]).toEqual([true, true])
    expect(pings(left, B) && pings(right, A)).toBe(true)
  })

  test('IPv4 and IPv6 addresses can be bound', async () => {
    await using cable = await Cable.addressed({ a: { addresses: [IPV4, '10.9.0.1/16', IPV6, 'fd01::1/64'] } })
    const { left, pair } = cable
    expect(addresses(left, 'x0').get('fd00::1')).not.toHaveProperty('tentative')
    bind(left, A, '10.9.0.1', 'fd00::1', 'fd01::1')
    expect(addresses(left, 'x0').get('10.9.0.1')).toMatchObject({ prefixlen: 16 })
    expect(pair.carrier).toBe(true)
  })

  test('dad: true leaves an IPv6 address tentative until the kernel has made sure', async () => {
    await using cable = await Cable.addressed({ a: { addresses: [IPV4, IPV6], dad: true } })
    const { left, pair } = cable
    expect(addresses(left, 'x0').get('fd00::1')).toHaveProperty('tentative', true)
    bind(left, A)
    await until('the end of detection', () => !addresses(left, 'x0').get('fd00::1')?.tentative)
    bind(left, 'fd00::1')
    expect(pair.carrier).toBe(true)
  })
})

describe('a namespace is given by', () => {
  test('name, path, process id', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    const inside = left.spawn('sleep', ['3600'])
    const inode = `net:[${left.inode}]`
    await until('the process', () => left.exec('readlink', `/proc/${inside.pid}/ns/net`).trim() === inode)
    for (const netns of [left.name, left.path, inside.pid as number, `/proc/${inside.pid}/ns/net`]) {
      await using pair = await createPair(between(left, right, addressed({ a: { netns } })))
      expect(pair.a.netns).toBe(left.name)
      expect(left.link('x0').operstate).toBe('UP')
      expect(pings(right, A)).toBe(true)
    }
  })

  test('an anonymous namespace is reported by its inode', async () => {
    using left = Netns.create('left')
    const inside = left.spawn('unshare', ['-n', 'sh', '-c', 'readlink /proc/self/ns/net; exec sleep 3600'])
    const inode = await new Promise((said) => inside.stdout?.once('data', (line) => said(`${line}`.trim())))
    await using pair = await createPair({ a: { netns: inside.pid as number }, b: { netns: left.name } })
    expect(pair.a.netns).toBe(inode)
  })

  test('home: null, its path, our own process id', async () => {
    for (const netns of [null, '/proc/self/ns/net', '/proc/thread-self/ns/net', process.pid]) {
      await using pair = await createPair({
        a: { name: uniqueName('a'), netns },
        b: { name: uniqueName('b') },
      })
      expect([pair.a.netns, pair.b.netns]).toEqual([null, null])
    }
  })
})

describe('names are judged where the end will be', () => {
  test('the same name on both ends, in two namespaces', async () => {
    await using cable = await Cable.addressed({ a: { name: 'eth0' }, b: { name: 'eth0' } })
    const { left, right, pair } = cable
    expect([left.has('eth0'), right.has('eth0')]).toEqual([true, true])
    expect(pings(left, B)).toBe(true)
    expect(pair.id).toBe('eth0')
  })

  test('a name that home has is free in the target', async () => {
    using left = Netns.create('left')
    const name = uniqueName('both')
    await using home = await createPair({ a: { name }, b: { netns: left.name } })
    await using pair = await createPair({ a: { name, netns: left.name }, b: { netns: left.name } })
    expect([home.a.netns, pair.a.netns]).toEqual([null, left.name])
    expect([home.a.name, pair.a.name]).toEqual([name, name])
  })
})
