// `uveth top`: misuse, what a pipe gets, and a terminal with keys, as its user sees it; traffic is real.

import { afterAll, beforeAll, describe, expect } from 'vitest'
import { commandOf, expectRefusal } from '../support/cli.js'
import { Folder, TestDaemon } from '../support/daemon.js'
import { Netns } from '../support/netns.js'
import { uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'
import { Terminal } from '../support/terminal.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'script')

const FRAME = Buffer.from(`ffffffffffff02000000000188b5${'00'.repeat(986)}`, 'hex')

let daemon: TestDaemon
let traffic: NodeJS.Timeout

/** x0 sends, and one frame of two is dropped by a rule; y0 and y1 are silent. */
beforeAll(async () => {
  daemon = await TestDaemon.start()
  await daemon.lay()
  const quiet = { id: 'other', quiet: true, a: { name: 'y0', up: true }, b: { name: 'y1' } }
  await daemon.ask('POST', '/v1/pairs', quiet)
  const rule = { action: { kind: 'drop' }, match: { ethertype: 0x88b5, every: 2 } }
  await daemon.ask('POST', '/v1/ends/x0/rules', rule)
  await daemon.ask('PUT', '/v1/ends/x1/impair', { delay: '10ms', loss: '1%', seed: 42 })
  traffic = setInterval(() => {
    for (let n = 0; n < 10; n++) daemon.near.send(FRAME)
  }, 5)
})
afterAll(async () => {
  clearInterval(traffic)
  await daemon?.[Symbol.asyncDispose]()
})

describe('is refused, in one sentence', () => {
  test.each([
    [['-d', '0'], /-d takes a number of seconds, 0\.05 to 86400, not "0"/],
    [['-d', 'x'], /-d takes a number of seconds/],
    [['-n', '0'], /-n takes a number of times, not "0"/],
    [['-o', 'pid'], /-o takes rate, frames, drops, name, not "pid"/],
    [['-x'], /Unknown option '-x': try uveth top --help/],
    [['veth0'], /what is 'veth0'\? Try uveth top --help/],
  ])('%j', async (words, sentence) => {
    expectRefusal(await commandOf(daemon)('top', ...words), 1, sentence)
  })

  test('without a daemon there is nothing, and none is started', async () => {
    using folder = new Folder()
    const env = { UVETH_SOCKET: folder.file('none') }
    expect(await uvethOnce(['top', '-d', '0.05'], { env })).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect((await uvethOnce(['top', '-j', '-d', '0.05'], { env })).stdout).toBe('[]\n')
  })
})

describe('a pipe', () => {
  test('gets one table: fields with tabs between them', async () => {
    const { code, stdout } = await commandOf(daemon)('top', '-d', '0.5')
    expect(code).toBe(0)
    const [names, x0, x1, ...more] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    expect(names?.slice(0, 5)).toEqual(['pair', 'sent_by', 'bit/s', 'frames/s', 'drops/s'])
    expect([x0?.[0], x0?.[1], x0?.[5], x0?.[8]]).toEqual(['cable', 'x0', 'on', '1 rule'])
    expect(Number(x0?.[3])).toBeGreaterThan(0)
    expect(Number(x0?.[2])).toBeGreaterThan(Number(x0?.[3]) * 7000) // frames of 1,000 bytes
    expect(x0?.[7]).toMatch(/^rule [1-9]/)
    expect(x1?.slice(0, 2)).toEqual(['cable', 'x1'])
    expect(x1?.[8]).toBe('delay 10ms loss 1%')
    expect(more.map(([id, name, bits]) => [id, name, bits])).toEqual([
      ['other', 'y0', '0'],
      ['other', 'y1', '0'],
    ])
  })

  test('-j -n 2: two arrays, with what is ordered', async () => {
    const { stdout } = await commandOf(daemon)('top', '-j', '-n', '2', '-d', '0.2', '-o', 'name', '-r')
    const [first, second] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(first.map(({ id }: { id: string }) => id)).toEqual(['other', 'cable'])
    expect(second[1]).toMatchObject({
      carrier: true,
      a: { ifname: 'x0', netns: null, drops: { rule: expect.any(Number) }, impair: null, rules: [{ id: 1 }] },
      b: { bits_per_second: 0, impair: { delay: { time: 10 }, loss: { random: 1 } }, rules: [] },
    })
  })

  test('--filter, and -n in front of the verb', async () => {
    const { stdout } = await commandOf(daemon)('top', '-d', '0.05', '--filter', 'Y1')
    expect(stdout.trimEnd().split('\n')).toHaveLength(3)
    using elsewhere = Netns.create('elsewhere')
    expect((await commandOf(daemon)('-n', elsewhere.name, 'top', '-d', '0.05')).stdout).toBe('')
  })
})

describe('a terminal', () => {
  test('has the list; keys choose, sort and filter; q gives it back as it was', async () => {
    await using terminal = Terminal.start(daemon, ['top', '-d', '0.1'])
    await terminal.sees(/^2 pairs, 1 with carrier .*\n PAIR +SENT BY +\*BIT\/S/)
    await terminal.sees(/^ cable +x0 +\S+M? +\S+ +\S+ rule \d+ .*1 rule.*█/m)
    await terminal.sees(/^ +x1 .*delay 10ms loss/m)
    expect(terminal.screen).toMatchObject({ other: true, cursor: false })
    expect(terminal.written).toContain('\x1b[36mcable')
    terminal.type('N')
    await terminal.sees(/\*PAIR/)
    terminal.type('r')
    await terminal.sees(/^ other.*\n.*\n cable/m)
    terminal.type('/cab\r')
    await terminal.sees(/^1 pair, (?:.*\n)*.*only "cab", by name, reversed/)
    terminal.type('\x1b[B')
    await terminal.sees(/^>cable/m)
    terminal.type('q')
    expect(await terminal.left()).toEqual({ code: 0, restored: true })
  })

  test('one pair in detail, with its rules; esc goes back; h has the keys', async () => {
    await using terminal = Terminal.start(daemon, ['top', '-d', '0.1'])
    await terminal.sees(/cable/)
    terminal.type('\r')
    await terminal.sees(/^x0 sends to x1\n(?:.*\n)*.*rule 1: drop .*every 2 matched \d+ hits [1-9]/m)
    await terminal.sees(/^ {2}impair delay 10ms loss 1% seed 42$/m)
    terminal.type('\x1b')
    await terminal.sees(/^ PAIR/m)
    terminal.type('h')
    await terminal.sees(/^q, ctrl-c +leave$/m)
    terminal.type('\x03')
    expect(await terminal.left()).toEqual({ code: 0, restored: true })
  })

  test('in detail also while paused, and at once', async () => {
    await using terminal = Terminal.start(daemon, ['top', '-d', '86400'])
    await terminal.sees(/cable/)
    terminal.type(' ')
    await terminal.sees(/paused$/)
    terminal.type('\r')
    await terminal.sees(/^x0 sends to x1$/m)
    expect(terminal.written).not.toContain('this pair is gone')
    terminal.type('q')
    expect(await terminal.left()).toEqual({ code: 0, restored: true })
  })

  test('of another size: nothing is wider, nothing of before stays', async () => {
    await using terminal = Terminal.start(daemon, ['top', '-d', '0.1'])
    await terminal.sees(/BIT\/S UNTIL NOW/)
    terminal.resize(40, 6)
    expect(await terminal.sees(/1 to 1/)).not.toContain('UNTIL') // too long a line is an error of the screen
    terminal.resize(120, 30)
    await terminal.sees(/^2 pairs(?:.*\n)*.*UNTIL NOW(?:.*\n)*.*by rate, every 0\.1s$/)
    terminal.type('q')
    expect((await terminal.left()).code).toBe(0)
  })

  test('a daemon that is killed is waited for', async () => {
    await using own = await TestDaemon.start()
    await own.lay()
    await using terminal = Terminal.start(own, ['top', '-d', '0.1'])
    await terminal.sees(/cable/)
    await own.kill()
    await terminal.sees(/^daemon gone, waiting\n/)
    await own.restart()
    await terminal.sees(/^0 pairs/)
    await own.ask('POST', '/v1/pairs', { id: 'new', a: { name: 'n0' }, b: { name: 'n1' } })
    await terminal.sees(/^ new +n0/m)
    terminal.type('q')
    expect(await terminal.left()).toEqual({ code: 0, restored: true })
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s gives it back, too', async (signal) => {
    await using terminal = Terminal.start(daemon, ['top'])
    await terminal.sees(/cable/)
    terminal.signal(signal)
    expect(await terminal.left()).toEqual({ code: 0, restored: true })
  })

  test('NO_COLOR; ASCII where it speaks no UTF-8; -n ends it', async () => {
    const env = { NO_COLOR: '1', LC_ALL: 'C' }
    await using terminal = Terminal.start(daemon, ['top', '-d', '0.05', '-n', '5'], { env })
    expect(await terminal.left()).toEqual({ code: 0, restored: true })
    expect(terminal.written).toContain('cable')
    expect(terminal.written).not.toMatch(/\[[\d;]*m|\P{ASCII}/u)
  })

  test('that is dumb gets tables, one below the other', async () => {
    await using terminal = Terminal.start(daemon, ['top', '-d', '0.05', '-n', '2'], { env: { TERM: 'dumb' } })
    await terminal.sees(/^after 0$/m)
    expect(terminal.written).not.toContain('\x1b')
    expect(terminal.written.match(/^pair +sent_by +bit\/s/gm)).toHaveLength(2)
  })
})
