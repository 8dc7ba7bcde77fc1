// `uveth link add`, `show`, `set` and `del` over a real daemon, in the grammar of `ip link`, and the JSON that
// they print, held against that of `ip`.

import { describe, expect } from 'vitest'
import { commandOf, masked, well } from '../support/cli.js'
import { TestDaemon } from '../support/daemon.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

describe('one pair', () => {
  test('is made, shown, changed and removed', async () => {
    await using daemon = await TestDaemon.start()
    const uveth = commandOf(daemon)
    const { home } = daemon
    const line = 'link add veth0 mtu 1400 type veth peer name veth1 address 02:00:00:00:00:aa txqueuelen 50'
    expect(await uveth(...line.split(' '))).toMatchObject(well)
    expect(home.link('veth0')).toMatchObject({ mtu: 1400, operstate: 'DOWN' })
    expect(home.link('veth1')).toMatchObject({ address: '02:00:00:00:00:aa', txqlen: 50, mtu: 1500 })

    await uveth('link', 'set', 'veth0', 'up')
    expect(await uveth('link', 'set', 'dev', 'veth1', 'up', 'mtu', '1400')).toMatchObject(well)
    expect(home.link('veth0').operstate).toBe('UP')
    expect(home.link('veth1').mtu).toBe(1400)
    expect(masked((await uveth('link', 'show')).stdout)).toMatchInlineSnapshot(`
      "N: veth0@veth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc QDISC state UP mode DEFAULT group default qlen 8192
          link/ether MAC brd MAC
          uveth id veth0 end a peer veth1 carrier on
      N: veth1@veth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc QDISC state UP mode DEFAULT group default qlen 50
          link/ether MAC brd MAC
          uveth id veth0 end b peer veth0 carrier on
      "
    `)
    expect(
      masked((await uveth('-s', '-d', 'link', 'show', 'veth1')).stdout).replace(
        /^ [ \d]+$/gm,
        '        NUMBERS',
      ),
    ).toMatchInlineSnapshot(`
      "N: veth1@veth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc QDISC state UP mode DEFAULT group default qlen 50
          link/ether MAC brd MAC promiscuity 0 minmtu 68 maxmtu 65521
          uveth id veth0 end b peer veth0 carrier on queues 1 quiet off addrgenmode eui64 numtxqueues 1 numrxqueues 1 workers 0 drops none
          RX:  bytes packets errors dropped  missed   mcast
              NUMBERS
          TX:  bytes packets errors dropped carrier collsns
              NUMBERS
      "
    `)
    expect(masked((await uveth('-o', 'link', 'show', 'dev', 'veth1')).stdout)).toMatchInlineSnapshot(`
      "N: veth1@veth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc QDISC state UP mode DEFAULT group default qlen 50\\    link/ether MAC brd MAC\\    uveth id veth0 end b peer veth0 carrier on
      "
    `)

    expect(await uveth('link', 'set', 'veth0', 'carrier', 'off')).toMatchObject(well)
    expect(home.link('veth1').operstate).toBe('DOWN')
    expect(await uveth('link', 'set', 'veth1', 'carrier', 'auto', 'name', 'lan0')).toMatchObject(well)
    expect(home.link('lan0').operstate).toBe('UP')
    expect(masked((await uveth('-br', 'link')).stdout)).toMatchInlineSnapshot(`
      "veth0@lan0       UP             MAC <BROADCAST,MULTICAST,UP,LOWER_UP>
      lan0@veth0       UP             MAC <BROADCAST,MULTICAST,UP,LOWER_UP>
      "
    `)
    await uveth('link', 'set', 'lan0', 'down')
    expect(masked((await uveth('-br', 'link')).stdout)).toMatchInlineSnapshot(`
      "veth0@lan0       DOWN           MAC <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN>
      lan0@veth0       DOWN           MAC <BROADCAST,MULTICAST>
      "
    `)
    expect(masked((await uveth('link', 'show', 'up', '-br')).stdout)).toMatch(/^veth0@lan0 .*\n$/)

    // Either end's name removes both.
    expect(await uveth('link', 'del', 'lan0')).toMatchObject(well)
    expect(home.links()).toHaveLength(1)
    expect(await uveth('link')).toMatchObject(well)
  })

  test('names that are left out are the next free ones', async () => {
    await using daemon = await TestDaemon.start()
    const uveth = commandOf(daemon)
    expect(await uveth('link', 'add', 'type', 'veth')).toMatchObject(well)
    const { stdout } = await uveth('-j', 'link', 'add', 'type', 'veth')
    expect(JSON.parse(stdout)).toMatchObject([{ ifname: 'veth2' }, { ifname: 'veth3' }])
    expect(daemon.home.links()).toHaveLength(5)
  })

  test('comes up at once where that is asked for', async () => {
    await using daemon = await TestDaemon.start()
    await commandOf(daemon)(...'link add a0 up type veth peer b0 up'.split(' '))
    expect(daemon.home.link('a0').operstate).toBe('UP')
  })

  test('words may be shortened as in ip', async () => {
    await using daemon = await TestDaemon.start()
    const uveth = commandOf(daemon)
    expect(await uveth(...'l a veth0 addr 2:0:0:0:0:1 ty veth peer veth1 txq 9'.split(' '))).toMatchObject(
      well,
    )
    expect(daemon.home.link('veth0').address).toBe('02:00:00:00:00:01')
    expect(daemon.home.link('veth1').txqlen).toBe(9)
    expect((await uveth('-br', 'l', 'sh', 'veth0')).stdout).toMatch(/^veth0@veth1 /)
    expect(await uveth('li', 's', 'veth0', 'up')).toMatchObject(well)
    expect(await uveth('lin', 'd', 'veth0')).toMatchObject(well)
  })

  test("iproute2's numbers of queues are taken, with fewer workers, too", async () => {
    await using daemon = await TestDaemon.start()
    const uveth = commandOf(daemon)
    const queues = async (name: string) =>
      JSON.parse((await uveth('-j', 'link', 'show', name)).stdout)[0].linkinfo.info_data.queues
    await uveth(...'link add a0 numtxqueues 2 numrxqueues 2 type veth peer a1'.split(' '))
    const most = await uveth(...'link add b0 numtxqueues 1000 type veth peer b1'.split(' '))
    expect(most).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/: 256 queues instead of 1000: /),
    })
    await uveth(...'link add c0 type veth queues 2 quiet id lan peer c1'.split(' '))
    expect([await queues('a0'), await queues('b0'), await queues('id:lan')]).toEqual([2, 256, 2])
    for (const [name, count] of [
      ['a1', 2],
      ['b1', 256],
      ['c0', 2],
    ] as const)
      expect(daemon.home.link(name).linkinfo?.info_data?.numqueues).toBe(count)
    expect(daemon.home.link('c0').inet6_addr_gen_mode).toBe('none')
  })
})

describe('JSON', () => {
  test("has iproute2's keys in iproute2's order", async () => {
    await using daemon = await TestDaemon.start()
    const uveth = commandOf(daemon)
    await uveth(...'link add veth0 up type veth peer veth1 up'.split(' '))
    const [ours] = JSON.parse((await uveth('-j', '-d', '-s', 'link', 'show', 'veth0')).stdout)
    const theirs = daemon.home.link('veth0')
    const later = ['gso_ipv4_max_size', 'gro_ipv4_max_size'] // of kernels from 6.3
    expect(Object.keys(ours).filter((key) => !later.includes(key))).toMatchInlineSnapshot(`
      [
        "ifindex",
        "link",
        "ifname",
        "flags",
        "mtu",
        "qdisc",
        "operstate",
        "linkmode",
        "group",
        "txqlen",
        "link_type",
        "address",
        "broadcast",
        "promiscuity",
        "allmulti",
        "min_mtu",
        "max_mtu",
        "linkinfo",
        "inet6_addr_gen_mode",
        "num_tx_queues",
        "num_rx_queues",
        "gso_max_size",
        "gso_max_segs",
        "tso_max_size",
        "tso_max_segs",
        "gro_max_size",
        "stats64",
      ]
    `)
    expect(Object.keys(ours.linkinfo.info_data)).toMatchInlineSnapshot(`
      [
        "id",
        "end",
        "netns",
        "peer",
        "peer_netns",
        "carrier",
        "queues",
        "quiet",
        "impair",
        "schedule",
        "rules",
        "drops",
        "inspected",
        "workers",
      ]
    `)
    // What both show is the same, and stands in the same order. `link` is ours, as for a kernel pair.
    const shared = Object.keys(theirs).filter((key) => key in ours)
    expect(Object.keys(ours).filter((key) => key in theirs)).toEqual(shared)
    for (const key of ['ifindex', 'ifname', 'mtu', 'operstate', 'txqlen', 'link_type', 'address'] as const) {
      expect([key, ours[key]]).toEqual([key, theirs[key as keyof typeof theirs]])
    }
    expect(ours.flags).toEqual(theirs.flags)
    for (const side of ['rx', 'tx'] as const) {
      expect(Object.keys(ours.stats64[side])).toEqual(Object.keys(theirs.stats64[side]))
    }
    expect(ours.link).toBe('veth1')
  })

  test('-p is for reading, and the same', async () => {
    await using daemon = await TestDaemon.start()
    const uveth = commandOf(daemon)
    await uveth('add', 'veth0', 'veth1')
    const dense = (await uveth('-j', 'link')).stdout
    const pretty = (await uveth('-j', '-p', 'link')).stdout
    expect(dense.trim().split('\n')).toHaveLength(1)
    expect(pretty.split('\n').length).toBeGreaterThan(40)
    expect(Object.keys(JSON.parse(pretty)[0])).toEqual(Object.keys(JSON.parse(dense)[0]))
    expect(JSON.parse((await uveth('-j', '-br', 'link', 'show', 'veth0')).stdout)).toMatchObject([
      { link: 'veth1', ifname: 'veth0', operstate: 'DOWN', flags: ['BROADCAST', 'MULTICAST', 'M-DOWN'] },
    ])
  })
})
