// `tc` through the shim: netem on one of our ends degrades what it sends, on kernels without netem too, and everything
// else is the real tc's.

import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { inside, TestDaemon } from '../support/daemon.js'
import { Netns } from '../support/netns.js'
import { shell, shimEnvironment, shimOf } from '../support/shim.js'
import { SHIMS } from '../support/shim-folders.js'
import { needs } from '../support/skip.js'

const needed = ['root', 'tun', 'netns', 'ip', 'tc', 'nsenter'] as const
const test = needs(...needed)

const PAIR = 'ip link add a0 up type veth peer name a1 netns $1 up'

const impairOf = async (daemon: TestDaemon, end: string) => {
  const { json } = await daemon.ask('GET', `/v1/ends/${end}/impair`)
  return json as object | null
}

describe('misuse', () => {
  test.each([
    'qdisc add dev a0 root netem delay soon',
    'qdisc add dev a0 root netem loss 120%',
    'qdisc add dev a0 root netem what 1',
    'qdisc add dev nothing root netem delay 1ms',
    'qdisc add dev a0 root nothing',
    'qdisc del dev a0 root',
    'qdisc change dev a0 root netem delay 1ms',
    'qdisc add dev a0 parent 9:1 netem delay 1ms',
    'qdisc add dev a0 root tbf rate 1mbit',
    'qdisc show dev nothing',
    'qdisc frobnicate',
    '-x qdisc show',
  ])('tc %s: as the real tc', async (line) => {
    await using daemon = await TestDaemon.start()
    using blue = Netns.create('blue')
    using plain = Netns.create('plain')
    const ours = await shimOf(daemon)(`${PAIR}; tc ${line}`, blue.name)
    const real = await shell({ prefix: inside(plain) })(`ip tuntap add a0 mode tap; tc ${line}`)
    expect(ours).toMatchObject({ code: real.code, stdout: real.stdout, stderr: real.stderr })
    expect(ours.code).not.toBe(0)
  })
})

for (const folder of SHIMS)
  test(`${folder.replace(/.*\/(?=shim|native)/, '')}: netem is an impairment, shown as tc shows it`, async () => {
    await using daemon = await TestDaemon.start()
    using blue = Netns.create('blue')
    const said = await shimOf(
      daemon,
      {},
      folder,
    )(
      `${PAIR}; say() { tc qdisc show dev a0; }
      tc qdisc add dev a0 root netem delay 10ms 2ms loss 1% limit 500 && say
      tc qdisc add dev a0 root netem delay 1ms; echo $?
      tc qdisc change dev a0 root netem loss 100% limit 1000; say
      tc -s qdisc show dev a0 | tail -n 2
      tc -n $1 qdisc replace dev a1 root handle 7: netem rate 1mbit limit 1000; ip netns exec $1 tc qdisc show dev a1
      tc qdisc del dev a0 root; tc qdisc del dev a0 root; echo $?`,
      blue.name,
    )
    expect({
      ...said,
      stdout: said.stdout.replace(/Sent \d+ bytes \d+ pkt \(dropped \d+/, 'Sent'),
    }).toMatchObject({
      code: 0,
      stdout: `qdisc netem 8001: root refcnt 2 limit 500 delay 10ms  2ms loss 1%
2
qdisc netem 8001: root refcnt 2 limit 1000 loss 100%
 Sent, overlimits 0 requeues 0) 
 backlog 0b 0p requeues 0
qdisc netem 7: root refcnt 2 limit 1000 rate 1Mbit
2
`,
      stderr: 'Error: Exclusivity flag on, cannot modify.\nError: Cannot delete qdisc with handle of zero.\n',
    })
    expect(await impairOf(daemon, 'a1')).toMatchObject({
      rate: { rate: 1e6 },
    })
  })

test('htb above netem is one impairment; a second class is the kernel’s, with what led there', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  using plain = Netns.create('plain')
  const lines = `
    tc qdisc add dev a0 root handle 5:0 htb default 1
    tc class add dev a0 parent 5:0 classid 5:1 htb rate 10.000000Mbit burst 15k
    tc qdisc show dev a0; tc class show dev a0; tc -j qdisc show dev a0; tc qdisc del dev a0 root
    tc qdisc add dev a0 root handle 1: tbf rate 1mbit burst 10k latency 20ms; tc -j qdisc show dev a0
    tc qdisc replace dev a0 root handle 1: tbf rate 2mbit burst 10k limit 30k; tc -j qdisc show dev a0; tc qdisc del dev a0 root`
  const sh = shimOf(daemon)
  const ours = await sh(`${PAIR}; ${lines}`, blue.name)
  expect(ours).toEqual(await shell({ prefix: inside(plain) })(`ip tuntap add a0 mode tap; ${lines}`))
  await sh(`tc qdisc add dev a0 root handle 5:0 htb default 1
    tc class add dev a0 parent 5:0 classid 5:1 htb rate 10.000000Mbit burst 15k`)
  const impaired = async () => await impairOf(daemon, 'a0')
  expect(await impaired()).toMatchObject({ rate: { rate: 1e7, burst: 15_360 } })
  await sh('tc qdisc add dev a0 parent 5:1 handle 10: tbf rate 1mbit burst 10k latency 10ms')
  expect(await impaired()).toBeNull()
  expect((await sh('tc qdisc show dev a0; tc class show dev a0 | grep -c htb')).stdout).toMatch(
    /^qdisc htb 5: root [^\n]*\nqdisc tbf 10: parent 5:1 rate 1Mbit burst 10Kb lat 10ms \n1\n$/,
  )
})

test('as JSON, with counts where they are asked for', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const sh = shimOf(daemon)
  const { stdout } = await sh(
    `${PAIR}; tc qdisc add dev a0 root netem delay 10ms 2ms loss 1.5% 25%; tc -s -j qdisc show dev a0`,
    blue.name,
  )
  const count = expect.any(Number)
  expect(JSON.parse(stdout)).toEqual([
    {
      ...{ kind: 'netem', handle: '8001:', root: true, refcnt: 2 },
      options: {
        ...{ limit: 1000, delay: { delay: 0.01, jitter: 0.002, correlation: 0 } },
        ...{ 'loss-random': { loss: 0.015, correlation: 0.25 }, ecn: false, gap: 0 },
      },
      ...{ bytes: count, packets: count, drops: count, overlimits: 0, requeues: 0, backlog: 0, qlen: 0 },
    },
  ])
  expect(await sh('tc qdisc del dev a0 root; tc -j qdisc show dev a0 | grep -c netem')).toMatchObject({
    stdout: '0\n',
  })
})

for (const folder of SHIMS)
  test(`${folder.replace(/.*\/(?=shim|native)/, '')}: all that there is, as tc lists it, and a tunnel's end`, async () => {
    await using daemon = await TestDaemon.start()
    using blue = Netns.create('blue')
    using plain = Netns.create('plain')
    const lines = `
      tc -j qdisc show
      ip link set lo up; tc qdisc add dev lo root handle 3: tbf rate 1mbit burst 10k latency 1ms
      tc qdisc add dev a0 root handle 5: tbf rate 1mbit burst 10k latency 20ms
      tc qdisc add dev a0 handle ffff: ingress
      tc qdisc show; tc -j -s qdisc show; tc qdisc show root
      for one in 'handle 5:' 'handle 3:' 'parent 5:1' 'parent root'; do tc qdisc show $one; done
      tc qdisc show dev a0 handle 3:; tc qdisc show dev a0 root`
    const sh = shimOf(daemon, {}, folder)
    const ours = await sh(`ip link add a0 type veth peer name a1 netns $1; ${lines}`, blue.name)
    const real = await shell({ prefix: inside(plain) })(`ip tuntap add a0 mode tap; ${lines}`)
    expect(ours).toEqual(real)
    const b = { vxlan: { id: 42, remote: '127.0.0.2' }, impair: { loss: '3%' } }
    expect((await daemon.ask('POST', '/v1/pairs', { a: { name: 'x0', up: true }, b })).status).toBe(201)
    const { stdout } = await sh('tc -j qdisc show')
    // Not every kernel has ingress.
    const all = (JSON.parse(stdout) as object[]).filter((one) => !Object.values(one).includes('ingress'))
    expect(all.map((one) => Object.values(one).slice(0, 3))).toEqual([
      ['tbf', '3:', 'lo'],
      ['tbf', '5:', 'a0'],
      [expect.any(String), '0:', 'x0'],
      ['netem', '8001:', 'vxlan42:127.0.0.2'],
    ])
    expect((await sh('tc qdisc show | tail -n 1; ip -br link show type veth')).stdout).toMatch(
      /^qdisc netem 8001: dev vxlan42:127.0.0.2 root refcnt 2 limit 1000 loss 3%\na0 [^\n]*\nx0 [^\n]*\n$/,
    )
  })

test('a batch, and all that there is', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const said = await shimOf(daemon)(
    `${PAIR}; ip link set lo up
    printf 'qdisc add dev lo root tbf rate 1mbit burst 10k latency 1ms\\nqdisc add dev a0 root netem loss 3%% limit 1000\\nqdisc show dev lo\\nqdisc del dev nothing root\\n' |
      tc -batch -; echo $?
    tc qdisc show | grep netem`,
    blue.name,
  )
  expect(said.stdout).toMatch(
    /^qdisc tbf [^\n]+ rate 1Mbit [^\n]+\n1\nqdisc netem 8001: dev a0 root refcnt 2 limit 1000 loss 3%\n$/,
  )
  expect(said.stderr).toBe('Cannot find device "nothing"\nCommand failed -:4\n')
})

for (const folder of SHIMS)
  test.each([
    ['has ended meanwhile', 'kill -9 $DAEMON; echo "qdisc noqueue 0: dev lo root refcnt 2 "', 1],
    ['does not take', 'yes "qdisc noqueue 0: dev lo root refcnt 2 " | head -n 120000', 120_000],
  ])(
    `${folder.replace(/.*\/(?=shim|native)/, '')}: what the real tc lists is shown where the daemon %s`,
    async (_, lines, count) => {
      await using daemon = await TestDaemon.start()
      const tools = daemon.folder.path
      writeFileSync(`${tools}/tc`, `#!/bin/sh\necho >>${tools}/asked\n${lines}\n`, { mode: 0o755 })
      const sh = shimOf(daemon, {}, folder)
      expect(
        await sh('ip link add a0 type veth peer name a1; tc qdisc add dev a0 root netem loss 1%'),
      ).toMatchObject({ code: 0 })
      const PATH = String(shimEnvironment(daemon.socket, folder).PATH).replace(folder, `${folder}:${tools}`)
      const env = { PATH, DAEMON: String(daemon.program.pid) }
      const { code, stdout, stderr } = await shimOf(daemon, { env }, folder)('tc qdisc show')
      expect({ code, lines: stdout.split('\n').length - 1, stderr }).toEqual({
        code: 0,
        lines: count,
        stderr: '',
      })
      expect(readFileSync(`${tools}/asked`, 'utf8')).toBe('\n')
    },
  )

for (const folder of SHIMS)
  test(`${folder.replace(/.*\/(?=shim|native)/, '')}: whoever has seen enough of a list may go`, async () => {
    await using daemon = await TestDaemon.start()
    const sh = shimOf(daemon, {}, folder)
    const lists = ['ip -j link show type veth', 'tc qdisc show', 'tc -j qdisc show']
    const shown = lists.map((line) => `{ sleep 0.2; ${line}; } | true`).join('; ')
    expect(
      await sh(`ip link add a0 type veth peer name a1; tc qdisc add dev a0 root netem loss 1%; ${shown}`),
    ).toMatchObject({ code: 0, stderr: '' })
  })
