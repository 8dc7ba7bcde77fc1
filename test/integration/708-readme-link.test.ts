// The README's and the help's examples of `uveth link`, run as they are written; only the namespaces' names
// are made this run's own, and `uveth` is the one that was built here.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { commandFolder } from '../support/cli.js'
import { ROOT, TestDaemon } from '../support/daemon.js'
import { Netns } from '../support/netns.js'
import { uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'bash')

/** Runs one line in the daemon's namespace; throws if it fails. */
function shell(daemon: TestDaemon, line: string): string {
  return execFileSync('ip', ['netns', 'exec', daemon.home.name, 'bash', '-c', line], {
    encoding: 'utf8',
    cwd: daemon.folder.path,
    env: {
      ...process.env,
      PATH: `${commandFolder(daemon.folder)}:${process.env.PATH}`,
      UVETH_SOCKET: daemon.socket,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

test('the README', async () => {
  await using daemon = await TestDaemon.start()
  using left = Netns.create('left')
  using right = Netns.create('right')
  const block = /<!-- example: link -->\n```console\n([\s\S]*?)```/.exec(
    readFileSync(`${ROOT}README.md`, 'utf8'),
  )?.[1]
  const [first, ...lines] = (block ?? '').trim().split('\n')
  expect(first).toBe('# ip netns add left; ip netns add right')
  const said = lines.map((line) => {
    expect(line).toMatch(/^# /)
    const named = line
      .slice(2)
      .replace(/\bleft\b/g, left.name)
      .replace(/\bright\b/g, right.name)
    return { line: line.slice(2), output: shell(daemon, named) }
  })
  const of = (part: string) => said.find(({ line }) => line.includes(part))?.output
  expect(of('-s -d link show')).toMatch(/^\d+: lan0@veth1: .*\n.*link\/ether .*\n.* carrier off .*\n +RX: /)
  expect(of('grep -c')).toBe('1\n')
  expect(of('stats')?.split('\n')).toHaveLength(6)
  for (const { line, output } of said)
    if (!/show|stats/.test(line)) expect([line, output]).toEqual([line, ''])
  // What was made is gone.
  expect([left.links().length, right.links().length, daemon.home.links().length]).toEqual([1, 1, 1])
})

test('the help of link', async () => {
  await using daemon = await TestDaemon.start()
  using left = Netns.create('left')
  using right = Netns.create('right')
  using blue = Netns.create('blue')
  using green = Netns.create('green')
  const { stdout } = await uvethOnce(['link', '--help'])
  const lines = stdout.slice(stdout.indexOf('Examples:\n')).trim().split('\n').slice(1)
  const netns = { left, right, blue, green }
  writeFileSync(daemon.folder.file('train.yaml'), '- { at: 0s, impair: delay 1ms }\n')
  let run = 0
  for (const line of lines) {
    if (line.includes('| jq')) continue // another program's business
    const named = line
      .trim()
      .replace(/\b(left|right|blue|green)\b/g, (name) => netns[name as keyof typeof netns].name)
    // The second example makes what the first one has made.
    if (run === 1) shell(daemon, 'uveth link del veth0')
    shell(daemon, named)
    run++
  }
  expect(run).toBeGreaterThan(5)
})
