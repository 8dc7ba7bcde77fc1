// `uveth run` with impairments, rules and a capture: in force from the first frame, and the file complete when
// the command has ended.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { expectRefusal } from '../support/cli.js'
import { Folder } from '../support/daemon.js'
import { numbered, readNumbered } from '../support/frames.js'
import { Netns, until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { readPcapng } from '../support/pcapng.js'
import { type AnyMessages, Program, uveth, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip')

describe('refused, and nothing is made', () => {
  test.each([
    [['--impair-a', 'loss lots'], 1, /--impair-a loss must be a number of percent .*, not "lots"/],
    [['--impair-b', 'reorder 5%'], 1, /reordering not possible without specifying some delay/],
    [['--impair-a', ''], 1, /--impair-a takes what is to be done, like 'delay 10ms', not nothing/],
    [['--impair-b', ' '], 1, /--impair-b takes what is to be done, like 'delay 10ms', not nothing/],
    [['--rule-a', ''], 1, /the rule is empty/],
    [['--capture', '-'], 1, /--capture takes a file: run's standard output is its own/],
    [['--both'], 1, /--both needs --capture FILE/],
    [['--rule-a', 'eat'], 1, /begins with "eat"/],
    [['--rule-b', 'drop udp tcp'], 1, /wants tcp and udp: no frame is both/],
    [['--capture', '/none/such/file'], 2, /ENOENT: no such file or directory, open '\/none\/such\/file'/],
  ] as [string[], number, RegExp][])('%j', async (words, code, sentence) => {
    using home = Netns.create('home')
    expectRefusal(await uvethOnce(['run', 'x0', 'x1', ...words], { netns: home.name }), code, sentence)
    expect(home.links()).toHaveLength(1)
  })
})

test('drops what it is told to from the first frame on, and writes it down', async () => {
  using home = Netns.create('home')
  using folder = new Folder()
  const file = folder.file('x.pcapng')
  const words = ['run', 'x0', 'x1', '--quiet', '--json', '--capture', file, '--both']
  const faults = [
    '--rule-a',
    'drop nth 2',
    '--rule-a',
    ' delay  1ms nth 1 ',
    '--impair-b',
    'loss 100% seed 1',
  ]
  await using program = uveth([...words, ...faults], { netns: home.name })
  await program.next('ready')
  expect(existsSync(file)).toBe(true)
  const near = PacketSocket.open(home, 'x0')
  const far = PacketSocket.open(home, 'x1')
  for (let number = 0; number < 3; number++) near.send(numbered(0, number, 100))
  far.send(numbered(1, 0, 100))
  const got = [await far.receive(), await far.receive()].map((frame) => frame && readNumbered(frame))
  near.close()
  far.close()
  expect(got).toContainEqual({ flow: 0, number: 0 })
  expect(got).toContainEqual({ flow: 0, number: 2 })
  const { code, stdout } = await program.stop('SIGINT')
  expect(code).toBe(0)
  const closed = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  expect(closed.stats.a).toMatchObject({ drops: { rule: 1 }, rules: [{ matched: 3, hits: 1 }, { hits: 1 }] })
  expect(closed.stats.b.drops.loss).toBe(1)
  const [section, ...more] = readPcapng(readFileSync(file))
  expect(more).toEqual([])
  const comments = (on: string, direction: string) =>
    section?.packets
      .filter((packet) => packet.on === on && packet.direction === direction)
      .map((p) => p.comments[0])
  expect(comments('x0', 'out')).toEqual([
    'delayed: 1.000 ms',
    expect.stringMatching(/^dropped: rule \(rule \d+\)$/),
    undefined,
  ])
  expect(comments('x1', 'out')).toEqual(['dropped: loss'])
  expect(section?.statistics).toHaveLength(2)
})

test('a signal that is repeated within a second is one: the file is complete', async () => {
  using home = Netns.create('home')
  using folder = new Folder()
  const file = folder.file('x.pcapng')
  await using program = uveth(['run', 'x0', 'x1', '--json', '--capture', file], { netns: home.name })
  await program.next('ready')
  for (let times = 0; times < 4; times++) {
    program.kill('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 4))
  }
  expect(await program.end()).toMatchObject({ code: 0, signal: null, stderr: '' })
  expect(readPcapng(readFileSync(file))[0]?.statistics).toHaveLength(2)
})

test('frames that a capture has lost are told', async () => {
  using home = Netns.create('home')
  using folder = new Folder()
  const fifo = folder.file('fifo')
  execFileSync('mkfifo', [fifo])
  await using reader = new Program<AnyMessages>(
    ['sh', '-c', `exec 3< ${fifo}; echo open; exec sleep 600`],
    {},
  )
  await using program = uveth(['run', 'x0', 'x1', '--quiet', '--json', '--capture', fifo], {
    netns: home.name,
  })
  await reader.line(/open/)
  await program.next('ready')
  using near = PacketSocket.open(home, 'x0')
  using far = PacketSocket.open(home, 'x1')
  for (let number = 0; number < 12_000; number++) {
    near.send(numbered(0, number, 1500))
    if (number % 100 === 99) for (let frames = 0; frames < 100; frames++) await far.receive()
  }
  const { code, stderr } = await program.stop('SIGINT')
  expect(code).toBe(0)
  expect(stderr).toMatch(
    new RegExp(
      `^uveth: the capture ${fifo} is not complete: \\d+ frames were lost: more came than [^\n]+\n$`,
    ),
  )
})

test('a disk that is full: told at once, and by the status; the pair goes on', async () => {
  using home = Netns.create('home')
  using folder = new Folder()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder.path])
  try {
    const file = folder.file('x.pcapng')
    await using program = uveth(['run', 'x0', 'x1', '--quiet', '--json', '--capture', file], {
      netns: home.name,
    })
    await program.next('ready')
    using near = PacketSocket.open(home, 'x0')
    using far = PacketSocket.open(home, 'x1')
    for (let number = 0; number < 200; number++) near.send(numbered(0, number, 1000))
    await until('the capture to end', () => program.stderr.includes('is not complete: ENOSPC'))
    near.send(numbered(0, 777, 100))
    // Behind those of before that are still on their way.
    const isLast = (frame: Uint8Array) => JSON.stringify(readNumbered(frame)) === '{"flow":0,"number":777}'
    while (!isLast((await far.receive()) as Uint8Array));
    expect((await program.stop('SIGINT')).code).toBe(2)
  } finally {
    execFileSync('umount', [folder.path])
  }
})
