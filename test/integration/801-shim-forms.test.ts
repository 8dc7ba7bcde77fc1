// What `ip` orders do through the shim, where the self-tests (803) do not say it by their output: whole or not at
// all, both ends gone when an order returns, batches in order and as their lines come, other namespaces.

import { spawn } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { well } from '../support/cli.js'
import { inside, TestDaemon } from '../support/daemon.js'
import { Netns, run, uniqueName, until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { stop } from '../support/replace.js'
import { shell, shimEnvironment, shimOf } from '../support/shim.js'
import { SHIM } from '../support/shim-folders.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
const names = (netns: Netns) => netns.links().map(({ ifname }) => ifname)

test('what the daemon cannot do is done by ip afterwards, or nothing is', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const sh = shimOf(daemon)
  const made = await sh(
    'ip link add a0 arp off promisc on group 5 up type veth peer name a1 netns $1 multicast off mode dormant up',
    blue.name,
  )
  expect(made).toMatchObject(well)
  expect(daemon.home.link('a0')).toMatchObject({ group: '5' })
  expect(daemon.home.link('a0').flags).toEqual(expect.arrayContaining(['NOARP', 'PROMISC', 'UP']))
  expect(blue.link('a1')).toMatchObject({ linkmode: 'DORMANT' })
  expect(blue.link('a1').flags).not.toContain('MULTICAST')
  expect(blue.link('a1').flags).toContain('UP')

  for (const [words, code, sentence] of [
    ['b0 group nothing type veth peer name b1 netns $1', 255, /Invalid "group" value/],
    ['b0 type veth peer name b1 netns $1 mode fast', 255, /Invalid link mode/],
    ['b0 master lo type veth peer name b1 netns $1', 2, /^RTNETLINK answers: /],
  ] as const) {
    const refused = await sh(`ip link add ${words}`, blue.name)
    expect([words, refused.code, refused.stdout]).toEqual([words, code, ''])
    expect(refused.stderr).toMatch(sentence)
    expect([names(daemon.home), names(blue)]).toEqual([
      ['lo', 'a0'],
      ['lo', 'a1'],
    ])
  }
})

test('where a daemon ends before it has made a pair, another one makes it', async () => {
  await using daemon = await TestDaemon.start()
  const tools = daemon.folder.path
  const last = '[ "$*" != "link set dev lo" ] || kill -9 "$DAEMON" 2>/dev/null'
  writeFileSync(`${tools}/ip`, `#!/bin/sh\n${last}\nexec ${run('sh', '-c', 'command -v ip').trim()} "$@"\n`)
  chmodSync(`${tools}/ip`, 0o755)
  const PATH = String(shimEnvironment(daemon.socket).PATH).replace(SHIM, `${SHIM}:${tools}`)
  const sh = shimOf(daemon, { env: { PATH, DAEMON: String(daemon.program.pid) } })
  expect(await sh('ip link add link lo name b0 type veth peer name b1')).toMatchObject(well)
  expect(daemon.program.hasEnded).toBe(true)
  expect(names(daemon.home).sort()).toEqual(['b0', 'b1', 'lo'])
  await stop(daemon)
})

test('link-netns, a device behind link, and the peer’s master', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const sh = shimOf(daemon)
  expect(await sh('ip link add a0 link-netns $1 type veth peer name a1', blue.name)).toMatchObject(well)
  expect([names(daemon.home), names(blue)]).toEqual([
    ['lo', 'a0'],
    ['lo', 'a1'],
  ])
  expect(await sh('ip link add link lo name b0 type veth peer name b1')).toMatchObject(well)
  expect(names(daemon.home)).toEqual(['lo', 'a0', 'b1', 'b0'])
  expect(await sh('ip link add link none name c0 type veth')).toMatchObject({ code: 1 })
  // What cannot be done is refused, with nothing made: lo is no bridge.
  const refused = await sh('ip link add c0 type veth peer name c1 master lo')
  expect(refused).toMatchObject({ code: 2, stdout: '' })
  expect(refused.stderr).toMatch(/^RTNETLINK answers: /)
  expect(names(daemon.home)).toEqual(['lo', 'a0', 'b1', 'b0'])
})

needs(
  'root',
  'tun',
  'netns',
  'ip',
  'nsenter',
  'bridge',
)('the peer’s master is its bridge', async () => {
  await using daemon = await TestDaemon.start()
  daemon.home.ip('link', 'add', 'br0', 'type', 'bridge')
  const made = await shimOf(daemon)('ip link add d0 master br0 type veth peer name d1 master br0 up')
  expect(made).toMatchObject(well)
  for (const name of ['d0', 'd1']) expect(daemon.home.link(name)).toMatchObject({ master: 'br0' })
})

test('words that uveth cannot follow are refused in its own words', async () => {
  await using daemon = await TestDaemon.start()
  const { code, stdout, stderr } = await shimOf(daemon)('ip link add a0 type veth peer xdp off')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toBe('Error: argument "xdp" is wrong: uveth does not take it.\n')
  expect(names(daemon.home)).toEqual(['lo'])
})

test.each(['-zzz', '-netns=blue', '-n nothing-there', '-n 1', '-f bogus', '-rc x', '-V', '-4 -x'])(
  'ip %s link add … type veth: the real ip answers, nothing is made',
  async (options) => {
    await using daemon = await TestDaemon.start()
    using plain = Netns.create('plain')
    const script = `ip ${options} link add v0 type veth`
    const { code, stdout, stderr } = await shell({ prefix: inside(plain) })(script)
    expect(await shimOf(daemon)(script)).toMatchObject({ code, stdout, stderr })
    expect(names(daemon.home)).toEqual(['lo'])
  },
)

test('an index, as the kernel takes it', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const sh = shimOf(daemon)
  const script = `ip link add a0 index 77 type veth peer name a1 index 78 netns $1
    ip -o link show a0 | cut -d: -f1,2; ip -n $1 -o link show a1 | cut -d: -f1,2
    ip link add b0 type veth peer name b1 index 77`
  expect(await sh(script, blue.name)).toMatchObject({ code: 0, stdout: '77: a0\n78: a1\n', stderr: '' })
  const taken = await sh('ip link add c0 index 77 type veth')
  expect(taken).toMatchObject({ code: 2, stderr: 'RTNETLINK answers: File exists\n' })
  const late = await sh('ip link set a0 index 5')
  expect(late.code).not.toBe(0)
})

test('queues, within the kernel’s limits', async () => {
  await using daemon = await TestDaemon.start()
  const sh = shimOf(daemon)
  for (const [words, direction] of [
    ['numtxqueues 0 type veth', 'transmit'],
    ['type veth peer numrxqueues 5000', 'receive'],
  ])
    expect(await sh(`ip link add a0 ${words}`)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `Error: Invalid number of ${direction} queues.\n`,
    })
  expect(names(daemon.home)).toEqual(['lo'])
  expect(await sh('ip link add a0 numtxqueues 4 numrxqueues 3 type veth')).toMatchObject(well)
  expect(daemon.home.link('a0').linkinfo?.info_data?.numqueues).toBe(4)
  for (const words of ['b0 numtxqueues 4096', 'c0 group 7 numtxqueues 4096']) {
    const stderr = 'Warning: 256 queues instead of 4096: the kernel gives a TAP no more.\n'
    expect(await sh(`ip link add ${words} type veth`)).toMatchObject({ ...well, stderr })
  }
})

test('txqueuelen 0, which means nothing to kernel veth, leaves the queue as it is', async () => {
  await using daemon = await TestDaemon.start()
  const script = 'ip link add a0 txqueuelen 0 type veth peer name a1 txqueuelen 5'
  const stderr = 'Warning: txqueuelen 0 is left out: a pair carries no frame without a queue.\n'
  expect(await shimOf(daemon)(script)).toMatchObject({ ...well, stderr })
  expect([daemon.home.link('a0').txqlen, daemon.home.link('a1').txqlen]).toEqual([8192, 5])
})

test('the kernel’s numbers for names that are left out', async () => {
  await using daemon = await TestDaemon.start()
  const sh = shimOf(daemon)
  expect(
    await sh('ip link add type veth; ip link add veth7 type veth; ip link add x%d type veth'),
  ).toMatchObject(well)
  expect(names(daemon.home)).toEqual(['lo', 'veth0', 'veth1', 'veth2', 'veth7', 'veth3', 'x0'])
})

test('link del returns when both ends are gone, wherever the peer is', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  using green = Netns.create('green')
  const sh = shimOf(daemon)
  const script = `for i in 1 2 3; do
    ip link add a0 type veth peer name a1 || exit 1
    ip link del a1 && ip link add a0 netns $1 type veth peer name a1 netns $2 || exit 2
    ip -n $1 link del dev a0 && ip link add a0 type veth peer name a1 netns $2 || exit 3
    ip netns exec $2 ip link del a1 && ip -n $2 link add a0 type veth peer name a1 || exit 4
    ip -n $2 link set a0 netns $1
    ip -n $1 l d a0 type veth && ip -n $2 link add a1 type veth peer name a0 || exit 5
    ip netns exec $2 ip link delete a0
  done`
  expect(await sh(script, blue.name, green.name)).toMatchObject(well)
  expect([names(daemon.home), names(blue), names(green)]).toEqual([['lo'], ['lo'], ['lo']])
})

test('a peer in a namespace without a name', async () => {
  await using daemon = await TestDaemon.start()
  const sh = shimOf(daemon)
  const script = `unshare -n sleep 3600 & pid=$!
    until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do :; done
    ip link add a0 type veth peer name a1 netns $pid && nsenter -n -t $pid ip link show a1 >/dev/null && ip link del a0
    code=$?
    nsenter -n -t $pid ip link show a1 2>&1
    kill $pid
    exit $code`
  expect(await sh(script)).toMatchObject({ code: 0, stdout: 'Device "a1" does not exist.\n' })
})

test('carrier has followed when link set returns', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const sh = shimOf(daemon)
  const script = `ip link add a0 up type veth peer name a1 netns $1
    for i in 1 2 3 4 5; do
      ip -n $1 link set a1 up; ip link show a0 | grep -o NO-CARRIER
      ip -n $1 link set dev a1 down; ip link show a0 | grep -o NO-CARRIER
    done`
  expect(await sh(script, blue.name)).toMatchObject({ stdout: 'NO-CARRIER\n'.repeat(5), stderr: '' })
})

test('the same in a namespace without a name', async () => {
  await using daemon = await TestDaemon.start()
  const script = `unshare -n sh -c '
    ip link add a0 up type veth peer name a1
    for i in 1 2 3 4 5; do
      ip link set a1 up; ip link show a0 | grep -o NO-CARRIER
      ip link set a1 down; ip link show a0 | grep -o NO-CARRIER
    done
    ip link del a1; ip -br link show a0'`
  const { stdout, stderr } = await shimOf(daemon)(script)
  expect([stdout, stderr]).toEqual(['NO-CARRIER\n'.repeat(5), 'Device "a0" does not exist.\n'])
})

test('options in front, and a batch on stdin whose answers come line by line', async () => {
  await using daemon = await TestDaemon.start()
  const [file = '', ...prefix] = inside(daemon.home)
  const batch = spawn(file, [...prefix, `${SHIM}/ip`, '-br', '-batch', '-'], {
    env: { ...process.env, ...shimEnvironment(daemon.socket) },
  })
  let said = ''
  batch.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = new Promise((resolve) => batch.once('close', resolve))
  try {
    batch.stdin.write('link set lo up\n')
    await until('the first line', () => daemon.home.link('lo').flags.includes('UP'))
    batch.stdin.write('link add a0 type veth peer name a1\n')
    await until('the second line', () => daemon.home.has('a0'))
    batch.stdin.write('link set a1 up\n')
    await until('the third line', () => daemon.home.link('a1').flags.includes('UP'))
    batch.stdin.end('link add b0 type veth\nlink show dev b0\nlink del a0\n')
    expect(await ended).toBe(0)
    expect(said).toMatch(/^b0 +DOWN [^\n]*\n$/)
    expect(names(daemon.home)).toEqual(['lo', 'veth0', 'b0'])
  } finally {
    batch.kill('SIGKILL')
  }
})

test('a batch out of a pipe with a name keeps that name in what fails', async () => {
  await using daemon = await TestDaemon.start()
  const sh = shimOf(daemon)
  const pipe = daemon.folder.file('pipe')
  const said = await sh(
    `mkfifo $1; printf 'link set lo up\\nlink add a0 type veth\\nlink set nothing up\\n' > $1 & ip -b $1`,
    pipe,
  )
  expect(said).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `Cannot find device "nothing"\nCommand failed ${pipe}:3\n`,
  })
  expect(names(daemon.home)).toEqual(['lo', 'veth0', 'a0'])
})

test.each([
  'link add "v0 type veth peer name v1',
  'l a v0 type veth p name v1',
  'link add v0 type veth peer name v1 mtu x',
  'link show nothing type veth',
  'link del v0 type veth',
])('a line of a batch that looks like ours and is not is the real ip’s, once: %s', async (line) => {
  await using daemon = await TestDaemon.start()
  using plain = Netns.create('plain')
  // The lines in front and behind are carried out as they would be.
  const script = `printf '%s\n' 'link set lo up' 'link add a0 type veth peer name a1' '${line}' 'link del a0' |
    timeout ${patient(20)} ip -force -batch -`
  const ours = await shimOf(daemon)(script)
  const { code, stdout, stderr } = await shell({ prefix: inside(plain) })(script)
  expect(ours).toMatchObject({ code, stdout, stderr })
  expect(names(daemon.home).sort()).toEqual(names(plain).sort())
})

test.each([
  ['ip netns exec', (home: Netns) => ['ip', 'netns', 'exec', home.name]],
  ['unshare -m', (home: Netns) => [...inside(home), 'unshare', '-m']],
] as const)('namespaces that a script under %s has made and nobody else sees', async (_, prefixOf) => {
  await using daemon = await TestDaemon.start()
  const name = `uvt-${process.pid}-${uniqueName('own')}`
  const sh = shimOf(daemon, { prefix: prefixOf(daemon.home) })
  const script = `trap 'ip netns del $1' EXIT
    names() { ip $1 $2 -o link | cut -d: -f2 | cut -d@ -f1 | grep -v lo | xargs; }
    ip netns add $1 && ip link add a0 type veth peer name a1 netns $1 && ip -n $1 link add b0 type veth &&
      ip link add c0 netns $1 group 5 type veth peer name c1 mtu 1400 && ip link set c1 netns $1 || exit 1
    printf '%s\\n' 'link set lo up' "link add d0 type veth peer name d1 netns $1" 'link set d0 up' |
      timeout ${patient(20)} ip -batch - || exit 2
    names; names -n $1
    ip link del a0 && ip -n $1 link del d1 && names -n $1; names`
  expect(await sh(script, name)).toMatchObject({
    code: 0,
    stdout: 'a0 d0\na1 veth0 b0 c0 c1 d1\nveth0 b0 c0 c1\n\n',
    stderr: '',
  })
})
