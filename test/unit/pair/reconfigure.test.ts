// What is to be done when something else is wanted of a pair's frames: a table. No thread, no device.

import { describe, expect, test } from 'vitest'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { planMatch } from '../../../src/faults/match-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { type Chain, countedRule, NOTHING, type Wanted, withChain } from '../../../src/pair/chain.js'
import {
  type Action,
  actionsFor,
  difference,
  inspectedBy,
  type Present,
} from '../../../src/pair/reconfigure.js'

const rule = (id: number) => countedRule({ id, ...planRule({ action: { kind: 'drop' } }, 'rule') })
const first = rule(1)
const second = rule(2)
const slow = {
  plan: planImpair({ delay: 10, seed: 1 }, 'impair') as NonNullable<Chain['impair']>['plan'],
  restart: true,
}
const slower = { ...slow, restart: false }
const ring = new SharedArrayBuffer(8)
const watch = { match: planMatch({}, 'match') }
const hook = { url: 'file:///hook.mjs', options: { n: 1 } }
const capture = { id: 9, ring, ends: { a: true, b: false }, delivered: true, match: null, snaplen: 96 }

/** What end a is wanted to be like; b is left alone. */
const a = (chain: Partial<Chain>): Wanted => withChain(NOTHING, 0, chain)
const b = (chain: Partial<Chain>): Wanted => withChain(NOTHING, 1, chain)
const rules = (...all: ReturnType<typeof rule>[]) => ({
  rules: new Map(all.map((one) => [one.plan.id, one])),
})
const watches = (...ids: number[]) => ({ watches: new Map(ids.map((id) => [id, watch])) })
const captures = (wanted = NOTHING): Wanted => ({ ...wanted, captures: new Map([[9, capture]]) })

describe('the difference of two wishes, in the words of the data path', () => {
  test.each<[string, Wanted, Wanted, object[]]>([
    ['nothing', NOTHING, NOTHING, []],
    ['the same', a(rules(first)), a(rules(first)), []],
    ['an impairment', NOTHING, b({ impair: slow }), [{ op: 'impair', end: 1, ...slow }]],
    ['a part of it', a({ impair: slow }), a({ impair: slower }), [{ op: 'impair', end: 0, ...slower }]],
    ['none any more', a({ impair: slow }), a({}), [{ op: 'impair', end: 0, plan: null, restart: true }]],
    ['a rule behind another', a(rules(first)), a(rules(first, second)), [{ op: 'rule', end: 0, ...second }]],
    ['the first rule gone', a(rules(first, second)), a(rules(second)), [{ op: 'unrule', end: 0, id: 1 }]],
    [
      'one for another: what is gone goes first',
      b(rules(first)),
      b(rules(second)),
      [
        { op: 'unrule', end: 1, id: 1 },
        { op: 'rule', end: 1, ...second },
      ],
    ],
    ['a watch', NOTHING, a(watches(3)), [{ op: 'watch', end: 0, id: 3, ...watch }]],
    ['no watch', a(watches(3, 4)), a(watches(4)), [{ op: 'unwatch', end: 0, id: 3 }]],
    ['a module', NOTHING, a({ hooks: new Map([[5, hook]]) }), [{ op: 'hook', end: 0, id: 5, ...hook }]],
    ['a function, which is of this thread', NOTHING, a({ hooks: new Map([[5, null]]) }), []],
    ['a hook gone', a({ hooks: new Map([[5, null]]) }), NOTHING, [{ op: 'unhook', end: 0, id: 5 }]],
    ['a capture', NOTHING, captures(), [{ op: 'capture', plan: capture }]],
    ['no capture', captures(), NOTHING, [{ op: 'uncapture', id: 9 }]],
  ])('%s', (_, before, after, adjustments) => {
    expect(difference(before, after)).toEqual(adjustments)
  })

  test('from nothing: all of it, in the order in which frames meet it, captures last', () => {
    const all = captures(withChain(a({ impair: slow, ...rules(first), ...watches(3) }), 1, rules(second)))
    expect(difference(NOTHING, all).map(({ op }) => op)).toEqual([
      'impair',
      'rule',
      'watch',
      'rule',
      'capture',
    ])
  })
})

test.each<[string, Wanted, [boolean, boolean]]>([
  ['nothing', NOTHING, [false, false]],
  ['an impairment of a', a({ impair: slow }), [true, false]],
  ['a rule of b', b(rules(first)), [false, true]],
  ['somebody who waits', b(watches(3)), [false, true]],
  ['a function as a hook', a({ hooks: new Map([[5, null]]) }), [true, false]],
  ['a capture of one end, which is told what is delivered to it', captures(), [true, true]],
])('the ends that are looked into for %s', (_, wanted, inspected) => {
  expect(inspectedBy(wanted)).toEqual(inspected)
})

describe('the actions', () => {
  const post = (op: string) => ({ do: 'post', adjustment: expect.objectContaining({ op }) })
  const tell = (inspected: [boolean, boolean]): Action => ({ do: 'tell', inspected })
  const wait: Action = { do: 'wait' }
  const one: Present = { wanted: NOTHING, inspected: [false, false], queues: 1, waits: false }
  const spread: Present = { ...one, queues: 2 }
  const ruled = a(rules(first))

  test.each<[string, Present, Wanted, unknown[]]>([
    ['before the pair is made nobody is told', { ...one, inspected: undefined }, ruled, [post('rule')]],
    ['nor with several queues', { ...spread, inspected: undefined }, ruled, [post('rule')]],
    ['one queue: at once, and the devices follow', one, ruled, [post('rule'), tell([true, false])]],
    [
      'no more of it',
      { ...one, wanted: ruled, inspected: [true, false] },
      NOTHING,
      [post('unrule'), tell([false, false])],
    ],
    [
      'looked into already',
      { ...one, wanted: ruled, inspected: [true, false] },
      a(rules(first, second)),
      [post('rule')],
    ],
    ['several queues are brought together first', spread, ruled, [tell([true, false]), wait, post('rule')]],
    [
      'they are together already',
      { ...spread, wanted: ruled, inspected: [true, false] },
      a(rules(first, second)),
      [post('rule')],
    ],
    [
      'behind what waits',
      { ...spread, wanted: ruled, inspected: [true, false], waits: true },
      NOTHING,
      [tell([false, false]), wait, post('unrule')],
    ],
    ['nothing to do', spread, NOTHING, []],
    ['only the devices: a function', spread, a({ hooks: new Map([[5, null]]) }), [tell([true, false])]],
  ])('%s', (_, present, wanted, actions) => {
    expect(actionsFor(present, wanted)).toEqual(actions)
  })

  test('what changes nothing of what is wanted goes the same way', () => {
    const inject = { op: 'inject', end: 0, frame: new Uint8Array(14) } as const
    expect(actionsFor(one, NOTHING, [inject])).toEqual([post('inject')])
    expect(actionsFor({ ...spread, waits: true }, NOTHING, [inject])).toEqual([wait, post('inject')])
  })
})
