// Words that name a trace: how its file is read, and what is wrong with it.

import { describe, expect, test } from 'vitest'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { formatImpair, impairWord, parseImpairWords } from '../../../src/faults/impair-words.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { formatRule, parseRuleWords } from '../../../src/faults/rule-words.js'

describe('a trace in a file', () => {
  const files: Record<string, string> = {
    'up.trace': '0\n0\n2\r\n5\n',
    back: '1\n5\n4\n',
    zero: '0\n0\n',
    half: '1\n1.5\n',
    minus: '1\n-5\n',
    day: '1\n\n86400001\n',
    long: '1\n'.repeat(262_145),
    empty: '\n',
  }
  const read = (...words: string[]) => parseImpairWords(words, (path) => files[path] ?? '')

  test('is read by who gives the words, and shown by its name', () => {
    const options = read('rate', 'trace', 'up.trace', 'limit', '5', 'seed', '1')
    const trace = { times: [0, 0, 2, 5], name: 'up.trace' }
    expect(options).toEqual({ rate: { trace }, limit: 5, seed: 1 })
    expect(formatImpair(planImpair(options, ''))).toBe('limit 5 rate trace up.trace seed 1')
    const unnamed = planImpair({ rate: { trace: { times: [1] } }, seed: 1 }, '')
    expect(formatImpair(unnamed)).toBe('rate trace TRACE seed 1')
    expect(impairWord('rate.trace.times')).toBe('rate trace')
  })

  test('may be of a rule', () => {
    const rule = ['impair', 'rate', 'trace', 'up.trace', 'seed', '1', 'udp']
    const { action, match } = planRule(
      parseRuleWords(rule, (path) => files[path] ?? ''),
      '',
    )
    expect(action).toEqual({
      kind: 'impair',
      rate: { trace: { times: [0, 0, 2, 5], name: 'up.trace' } },
      seed: 1,
    })
    expect(formatRule({ action, match: match.normal })).toBe(rule.join(' '))
  })

  test.each([
    ['back', 'EINVAL: back:3: 4 is less than 5 before it'],
    ['zero', 'EINVAL: zero is over at 0 ms: its last time is its length'],
    ['half', 'EINVAL: half:2: "1.5" is not a whole number'],
    ['minus', 'EINVAL: minus:2: -5 is not from 0 to 86400000'],
    ['day', 'EINVAL: day:3: 86400001 is not from 0 to 86400000'],
    ['long', 'EINVAL: long has more than 262144 times'],
    ['empty', 'EINVAL: empty has no numbers'],
  ])('is refused where it is none: %s', (name, sentence) => {
    expect(() => read('rate', 'trace', name)).toThrow(sentence)
  })

  test('goes without the words of a steady rate', () => {
    expect(() => read('rate', 'trace')).toThrow('rate trace is not complete: it takes a file')
    expect(() => read('rate', 'trace', 'up.trace', '14')).toThrow(/what is "14"/)
    const bursts = read('rate', 'trace', 'up.trace', 'burst', '5')
    expect(() => planImpair(bursts, '')).toThrow('burst does not go with a trace')
    expect(() => read('rate')).toThrow('rate is not complete: it takes a rate like 10mbit, or trace')
  })
})
