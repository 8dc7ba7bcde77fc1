// What a failing test says: frames in words, the report of a pair, and the error that carries it; names of
// files and of callers.

import { expect, test } from 'vitest'
import { planMatch } from '../../../src/faults/match-plan.js'
import { frameWords } from '../../../src/frames/words.js'
import type { End, Pair } from '../../../src/index.js'
import { fileName } from '../../../src/testing/artifact.js'
import { countWords, matchWords } from '../../../src/testing/frame-words.js'
import { callerIn } from '../../../src/testing/options.js'
import { endWords, explained, reportWords } from '../../../src/testing/report.js'
import { everyKind } from '../../support/frames.js'

test('a frame of every kind has words', () => {
  const words = Object.entries(everyKind()).map(([kind, frame]) => [kind, frameWords(frame)])
  expect(Object.fromEntries(words)).toMatchObject({
    ARP: 'arp request, 60 bytes',
    IPv4: '192.0.2.1 > 192.0.2.2 udp 5000 > 5001, 1042 bytes',
    IPv6: '2001:db8::1 > 2001:db8::2 udp 5000 > 5001, 395 bytes',
    '802.1Q': 'vlan 100 192.0.2.1 > 192.0.2.2 udp 5000 > 5001, 1046 bytes',
    'an unknown ethertype': 'ethertype 0xfeed, 214 bytes',
  })
  expect(frameWords(new Uint8Array(3), 60)).toBe('no ethertype, 60 bytes')
})

test('matches and counts have words', () => {
  expect(matchWords(planMatch({}, 'match'))).toBe('any frame')
  expect(matchWords(planMatch({ udp: { dport: 53 } }, 'match'))).toBe('`udp dport 53`')
  expect(countWords({ loss: 2, mtu: 0, rule: 1 })).toBe('2 loss, 1 rule')
})

test('names become names of files', () => {
  expect(fileName('client.test.ts retries › when "it" is lost')).toBe(
    'client.test.ts-retries-when-it-is-lost',
  )
  expect(fileName('../../etc/passwd')).toBe('etc-passwd')
  expect(fileName('größer 日本')).toBe('größer-日本')
  expect(fileName('???')).toBe('test')
  expect(fileName('x'.repeat(500))).toHaveLength(120)
})

test('the caller is the first place outside of the kit', () => {
  const self = 'file:///x/uveth/dist/testing/with-pair.js'
  const stack = (...places: string[]) => ['Error', ...places.map((place) => `    at ${place}`)].join('\n')
  const inside = 'withPair (file:///x/uveth/dist/testing/with-pair.js:12:3)'
  expect(callerIn(stack(inside, 'file:///x/a.test.mjs:7:9'), self)).toBe('a.test.mjs-7')
  expect(callerIn(stack(inside, 'node:internal:1:2', 'run (/x/b.test.ts:40:1)'), self)).toBe('b.test.ts-40')
  expect(callerIn(stack('withPair (/x/uveth/dist/testing/with-pair.js:1:1)', '/x/c.js:1:1'), self)).toBe(
    'c.js-1',
  )
  expect(callerIn(undefined, self)).toBe('test')
})

test('an end says its traffic, its impairment and its rules', () => {
  const drops = { carrier: 0, down: 0, mtu: 0, error: 0, loss: 1, limit: 0, rule: 2, hook: 0 }
  const end: Partial<End> = {
    name: 'uveth-a',
    isUp: true,
    carrier: false,
    mtu: 1400,
    impairment: { loss: { random: 5 }, seed: 42 },
    rules: () => [
      { id: 3, action: { kind: 'drop' }, match: { udp: { dport: 53 }, nth: 3 }, matched: 5, hits: 1 },
    ],
  }
  const counters = () => ({ a: { tx_packets: 7, tx_dropped: 3, rx_packets: 4, drops } })
  const pair: unknown = { a: end, counters, closed: undefined }
  expect(endWords(pair as Pair, 'a')).toEqual([
    'a: uveth-a, up, no carrier, mtu 1400; sent 10 frames, of which 3 dropped (1 loss, 2 rule); received 4',
    '   impair loss 5% seed 42',
    '   rule 3: drop udp dport 53 nth 3 (matched 5, acted on 1)',
  ])
})

test('the report says how to repeat', () => {
  expect(reportWords('pair', ['a: …'], 42, ['/tmp/x.pcapng'])).toBe(
    'uveth, the pair of this test:\n  seed: 42, to repeat: UVETH_SEED=42\n  a: …\n  capture: /tmp/x.pcapng',
  )
})

test('an error carries the report in its message and in its stack', () => {
  const error = new TypeError('no $& reply')
  expect(explained(error, 'REPORT')).toBe(error)
  expect(error.message).toBe('no $& reply\n\nREPORT')
  expect(error.stack).toMatch(/^TypeError: no \$& reply\n\nREPORT\n +at /)
})

test('an error without a message or a stack, a frozen one and something else carry it too', () => {
  const empty = explained(new Error(), 'REPORT') as Error
  expect(empty.message).toBe('REPORT')
  expect(empty.stack).toMatch(/^Error: REPORT\n +at /)
  expect(explained({ message: 'plain' }, 'REPORT')).toEqual({ message: 'plain\n\nREPORT' })
  const frozen = Object.freeze(new Error('ice'))
  expect(explained(frozen, 'REPORT')).toMatchObject({ message: 'ice\n\nREPORT', cause: frozen })
  expect(explained('text', 'REPORT')).toMatchObject({ message: 'text\n\nREPORT', cause: 'text' })
  expect(explained({ some: 'object' }, 'REPORT')).toMatchObject({ message: "{ some: 'object' }\n\nREPORT" })
  expect(explained(Object.create(null), 'REPORT')).toMatchObject({
    message: '[Object: null prototype] {}\n\nREPORT',
  })
  expect(explained(undefined, 'REPORT')).toMatchObject({ message: 'undefined\n\nREPORT' })
})
