// The client against a server, with a cable between them that does what real ones do on a bad day.

import { expect, test } from 'uveth/testing/vitest'
import { client, PORT, serve, triesIn } from './programs.mjs'

const requests = { udp: { dport: PORT } }
const replies = { udp: { sport: PORT } }

test('a good cable: one try each', async ({ cable }) => {
  await serve(cable)
  const { stdout } = await cable.exec('a', ...client(cable, 'hello', 3))
  expect(triesIn(stdout)).toEqual([1, 1, 1])
  expect(stdout).toContain('HELLO')
})

// Each run loses other replies: it prints a seed when it fails, and UVETH_SEED=… repeats it.
test('a fifth of the replies is lost: every question is answered', async ({ cable }) => {
  await serve(cable)
  await cable.exec('a', ...client(cable, 'hello')) // so that no reply to ARP is among the lost ones
  await cable.b.impair({ delay: '1ms', loss: '20%' })
  const { stdout } = await cable.exec('a', ...client(cable, 'hello', 60))
  expect(triesIn(stdout)).toHaveLength(60)
  expect(Math.max(...triesIn(stdout))).toBeGreaterThan(1)
  await expect(cable).toHaveDropped({ cause: 'loss', match: replies, from: 'b' })
})

test('the third reply is lost, once: the client asks the third question twice', async ({ cable }) => {
  await serve(cable)
  cable.b.drop({ ...replies, nth: 3 })
  const { stdout } = await cable.exec('a', ...client(cable, 'hello', 5))
  expect(triesIn(stdout)).toEqual([1, 1, 2, 1, 1])
  await expect(cable).toHaveCarried(requests, { from: 'a', times: 6 })
  await expect(cable).toHaveDropped({ cause: 'rule', match: replies, from: 'b', times: 1 })
})

test('a reply comes twice: the second one is nobody’s answer', async ({ cable }) => {
  await serve(cable)
  cable.b.duplicate({ ...replies, nth: 1 })
  const { stdout } = await cable.exec('a', ...client(cable, 'hello', 2))
  expect(triesIn(stdout)).toEqual([1, 1])
  await expect(cable).toHaveCarried(replies, { from: 'b', times: 3 })
})

test('the far side has a smaller MTU: long questions fail, short ones do not', async ({ cable }) => {
  await serve(cable)
  await cable.b.set({ mtu: 1300 })
  await cable.exec('a', ...client(cable, 'x'.repeat(1200)))
  await expect(cable.exec('a', ...client(cable, 'x'.repeat(1400)))).rejects.toThrow('no answer after')
  await expect(cable).toHaveDropped({ cause: 'mtu', match: requests, from: 'a' })
})
