// The OpenAPI document's schemas describe every part of a wish: what is right validates by a validator that is not
// ours, and what is of a wrong type or beyond a range does not.

import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { BODIES, calledIn, bodyOf as shapeOf } from '../../../src/contract/bodies.js'
import { OPS, type OpName } from '../../../src/contract/ops.js'
import { schemaOf } from '../../../src/servers/openapi.js'
import type { Schema } from '../../../src/wishes/shape.js'
import { checked } from '../../../src/wishes/shape.js'
import { WRONG } from '../../support/wrong-wishes.js'

const ajv = new Ajv2020({ strict: false })
const bodyOf = (name: OpName) => (schemaOf(name, OPS[name]) as { body: Schema }).body

const RIGHT: [OpName, object][] = [
  ['pair.add', {}],
  ['pair.add', { a: { name: 'veth0' }, b: { name: 'veth1', netns: 'right', mtu: 9000, up: true } }],
  ['pair.add', { a: { name: 'v%d', netns: 4711, addresses: ['10.0.0.1/24', 'fd00::1'] }, queues: 2 }],
  ['pair.add', { a: { address: '02:00:00:00:00:01', netns: null, impair: { loss: '1%' } }, id: 'cable' }],
  ['pair.add', { a: { rules: [{ action: { kind: 'drop' }, match: { udp: { dport: 53 }, nth: 3 } }] } }],
  ['pair.set', { carrier: 'off', b: { impair: { delay: null, loss: { correlation: 5 } } } }],
  ['end.set', { mtu: 1400, txQueueLength: 10, impair: null }],
  ['impair.set', { delay: '10ms', loss: 1, seed: 42 }],
  ['impair.set', { delay: { time: 10, jitter: '2ms', correlation: 25, distribution: 'normal' } }],
  ['impair.set', { loss: { gemodel: { p: 1, r: 10 } }, rate: { rate: '10mbit', burst: '32kb' } }],
  ['impair.set', { slot: { min: '800us', max: 1, packets: 3 }, limit: 5, corrupt: '0.1%' }],
  ['impair.set', { rate: { trace: { times: [0, 0, 5], name: 'x' } } }],
  ['impair.patch', { loss: null, delay: { jitter: 1 } }],
  ['rule.add', { action: { kind: 'corrupt', offset: 14, mask: 0x40 }, match: { vlan: true } }],
  ['rule.add', { action: { kind: 'delay', ms: 0.5 }, match: { ip: { src: '10.0.0.0/8', ttl: [1, 3] } } }],
  [
    'rule.add',
    { action: { kind: 'duplicate' }, match: { bytes: [[12, 0xffff, '0806']], length: { min: 60 } } },
  ],
  ['rule.add', { action: { kind: 'drop' }, match: { tcp: { flags: 'syn,!ack' }, ethertype: 'ipv6' } }],
  ['pair.flap', { ms: 200, times: 3 }],
]

describe('validates, and is taken', () => {
  test.each(RIGHT)('%s %j', (name, wish) => {
    const body = shapeOf(name)
    const validate = ajv.compile(bodyOf(name))
    expect(validate(wish), JSON.stringify(validate.errors)).toBe(true)
    if (body !== undefined) expect(checked(body, wish, calledIn(name))).toBe(wish)
  })
})

describe('does not validate', () => {
  test.each(WRONG.map(({ op, wish, attribute }) => [attribute, op, wish] as const))(
    '%s of %s: %j',
    (_, name, wish) => {
      expect(ajv.compile(bodyOf(name))(wish)).toBe(false)
    },
  )
})

test('no part of a wish is left without a type', () => {
  const untyped = (schema: Schema, place: string): string[] => {
    const {
      type,
      enum: values,
      const: constant,
      anyOf,
      oneOf,
      properties,
      items,
    } = schema as Record<string, never>
    const each = Object.entries((properties ?? {}) as Record<string, Schema>)
    const inside = [...((anyOf ?? oneOf ?? []) as Schema[]), ...(items ? [items as Schema] : [])]
    return [
      ...((type ?? values ?? constant ?? anyOf ?? oneOf) === undefined ? [place] : []),
      ...each.flatMap(([key, part]) => untyped(part, `${place}.${key}`)),
      ...inside.flatMap((part) => untyped(part, place)),
    ]
  }
  const names = Object.keys(BODIES) as OpName[]
  expect(names.flatMap((name) => untyped(bodyOf(name), name))).toEqual([])
})
