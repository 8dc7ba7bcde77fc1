// `uveth -j link show` has every key that `ip -j -d -s link show` has, with the same value, whatever was done to the
// interface, and wherever it is; so has its text. Ours alone: `link` (the peer) and what stands in linkinfo; M-DOWN among the flags.

import { expect } from 'vitest'
import { commandOf } from '../support/cli.js'
import { TestDaemon } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const basics = ['root', 'tun', 'netns', 'ip', 'nsenter'] as const
const test = needs(...basics)

type Keys = Record<string, unknown> & { flags: string[]; operstate: string }

/** What both show of an end that stands in `netns`. */
async function both(daemon: TestDaemon, netns: Netns, name: string): Promise<{ ours: Keys; theirs: Keys }> {
  const ref = netns === daemon.home ? name : `${name}@${netns.name}`
  const { stdout } = await commandOf(daemon)('-j', '-d', '-s', 'link', 'show', ref)
  const [ours] = JSON.parse(stdout) as [Keys]
  const theirs = netns.link(name) as unknown as Keys
  return { ours: { ...ours, flags: ours.flags.filter((flag) => flag !== 'M-DOWN') }, theirs }
}

/** The ends of a new pair, at home and in `away`, with the names that they have there. */
async function endsOf(daemon: TestDaemon, away: Netns): Promise<[Netns, string][]> {
  await commandOf(daemon)(...`link add veth0 type veth quiet peer eth0 netns ${away.name}`.split(' '))
  return [
    [daemon.home, 'veth0'],
    [away, 'eth0'],
  ]
}

async function expectSame(daemon: TestDaemon, netns: Netns, name: string): Promise<Keys> {
  const { ours, theirs } = await both(daemon, netns, name)
  expect(Object.keys(theirs).length).toBeGreaterThan(25)
  for (const key of Object.keys(theirs)) {
    if (key === 'linkinfo') continue
    expect({ name, [key]: ours[key] }).toEqual({ name, [key]: theirs[key] })
  }
  const order = Object.keys(ours).filter((key) => key in theirs)
  expect(order).toEqual(Object.keys(theirs).filter((key) => order.includes(key)))
  return ours
}

test('of an end that is down, and up', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  await uveth(...'link add veth0 type veth queues 1 quiet peer veth1'.split(' '))
  expect(await expectSame(daemon, daemon.home, 'veth0')).toMatchObject({ qdisc: 'noop', operstate: 'DOWN' })
  await uveth('link', 'set', 'veth0', 'up')
  await expectSame(daemon, daemon.home, 'veth0')
  await uveth('link', 'set', 'veth1', 'up')
  await until('carrier', () => daemon.home.link('veth0').operstate === 'UP')
  const shown = await expectSame(daemon, daemon.home, 'veth0')
  expect(shown).toMatchObject({ operstate: 'UP', linkmode: 'DEFAULT', inet6_addr_gen_mode: 'none' })
  expect(shown).toMatchObject({ num_tx_queues: 1, min_mtu: 68, max_mtu: 65521, group: 'default' })
  for (const order of ['veth0 carrier off', 'veth0 carrier auto', 'veth1 down']) {
    await uveth('link', 'set', ...order.split(' '))
    for (const name of ['veth0', 'veth1']) {
      const { flags, operstate } = await expectSame(daemon, daemon.home, name)
      expect([order, operstate]).toEqual([order, order === 'veth0 carrier auto' ? 'UP' : 'DOWN'])
      const isUp = !(order === 'veth1 down' && name === 'veth1')
      expect([order, flags.includes('UP'), flags.includes('NO-CARRIER')]).toEqual([
        order,
        isUp,
        isUp && operstate === 'DOWN',
      ])
    }
  }
})

test('in brief', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  await uveth('add', 'veth0', 'veth1')
  await uveth('link', 'set', 'veth0', 'up')
  const { stdout } = await uveth('-br', '-j', 'link', 'show', 'veth0')
  const [ours] = JSON.parse(stdout) as [Keys]
  const [theirs] = JSON.parse(daemon.home.ip('-br', '-j', 'link', 'show', 'veth0')) as [Keys]
  expect(ours).toEqual({ link: 'veth1', ...theirs, flags: expect.arrayContaining(theirs.flags) })
})

test('of an end with all that ip can set, in another namespace, too', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  for (const [netns, name] of await endsOf(daemon, blue)) {
    const set = (words: string) => netns.ip('link', ...words.split(' '))
    // On one that is down nobody is told of most of it: the kernel is asked.
    set(`property add dev ${name} altname a-name-of-more-than-15-bytes altname another`)
    set(
      `set ${name} group 7777 mode dormant allmulticast on promisc on alias text mtu 1400 txqueuelen 77 arp off`,
    )
    set(`set ${name} gso_max_size 30000 gso_max_segs 20`)
    expect(await expectSame(daemon, netns, name)).toMatchObject({
      ...{ group: '7777', linkmode: 'DORMANT', promiscuity: 1, allmulti: 1, ifalias: 'text', txqlen: 77 },
      ...{ altnames: ['a-name-of-more-than-15-bytes', 'another'], gso_max_size: 30_000, mtu: 1400 },
    })
    set(`set ${name} up`)
    await expectSame(daemon, netns, name)
  }
})

needs(...basics, 'bridge')('of a port of a bridge', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  for (const [netns, name] of await endsOf(daemon, blue)) {
    netns.ip('link', 'add', 'br0', 'type', 'bridge')
    netns.ip('link', 'set', name, 'master', 'br0')
    expect(await expectSame(daemon, netns, name)).toMatchObject({
      master: 'br0',
      linkinfo: { info_slave_kind: 'bridge' },
    })
  }
})

/** The words of `ip`'s text are in ours, in their order; what only a pair has is left out. */
async function expectSameText(daemon: TestDaemon, netns: Netns, name: string, ...options: string[]) {
  const ref = netns === daemon.home ? name : `${name}@${netns.name}`
  const { stdout } = await commandOf(daemon)(...options, 'link', 'show', ref)
  const wordsOf = (lines: string[]) => lines.map((line) => line.trim().split(/\s+/).join(' '))
  const ours = stdout
    .replace(/@\S+:/, ':')
    .replace(/,M-DOWN/, '')
    .replace(/ (?:link-)?netns \S+/g, '')
    .split('\n')
  const theirs = netns.ip(...options, 'link', 'show', name).split('\n')
  const isKind = (line: string) => /^ {4}(?:uveth|tun|bridge_slave) /.test(line)
  expect(wordsOf(ours.filter((line) => !isKind(line)))).toEqual(
    wordsOf(theirs.filter((line) => !isKind(line))),
  )
}

test('as text', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  for (const [netns, name] of await endsOf(daemon, blue)) {
    await expectSameText(daemon, netns, name)
    netns.ip('link', 'property', 'add', 'dev', name, 'altname', 'another')
    netns.ip('link', 'set', name, 'group', '7777', 'mode', 'dormant', 'alias', 'a text', 'up')
    for (const options of [[], ['-s'], ['-d', '-s']]) await expectSameText(daemon, netns, name, ...options)
  }
})

needs(...basics, 'ping')('with -h and -iec, numbers as ip writes them', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  for (const [netns, name] of await endsOf(daemon, blue)) {
    const last = netns === blue ? 2 : 1
    netns.ip('addr', 'add', `10.9.8.${last}/24`, 'dev', name)
    netns.ip('link', 'set', name, 'up')
  }
  await until('carrier', () => blue.link('eth0').operstate === 'UP')
  daemon.home.exec('ping', '-q', '-f', '-c', '1100', '-s', '1000', '10.9.8.2')
  for (const [netns, name] of [
    [daemon.home, 'veth0'],
    [blue, 'eth0'],
  ] as const)
    for (const options of ['-s', '-s -h', '-s -h -iec', '-s -iec']) {
      // A late question of ARP may come between the two.
      await until('they agree', () =>
        expectSameText(daemon, netns, name, ...options.split(' ')).then(
          () => true,
          () => false,
        ),
      )
      await expectSameText(daemon, netns, name, ...options.split(' '))
    }
  expect((await commandOf(daemon)('-h', '-s', 'link', 'show', 'veth0')).stdout).toMatch(
    / 1\.\d\dM {3}1\.10k /,
  )
})

needs(...basics, 'bridge')('which of them: by group and master', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  const shown = async (...words: string[]) =>
    (await uveth('-br', 'link', 'show', ...words)).stdout.match(/^\w+(?=@)/gm) ?? []
  await uveth('add', 'veth0', 'veth1')
  daemon.home.ip('link', 'add', 'br0', 'type', 'bridge')
  daemon.home.ip('link', 'set', 'veth0', 'master', 'br0')
  daemon.home.ip('link', 'set', 'veth1', 'group', '77', 'up')
  for (const [words, names] of [
    ['master br0', ['veth0']],
    ['nomaster', ['veth1']],
    ['group 77', ['veth1']],
    ['group default', ['veth0']],
    ['group 77 master br0', []],
    ['group default up', []],
  ] as const)
    expect([words, await shown(...words.split(' '))]).toEqual([words, names])
  const wrong = await uveth(...'link show group nobody'.split(' '))
  expect(wrong).toMatchObject({ code: 255, stdout: '', stderr: expect.stringMatching(/"nobody" is wrong/) })
  const ips = await uveth(...'link show vrf red'.split(' '))
  expect(ips).toMatchObject({ code: 255, stderr: expect.stringMatching(/ip link show vrf red$/m) })
})
