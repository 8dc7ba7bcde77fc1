// `uveth link set X impair|rule|flap` and what `link show -d`, `stats` and `monitor` say of it: refusals first.
// The grammar itself is unit/cli/link/faults.test.ts's business; what the words do to frames, 201's and 203's.

import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type Command, commandOf, expectRefusal, well } from '../support/cli.js'
import { TestDaemon } from '../support/daemon.js'
import { numbered, readNumbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { uveth as start } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

let daemon: TestDaemon
let uveth: Command
beforeAll(async () => {
  daemon = await TestDaemon.start()
  uveth = commandOf(daemon)
  const wish = { id: 'cable', quiet: true, a: { name: 'x0', up: true }, b: { name: 'x1', up: true } }
  expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
})
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]()
})

const set = (line: string) => uveth('link', 'set', ...line.split(' '))
const shown = async (line: string) => (await set(line)).stdout
/** The number of the rule that `line` adds. */
const added = async (line: string) =>
  JSON.parse((await uveth('-j', 'link', 'set', ...line.split(' '))).stdout).id as number

describe('refused', () => {
  test.each([
    ['x0 impair colour red', 255, /what is "colour"\? Here may stand limit, latency, delay, loss/],
    ['x0 impair loss 150%', 255, / loss must be a number of percent from 0 to 100, .*, not "150%"/],
    ['x0 impair reorder 5%', 255, /EINVAL: reordering not possible without specifying some delay/],
    ['x0 rule add eat', 255, /begins with "eat": it begins with drop/],
    ['x0 rule add drop udp tcp', 255, /wants tcp and udp: no frame is both/],
    ['x0 rule add drop icmp type 300', 255, / type must be a whole number from 0 to 255/],
    ['x0 rule del 99', 1, /ENODEV: x0 has no rule 99/],
    ['none impair loss 1%', 1, /ENODEV: no pair or interface 'none'/],
    ['none rule', 1, /ENODEV: no pair or interface 'none'/],
    ['none flap 1ms', 1, /ENODEV: no pair or interface 'none'/],
    [
      'x0 flap 2000000s',
      255,
      /EINVAL: TIME must be milliseconds, more than 0 and at most a day, not 2000000000/,
    ],
    ['x0 mtu 1400 impair loss 1%', 255, /"impair" is wrong: it stands right behind the interface, and alone/],
  ] as const)('link set %s', async (line, code, sentence) => {
    expectRefusal(await set(line), code, sentence)
  })

  test('nothing has changed', async () => {
    expect(await shown('x0 impair show')).toBe('none\n')
    expect(await shown('x0 rule show')).toBe('')
  })
})

describe('impair', () => {
  test('replaces the whole set; what show says makes the same set again', async () => {
    expect(await set('x0 impair delay 10ms 2ms 25% distribution normal loss 1% seed 42')).toMatchObject(well)
    const words = 'delay 10ms 2ms 25% distribution normal loss 1% seed 42'
    expect(await shown('x0 impair show')).toBe(`${words}\n`)
    expect(await set('x0 impair duplicate 2% rate 10mbit burst 32kb')).toMatchObject(well)
    expect(await shown('x0 impair show')).toMatch(/^duplicate 2% rate 10mbit burst 32kb seed \d+\n$/)
    expect(await set(`x0 impair ${words}`)).toMatchObject(well)
    expect(await shown('x0 impair show')).toBe(`${words}\n`)
    expect(await shown('x1 impair show')).toBe('none\n')
    expect(await set('x0 impair none')).toMatchObject(well)
    expect(await shown('x0 impair show')).toBe('none\n')
  })

  test('in JSON', async () => {
    const plan = { loss: { random: 1 }, seed: 42 }
    const { stdout } = await uveth('-j', 'link', 'set', 'x0', 'impair', 'loss', '1%', 'seed', '42')
    expect(JSON.parse(stdout)).toEqual(plan)
    expect(JSON.parse(await shown('x0 impair show -j'))).toEqual(plan)
    await set('x0 impair none')
    expect(JSON.parse(await shown('x0 impair show -j'))).toBeNull()
  })
})

describe('rule', () => {
  test('add, show, del, flush', async () => {
    expect(await set('x0 rule add drop udp dport 53 nth 3')).toMatchObject(well)
    const second = await added('x0 rule add delay 20ms arp op reply')
    const lines = (await shown('x0 rule show')).trim().split('\n')
    expect(lines).toEqual([
      expect.stringMatching(/^rule \d+: drop udp dport 53 nth 3 matched 0 hits 0$/),
      `rule ${second}: delay 20ms arp op reply matched 0 hits 0`,
    ])
    expect(await set(`x0 rule del ${second}`)).toMatchObject(well)
    expect(JSON.parse(await shown('x0 rule show -j'))).toEqual([
      {
        id: expect.any(Number),
        action: { kind: 'drop' },
        match: { udp: { dport: 53 }, nth: 3 },
        matched: 0,
        hits: 0,
      },
    ])
    expect(await set('x0 rule flush')).toMatchObject(well)
    expect(await shown('x0 rule')).toBe('')
  })

  test('is in force when the command has returned, and counts', async () => {
    await set('x0 rule add drop nth 2')
    const near = PacketSocket.open(daemon.home, 'x0')
    const far = PacketSocket.open(daemon.home, 'x1')
    try {
      for (let number = 0; number < 3; number++) near.send(numbered(0, number, 100))
      const got = [await far.receive(), await far.receive()].map((frame) => frame && readNumbered(frame))
      expect(got).toEqual([
        { flow: 0, number: 0 },
        { flow: 0, number: 2 },
      ])
    } finally {
      near.close()
      far.close()
    }
    expect(await shown('x0 rule')).toMatch(/^rule \d+: drop nth 2 matched 3 hits 1\n$/)
    const { stdout } = await uveth('stats', 'x0')
    const [header, a, b] = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t'))
    expect(header?.slice(7)).toEqual(['drops', 'rules'])
    expect(a?.slice(7)).toEqual(['rule 1', expect.stringMatching(/^\d+ drop 1$/)])
    expect(b?.slice(7)).toEqual(['-', '-'])
    await set('x0 rule flush')
  })
})

test('link show -d has the words, and with -j the numbers', async () => {
  await set('x0 impair delay 10ms loss 1% seed 42')
  const id = await added('x0 rule add drop udp dport 53')
  const { stdout } = await uveth('-d', 'link', 'show', 'x0')
  expect(stdout.split('\n').slice(3)).toEqual([
    '    impair delay 10ms loss 1% seed 42',
    `    rule ${id}: drop udp dport 53 matched 0 hits 0`,
    '',
  ])
  expect((await uveth('link', 'show', 'x0')).stdout).not.toContain('impair')
  expect((await uveth('-d', 'link', 'show', 'x1')).stdout).not.toContain('impair')
  const [link] = JSON.parse((await uveth('-d', '-j', 'link', 'show', 'x0')).stdout)
  expect(link.linkinfo.info_data).toMatchObject({
    impair: { delay: { time: 10 }, loss: { random: 1 }, seed: 42 },
    rules: [{ id, action: { kind: 'drop' }, match: { udp: { dport: 53 } }, matched: 0, hits: 0 }],
    drops: { loss: 0, limit: 0, rule: 1, hook: 0 },
    inspected: { held: 0, copied: 0, delayed: 0 },
  })
  await set('x0 impair none')
  await set('x0 rule flush')
})

test('in a batch, and told by monitor', async () => {
  await using monitor = start(['-j', 'monitor'], {
    netns: daemon.home.name,
    env: { UVETH_SOCKET: daemon.socket },
  })
  await until('monitor to listen', async () => {
    await daemon.ask('PATCH', '/v1/ends/x1', {})
    return monitor.stdout !== ''
  })
  const file = daemon.folder.file('batch')
  writeFileSync(file, 'link set x0 impair loss 2% seed 1\nlink set x0 rule add drop arp # both\n')
  expect(await uveth('-batch', file)).toMatchObject(well)
  await monitor.line(/"rules":\[\{"id":\d+,"action":\{"kind":"drop"\},"match":\{"arp":\{\}\}/)
  expect(monitor.stdout).toContain('"impair":{"loss":{"random":2},"seed":1}')
  writeFileSync(file, 'link set x0 impair none\nlink set x0 rule flush\n')
  expect(await uveth('-batch', file)).toMatchObject(well)
})

test('flap returns when it is over, with carrier back', async () => {
  const started = performance.now()
  const flap = set('x0 flap 150ms 2')
  await until('carrier to go', () => daemon.home.ip('link', 'show', 'x0').includes('NO-CARRIER'))
  expect(await flap).toMatchObject(well)
  expect(performance.now() - started).toBeGreaterThan(450)
  expect(daemon.home.ip('link', 'show', 'x0')).not.toContain('NO-CARRIER')
})
