// Schedules over real interfaces: files that are refused, with their line; what a step does to frames and to carrier as the
// kernel shows it; what is ordered by hand meanwhile; what `show`, `link show` and `monitor` say; and that one goes on
// after `--replace`. When steps are due is unit/datapath/timeline's business.

import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type Command, commandOf, expectRefusal, well } from '../support/cli.js'
import { expectProblem, TestDaemon } from '../support/daemon.js'
import { numbered, readNumbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { uveth as start, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

let daemon: TestDaemon
let uveth: Command
beforeAll(async () => {
  daemon = await TestDaemon.start('--state', 'FOLDER/state.json')
  uveth = commandOf(daemon)
  const wish = { id: 'cable', quiet: true, a: { name: 'x0', up: true }, b: { name: 'x1', up: true } }
  expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
})
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]()
})

const set = (line: string) => uveth('link', 'set', ...line.split(' '))
/** Orders the schedule of a file. */
async function ordered(text: string, end = 'x0') {
  const path = daemon.folder.file('schedule.yaml')
  writeFileSync(path, text)
  return { path, outcome: await set(`${end} schedule ${path}`) }
}
const carrierOf = (name: string) => daemon.home.link(name).flags.includes('LOWER_UP')

describe('refused', () => {
  test.each([
    ['steps: [', 1, /Flow sequence/],
    ['- at: 0s\n  impair: delai 5ms', 2, /steps\.0\.impair: what is "delai"\?/],
    [
      'steps:\n  - { at: 5s, impair: none }\n  - { at: 1s, carrier: off }',
      3,
      /steps\.1\.at must be behind .*\(5s\)/,
    ],
    [
      'repeat: true\nsteps: [{ at: 0s, carrier: gone }]',
      2,
      /carrier must be one of on, off, auto, not "gone"/,
    ],
    ['repeat: true\nsteps: [{ at: 0s, carrier: off }]', 1, /period is missing: how long a round is/],
    ['train', 1, /the file must be an object, not "train"/],
  ] as const)('%j', async (text, line, sentence) => {
    const { path, outcome } = await ordered(text)
    expectRefusal(outcome, 255, sentence)
    expect(outcome.stderr).toContain(`${path}:${line}: `)
  })

  test('standard input that has the orders themselves', async () => {
    const prefix = ['sh', '-c', 'echo link set x0 schedule - | exec "$0" "$@"']
    const env = { UVETH_SOCKET: daemon.socket }
    const { code, stderr } = await uvethOnce(['-batch', '-'], { env, prefix })
    expect([code, stderr]).toEqual([1, expect.stringMatching(/standard input has the orders: give a file\n/)])
  })

  test('a file that is not there, and words that make no order', async () => {
    expectRefusal(await set('x0 schedule /no/such.yaml'), 2, /ENOENT: .*'\/no\/such\.yaml'/)
    expectRefusal(await set('x0 schedule /tmp'), 2, /EISDIR: .* '\/tmp'/)
    expectRefusal(await set('x0 schedule'), 255, /schedule takes a file, "show" or "off"/)
    expectRefusal(await set('x0 schedule off now'), 255, /"now" is wrong/)
    expectRefusal(await set('none schedule off'), 1, /ENODEV: no pair or interface 'none'/)
    expect((await set('x0 schedule show')).stdout).toBe('none\n')
  })
})

describe('while it runs', () => {
  const LONG = `
steps:
  - { at: 0s, impair: loss 100% seed 3 }
  - { at: 3600s, carrier: off }
`
  test('a step is in force for the next frame; what it sets is not set by hand', async () => {
    expect((await ordered(LONG)).outcome).toMatchObject(well)
    using near = PacketSocket.open(daemon.home, 'x0')
    using far = PacketSocket.open(daemon.home, 'x1')
    for (let number = 0; number < 20; number++) near.send(numbered(0, number, 100))
    const lost = async () => (await daemon.ask('GET', '/v1/pairs/cable/stats')).json.a.drops.loss
    await until('all to be judged', async () => (await lost()) === 20)
    expect(far.drain().filter((frame) => readNumbered(frame) !== undefined)).toEqual([])
    for (const line of ['x0 impair none', 'x0 impair delay 1ms', 'x0 carrier off', 'x0 flap 1ms'])
      expectRefusal(await set(line), 1, /EBUSY: a schedule sets (impair|carrier): schedule off first/)
    const other = (await ordered('[{ at: 0s, carrier: off }]', 'x1')).outcome
    expectRefusal(other, 1, /EBUSY: carrier is of both ends, and the schedule of the other one sets it/)
    const change = { a: { mtu: 1400 }, carrier: 'off' }
    expectProblem(await daemon.ask('PATCH', '/v1/pairs/cable', change), 409, {
      code: 'EBUSY',
      attribute: 'carrier',
    })
    expect(daemon.home.link('x0').mtu).toBe(1500)
    expect(await set('x0 rule add drop arp')).toMatchObject(well)
    expect(await set('x1 impair loss 1%')).toMatchObject(well)
  })

  test('it is shown', async () => {
    const text = '2 steps, done 1\n  0ms impair loss 100% seed 3\n  3600s carrier off\n'
    expect((await set('x0 schedule show')).stdout).toBe(text)
    expect((await uveth('-d', 'link', 'show', 'x0')).stdout).toContain('\n    schedule 2 steps, done 1\n')
    const [link] = JSON.parse((await uveth('-j', 'link', 'show', 'x0')).stdout)
    const view = {
      done: 1,
      missed: 0,
      over: false,
      steps: [{ at: 0, impair: { loss: { random: 100 }, seed: 3 } }, {}],
    }
    expect(link.linkinfo.info_data.schedule).toMatchObject(view)
    expect((await daemon.ask('GET', '/v1/ends/x0/schedule')).json).toMatchObject(view)
  })

  test('and goes on after a restart of the daemon', async () => {
    const { code, stderr } = await daemon.stop()
    expect([code, stderr]).toEqual([0, ''])
    await daemon.restart()
    expect((await set('x0 schedule show')).stdout).toContain('2 steps, done 1\n')
    expect(await set('x0 schedule off')).toMatchObject(well)
    expect((await set('x0 schedule show')).stdout).toBe('none\n')
    expect((await set('x0 impair show')).stdout).toBe('loss 100% seed 3\n')
    expect(await set('x0 impair none')).toMatchObject(well)
  })
})

test('carrier goes and comes as the kernel shows it; each step is told, and what the last one has set stays', async () => {
  await using monitor = start(['monitor'], { netns: daemon.home.name, env: { UVETH_SOCKET: daemon.socket } })
  await until('monitor to listen', async () => {
    await daemon.ask('PATCH', '/v1/ends/x1', {})
    return monitor.stdout !== ''
  })
  expect((await ordered('[{ at: 0s, carrier: off }, { at: 3600s, carrier: auto }]')).outcome).toMatchObject(
    well,
  )
  await monitor.line(/^step cable: end a: step 1: carrier off$/)
  await until('carrier to go', () => ['x0', 'x1'].every((name) => !carrierOf(name)))
  const back = '[{ at: 0s, impair: delay 1ms seed 5 }, { at: 40ms, carrier: auto }]'
  expect((await ordered(back)).outcome).toMatchObject(well)
  await monitor.line(/^step cable: end a: step 2: carrier auto$/)
  await until('carrier to come', () => ['x0', 'x1'].every(carrierOf))
  expect((await set('x0 schedule show')).stdout).toMatch(/^2 steps, over\n/)
  expect((await set('x0 impair show')).stdout).toBe('delay 1ms seed 5\n')
  expect(await set('x0 impair none')).toMatchObject(well)
  expect((await set('x0 schedule show')).stdout).toBe('none\n')
})
