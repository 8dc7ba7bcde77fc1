// Values that cannot be turned into text: the refusal is a sentence all the same.

import { expect, test } from 'vitest'
import { UvethError } from '../../../src/errors.js'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { planMatch } from '../../../src/faults/match-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { planChange, planFlap, planFrame, planNetns, planPair, planWait } from '../../../src/pair/options.js'

const raise = () => {
  throw new Error('no text')
}
const VALUES: [string, unknown][] = [
  ['a symbol', Symbol('x')],
  ['an object whose toString throws', { toString: raise, toJSON: raise }],
  ['an object without a prototype', Object.create(null)],
  ['an array of symbols', [Symbol('x')]],
  ['a function whose toString throws', Object.assign(() => {}, { toString: raise })],
  ['a bigint', 7n],
]
const END = [
  'name',
  'netns',
  'address',
  'addresses',
  'mtu',
  'up',
  'txQueueLength',
  'ifindex',
  'impair',
  'rules',
]

test.each(VALUES)('%s', (_, value) => {
  const any = value as never
  const wishes: [string, () => unknown][] = [
    ...END.map((key): [string, () => unknown] => [`a.${key}`, () => planPair({ a: { [key]: any } })]),
    ...['id', 'queues', 'quiet', 'signal', 'logger', 'a'].map((key): [string, () => unknown] => [
      key,
      () => planPair({ [key]: any }),
    ]),
    ['mtu', () => planChange({ mtu: any }, 'a')],
    ['netns', () => planNetns(any, 'netns')],
    ['timeout', () => planWait({ timeout: any })],
    ['frame', () => planFrame(any)],
    ['ms', () => planFlap(any, 1)],
    ['loss', () => planImpair({ loss: any }, 'impair')],
    ['delay', () => planImpair({ delay: { ms: any } } as never, 'impair')],
    ['kind', () => planRule({ action: { kind: any } } as never, 'rule')],
    ['match', () => planMatch({ ethertype: any }, 'match')],
  ]
  for (const [what, wish] of wishes) {
    let thrown: unknown
    try {
      wish()
    } catch (error) {
      thrown = error
    }
    if (thrown === undefined) continue // some take an object as it is
    expect([what, thrown instanceof UvethError, (thrown as Error).message]).toEqual([
      what,
      true,
      expect.stringMatching(/^E[A-Z]+: ./),
    ])
  }
})
