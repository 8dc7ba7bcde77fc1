// What tc-netem(8) has beside probabilities and times, by the command and over real interfaces: tables from
// files, seeds of 64 bits, ECN; and traces of rates.

import { readFileSync, writeFileSync } from 'node:fs'
import { ether } from 'uveth/frames'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { commandOf, expectRefusal, well } from '../support/cli.js'
import { TestDaemon } from '../support/daemon.js'
import { numbered, readNumbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start('--state', 'FOLDER/state.json')
  await daemon.lay()
})
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]()
})

const path = (name: string) => daemon.folder.file(name)
const set = (...words: string[]) => commandOf(daemon)('link', 'set', 'x0', 'impair', ...words)

describe('a distribution in a file', () => {
  test('refused in a sentence, and nothing is changed', async () => {
    writeFileSync(path('bad.dist'), '1 2\n3 four')
    writeFileSync(path('wide.dist'), '40000')
    const given = ['delay', '10ms', '1ms', 'distribution']
    expectRefusal(
      await set(...given, path('none.dist')),
      2,
      /ENOENT: no such file or directory, open '.*none/,
    )
    expectRefusal(await set(...given, path('bad.dist')), 255, /bad.dist:2: "four" is not a whole number/)
    expectRefusal(
      await set(...given, path('wide.dist')),
      255,
      /wide.dist:1: 40000 is not from -32768 to 32767/,
    )
    expectRefusal(await set(...given, '/dev/zero'), 255, /is longer than \d+ bytes/)
    expect((await set('show')).stdout).toBe('none\n')
  })

  test('is read by the command, held by, shown, and kept with its numbers', async () => {
    writeFileSync(path('late.dist'), '# a jitter more\n8192\n')
    const words = `delay 30ms 20ms distribution ${path('late.dist')}`
    expect(await set(...words.split(' '), 'seed', '7')).toEqual({ ...well, signal: null })
    const begun = performance.now()
    daemon.near.send(numbered(0, 0, 100))
    expect(await daemon.far.receive()).toEqual(new Uint8Array(numbered(0, 0, 100)))
    expect(performance.now() - begun).toBeGreaterThan(49.9)
    expect((await set('show')).stdout).toBe(`${words} seed 7\n`)
    const plan = (await daemon.ask('GET', '/v1/ends/x0/impair')).json
    expect(plan.delay.distribution).toEqual({ table: [8192], name: path('late.dist') })
    writeFileSync(path('late.dist'), '0')
    daemon.deafen()
    await daemon.stop()
    expect(readFileSync(path('state.json'), 'utf8')).toContain('"table":[8192]')
    await daemon.restart()
    expect((await daemon.ask('GET', '/v1/ends/x0/impair')).json).toEqual(plan)
  })
})

describe('a rate by a trace in a file', () => {
  test('refused in a sentence, and nothing is changed', async () => {
    writeFileSync(path('back.trace'), '5\n4\n')
    const before = (await set('show')).stdout
    expectRefusal(await set('rate', 'trace', path('none.trace')), 2, /ENOENT: .*none.trace/)
    expectRefusal(
      await set('rate', 'trace', path('back.trace')),
      255,
      /back.trace:2: 4 is less than 5 before it/,
    )
    expectRefusal(await set('rate', 'trace'), 255, /rate trace is not complete: it takes a file/)
    expect((await set('show')).stdout).toBe(before)
  })

  test('lets one MTU go at each of its times, is shown, and is its numbers', async () => {
    daemon.listen()
    writeFileSync(path('slow.trace'), '40\n')
    const words = `rate trace ${path('slow.trace')}`
    expect(await set(...words.split(' '), 'seed', '7')).toEqual({ ...well, signal: null })
    const begun = performance.now()
    for (const n of [0, 1, 2]) daemon.near.send(numbered(0, n, 1514))
    for (const n of [0, 1, 2])
      expect(readNumbered((await daemon.far.receive()) as Uint8Array)).toMatchObject({ number: n })
    // A frame of the kernel's own may have begun the trace.
    expect(performance.now() - begun).toBeGreaterThan(79.9)
    expect((await set('show')).stdout).toBe(`${words} seed 7\n`)
    const plan = (await daemon.ask('GET', '/v1/ends/x0/impair')).json
    expect(plan).toEqual({ rate: { trace: { times: [40], name: path('slow.trace') } }, seed: 7 })
  })

  test('may be as long as it is allowed to', async () => {
    writeFileSync(path('long.trace'), '86400000\n'.repeat(262_144))
    expect(await set('rate', 'trace', path('long.trace'))).toMatchObject(well)
    expect(await set('none')).toMatchObject(well)
    writeFileSync(path('long.trace'), '1\n'.repeat(262_145))
    expectRefusal(await set('rate', 'trace', path('long.trace')), 255, /has more than 262144 times/)
  })
})

test('a seed of 64 bits, as a text in JSON, loses the same frames each time', async () => {
  const seed = '18446744073709551615'
  async function lost(): Promise<number[]> {
    expect(await set('loss', '50%', 'seed', seed)).toMatchObject(well)
    const { tx_dropped } = (await daemon.ask('GET', '/v1/pairs/id:cable/stats')).json.a
    for (let n = 0; n < 64; n++) daemon.near.send(numbered(0, n, 100))
    await until('all of them', async () => {
      const { a, b } = (await daemon.ask('GET', '/v1/pairs/id:cable/stats')).json
      return a.tx_dropped - tx_dropped + b.rx_packets - arrived === 64
    })
    const { rx_packets } = (await daemon.ask('GET', '/v1/pairs/id:cable/stats')).json.b
    const numbers: number[] = []
    for (; arrived < rx_packets; arrived++) {
      const read = readNumbered((await daemon.far.receive()) as Uint8Array)
      numbers.push((read as { number: number }).number)
    }
    return numbers
  }
  daemon.listen()
  let arrived = (await daemon.ask('GET', '/v1/pairs/id:cable/stats')).json.b.rx_packets as number
  const first = await lost()
  expect(first.length).toBeGreaterThan(10)
  expect(first.length).toBeLessThan(54)
  expect(await lost()).toEqual(first)
  expect((await set('show')).stdout).toBe(`loss 50% seed ${seed}\n`)
  expect((await daemon.ask('GET', '/v1/ends/x0/impair')).json).toEqual({ loss: { random: 50 }, seed })
})

test('ecn: what would be lost is marked, where its sender takes part', async () => {
  expect(await set('loss', '100%', 'ecn', 'seed', '1')).toMatchObject(well)
  const of = (ecn: number) =>
    ether({ src: '02:00:00:00:00:07' })
      .ipv4({ src: '192.0.2.1', dst: '192.0.2.2', ecn })
      .udp({ sport: 1, dport: 9 }, new Uint8Array(30))
  const before = (await daemon.ask('GET', '/v1/pairs/id:cable/stats')).json.a.drops.loss
  daemon.near.send(Buffer.from(of(0)))
  daemon.near.send(Buffer.from(of(2)))
  expect(await daemon.far.receive()).toEqual(of(3))
  const { drops, inspected } = (await daemon.ask('GET', '/v1/pairs/id:cable/stats')).json.a
  expect([drops.loss - before, inspected.marked]).toEqual([1, 1])
  expect((await set('show')).stdout).toBe('loss 100% ecn seed 1\n')
})
