// What a pair has carried and dropped, against pairs that are made up: which frames count, how long is waited,
// what the messages say, and what is refused.

import { AssertionError } from 'node:assert'
import { expect, test } from 'vitest'
import { assertCarried, assertDropped, matchers } from '../../../src/testing/index.js'
import type {} from '../../../src/testing/vitest.js'
import { datagram, FakePair } from './fake-pair.js'

expect.extend(matchers)

const dns = { udp: { dport: 53 } }
const dropped = { cause: 'loss', reason: undefined } as const
const within = 0

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (error: Error) => error,
  )
  if (error === undefined) throw new Error('it did not fail')
  return error.message
}

test('misuse is refused before anything is counted', async () => {
  const fake = new FakePair().observed()
  const refusals: [Promise<void>, RegExp][] = [
    [assertCarried({} as never), /^EINVAL: give a pair, or what withPair or lab hands out$/],
    [assertCarried(null as never), /^EINVAL: give a pair/],
    [assertCarried(fake.pair, { upd: {} } as never), /^EINVAL: .*upd/],
    [assertCarried(fake.pair, { udp: {}, nth: 3 }), /^EINVAL: match\.nth counts frames/],
    [
      assertCarried(fake.pair, dns, { form: 'a' } as never),
      /unknown attribute form: there are from, at, times, within$/,
    ],
    [
      assertCarried(fake.pair, dns, { from: 'c' as never }),
      /^EINVAL: from must be a, b, or NODE:INTERFACE of a lab, not "c"$/,
    ],
    [assertCarried(fake.pair, dns, { times: 1.5 }), /^EINVAL: times must be a whole number/],
    [assertCarried(fake.pair, dns, { within: -1 }), /^EINVAL: within must be milliseconds/],
    [
      assertDropped(fake.pair, { cause: 'lost' as never }),
      /^EINVAL: cause must be one of carrier, .*, not "lost"$/,
    ],
    [
      assertDropped(fake.pair, { cause: [] }),
      /^EINVAL: cause must be a cause or several: leave it out for any/,
    ],
    [assertCarried(fake.pair, dns, 3 as never), /^EINVAL: the wish must be an object, not 3$/],
    [assertCarried(new FakePair().pair, dns), /^EINVAL: nobody has looked at the frames of this pair/],
  ]
  for (const [promise, message] of refusals) {
    await expect(promise).rejects.toMatchObject({ code: 'EINVAL', message: expect.stringMatching(message) })
  }
})

test('frames count when they were delivered, by the end that sent them', async () => {
  const fake = new FakePair().observed()
  fake.datagram(53).datagram(53, { end: 'b' }).datagram(80).datagram(53, dropped)
  await assertCarried(fake.pair, dns)
  await assertCarried({ pair: fake.pair }, dns, { times: 2 })
  await assertCarried(fake.pair, dns, { times: 1, from: 'a' })
  await assertCarried(fake.pair, dns, { times: 1, from: 'b' })
  await assertCarried(fake.pair, { udp: { dport: 81 } }, { times: 0 })
  await expect(fake.pair).toHaveCarried(dns, { times: 2 })
  await expect(fake.pair).not.toHaveCarried(dns, { times: 3 })
  await expect(fake.pair).not.toHaveCarried({ tcp: {} })
  await expect(assertCarried(fake.pair, { tcp: {} }, { within })).rejects.toThrow(AssertionError)
  await expect(assertCarried(fake.pair, dns, { within, times: 1 })).rejects.toThrow(AssertionError)
  await expect(assertCarried(fake.pair, dns, { times: 0 })).rejects.toThrow(AssertionError)
})

test('drops count by cause', async () => {
  const fake = new FakePair().observed()
  fake.datagram(53, dropped).datagram(53, { cause: 'rule', reason: 'rule 2', end: 'b' }).datagram(53)
  await assertDropped(fake.pair, { match: dns, times: 2 })
  await assertDropped(fake.pair, { match: dns, cause: 'loss', times: 1, from: 'a' })
  await assertDropped(fake.pair, { match: dns, cause: ['loss', 'rule'], times: 1, from: 'b' })
  await expect(fake.pair).toHaveDropped({ match: dns, cause: 'rule' })
  await expect(fake.pair).not.toHaveDropped({ match: dns, cause: 'mtu' })
  await expect(assertDropped(fake.pair, { match: dns, cause: 'mtu', within })).rejects.toThrow(AssertionError)
})

test('without a match the counters answer, also when nobody looks at frames', async () => {
  const fake = new FakePair()
  fake.counted.a.drops.carrier = 2
  fake.counted.b.drops.mtu = 1
  fake.counted.b.rx_packets = 5
  await assertDropped(fake.pair, { times: 3 })
  await assertDropped(fake.pair, { cause: 'carrier', from: 'a', times: 2 })
  await assertDropped(fake.pair, { cause: 'carrier', from: 'b', times: 0 })
  await assertCarried(fake.pair, undefined, { from: 'a', times: 5 })
  await assertCarried(fake.pair, undefined, { from: 'b', times: 0 })
  await expect(fake.pair).toHaveDropped({ cause: ['mtu', 'carrier'], times: 3 })
})

test('what is on its way is waited for', async () => {
  const fake = new FakePair().observed()
  fake.later.push([], [], datagram(53), [], datagram(53, { id: 2 }))
  await assertCarried(fake.pair, dns, { within: 10_000 })
  expect(fake.later).toHaveLength(2)
  await assertCarried(fake.pair, dns, { times: 2, within: 10_000 })
})

test('what must not come is asked once, and too many are known at once', async () => {
  const fake = new FakePair().observed()
  fake.later.push([], datagram(53), datagram(53, { id: 2 }))
  await expect(fake.pair).not.toHaveCarried(dns, { within: 10_000 })
  const since = performance.now()
  await messageOf(assertCarried(fake.pair, dns, { times: 0, within: 10_000 }))
  expect(performance.now() - since).toBeLessThan(5_000)
})

test('a message says what came instead, and what became of frames that match', async () => {
  const fake = new FakePair().observed()
  fake.counted.a = { ...fake.counted.a, tx_packets: 1, tx_dropped: 2 }
  Object.assign(fake.counted.a.drops, { loss: 1, rule: 1 })
  fake.counted.b.rx_packets = 1
  fake.datagram(53, dropped).datagram(53, { cause: 'rule', reason: 'rule 7' }).datagram(80)
  expect(await messageOf(assertCarried(fake.pair, dns, { from: 'a', within }))).toBe(
    [
      'expected the pair to have carried `udp dport 53` from a; it has carried 0 frames',
      '  a has sent 3 frames: 1 delivered, 2 dropped (1 loss, 1 rule)',
      '  of these, 2 frames matched when sent: 1 dropped by loss, 1 dropped by rule 7',
      '  last seen:',
      '    00:00:00.000 sent by a: 192.0.2.1 > 192.0.2.2 udp 40000 > 53, 62 bytes, dropped by loss',
      '    00:00:00.000 sent by a: 192.0.2.1 > 192.0.2.2 udp 40000 > 53, 62 bytes, dropped by rule 7',
      '    00:00:00.000 sent by a: 192.0.2.1 > 192.0.2.2 udp 40000 > 80, 62 bytes',
      '    00:00:00.000 delivered to b: 192.0.2.1 > 192.0.2.2 udp 40000 > 80, 62 bytes',
    ].join('\n'),
  )
})

test('a negative message shows the frames that should not be there', async () => {
  const fake = new FakePair().observed()
  for (let n = 0; n < 7; n++) fake.datagram(53)
  const message = await messageOf(Promise.resolve(expect(fake.pair).not.toHaveCarried(dns, { from: 'a' })))
  expect(message).toMatch(
    /^expected the pair not to have carried `udp dport 53` from a; it has carried 7 frames/,
  )
  expect(message.match(/delivered to b: /g)).toHaveLength(5)
  expect(message).toMatch(/and 2 more$/)
  expect(message).toContain('7 frames matched when sent: 7 delivered')
})

test('a message without a match has the counters alone', async () => {
  const fake = new FakePair()
  fake.counted.a.tx_packets = 4
  fake.counted.b.rx_packets = 4
  expect(await messageOf(assertDropped(fake.pair, { cause: 'mtu', from: 'a', times: 2, within }))).toBe(
    'expected the pair to have dropped any frame from a by mtu 2 times; it has dropped 0 frames\n' +
      '  a has sent 4 frames: 4 delivered, 0 dropped',
  )
})

test('when records found no room, only what was seen is sure', async () => {
  const fake = new FakePair().observed()
  fake.datagram(53)
  fake.lost = 3
  await assertCarried(fake.pair, dns)
  for (const unsure of [
    assertCarried(fake.pair, dns, { times: 1 }),
    assertCarried(fake.pair, { tcp: {} }, { within }),
    Promise.resolve(expect(fake.pair).not.toHaveCarried({ tcp: {} })),
  ]) {
    await expect(unsure).rejects.toThrow(/^EINVAL: too much traffic to tell: 3 records found no room/)
  }
})

test('the history is bounded by bytes, and what it has no room for is counted', async () => {
  const fake = new FakePair().observed({ bytes: 1000, match: { udp: {} } })
  expect(fake.wish).toEqual({ ringBytes: 1000, match: { udp: {} } })
  for (let n = 0; n < 10; n++) fake.datagram(53)
  await expect(assertCarried(fake.pair, dns, { times: 10, within })).rejects.toThrow(
    /17 records found no room/,
  )
  expect(() => fake.observed({ bytes: 0 })).toThrow(/^EINVAL: bytes must be/)
  expect(() => fake.observed({ byte: 1 } as never)).toThrow(
    /^EINVAL: unknown attribute byte: there are match, /,
  )
})

test('counters count from where the observation begins', async () => {
  const fake = new FakePair()
  Object.assign(fake.counted.a, { tx_packets: 3, tx_dropped: 2 })
  fake.counted.a.drops.loss = 2
  fake.counted.b.rx_packets = 3
  await assertCarried(fake.pair, undefined, { times: 3 })
  fake.observed()
  await assertCarried(fake.pair, undefined, { times: 0 })
  await assertDropped(fake.pair, { times: 0 })
  fake.counted.a.tx_packets++
  fake.counted.b.rx_packets++
  await expect(fake.pair).toHaveCarried(undefined, { from: 'a', times: 1 })
  expect(await messageOf(assertDropped(fake.pair, { from: 'a', within }))).toBe(
    'expected the pair to have dropped any frame from a; it has dropped 0 frames\n' +
      '  a has sent 1 frame: 1 delivered, 0 dropped',
  )
})

test('a new observation ends the one before', async () => {
  const fake = new FakePair().observed()
  fake.datagram(53)
  fake.observed()
  expect(fake.ended).toBe(true)
  await assertCarried(fake.pair, dns, { times: 0 })
})
