// `uveth shell`: a command whose only way out is a pair with impairments. What is refused, and with which words; delay
// and loss as ordered, each way; captures, profiles; the README's examples. The ways out themselves: 923.

import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { COMMAND, ROOT } from '../support/daemon.js'
import { run } from '../support/netns.js'
import { ordinary } from '../support/ordinary.js'
import { Outside, SERVER, statistics } from '../support/outside.js'
import { needs } from '../support/skip.js'

const COMMON = ['root', 'tun', 'netns', 'ip', 'unshare', 'setpriv', 'sysctl'] as const
const test = needs(...COMMON, 'nft', 'ping')
const withPasta = needs(...COMMON, 'pasta')

let outside: Outside
beforeAll(async () => {
  outside = await Outside.make()
})
afterAll(() => outside[Symbol.asyncDispose]())

describe('refused, in one sentence and before anything is made', () => {
  test.each([
    [['nonsense'], 1, 'what is "nonsense"? Here may stand limit, latency, delay, '],
    [['delay', '5ms', 'npx', 'x'], 1, 'what is "npx"? Here may stand'],
    [
      ['loss', '200%'],
      1,
      'EINVAL: loss must be a number of percent from 0 to 100, or a text like "1%", not "200%"\n',
    ],
    [['up', 'delay', 'x'], 1, 'EINVAL: up delay must be a time up to a day'],
    [['up', 'delay', '1ms', 'up', 'loss', '1%'], 1, 'up is given twice\n'],
    [['--profile', '5g'], 1, 'EINVAL: --profile must be one of edge, 3g, '],
    [['--seed', '-1'], 1, 'EINVAL: --seed must be a whole number from 0 to '],
    [['--seed', 'x'], 1, 'EINVAL: --seed must be '],
    [['--via', 'vpn'], 1, 'EINVAL: --via must be one of forward, pasta, slirp4netns, not "vpn"\n'],
    [['--capture', '-'], 1, "--capture takes a file: standard output is the command's\n"],
    [['--both'], 1, '--both needs --capture FILE\n'],
    [['--nosuch'], 1, "Unknown option '--nosuch': try uveth shell --help\n"],
    [['delay', '5ms', '--'], 1, 'give a command behind --: '],
    [['--', 'no-such-program'], 127, "there is no program 'no-such-program'\n"],
  ])('%j', async (words, code, sentence) => {
    const end = await outside.shell(words)
    expect(end).toMatchObject({ code, stdout: '' })
    expect(end.stderr.startsWith(`uveth: ${sentence}`), end.stderr).toBe(true)
    expect(end.stderr.split('\n')).toHaveLength(2)
  })

  test('a capture that cannot be written', async () => {
    const { code, stderr } = await outside.shell(['--capture', `${outside.folder}/none/x`, '--', 'true'])
    expect([code, stderr]).toEqual([
      2,
      `uveth: ENOENT: no such file or directory, open '${outside.folder}/none/x'\n`,
    ])
    expect(outside.machine.exec('nft', 'list', 'tables')).not.toContain('uveth')
  })

  test('no way out: an ordinary user, and no program that carries it on', async () => {
    run('mkdir', '-p', `${outside.folder}/only`)
    const as = [...ordinary(), 'env', `PATH=${outside.folder}/only`]
    expect(await outside.shell(['--', '/bin/true'], { as })).toMatchObject({
      code: 125,
      stdout: '',
      stderr:
        "uveth: no way out: only root may have the machine forward, and there is neither 'pasta' (Debian: apt-get install passt) nor 'slirp4netns' (Debian: apt-get install slirp4netns)\n",
    })
    expect(await outside.shell(['--via', 'pasta', '--', '/bin/true'], { as })).toMatchObject({
      code: 125,
      stderr: "uveth: no way out: there is no 'pasta' (Debian: apt-get install passt)\n",
    })
    expect(await outside.shell(['--via', 'forward', '--', 'true'], { as: ordinary() })).toMatchObject({
      code: 125,
      stderr: 'uveth: no way out: only root may have the machine forward\n',
    })
  })

  test('a kernel that does not masquerade: its own words', async () => {
    const env = outside.with({ nft: 'echo "Error: no nftables" >&2; exit 1', iptables: 'exit 1' })
    expect(await outside.shell(['--via', 'forward', '--', 'true'], { env })).toMatchObject({
      code: 125,
      stderr: 'uveth: no way out: the machine cannot forward: Error: no nftables\n',
    })
    expect(outside.forwards).toBe(false)
  })

  withPasta('a program that fails: its last words', async () => {
    const env = outside.with({ pasta: 'echo hm >&2; echo "No external routable interface" >&2; exit 1' })
    expect(await outside.shell(['--via', 'pasta', '--', 'true'], { as: ordinary(), env })).toMatchObject({
      code: 125,
      stdout: '',
      stderr: "uveth: no way out: 'pasta': No external routable interface\n",
    })
  })
})

describe('the network', () => {
  test('delay each way, and no frame that the command has not asked for', async () => {
    const { stdout, stderr } = await outside.shell(['delay', '30ms', '--', 'ping', '-c3', '-i0.05', SERVER])
    const times = [...stdout.matchAll(/time=([\d.]+)/g)].map(([, ms]) => Number(ms))
    expect(times, stdout).toHaveLength(3)
    for (const ms of times) expect(ms).toBeGreaterThanOrEqual(60)
    expect(statistics(stderr)).toMatchObject({
      inside: { tx_packets: '3', rx_packets: '3', inspected: 'delayed 3' },
      outside: { tx_packets: '3', rx_packets: '3', inspected: 'delayed 3' },
    })
  })

  test('up and down differ, and go over what is said of both', async () => {
    const words = ['up', 'delay', '20ms', 'down', 'duplicate', '100%', '--', 'ping', '-c2', '-i0.05', SERVER]
    const { stderr } = await outside.shell(['loss', '0%', ...words])
    expect(statistics(stderr)).toMatchObject({
      inside: { tx_packets: '2', rx_packets: '4', inspected: 'delayed 2' },
      outside: { rx_packets: '2', inspected: 'copied 2, duplicated 2' },
    })
  })

  test('loss by seed: the same frames again; the books are exact', async () => {
    const lost = async (seed: string) => {
      const words = ['loss', '30%', '--seed', seed, '--', 'ping', '-c20', '-i0.01', '-W1', SERVER]
      const { stdout, stderr } = await outside.shell(words)
      expect(stderr).toContain(`uveth: seed ${seed}\n`)
      const arrived = [...stdout.matchAll(/icmp_seq=(\d+)/g)].map(([, number]) => Number(number))
      const { inside, outside: far } = statistics(stderr)
      const dropped = [inside, far].map((end) => Number(/loss (\d+)/.exec(end?.drops ?? '')?.[1] ?? 0))
      expect(arrived.length + dropped.reduce((sum, count) => sum + count, 0)).toBe(20)
      return arrived
    }
    const first = await lost('42')
    expect(first.length).toBeGreaterThan(2)
    expect(first.length).toBeLessThan(18)
    expect(await lost('42')).toEqual(first)
    expect(await lost('43')).not.toEqual(first)
  })

  test('a capture: what was lost is in it', async () => {
    const path = `${outside.folder}/lost.pcapng`
    await outside.shell([
      'up',
      'loss',
      '100%',
      '--capture',
      path,
      '--',
      'ping',
      '-c2',
      '-i0.05',
      '-W0.1',
      SERVER,
    ])
    expect(readFileSync(path, 'latin1').match(/dropped: loss/g)).toHaveLength(2)
  })

  test('--quiet says nothing, and without a command it is the user’s shell', async () => {
    const env = { SHELL: `${outside.folder}/own-shell` }
    writeFileSync(env.SHELL, '#!/bin/sh\nip -o link | grep -c .\n', { mode: 0o755 })
    expect(await outside.shell(['--quiet', 'delay', '1ms'], { env })).toMatchObject({
      code: 0,
      stdout: '2\n',
      stderr: '',
    })
  })

  test('--profiles: all of them, with sources', async () => {
    const { stdout } = await outside.shell(['--profiles'])
    expect(stdout).toMatch(
      /^edge +up delay 420ms rate 200kbit down delay 420ms rate 240kbit\n +\(WebPageTest/,
    )
    expect(stdout).toMatch(/^satellite .*\n +\(geostationary: RFC 2488/m)
  })
})

test('the README', async () => {
  const text = readFileSync(`${ROOT}README.md`, 'utf8')
  const block = /<!-- example: shell -->\n```console\n([\s\S]*?)```/.exec(text)?.[1]
  const env = {
    ...outside.with({
      uveth: `exec '${process.execPath}' '${COMMAND}' "$@"`,
      npx: `exec ping -c1 ${SERVER}`,
    }),
  }
  const lines = (block ?? '').trim().split('\n')
  expect(lines.length).toBeGreaterThan(3)
  for (const line of lines) {
    expect(line).toMatch(/^\$ uveth shell /)
    const said = await outside.shell(
      ['--quiet', '--', 'sh', '-c', `cd '${outside.folder}' && ${line.slice(2)}`],
      { env },
    )
    expect(said, line).toMatchObject({ code: 0 })
  }
})
