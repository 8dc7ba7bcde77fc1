// `uveth run A B`: its options, what it prints when it is ready, and what it refuses: exit code 1 for wrong
// use, 2 when the kernel refuses, one line on stderr in either case. How it ends is in the next file.

import { createRequire } from 'node:module'
import { describe, expect } from 'vitest'
import { VERBS } from '../../src/cli/words.js'
import { A, B } from '../support/cable.js'
import { Netns, until } from '../support/netns.js'
import { pings } from '../support/ping.js'
import { uveth, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')

/** `a b --netns-a … --netns-b …` and more. */
function between(left: Netns, right: Netns, ...words: string[]): string[] {
  return ['run', 'veth0', 'veth1', '--netns-a', left.name, '--netns-b', right.name, ...words]
}

test.each([['--version'], ['--help'], ['doctor', '-j']])(
  'output that a full disk does not take: %s',
  async (...words) => {
    const prefix = ['sh', '-c', 'exec "$@" >/dev/full', 'sh']
    const { code, stderr } = await uvethOnce(words, { prefix })
    expect([code, stderr]).toEqual([2, 'uveth: standard output: ENOSPC: no space left on device, write\n'])
  },
)

describe('wrong use is exit code 1 and one line', () => {
  const WRONG: [string, string[], RegExp][] = [
    ['an unknown verb', ['fly'], /unknown verb 'fly'/],
    ['no name', ['run'], /names of both interfaces/],
    ['one name', ['run', 'a'], /names of both interfaces/],
    ['three names', ['run', 'a', 'b', 'c'], /names of both interfaces/],
    ['an unknown option', ['run', 'a', 'b', '--speed', '10'], /--speed.*uveth run --help/],
    ['an option without its value', ['run', 'a', 'b', '--mtu'], /--mtu.*uveth run --help/],
    ['a value for what takes none', ['run', 'a', 'b', '--json=yes'], /--json/],
    [
      'an MTU that is no number',
      ['run', 'a', 'b', '--mtu', 'big'],
      /--mtu must be a whole number from 68 to 65521, not "big"/,
    ],
    ['an MTU that is too small', ['run', 'a', 'b', '--mtu', '67'], /--mtu must be/],
    [
      'a bad MAC address',
      ['run', 'a', 'b', '--address-a', '02:00'],
      /--address-a must be a MAC address like .*, not "02:00"/,
    ],
    ['a multicast MAC address', ['run', 'a', 'b', '--address-b', '01:00:00:00:00:00'], /multicast/],
    [
      'a bad address',
      ['run', 'a', 'b', '--addr-a', '10.0.0.1/24', '--addr-a', 'ten'],
      /--addr-a must be .*, not "ten"/,
    ],
    [
      'a name that is too long',
      ['run', 'a', 'sixteen-bytes-ab'],
      /B must be an interface name: 1 to 15 bytes/,
    ],
    ['an empty name', ['run', 'a', ''], /B must be an interface name: 1 to 15 bytes .*, not ""/],
    ['a name with a slash', ['run', 'a/b', 'b'], /A must be an interface name.*without "\/"/],
    ['an unknown log level', ['run', 'a', 'b', '--log', 'loud'], /--log must be one of debug, info, warn/],
    ['an empty namespace', ['run', 'a', 'b', '--netns-a', ''], /--netns-a must be a network namespace/],
  ]

  test.each(WRONG)('%s', async (_, words, sentence) => {
    using home = Netns.create('home')
    const { code, stdout, stderr } = await uvethOnce(words, { netns: home.name })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^uveth: [^\n]+\n$/)
    expect(stderr).toMatch(sentence)
    expect(home.links()).toHaveLength(1)
  })

  test('no verb: the help on stderr, and the code of ip', async () => {
    const { code, stdout, stderr } = await uvethOnce([])
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' })
    expect(stderr).toMatch(/^uveth: a virtual Ethernet cable/)
    expect(stderr).toMatch(/run A B/)
  })
})

describe('a refusal by the kernel is exit code 2 and one line', () => {
  test('a name that is taken', async () => {
    using home = Netns.create('home')
    home.ip('tuntap', 'add', 'dev', 'taken', 'mode', 'tap')
    for (const json of [[], ['--json']]) {
      const { code, stdout, stderr } = await uvethOnce(['run', 'a', 'taken', ...json], { netns: home.name })
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(/^uveth: EEXIST: [^\n]*'taken'[^\n]*\n$/)
      expect(home.links()).toHaveLength(2)
    }
  })

  test('no permission', async () => {
    using home = Netns.create('home')
    const prefix = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin']
    const { code, stderr } = await uvethOnce(['run', 'a', 'b'], { netns: home.name, prefix })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^uveth: EPERM: [^\n]*CAP_NET_ADMIN[^\n]*\n$/)
  })

  test('no /dev/net/tun', async () => {
    using home = Netns.create('home')
    const hidden = 'mount -t tmpfs none /dev/net && exec "$0" "$@"'
    const prefix = ['unshare', '-m', '--propagation', 'slave', 'sh', '-c', hidden]
    const { code, stderr } = await uvethOnce(['run', 'a', 'b'], { netns: home.name, prefix })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^uveth: ENOENT: [^\n]*\/dev\/net\/tun[^\n]*mknod[^\n]*\n$/)
  })

  test('a namespace that is not there is a bad value: exit code 1', async () => {
    const { code, stdout, stderr } = await uvethOnce(['run', 'a', 'b', '--netns-b', 'uvt-no-such'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^uveth: ENOENT: [^\n]*ip netns add uvt-no-such[^\n]*\n$/)
  })
})

describe('the options', () => {
  test('names alone: at home, up, ready in one line', async () => {
    using home = Netns.create('home')
    await using program = uveth(['run', 'veth0', 'veth1'], { netns: home.name })
    expect(await program.line(/^/)).toBe('uveth: veth0 <-> veth1 ready')
    expect([home.link('veth0').operstate, home.link('veth1').operstate]).toEqual(['UP', 'UP'])
  })

  test('--netns, --addr several times: usable when it says ready', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    const addresses = ['--addr-a', `${A}/24`, '--addr-a', 'fd00::1/64', '--addr-b', `${B}/24`]
    await using program = uveth(between(left, right, ...addresses))
    expect(await program.line(/ready$/)).toBe(
      `uveth: veth0 (netns ${left.name}) <-> veth1 (netns ${right.name}) ready`,
    )
    expect([left.link('veth0').operstate, right.link('veth1').operstate]).toEqual(['UP', 'UP'])
    expect(left.ip('-o', 'addr', 'show', 'dev', 'veth0')).toMatch(/10\.77\.0\.1\/24.*\n.*fd00::1\/64/)
    expect(pings(left, B)).toBe(true)
  })

  test('--mtu, --address-a, --address-b', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    const words = [
      '--mtu',
      '9000',
      '--address-a',
      '02:00:00:00:00:0a',
      '--address-b',
      '02:00:00:00:00:0B',
      '--json',
    ]
    await using program = uveth(between(left, right, ...words))
    const { a, b } = await program.next('ready')
    expect(left.link('veth0')).toMatchObject({ mtu: 9000, address: '02:00:00:00:00:0a' })
    expect(right.link('veth1')).toMatchObject({ mtu: 9000, address: '02:00:00:00:00:0b' })
    expect([a.mtu, b.mtu, a.address, b.address]).toEqual([
      9000,
      9000,
      '02:00:00:00:00:0a',
      '02:00:00:00:00:0b',
    ])
  })

  test('--down leaves both ends down, with their addresses', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using program = uveth(between(left, right, '--down', '--addr-a', `${A}/24`))
    await program.line(/ready$/)
    expect(left.link('veth0').flags).not.toContain('UP')
    expect(right.link('veth1').flags).not.toContain('UP')
    expect(left.ip('-o', 'addr', 'show', 'dev', 'veth0')).toContain(`${A}/24`)
  })

  test('--quiet, and without it', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    for (const [words, mode] of [
      [['--quiet'], 'none'],
      [[], 'eui64'],
    ] as const) {
      await using program = uveth(between(left, right, ...words))
      await program.line(/ready$/)
      expect(left.link('veth0').inet6_addr_gen_mode).toBe(mode)
      expect(right.link('veth1').inet6_addr_gen_mode).toBe(mode)
      await program.stop()
    }
  })

  test('%d and a namespace by process id or path', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    const inside = left.spawn('sleep', ['3600'])
    const inode = `net:[${left.inode}]`
    await until('the process', () => left.exec('readlink', `/proc/${inside.pid}/ns/net`).trim() === inode)
    const place = ['--netns-a', `${inside.pid}`, '--netns-b', right.path, '--json']
    await using program = uveth(['run', 'eth%d', 'eth%d', ...place])
    const { a, b } = await program.next('ready')
    expect(a).toMatchObject({ name: 'eth0', netns: left.name })
    expect(b).toMatchObject({ name: 'eth0', netns: right.name })
  })

  test('--log writes JSON to stderr, and nothing else to stdout', async () => {
    using home = Netns.create('home')
    await using program = uveth(['run', 'veth0', 'veth1', '--json', '--log', 'info'], { netns: home.name })
    await program.next('ready')
    const { stdout, stderr } = await program.stop()
    expect(stdout.trim().split('\n')).toHaveLength(2)
    const logged = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(logged[0]).toMatchObject({ pair: 'veth0', a: 'veth0', b: 'veth1', msg: 'pair created' })
    expect(logged.map(({ pair }) => pair)).toEqual(logged.map(() => 'veth0'))
    expect(logged.at(-1)).toMatchObject({ pair: 'veth0', msg: 'pair closed' })
  })
})

describe('help', () => {
  test('uveth --help, and uveth run --help', async () => {
    for (const words of [['--help'], ['-h'], ['help']]) {
      const { code, stdout, stderr } = await uvethOnce(words)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      await expect(stdout).toMatchFileSnapshot('fixtures/help.txt')
    }
    for (const words of [
      ['run', '--help'],
      ['run', 'a', 'b', '-h'],
    ]) {
      const { code, stdout, stderr } = await uvethOnce(words)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      await expect(stdout).toMatchFileSnapshot('fixtures/help-run.txt')
    }
  })

  test.each(VERBS.filter((verb) => verb !== 'help'))(
    'uveth help %s, as its --help, within 80 columns',
    async (verb) => {
      const { code, stdout, stderr } = await uvethOnce(['help', verb])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toBe((await uvethOnce([verb, '--help'])).stdout)
      expect(stdout).toMatch(verb === 'add' ? /^uveth link: / : new RegExp(`^uveth ${verb}: `))
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    },
  )

  test('uveth help of no verb', async () => {
    const { code, stderr } = await uvethOnce(['help', 'xyz'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: "uveth: unknown verb 'xyz': try uveth --help\n" })
  })

  test('uveth --version is that of the package', async () => {
    const { version } = createRequire(import.meta.url)('uveth/package.json') as { version: string }
    for (const word of ['--version', '-V'])
      expect((await uvethOnce([word])).stdout).toBe(`uveth ${version}\n`)
  })
})
