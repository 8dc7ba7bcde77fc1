// `uveth run` while it runs, and how it ends: what it says with --json, signals, statistics, a reader that
// goes away, interfaces that are deleted. Whatever the end, both interfaces are gone with the process.

import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { A, B } from '../support/cable.js'
import { COMMAND, Folder } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { pings } from '../support/ping.js'
import { type Outcome, Program, uveth, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
const onTerminal = needs('root', 'tun', 'netns', 'ip', 'script')
const END_KEYS = ['name', 'ifindex', 'netns', 'address', 'mtu']
const CAUSES = [
  'carrier',
  'down',
  'mtu',
  'error',
  'loss',
  'limit',
  'rule',
  'hook',
  'foreign',
  'malformed',
  'vni',
  'queue',
]
const COUNTERS = ['rx_packets', 'rx_bytes', 'tx_packets', 'tx_bytes', 'rx_dropped', 'tx_dropped', 'drops']
const STATS_KEYS = [...COUNTERS, 'inspected', 'workers', 'rx_errors', 'tx_errors', 'kernel', 'rules']

function between(left: Netns, right: Netns, ...words: string[]): string[] {
  const places = ['--netns-a', left.name, '--netns-b', right.name]
  return ['run', 'veth0', 'veth1', ...places, '--addr-a', `${A}/24`, '--addr-b', `${B}/24`, ...words]
}

/** Every line of stdout, each of which must be JSON. */
function linesOf({ stdout }: Outcome): Record<string, unknown>[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** Returns as soon as the process has opened a TAP, without a pause: it is making a pair then. */
function untilCreating(pid: number): void {
  const deadline = performance.now() + patient(10_000)
  while (!holdsTap(pid)) expect(performance.now()).toBeLessThan(deadline)
}

function holdsTap(pid: number): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === '/dev/net/tun'
    } catch {
      return false
    }
  })
}

function gone(left: Netns, right: Netns): boolean {
  return left.links().length === 1 && right.links().length === 1
}

describe('--json', () => {
  test('ready and closed have exactly these fields, and nothing else is on stdout', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using program = uveth(between(left, right, '--json', '--quiet'))
    const ready = await program.next('ready')
    expect(Object.keys(ready)).toEqual(['event', 'id', 'a', 'b'])
    expect([Object.keys(ready.a), Object.keys(ready.b)]).toEqual([END_KEYS, END_KEYS])
    const { ifindex, address } = left.link('veth0')
    expect(ready.id).toBe('veth0')
    expect(ready.a).toEqual({ name: 'veth0', ifindex, netns: left.name, address, mtu: 1500 })
    expect(pings(left, B)).toBe(true)
    const lines = linesOf(await program.stop())
    expect(lines).toHaveLength(2)
    const closed = lines[1] as { stats: Record<'a' | 'b', Record<string, object>> }
    expect(Object.keys(closed)).toEqual(['event', 'reason', 'stats'])
    expect(closed).toMatchObject({ event: 'closed', reason: 'signal' })
    for (const end of ['a', 'b'] as const) {
      expect(Object.keys(closed.stats[end])).toEqual(STATS_KEYS)
      expect(Object.keys(closed.stats[end].drops as object)).toEqual(CAUSES)
    }
    expect(closed.stats.a.tx_packets).toBeGreaterThan(2)
    expect(closed.stats.a.tx_packets).toEqual(closed.stats.b.rx_packets)
  })

  test('at home netns is null, elsewhere without a name it is the inode', async () => {
    using home = Netns.create('home')
    const inside = home.spawn('unshare', ['-n', 'sh', '-c', 'readlink /proc/self/ns/net; exec sleep 3600'])
    const inode = await new Promise((said) => inside.stdout?.once('data', (line) => said(`${line}`.trim())))
    const words = ['run', 'a', 'b', '--netns-b', `${inside.pid}`, '--json']
    await using program = uveth(words, { netns: home.name })
    const { a, b } = await program.next('ready')
    expect([a.netns, b.netns]).toEqual([null, inode])
  })

  test('says what others do, as it comes', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    using other = Netns.create('other')
    await using program = uveth(between(left, right, '--json', '--down'))
    await program.next('ready')
    left.ip('link', 'set', 'veth0', 'name', 'eth0') // before Linux 6.2 only while it is down
    expect(await program.next('renamed')).toEqual({
      event: 'renamed',
      end: 'a',
      name: 'eth0',
      previous: 'veth0',
    })
    left.ip('link', 'set', 'eth0', 'up')
    right.ip('link', 'set', 'veth1', 'up')
    expect(await program.next('carrier')).toEqual({ event: 'carrier', on: true })
    right.ip('link', 'set', 'veth1', 'netns', other.name)
    const { ifindex } = other.link('veth1')
    const moved = { event: 'moved', end: 'b', netns: other.name, ifindex, name: 'veth1' }
    expect(await program.next('moved')).toEqual(moved)
    expect(await program.next('carrier')).toEqual({ event: 'carrier', on: false })
    const lines = linesOf(await program.stop())
    const events = lines.map(({ event }) => event)
    expect(events).toEqual(['ready', 'renamed', 'carrier', 'moved', 'carrier', 'closed'])
    expect(other.links()).toHaveLength(1)
  })

  test('without it the same in words', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using program = uveth(between(left, right))
    await program.line(/ready$/)
    left.ip('link', 'set', 'veth0', 'down')
    await program.line(/^uveth: carrier off$/)
    left.ip('link', 'set', 'veth0', 'name', 'eth0')
    await program.line(/^uveth: veth0 is now eth0$/)
    left.ip('link', 'set', 'eth0', 'netns', right.name)
    expect(await program.line(/end a is now/)).toBe(`uveth: end a is now eth0 (netns ${right.name})`)
    const { stdout, code } = await program.stop()
    expect(stdout).toMatch(/\nuveth: closed: signal\nend .*tx_dropped\s+drops\neth0 .*\nveth1 .*\n$/)
    expect(code).toBe(0)
  })
})

describe('it ends', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('by %s: removed, exit code 0', async (signal) => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using program = uveth(between(left, right))
    await program.line(/ready$/)
    left.spawn('ping', ['-q', '-f', B])
    await sleep(100)
    const outcome = await program.stop(signal)
    expect(outcome).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(outcome.stdout).toContain('uveth: closed: signal\n')
    expect(gone(left, right)).toBe(true)
  })

  onTerminal('by the end of its terminal: exit code 0', async () => {
    using home = Netns.create('home')
    using folder = new Folder()
    const status = folder.file('status')
    // As a shell does it, which hands the signal on.
    const script = `'${process.execPath}' '${COMMAND}' run veth0 veth1 & job=$!
trap 'kill -HUP $job' HUP
wait $job; wait $job
echo $? > '${status}'`
    writeFileSync(folder.file('job.sh'), script)
    const words = ['script', '-qec', `sh '${folder.file('job.sh')}'`, '/dev/null']
    await using terminal = new Program(words, { netns: home.name })
    await terminal.line(/ready/)
    await terminal.stop('SIGKILL')
    await until('the job to end', () => existsSync(status) && readFileSync(status, 'utf8') !== '')
    expect(readFileSync(status, 'utf8')).toBe('0\n')
    expect(home.links()).toHaveLength(1)
  })

  test('by SIGTERM while it makes the pair: nothing is left, exit code 0', async () => {
    using home = Netns.create('home')
    await using program = uveth(['run', 'veth0', 'veth1', '--json'], { netns: home.name })
    untilCreating(program.pid)
    const outcome = await program.stop('SIGTERM')
    expect(outcome).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(linesOf(outcome).at(-1)).toMatchObject({ event: 'closed', reason: 'signal' })
    expect(home.links()).toHaveLength(1)
  })

  test('by SIGTERM at any moment of its start: nothing is left', async () => {
    using home = Netns.create('home')
    for (let delay = 0; delay <= 240; delay += 20) {
      await using program = uveth(['run', 'veth0', 'veth1', '--json'], { netns: home.name })
      await sleep(delay)
      const outcome = await program.stop('SIGTERM')
      // Before Node has come to the command the signal ends it without further ado.
      if (outcome.stdout === '') expect(outcome).toMatchObject({ code: null, signal: 'SIGTERM' })
      else {
        expect(outcome).toMatchObject({ code: 0, stderr: '' })
        expect(linesOf(outcome).at(-1)).toMatchObject({ event: 'closed', reason: 'signal' })
      }
      expect(home.links()).toHaveLength(1)
    }
  })

  test.each([
    ['a', 'deleted'],
    ['b', 'deleted'],
    ['a', 'netns-deleted'],
    ['b', 'netns-deleted'],
  ] as const)('when end %s is %s: exit code 0 and the reason', async (end, reason) => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using program = uveth(between(left, right, '--json'))
    await program.next('ready')
    const [netns, name, peers] = end === 'a' ? [left, 'veth0', right] : [right, 'veth1', left]
    if (reason === 'deleted') netns.ip('link', 'del', name)
    else netns.delete()
    const outcome = await program.end()
    expect(outcome).toMatchObject({ code: 0, signal: null, stderr: '' })
    const closed = linesOf(outcome).at(-1) as Record<string, unknown>
    expect(Object.keys(closed)).toEqual(['event', 'reason', 'end', 'stats'])
    expect(closed).toMatchObject({ event: 'closed', reason, end })
    expect(peers.links()).toHaveLength(1)
  })

  test('when an interface is deleted, in words', async () => {
    using home = Netns.create('home')
    await using program = uveth(['run', 'veth0', 'veth1'], { netns: home.name })
    await program.line(/ready$/)
    home.ip('link', 'del', 'veth1')
    const { code, stdout } = await program.end()
    expect(code).toBe(0)
    expect(stdout).toMatch(/\nuveth: closed: deleted \(end b\)\nend /)
  })
})

describe('statistics on SIGUSR1', () => {
  test('as JSON, agreeing with what the kernel counted', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using program = uveth(between(left, right, '--json', '--quiet'))
    await program.next('ready')
    left.exec('ping', '-q', '-c', '5', '-i', '0.05', B)
    program.kill('SIGUSR1')
    const { stats, ...rest } = await program.next('stats')
    expect(rest).toEqual({ event: 'stats' })
    expect(Object.keys(stats.a)).toEqual(STATS_KEYS)
    expect(stats.a.tx_packets).toBeGreaterThanOrEqual(5)
    expect(stats.b.rx_packets).toBe(stats.a.tx_packets)
    program.kill('SIGUSR1') // any number of times
    await program.next('stats')
    expect(linesOf(await program.stop()).map(({ event }) => event)).toEqual([
      'ready',
      'stats',
      'stats',
      'closed',
    ])
  })

  test('as a table, with the names of now; and no inspector is opened', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using program = uveth(between(left, right, '--down'))
    await program.line(/ready$/)
    left.ip('link', 'set', 'veth0', 'name', 'eth0')
    await program.line(/eth0$/)
    program.kill('SIGUSR1')
    await program.line(
      /^end\s+rx_packets\s+rx_bytes\s+rx_dropped\s+tx_packets\s+tx_bytes\s+tx_dropped\s+drops$/,
    )
    await program.line(/^eth0\s+\d+/)
    await program.line(/^veth1\s+\d+/)
    const { stderr, code } = await program.stop()
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  })

  test('before the pair is ready: nothing happens, and no inspector is opened', async () => {
    using home = Netns.create('home')
    await using program = uveth(['run', 'veth0', 'veth1'], { netns: home.name })
    untilCreating(program.pid)
    program.kill('SIGUSR1')
    await program.line(/ready$/)
    const { stderr, code } = await program.stop()
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  })
})

describe('a reader that goes away', () => {
  test.each([[[]], [['--json']]])('does not end the cable (%j)', async (words) => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    await using program = uveth(between(left, right, ...words))
    await program.line(/ready/)
    program.process.stdout?.destroy()
    for (let round = 0; round < 3; round++) {
      left.ip('link', 'set', 'veth0', 'down')
      left.ip('link', 'set', 'veth0', 'up')
      program.kill('SIGUSR1')
      await until('carrier', () => right.link('veth1').operstate === 'UP')
    }
    expect(pings(left, B)).toBe(true)
    expect(program.hasEnded).toBe(false)
    expect(await program.stop()).toMatchObject({ code: 0, stderr: '' })
    expect(gone(left, right)).toBe(true)
  })

  test('the help into a closed pipe is no error', async () => {
    const prefix = ['sh', '-c', '"$0" "$@" | true; exit 0']
    expect(await uvethOnce(['run', '--help'], { prefix })).toMatchObject({ code: 0, stderr: '' })
  })
})
