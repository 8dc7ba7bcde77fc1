// Where orders of the command line apply: the caller's network namespace, `-n`, `netns` of an end, and which
// interface a name means when several have it.

import { describe, expect } from 'vitest'
import { commandFolder, commandOf, expectRefusal, masked, well } from '../support/cli.js'
import { inside, TestDaemon } from '../support/daemon.js'
import { Netns, uniqueName, until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { uveth } from '../support/program.js'
import { shell } from '../support/shim.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

test('ends are made where the order comes from, or is said to', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  using green = Netns.create('green')
  const names = (netns: Netns) =>
    netns
      .links()
      .map(({ ifname }) => ifname)
      .filter((name) => name !== 'lo')
  // ip netns exec blue uveth …
  expect(await commandOf(daemon, { netns: blue.name })('add', 'in0', 'in1')).toMatchObject(well)
  expect(names(blue)).toEqual(['in0', 'in1'])
  // uveth -n blue …, by name and by path
  const uveth = commandOf(daemon)
  expect(await uveth('-n', blue.name, 'add', 'by0', 'by1')).toMatchObject(well)
  expect(await uveth('-n', blue.path, 'link', 'del', 'by0')).toMatchObject(well)
  expect(names(blue)).toEqual(['in0', 'in1'])
  // netns of each end
  const line = `link add eth0 netns ${blue.name} type veth peer eth0 netns ${green.path}`
  expect(await uveth(...line.split(' '))).toMatchObject(well)
  expect([names(blue), names(green), names(daemon.home)]).toEqual([['in0', 'in1', 'eth0'], ['eth0'], []])
  expect(daemon.home.links()).toHaveLength(1)
})

test('a namespace may be that of a process', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const child = blue.spawn('sleep', ['3600'])
  const uveth = commandOf(daemon)
  expect(
    await uveth('link', 'add', 'x0', 'netns', String(child.pid), 'type', 'veth', 'peer', 'x1'),
  ).toMatchObject(well)
  expect(blue.has('x0')).toBe(true)
  expect(await uveth('link', 'set', 'x1', 'netns', String(child.pid))).toMatchObject(well)
  expect(blue.has('x1')).toBe(true)
  // The caller's own, which is another process than the daemon.
  const inBlue = commandOf(daemon, { netns: blue.name })
  expect(await inBlue('-n', '/proc/self/ns/net', 'link', 'set', 'x1', 'up')).toMatchObject(well)
  // One that is up is not renamed before Linux 6.2.
  expect(await inBlue('link', 'set', 'x1', 'down')).toMatchObject(well)
  expect(await inBlue('link', 'set', 'x1', 'netns', '/proc/self/ns/net', 'name', 'x2')).toMatchObject(well)
  expect(blue.has('x2')).toBe(true)
})

test('behind the @ of a name, too', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const child = blue.spawn('sleep', ['3600'])
  const uveth = commandOf(daemon)
  await uveth('add', 'eth0', 'eth1')
  await uveth('-n', blue.name, 'add', 'eth0', 'eth1')
  const places = [blue.name, blue.path, String(child.pid), `/proc/${child.pid}/ns/net`]
  for (const [index, place] of places.entries()) {
    const mtu = String(1300 + index)
    expect(await uveth('link', 'set', `eth0@${place}`, 'mtu', mtu)).toMatchObject(well)
    expect(blue.link('eth0').mtu).toBe(Number(mtu))
    const [shown] = JSON.parse((await uveth('-j', 'link', 'show', `eth0@${place}`)).stdout)
    expect(shown).toMatchObject({ ifname: 'eth0', mtu: Number(mtu) })
    expect(JSON.parse((await uveth('-j', 'stats', `eth1@${place}`)).stdout)).toHaveLength(1)
    expect(await uveth('link', 'set', `eth0@${place}`, 'impair', 'show')).toMatchObject({ stdout: 'none\n' })
  }
  expect(daemon.home.link('eth0').mtu).toBe(1500)
  expect(await uveth('link', 'del', `eth0@${child.pid}`)).toMatchObject(well)
  expect([blue.has('eth0'), daemon.home.has('eth0')]).toEqual([false, true])
})

test('a name means the interface beside the caller first; the others by id or NAME@NETNS', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  using green = Netns.create('green')
  const uveth = commandOf(daemon)
  const inBlue = commandOf(daemon, { netns: blue.name })
  await uveth('add', 'eth0', 'eth1')
  await inBlue('add', 'eth0', 'eth1')
  await uveth('-n', green.name, 'add', 'eth0', 'far0')
  await inBlue('link', 'set', 'eth0', 'mtu', '1300')
  expect(blue.link('eth0').mtu).toBe(1300)
  expect(daemon.home.link('eth0').mtu).toBe(1500)
  await uveth('link', 'set', `eth0@${blue.name}`, 'mtu', '1280')
  expect(blue.link('eth0').mtu).toBe(1280)
  expectRefusal(await uveth('link', 'show', 'far0@nowhere'), 1, /far0@nowhere/)
  await using elsewhere = await TestDaemon.start()
  expectRefusal(
    await commandOf(daemon, { netns: elsewhere.home.name })('link', 'show', 'eth1'),
    1,
    /ENOTUNIQ: 'eth1' is ambiguous: id:eth0 .*, id:eth0-2 /,
  )
})

test('what stands beside the caller is shown first; -n shows what is in there', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const uveth = commandOf(daemon)
  await uveth('add', 'home0', 'home1')
  await uveth('link', 'add', 'here0', 'type', 'veth', 'peer', 'away0', 'netns', blue.name)
  expect(masked((await uveth('link')).stdout)).toMatchInlineSnapshot(`
    "N: home0@home1: <BROADCAST,MULTICAST,M-DOWN> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 8192
        link/ether MAC brd MAC
        uveth id home0 end a peer home1 carrier off
    N: home1@home0: <BROADCAST,MULTICAST,M-DOWN> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 8192
        link/ether MAC brd MAC
        uveth id home0 end b peer home0 carrier off
    N: here0@ifN: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 8192
        link/ether MAC brd MAC link-netns blue
        uveth id here0 end a peer away0 peer-netns blue carrier off
    N: away0@ifN: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 8192 netns blue
        link/ether MAC brd MAC link-netns (home)
        uveth id here0 end b peer here0 peer-netns (home) carrier off
    "
  `)
  expect(masked((await uveth('-n', blue.name, '-br', 'link')).stdout)).toMatchInlineSnapshot(`
    "away0@ifN        DOWN           MAC <BROADCAST,MULTICAST>
    "
  `)
  const [end] = JSON.parse((await uveth('-j', 'link', 'show', 'away0')).stdout)
  expect(end).toMatchObject({
    link_index: daemon.home.link('here0').ifindex,
    linkinfo: { info_data: { id: 'here0', end: 'b', netns: blue.name, peer: 'here0', peer_netns: null } },
  })
})

test('link-netns: where the peer stands, and in link show as ip has it', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const uveth = commandOf(daemon)
  expect(
    await uveth('link', 'add', 'l0', 'link-netns', blue.name, 'type', 'veth', 'peer', 'l1'),
  ).toMatchObject(well)
  expect([daemon.home.has('l0'), blue.has('l1')]).toEqual([true, true])
  expect((await uveth('link', 'show', 'l0')).stdout).toContain(` link-netns ${blue.name}\n`)
  const [end] = JSON.parse((await uveth('-j', 'link', 'show', 'l0')).stdout)
  expect(end).toMatchObject({ link_index: blue.link('l1').ifindex, link_netns: blue.name })
  for (const [line, sentence] of [
    ['link add link-netns nowhere type veth', /nowhere/],
    [
      'link add link lo name m0 type veth',
      /"link" is wrong: of type veth the kernel does not look at it: leave it out/,
    ],
    ['link add m0 link-netnsid 0 type veth', /"link-netnsid" is wrong: give the name: link-netns NS/],
  ] as const)
    expectRefusal(await uveth(...line.split(' ')), 255, sentence)
  expect(daemon.home.links()).toHaveLength(2)
})

test('-n in front of run is for both of its ends', async () => {
  using blue = Netns.create('blue')
  await using cable = uveth(['-n', blue.name, '-j', 'run', 'a0', 'b0'])
  expect(await cable.next('ready')).toMatchObject({ a: { netns: blue.name }, b: { netns: blue.name } })
  expect(blue.has('a0') && blue.has('b0')).toBe(true)
  expect(await cable.stop()).toMatchObject({ code: 0 })
})

/** Words that run a program in the daemon's network, with mounts of its own that the daemon does not share. */
const OWN_MOUNTS: [string, (daemon: TestDaemon) => string[]][] = [
  ['ip netns exec', ({ home }) => ['ip', 'netns', 'exec', home.name]],
  ['unshare -m', ({ home }) => [...inside(home), 'unshare', '-m']],
]

describe.each(OWN_MOUNTS)('namespaces that only a script under %s sees', (_, prefixOf) => {
  /** $p and $q are namespaces of the script's own, `links NETNS` names what is in one. */
  async function script(daemon: TestDaemon, text: string) {
    const name = `uvt-${process.pid}-${uniqueName('')}`
    const whole = `p=${name}-p q=${name}-q
      trap 'ip netns del $p; ip netns del $q' EXIT
      links() { ip -n $1 -o link | cut -d: -f2 | grep -v lo | sort | xargs; }
      ip netns add $p && ip netns add $q && ${text}`
    return await shell({
      prefix: prefixOf(daemon),
      env: { UVETH_SOCKET: daemon.socket, PATH: `${commandFolder(daemon.folder)}:${process.env.PATH}` },
    })(whole)
  }

  test('are found by name and by path, for both ends and for a move', async () => {
    await using daemon = await TestDaemon.start()
    const text = `uveth link add a0 netns $p type veth peer name a1 netns $q &&
      uveth link add b0 type veth peer name b1 netns /run/netns/$p &&
      uveth link set b0 netns $q && uveth link set b1 netns /run/netns/$q up &&
      links $p && links $q && uveth -n $p -br link show a0 | grep -c netns
      [ "$(uveth -n /run/netns/$p link show a0)" = "$(uveth -n $p link show a0)" ] || echo differs`
    expect(await script(daemon, text)).toMatchObject({ code: 0, stdout: 'a0\na1 b0 b1\n0\n', stderr: '' })
    expect(daemon.home.links()).toHaveLength(1)
    // With the namespaces their ends go.
    await until('no pairs', async () => (await daemon.ask('GET', '/v1/pairs')).json.length === 0)
  })

  test('are found in a batch', async () => {
    await using daemon = await TestDaemon.start()
    const text = `printf '%s\\n' "link add a0 netns $p type veth peer name a1 netns $q" 'add b0 b1' \
      "link set b1 netns $p" | timeout ${patient(20)} uveth -batch - && links $p && links $q`
    expect(await script(daemon, text)).toMatchObject({ code: 0, stdout: 'a0 b1\na1\n', stderr: '' })
  })

  test('are called net:[inode], also in references; the daemon’s own keep their names', async () => {
    await using daemon = await TestDaemon.start()
    using blue = Netns.create('blue')
    const text = `uveth link add a0 netns $p type veth peer name a1 netns ${blue.name} &&
      inode=$(stat -Lc %i /run/netns/$p) && uveth link set "a0@net:[$inode]" mtu 1300 &&
      uveth -j link show a0 | sed "s/$inode/INODE/"`
    const { code, stdout } = await script(daemon, text)
    expect(code).toBe(0)
    const [end] = JSON.parse(stdout)
    expect(end).toMatchObject({
      mtu: 1300,
      linkinfo: { info_data: { netns: 'net:[INODE]', peer_netns: blue.name } },
    })
  })

  test('and what is none is refused as ever', async () => {
    await using daemon = await TestDaemon.start()
    const text = `for none in no-such-name /run/netns/no-such-name /etc/passwd; do
      uveth link add a0 netns $none type veth; uveth -n $none link add a0 type veth; done`
    const { stdout, stderr } = await script(daemon, text)
    expect(stdout).toBe('')
    const lines = stderr.trim().split('\n')
    expect(lines).toHaveLength(6)
    for (const line of lines)
      expect(line).toMatch(/^uveth: (ENOENT|EINVAL): [^\n]*(no-such-name|\/etc\/passwd)/)
    expect(stderr).not.toContain('/root/')
  })
})
