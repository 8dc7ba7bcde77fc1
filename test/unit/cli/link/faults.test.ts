// The grammar of `link set X impair|rule|flap`: src/cli/link/faults.ts. Words in, orders out; the words of
// impairments and rules themselves are impair-words.test.ts's and rule-words.test.ts's business.

import { describe, expect, test } from 'vitest'
import { faultLines, parseFault } from '../../../../src/cli/link/faults.js'
import { UsageError } from '../../../../src/cli/usage.js'
import type { EndView } from '../../../../src/contract/ops.js'
import { UvethError } from '../../../../src/errors.js'

const parse = (line: string) => parseFault(line.split(' ').filter((word) => word !== ''))

describe('refused', () => {
  test.each([
    ['veth0 impair', 'impair takes words as tc netem has them, "show" or "none"'],
    ['veth0 impair none at all', 'argument "at" is wrong: "impair none" takes no words'],
    [
      'veth0 rule eat',
      'argument "eat" is wrong: behind "rule" come "add …", "replace ID …", "del ID", "show" and "flush"',
    ],
    [
      'veth0 rule replace drop',
      '"rule replace" takes the number of a rule, as "rule show" has it, and a rule',
    ],
    ['veth0 rule del', '"rule del" takes the number of one rule, as "rule show" has it'],
    ['veth0 rule del 1 2', '"rule del" takes the number of one rule, as "rule show" has it'],
    ['veth0 rule del one', '"rule del" takes the number of one rule, as "rule show" has it'],
    ['veth0 rule flush 1', 'argument "1" is wrong: "rule flush" takes no words'],
    ['veth0 flap', 'flap takes a time like 200ms, and how many times'],
    ['veth0 flap 1s 2 3', 'argument "3" is wrong: flap takes a time, and how many times'],
  ])('%s', (line, complaint) => {
    expect(() => parse(line)).toThrow(new UsageError(complaint))
  })

  test.each([
    ['veth0 impair delay', /^EINVAL: delay is not complete/],
    ['veth0 impair colour red', /^EINVAL: what is "colour"\?/],
    ['veth0 rule replace 1', /^EINVAL: the rule is empty: it begins with drop/],
    ['veth0 rule add', /^EINVAL: the rule is empty: it begins with drop/],
    ['veth0 rule add drop udp dport', /^EINVAL: dport is not complete: it takes a port/],
    ['veth0 flap 200', /^EINVAL: flap takes a time with its unit, like 200ms$/],
  ])('%s', (line, complaint) => {
    expect(() => parse(line)).toThrow(UvethError)
    expect(() => parse(line)).toThrow(complaint)
  })
})

test.each([
  ['veth0 impair show', { fault: 'impair', order: 'show', words: [] }],
  ['veth0 imp sh', { fault: 'impair', order: 'show', words: [] }],
  ['veth0 ru sh', { fault: 'rule', order: 'show', words: [] }],
  ['veth0 impair show -j', { fault: 'impair', order: 'show', words: ['-j'] }],
  ['veth0 impair none', { fault: 'impair', order: 'none', words: [] }],
  [
    'veth0 impair delay 10ms loss 1% seed 42',
    { fault: 'impair', order: 'set', options: { delay: { time: 10 }, loss: { random: 1 }, seed: 42 } },
  ],
  ['dev veth0 rule', { fault: 'rule', order: 'show', words: [] }],
  ['veth0 rule ls', { fault: 'rule', order: 'show', words: [] }],
  ['veth0 rule del 3', { fault: 'rule', order: 'delete', id: '3' }],
  ['veth0 rule flush', { fault: 'rule', order: 'flush' }],
  [
    'veth0 rule a drop udp dport 53 nth 3',
    {
      fault: 'rule',
      order: 'add',
      rule: { action: { kind: 'drop' }, match: { udp: { dport: 53 }, nth: 3 } },
    },
  ],
  ['veth0 flap 200ms', { fault: 'flap', ms: 200, times: 1 }],
  ['veth0 flap 1.5s 3', { fault: 'flap', ms: 1500, times: 3 }],
  // As they are written: their shape refuses them.
  ['veth0 flap soon often', { fault: 'flap', ms: 'soon', times: 'often' }],
] as const)('%s', (line, order) => {
  expect(parse(line)).toEqual({ ref: 'veth0', ...order })
})

test.each(['', 'veth0', 'veth0 up', 'impair up', 'rule', 'veth0 name rule', 'veth0 mtu 9000 impair show'])(
  '"%s" is none of these orders',
  (line) => {
    expect(parse(line)).toBeUndefined()
  },
)

test('an interface may be called as one of them', () => {
  expect(parse('impair impair none')).toMatchObject({ ref: 'impair', order: 'none' })
  expect(parse('dev rule flap 1s')).toMatchObject({ ref: 'rule', fault: 'flap' })
})

test('a rule is shown in the words that made it', () => {
  const action = { kind: 'drop' } as const
  const match = { udp: { dport: 53 }, nth: 3 }
  const rules = [{ id: 7, action, match, matched: 4, hits: 1 }]
  expect(faultLines({ impair: null, schedule: null, rules } as unknown as EndView)).toEqual([
    'rule 7: drop udp dport 53 nth 3 matched 4 hits 1',
  ])
})
