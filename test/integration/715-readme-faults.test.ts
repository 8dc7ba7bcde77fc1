// The README's and the help's examples of faults and captures, run as they are written; `uveth` is the one that
// was built here. A capture is ended as Ctrl-C ends it.

import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { commandFolder } from '../support/cli.js'
import { ROOT, TestDaemon } from '../support/daemon.js'
import { numbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { packetsOf, readPcapng } from '../support/pcapng.js'
import { uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'bash')
const withTshark = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'bash', 'tshark')

/** The lines of the code block behind `<!-- example: NAME -->`, without their prompts. */
function example(name: string): string[] {
  const text = readFileSync(`${ROOT}README.md`, 'utf8')
  const block = new RegExp(`<!-- example: ${name} -->\\n\`\`\`console\\n([^]*?)\`\`\``).exec(text)?.[1]
  if (block === undefined) throw new Error(`the README has no example '${name}'`)
  return block
    .trim()
    .split('\n')
    .map((line) => {
      expect(line).toMatch(/^# uveth /)
      return line.slice(2)
    })
}

function environment(daemon: TestDaemon): Record<string, string> {
  return { PATH: `${commandFolder(daemon.folder)}:${process.env.PATH}`, UVETH_SOCKET: daemon.socket }
}

/** Runs one line in the daemon's namespace; throws if it fails. */
function shell(daemon: TestDaemon, line: string): string {
  return execFileSync('ip', ['netns', 'exec', daemon.home.name, 'bash', '-c', line], {
    encoding: 'utf8',
    env: { ...process.env, ...environment(daemon) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

test('faults', async () => {
  await using daemon = await TestDaemon.start()
  const said = example('faults').map((line) => ({ line, output: shell(daemon, line) }))
  const of = (part: string) => said.find(({ line }) => line.includes(part))?.output
  expect(of('rule show')?.split('\n')).toEqual([
    expect.stringMatching(/^rule \d+: drop udp dport 53 nth 3 matched 0 hits 0$/),
    expect.stringMatching(/^rule \d+: corrupt at 20 mask 0xff icmp first 1 matched \d+ hits [01]$/),
    expect.stringMatching(/^rule 3: impair delay 50ms loss 20% seed 7 udp dport 53 matched 0 hits 0$/),
    '',
  ])
  expect(of('schedule show')?.split('\n')).toEqual([
    expect.stringMatching(/^3 steps, done [12](, missed 1)?$/),
    expect.stringMatching(/^ {2}0ms impair delay 20ms seed \d+$/),
    '  200ms carrier off',
    '  3600s carrier auto',
    '',
  ])
  expect(of('-d link show')).toContain('\n    impair delay 10ms 2ms loss 1% rate 10mbit seed 42\n')
  expect(of('stats')?.split('\n')).toHaveLength(4)
  for (const { line, output } of said)
    if (!/show|stats/.test(line)) expect([line, output]).toEqual([line, ''])
  expect(daemon.home.links()).toHaveLength(1)
})

/** What a shell's job is: a group of processes, which Ctrl-C reaches all at once. */
function job(daemon: TestDaemon, line: string) {
  const child = spawn('ip', ['netns', 'exec', daemon.home.name, 'bash', '-o', 'pipefail', '-c', line], {
    cwd: daemon.folder.path,
    detached: true,
    env: { ...process.env, ...environment(daemon) },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const state = { stdout: '', code: undefined as number | null | undefined }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    state.stdout += text
  })
  child.once('close', (code) => {
    state.code = code
  })
  return Object.assign(state, {
    ctrlC: () => process.kill(-(child.pid as number), 'SIGINT'),
    [Symbol.dispose]: () => {
      if (state.code === undefined) process.kill(-(child.pid as number), 'SIGKILL')
    },
  })
}

/** To UDP port 53. */
function query(): Buffer {
  const frame = numbered(0, 0, 100)
  frame.writeUInt16BE(53, 14 + 20 + 2)
  return frame
}

withTshark('captures', async () => {
  await using daemon = await TestDaemon.start()
  shell(daemon, 'uveth link add veth0 up type veth peer name veth1 up')
  const lines = example('captures')
  const [help = ''] = (await uvethOnce(['capture', '--help'])).stdout.split('Examples:\n').slice(1)
  for (const line of help.trim().split('\n')) expect(lines).toContain(line.trim())
  using near = PacketSocket.open(daemon.home, 'veth0')
  for (const line of lines) {
    using running = job(daemon, line)
    const name = / (?:-w|--capture) (\S+)/.exec(line)?.[1]
    const file = daemon.folder.file(name?.replace('ring', 'ring-00001') ?? '')
    const alone = line.includes('uveth run')
    await until(`frames to be seen by ${line}`, () => {
      if (!alone) near.send(query())
      return name === undefined ? running.stdout.includes('53') : frames(file) > 0
    })
    running.ctrlC()
    await until(`the end of ${line}`, () => running.code !== undefined)
    // tshark ends with 0 at Ctrl-C too.
    expect([line, running.code]).toEqual([line, 0])
    if (name !== undefined) expect(readPcapng(readFileSync(file))[0]?.statistics).toHaveLength(2)
  }
  expect(lines.length).toBeGreaterThan(4)
})

/** 0 while a file is not there, or not whole. */
function frames(file: string): number {
  try {
    return packetsOf(readFileSync(file)).length
  } catch {
    return 0
  }
}
