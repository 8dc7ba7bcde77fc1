// Labs of the test kit on real interfaces: hosts, routers, bridges, nats and containers with cables between them; what
// a test is given, what a failing one says; and that nothing is left behind, however it ends.

import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { assertCarried, assertDropped, lab } from 'uveth/testing'
import { afterAll, afterEach, describe, expect, vi } from 'vitest'
import { run } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { Program } from '../support/program.js'
import { needs } from '../support/skip.js'
import { failureOf } from '../support/testing-kit.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping', 'bridge')
const withNat = needs('root', 'tun', 'netns', 'ip', 'ping', 'bridge', 'nft')
const withIpv6 = needs('root', 'tun', 'netns', 'ip', 'ping', 'ipv6')
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const PROJECT = fileURLToPath(new URL('fixtures/testing-kit', import.meta.url))
const artifacts = mkdtempSync(`${tmpdir()}/uveth-920-`)

afterAll(() => rmSync(artifacts, { recursive: true }))
afterEach(() => {
  vi.unstubAllEnvs()
})

const ping = ['-n', '-c', '1', '-W', '5']
const echoes = { icmp: { type: 8 } }

/** What this process has made and not removed. */
function left(): string[] {
  const ours = (names: string[]) => names.filter((name) => name.startsWith(`uveth-${process.pid}-`))
  return [...ours(readdirSync('/run/netns')), ...ours(readdirSync(tmpdir()))]
}

const house = {
  nodes: {
    client: {},
    printer: {},
    lan: { kind: 'bridge' },
    nat: { kind: 'nat', outside: 'wan0' },
    router: { forward: true },
    server: {},
  },
  cables: [
    ['client:eth0 10.0.0.2/24 fd00::2/64', 'lan:p1'],
    ['printer:eth0 10.0.0.3/24 fd00::3/64', 'lan:p2'],
    ['lan:p3', 'nat:lan0 10.0.0.1/24 fd00::1/64', { b: { mtu: 1400 } }],
    ['nat:wan0 192.0.2.2/24 2001:db8:1::2/64', 'router:eth0 192.0.2.1/24 2001:db8:1::1/64'],
    [
      'router:eth1 198.51.100.1/24 2001:db8:2::1/64',
      'server:eth0 198.51.100.2/24 2001:db8:2::2/64',
      { id: 'far', b: { address: '02:00:00:00:00:05' } },
    ],
  ],
} as const

describe('a lab', () => {
  withNat('of hosts, a bridge, a nat and a router: every way is there, of both versions', async () => {
    await lab({ ...house, artifacts }, async (net) => {
      const { client, printer, nat, server } = net.nodes
      for (const address of [printer.ip, printer.ip6, server.ip, server.ip6])
        await client.exec('ping', [...ping, address])
      expect({ ip: client.ip, ip6: client.ip6 }).toEqual({ ip: '10.0.0.2', ip6: 'fd00::2' })
      expect([nat.ends.lan0.mtu, server.ends.eth0.address]).toEqual([1400, '02:00:00:00:00:05'])
      expect(net.cables.far.b).toBe(server.ends.eth0)
      // The server sees the nat's address, and has no way to what is behind it.
      await assertCarried(net, { ...echoes, ip: { src: '192.0.2.2' } }, { from: 'router:eth1', times: 1 })
      await assertCarried(net, { ip: { src: '10.0.0.0/8' } }, { at: 'server:eth0', times: 0 })
      const { stdout } = await server.exec('ip', ['route', 'get', '10.0.0.2'], { allowFailure: true })
      expect(stdout).toBe('')
    })
    expect(left()).toEqual([])
  })

  test('has neighbours from the beginning, or asks for them', async () => {
    const two = {
      nodes: { a: {}, lan: { kind: 'bridge' }, b: {} },
      cables: [
        ['a:eth0 10.0.0.1/24', 'lan:p1'],
        ['lan:p2', 'b:eth0 10.0.0.2/24'],
      ],
    } as const
    for (const neighbours of [true, false]) {
      await lab({ ...two, neighbours }, async (net) => {
        await net.nodes.a.exec('ping', [...ping, net.nodes.b.ip])
        await assertCarried(net, { arp: {} }, neighbours ? { times: 0 } : { from: 'a:eth0' })
      })
    }
  })

  withIpv6('has looked for duplicates of its addresses before the body runs', async () => {
    await using net = await lab({
      nodes: { a: {}, b: {} },
      cables: [['a:eth0 fd00::1/64', 'b:eth0 fd00::2/64', { a: { dad: true } }]],
    })
    const { stdout } = await net.nodes.a.exec('ip', ['-6', '-o', 'addr', 'show', 'dev', 'eth0'])
    expect(stdout).toContain('fd00::1/64')
    expect(stdout).not.toContain('tentative')
    await net.nodes.b.exec('ping', [...ping, net.nodes.a.ip6])
  })

  test('has the routes that are given, and no others', async () => {
    await using net = await lab({
      nodes: { client: {}, router: { kind: 'router' }, server: {} },
      cables: [
        ['client:eth0 192.0.2.2/24', 'router:eth0 192.0.2.1/24'],
        ['router:eth1 198.51.100.1/24', 'server:eth0 198.51.100.2/24'],
      ],
      routes: { client: { default: 'router' } },
    })
    const { client, server } = net.nodes
    expect((await client.exec('ip -br route show default')).stdout).toContain('default via 192.0.2.1')
    expect((await server.exec('ip route')).stdout).not.toContain('via')
    await server.exec('ip route add default via 198.51.100.1')
    await client.exec('ping', [...ping, server.ip])
  })

  test('does not meet another one of the same names', async () => {
    const cables = [['a:eth0 10.0.0.1/24', 'b:eth0 10.0.0.2/24']] as const
    await using one = await lab({ nodes: { a: {}, b: {} }, cables })
    await using other = await lab({ nodes: { a: {}, b: {} }, cables })
    await one.nodes.a.exec('ping', [...ping, one.nodes.b.ip])
    await assertCarried(other, echoes, { times: 0 })
    expect(one.nodes.a.netns).not.toBe(other.nodes.a.netns)
  })
})

describe('a failing test', () => {
  test('says each end, programs, the seed and a capture of each cable', async () => {
    const error = await failureOf(
      lab(
        {
          nodes: { a: {}, b: {} },
          cables: [['a:eth0 10.0.0.1/24', 'b:eth0 10.0.0.2/24']],
          name: 'failing',
          seed: 77,
          artifacts,
        },
        async (net) => {
          net.cables['a-b'].a.drop(echoes)
          await net.nodes.b.spawn('echo listening; exec sleep 60').line('listening')
          const fails = net.nodes.a.exec('ping', ['-n', '-c', '1', '-W', '0.1', net.nodes.b.ip])
          // On a busy machine it may give up before its frame has been judged.
          await Promise.allSettled([fails, assertDropped(net, { from: 'a:eth0', within: 60_000 })])
          await fails
        },
      ),
    )
    expect(error.message).toMatch(/^'ping -n -c 1 -W 0.1 10.0.0.2' on a ended with code 1/)
    for (const words of [
      'uveth, the lab of this test:',
      'seed: 77, to repeat: UVETH_SEED=77',
      'a: eth0, up, mtu 1500; sent 1 frame, of which 1 dropped (1 rule)',
      /rule \d+: drop icmp type 8/,
      "'echo listening; exec sleep 60' on b is running",
      `capture: ${artifacts}/failing-a-b.pcapng`,
    ])
      expect(error.message).toMatch(words)
    expect(existsSync(`${artifacts}/failing-a-b.pcapng`)).toBe(true)
    expect(existsSync(`${artifacts}/failing.txt`)).toBe(true)
    expect(left()).toEqual([])
  })

  test('with vitest, by its fixture', async () => {
    const env = {
      NO_COLOR: '1',
      UVETH_ARTIFACTS: `${artifacts}/vitest`,
      UVETH_SEED: '4711',
      UVETH_TEST_SUMMARY: '',
      VITEST: '',
    }
    await using program = new Program([process.execPath, VITEST, 'run', '--root', PROJECT, 'labs'], { env })
    const { code, stdout, stderr } = await program.end(patient(80_000))
    const said = stdout + stderr
    expect(code, said).toBe(1)
    expect(said).toMatch(/Tests\s+1 failed \| 1 passed \(2\)/)
    expect(said).toContain('expected the lab to have carried `tcp` at server:eth0; it has carried 0 frames')
    expect(said).toContain('seed: 4711, to repeat: UVETH_SEED=4711')
    const name = 'labs.fixture.ts-a-lab-fails'
    expect(readdirSync(`${artifacts}/vitest`).sort()).toEqual([
      `${name}-client-router.pcapng`,
      `${name}-far.pcapng`,
      `${name}.txt`,
    ])
  })
})

test('an assertion names an end of the lab', async () => {
  await using net = await lab({
    nodes: { a: {}, b: {} },
    cables: [['a:eth0 10.0.0.1/24', 'b:eth0 10.0.0.2/24']],
  })
  net.cables['a-b'].b.drop({ icmp: { type: 0 } })
  await net.nodes.a.exec('ping', ['-n', '-c', '1', '-W', '0.1', net.nodes.b.ip], { allowFailure: true })
  await assertDropped(net, { cause: 'rule', from: 'b:eth0', times: 1 })
  await assertDropped(net, { from: 'a:eth0', times: 0 })
  await expect(assertCarried(net, echoes, { at: 'c:eth0' })).rejects.toThrow(
    /^EINVAL: at must be one of a:eth0, b:eth0, not "c:eth0"$/,
  )
  await expect(assertCarried(net.cables['a-b'], echoes, { at: 'a:eth0' })).rejects.toThrow(
    /^EINVAL: at is an end of a lab; of a pair say from$/,
  )
})

describe('a lab that cannot be made leaves nothing', () => {
  /** A folder on the PATH with a program in it. */
  function programs(name: string, lines: string): string {
    const folder = mkdtempSync(`${artifacts}/bin-`)
    writeFileSync(`${folder}/${name}`, `#!/bin/sh\n${lines}\n`)
    chmodSync(`${folder}/${name}`, 0o755)
    return folder
  }

  test('by a wrong wish: it was not begun', async () => {
    const wish = { nodes: { a: {} }, cables: [['a:eth0', 'b:eth0']] }
    await expect(lab(wish as never)).rejects.toThrow(/^EINVAL: cables.0.b: there is no node b, only a$/)
    await expect(lab(house, 'body' as never)).rejects.toThrow(/^EINVAL: the body of a test is a function/)
  })

  test('by a number that is taken, in one of several cables', async () => {
    const wish = {
      nodes: { a: {}, b: {}, lan: { kind: 'bridge' } },
      cables: [
        ['a:eth0 10.0.0.1/24', 'lan:p1'],
        ['a:eth1', 'b:eth1', { b: { ifindex: 1 } }],
        ['b:eth0 10.0.0.2/24', 'lan:p2'],
      ],
    } as const
    await expect(lab(wish)).rejects.toThrow(/^EEXIST: .*'ifindex 1'/)
    expect(left()).toEqual([])
  })

  withNat('by a kernel without nat', async () => {
    const nat = {
      nodes: { n: { kind: 'nat', outside: 'eth0' }, x: {} },
      cables: [['n:eth0', 'x:eth0']],
    } as const
    vi.stubEnv('PATH', `${programs('nft', 'echo no such table >&2; exit 1')}:${process.env.PATH}`)
    await expect(lab(nat)).rejects.toThrow(
      /^EOPNOTSUPP: the lab cannot be set up: n: no such table\nit cannot be a nat: nftables/,
    )
    expect(left()).toEqual([])
  })

  test('whenever it is aborted', async () => {
    const cables = [
      ['a:eth0 10.0.0.1/24 fd00::1/64', 'b:eth0 10.0.0.2/24 fd00::2/64'],
      ['a:eth1 10.0.1.1/24', 'b:eth1 10.0.1.2/24', { id: 'second' }],
    ] as const
    const reason = new Error('too late')
    for (let ms = 0; ; ms += 3) {
      const stop = new AbortController()
      const timer = setTimeout(() => stop.abort(reason), ms)
      const made = await lab({ nodes: { a: {}, b: {} }, cables, signal: stop.signal }).catch((error) => error)
      clearTimeout(timer)
      if (made !== reason) {
        await made.close()
        break
      }
      expect(left(), `after ${ms} ms`).toEqual([])
    }
    expect(left()).toEqual([])
  })

  withNat('wherever on the way `ip` fails', async () => {
    const real = run('sh', '-c', 'command -v ip').trim()
    // Counts those that make something, one after the other; the one that is asked for fails.
    const folder = programs(
      'ip',
      `case "$1 $2" in "netns del" | "netns pids") exec ${real} "$@" ;; esac
       n=$(flock ${artifacts}/lock sh -c 'n=$(($(cat "$0") + 1)); echo $n >"$0"; echo $n' ${artifacts}/count)
       [ "$n" != "$FAILING" ] || { echo "refused on purpose" >&2; exit 1; }
       exec ${real} "$@"`,
    )
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
    let failing = 1
    for (; ; failing++) {
      writeFileSync(`${artifacts}/count`, '0')
      vi.stubEnv('FAILING', String(failing))
      const made = await lab(house).catch((error: Error) => error)
      if (!(made instanceof Error)) {
        await made.close()
        break
      }
      expect(made.message, `step ${failing}`).toMatch(/refused on purpose|cannot be/)
      expect(left(), `step ${failing}`).toEqual([])
    }
    // Into the bridge and the nat, two to make the bridge, then each node once.
    expect(failing).toBeGreaterThan(8)
    expect(left()).toEqual([])
  })
})
