// Rules with netem's words: a part of the traffic has an impairment of its own, in place of the end's. Refusals first;
// then real programs, several rules on one end, changes while frames are held, a move to another thread, the daemon.

import type { Match } from 'uveth'
import { describe, expect } from 'vitest'
import { addressed, Cable } from '../support/cable.js'
import { type Command, commandOf, well } from '../support/cli.js'
import { expectProblem, TestDaemon } from '../support/daemon.js'
import { expectBalanced, marked, marksAtB, perFrame, sendMarks } from '../support/hooks.js'
import { until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { PacketSocket } from '../support/packet.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const withDaemon = needs('root', 'tun', 'netns', 'ip', 'nsenter')

/** Marked frames whose number has this bit. */
const bit = (mask: number): Match => ({ bytes: [[14, mask, mask]] })

it('refused: by name, and nothing is left behind', async () => {
  await using cable = await Cable.lay()
  const { a } = cable.pair
  for (const [options, part, sentence] of [
    [{ loss: 101 }, { match: {} }, 'EINVAL: impair.loss.random must be a number of percent'],
    [7, { match: {} }, 'EINVAL: impair must be an object, not 7'],
    [{ loss: 1 }, {}, 'EINVAL: part.match is missing'],
    [{ loss: 1 }, { match: { tpc: {} } }, 'EINVAL: unknown attribute part.match.tpc'],
    [{ loss: 1 }, { match: { tcp: {}, udp: {} } }, 'EINVAL: rule.match wants tcp and udp'],
    [{ reorder: 5 }, { match: {} }, 'EINVAL: reordering not possible without specifying some delay'],
  ] as [never, never, string][])
    await expect(a.impair(options, part)).rejects.toThrow(sentence)
  expect(a.rules()).toEqual([])
})

/** Ten datagrams to each of two ports, and as many bytes as are asked for over TCP; what came of them. */
const SERVE = `const net = require('node:net'), dgram = require('node:dgram')
  const came = { 53: 0, 54: 0 }
  for (const port of [53, 54]) dgram.createSocket('udp4').on('message', () => came[port]++).bind(port, '10.77.0.2')
  net.createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = 0
    socket.on('data', (data) => { bytes += data.length }).on('end', () => socket.end(JSON.stringify({ bytes, ...came })))
  }).listen(8000, '10.77.0.2', () => console.log('bound'))`
const SEND = `const socket = require('node:dgram').createSocket('udp4')
  const send = (port) => new Promise((done) => socket.send('x', port, '10.77.0.2', done))
  const all = async () => {
    for (let n = 0; n < 10; n++) for (const port of [53, 54]) await send(port)
    socket.close()
    const stream = require('node:net').connect(8000, '10.77.0.2')
    stream.on('data', (data) => process.stdout.write(data)).end(Buffer.alloc(1e6))
  }
  all()`

it('UDP to port 53 is lost, TCP and other UDP are untouched', async () => {
  await using cable = await Cable.lay(addressed())
  const server = cable.right.spawn(process.execPath, ['-e', SERVE])
  await new Promise((bound) => server.stdout?.once('data', bound))
  const rule = await cable.pair.a.impair({ loss: '100%' }, { match: { udp: { dport: 53 } } })
  expect(JSON.parse(cable.left.exec(process.execPath, '-e', SEND))).toEqual({ bytes: 1e6, 53: 0, 54: 10 })
  expect(rule).toMatchObject({ matched: 10, hits: 10, impaired: { loss: 10, limit: 0, held: 0 } })
  const { a } = await expectBalanced(cable, { cut: true })
  expect(a.drops.loss).toBe(10)
})

it('two delays, a loss and an exemption on one end: the first rule that matches, otherwise the end’s own', async () => {
  await using cable = await Cable.lay()
  const { a } = cable.pair
  await a.impair({ loss: 100 })
  const short = await a.impair({ delay: patient(50) }, { match: bit(1) })
  const long = await a.impair({ delay: patient(400) }, { match: bit(2) })
  const free = await a.impair(null, { match: bit(4) })
  const began = performance.now()
  sendMarks(cable, 3, 2, 5, 8, 6, 4)
  expect(await marksAtB(cable, 5)).toEqual([4, 3, 5, 2, 6])
  expect(performance.now() - began).toBeGreaterThanOrEqual(patient(400))
  const met = [short, long, free].map(({ matched, impaired }) => [matched, impaired?.delayed])
  expect(met).toEqual([
    [2, 2],
    [2, 2],
    [1, 0],
  ])
  expect((await expectBalanced(cable)).a).toMatchObject({
    drops: { loss: 1 },
    inspected: { delayed: 4, held: 0 },
  })
})

it('the same seed, the same fates: whatever else is sent, and done to it', async () => {
  const survivors = async (others: readonly number[]) => {
    await using cable = await Cable.lay()
    if (others.length > 0) await cable.pair.a.impair({ corrupt: 50, duplicate: 50 })
    if (others.length > 0) await cable.pair.a.impair({ loss: 50 }, { match: bit(2) })
    const rule = await cable.pair.a.impair({ loss: '40%', seed: 11 }, { match: bit(1) })
    const marks = Array.from({ length: 60 }, (_, n) => 1 + 4 * n)
    for (const mark of marks) sendMarks(cable, mark, ...others)
    await until('all to be judged', () => rule.matched === 60)
    await cable.pair.a.settled() // of a frame that is being judged only its match is counted yet
    const lost = rule.impaired?.loss ?? 0
    const came = new Set<number>()
    while (came.size < 60 - lost) {
      const frame = await cable.b.receive()
      if (frame === undefined) break
      if (((frame[14] as number) & 1) === 1) came.add(frame[14] as number)
    }
    return [...came].sort()
  }
  const alone = await survivors([])
  expect(alone.length).toBeGreaterThan(20)
  expect(alone.length).toBeLessThan(55)
  expect(await survivors([2])).toEqual(alone)
})

describe('while it holds frames', () => {
  it('is replaced in its place, and taken away: they go on', async () => {
    await using cable = await Cable.lay()
    const { a } = cable.pair
    const rule = await a.impair({ delay: '60s' }, { match: bit(1) })
    const last = await a.impair({ loss: 100 }, { match: bit(1) })
    sendMarks(cable, 1)
    await until('it to be held', () => rule.impaired?.held === 1)
    // What comes now does not overtake it, and takes it along.
    expect(rule.replace({ kind: 'impair', delay: 1 })).toBe(true)
    sendMarks(cable, 3)
    expect(await marksAtB(cable, 2)).toEqual([1, 3])
    expect(a.rules().map(({ id, matched }) => [id, matched])).toEqual([
      [rule.id, 1],
      [last.id, 0],
    ])
    rule.replace({ kind: 'impair', delay: 300 })
    sendMarks(cable, 5)
    await until('it to be held', () => rule.impaired?.held === 1)
    rule.remove()
    // What it holds goes on as the end's own.
    expect([rule.replace({ kind: 'drop' }), rule.matched, rule.impaired?.held]).toEqual([false, 1, 0])
    sendMarks(cable, 7)
    expect(await marksAtB(cable, 1)).toEqual([5])
    expect(last.impaired?.loss).toBe(1)
    await expectBalanced(cable)
  })

  it('moves to another thread with them, its draws and its counts', async () => {
    await using cable = await Cable.lay()
    const { a } = cable.pair
    const rule = await a.impair({ delay: 500, loss: '40%', seed: 11 }, { match: bit(1) })
    const marks = Array.from({ length: 60 }, (_, n) => 1 + 4 * n)
    sendMarks(cable, ...marks.slice(0, 30))
    await until('all to be judged', () => rule.matched === 30)
    await a.use(perFrame('')) // a worker of its own
    sendMarks(cable, ...marks.slice(30))
    const fates = () => rule.impaired ?? { loss: 0, delayed: 0 }
    await until('all to be judged', () => fates().loss + fates().delayed === 60)
    const { loss } = fates()
    expect((await marksAtB(cable, 60 - loss)).length).toBe(60 - loss)
    await until('nothing to be held', () => rule.impaired?.held === 0)
    const { a: stats } = await expectBalanced(cable)
    expect([stats.drops.loss, rule.hits]).toEqual([loss, 60])
  })
})

withDaemon('by the command and over HTTP: shown, counted, replaced, and back after a restart', async () => {
  await using daemon = await TestDaemon.start('--state', 'FOLDER/state.json')
  const uveth: Command = commandOf(daemon)
  const wish = { id: 'cable', quiet: true, a: { name: 'x0', up: true }, b: { name: 'x1', up: true } }
  expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
  const set = (line: string) => uveth('link', 'set', 'x0', ...line.split(' '))
  const shown = async () => (await set('rule show')).stdout
  const send = (...marks: number[]) => {
    const socket = PacketSocket.open(daemon.home, 'x0')
    for (const mark of marks) socket.send(marked(mark))
    socket.close()
  }
  const words = 'impair delay 10ms loss 100% seed 5'
  expect(await set(`rule add ${words} bytes 14:0x01:0x01`)).toMatchObject(well)
  expect(await set('rule add bytes 14:0x02:0x02 impair none')).toMatchObject(well)
  send(1, 2, 3, 4)
  await until('all to be judged', async () => /matched 2 .*\n.*matched 1 /.test(await shown()))
  expect(await shown()).toBe(
    `rule 1: ${words} bytes 14:0x01:0x01 matched 2 hits 2 loss 2\n` +
      'rule 2: impair none bytes 14:0x02:0x02 matched 1 hits 1\n',
  )
  const labels = 'pair="cable",end="a",name="x0",device="x0",netns="",rule="1",action="impair"'
  const { text } = await daemon.ask('GET', '/metrics')
  expect(text).toContain(`uveth_rule_dropped_total{${labels},cause="loss"} 2\n`)
  expect(text).toContain(`uveth_rule_inspected_total{${labels},what="delayed"} 0\n`)
  expect(text).toContain(`uveth_rule_held{${labels}} 0\n`)

  await daemon.stop()
  await daemon.restart()
  expect(await shown()).toContain(`rule 1: ${words} bytes 14:0x01:0x01 matched 2 hits 2 loss 2\n`)
  send(1)
  await until('it to be judged', async () => (await shown()).includes('matched 3 hits 3 loss 3\n'))

  const rule = '/v1/ends/x0/rules/1'
  const body = { action: { kind: 'impair', delay: '5ms', seed: 9 } }
  expectProblem(await daemon.ask('PUT', rule, { action: { kind: 'impair', loss: 101 } }), 422, {
    code: 'EINVAL',
    attribute: 'action.loss.random',
  })
  expectProblem(await daemon.ask('PUT', '/v1/ends/x0/rules/9', body), 404, {
    code: 'ENODEV',
    attribute: 'id',
  })
  const { status, json } = await daemon.ask('PUT', rule, body)
  expect([status, json]).toMatchObject([200, { id: 1, action: { delay: { time: 5 }, seed: 9 }, matched: 0 }])
  expect(await set('rule replace 1 drop arp')).toMatchObject(well)
  expect((await shown()).split('\n')[0]).toBe('rule 1: drop arp matched 0 hits 0')
})
