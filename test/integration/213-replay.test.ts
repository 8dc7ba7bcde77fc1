// A real TCP transfer over a bad cable: it gets through, and which of its frames are lost can be had again, by
// sending the very same frames over another cable with the same seed.

import { createHash, randomBytes } from 'node:crypto'
import type { ImpairOptions } from 'uveth'
import { withPair } from 'uveth/testing'
import { expect } from 'vitest'
import { Cable } from '../support/cable.js'
import { expectBalanced } from '../support/hooks.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const BAD: ImpairOptions = { loss: 5, delay: '20ms', limit: 100_000, seed: 2026 }
const BYTES = 400_000

const SERVER = `const hash = require('crypto').createHash('sha256')
  require('net').createServer((socket) => socket.on('data', (data) => hash.update(data)).on('end', () => {
    console.log(hash.digest('hex') + '.')
    process.exit()
  })).listen(7000, process.argv[1], () => console.log('listening'))`
const CLIENT = `const chunks = []
  process.stdin.on('data', (chunk) => chunks.push(chunk)).on('end', () =>
    require('net').connect(7000, process.argv[1]).end(Buffer.concat(chunks)))`

/** Frames that a sent while it transferred something to b; whose digest was as it should be. */
function transfer(): Promise<Uint8Array[]> {
  return withPair({ a: { impair: BAD }, capture: false }, async ({ pair, ip, exec, spawn }) => {
    const frames = pair.a.frames({ tcp: {} }, { bytes: 64 << 20 })
    const server = spawn('b', process.execPath, ['-e', SERVER, ip.b])
    await server.line('listening')
    const input = randomBytes(BYTES)
    await exec('a', process.execPath, ['-e', CLIENT, ip.b], { input })
    const { stdout } = await server.ended
    expect(stdout).toContain(createHash('sha256').update(input).digest('hex'))
    const { a } = await expectBalanced({ pair }, { cut: true })
    expect(a.drops.loss).toBeGreaterThan(0)
    const recorded: Uint8Array[] = []
    for (let frame = frames.now(); frame !== undefined; frame = frames.now()) recorded.push(frame)
    expect(frames.lost).toBe(0)
    return recorded
  })
}

/** Numbers of those that are lost when they are sent again, over a cable without addresses. */
async function replay(frames: Uint8Array[]): Promise<number[]> {
  await using cable = await Cable.lay({ a: { impair: BAD } })
  await using seen = cable.pair.sightings({ end: 'a' })
  const lost: number[] = []
  for (const [n, frame] of frames.entries()) {
    cable.a.send(frame)
    if (n % 100 !== 99 && n !== frames.length - 1) continue
    await until('judged', () => cable.pair.counters().a.tx_packets + cable.pair.counters().a.tx_dropped > n)
  }
  await cable.pair.a.settled()
  for (let one = seen.now(); one !== undefined; one = seen.now()) {
    if (one.cause === 'loss') lost.push(one.id / 2)
  }
  await until('nothing is held', () => cable.pair.counters().a.inspected.held === 0)
  const { a } = await expectBalanced(cable)
  expect(a.drops.loss).toBe(lost.length)
  return lost
}

it('TCP with 5 % loss and 20 ms delay gets through; replayed twice, the same frames are lost', async () => {
  const frames = await transfer()
  expect(frames.length).toBeGreaterThan(BYTES / 1_514)
  const lost = await replay(frames)
  expect(lost.length).toBeGreaterThan(0.02 * frames.length)
  expect(lost.length).toBeLessThan(0.1 * frames.length)
  expect(await replay(frames)).toEqual(lost)
})
