// What users may ask for: src/pair/options.ts. Misuse first: every refusal says EINVAL and which option is at
// fault, before anything is made. Then the defaults, and what a good wish becomes. Nothing is created here;
// that an order does what was planned is shown by the integration tests.

import { describe, expect, test } from 'vitest'
import { UvethError } from '../../../src/errors.js'
import { type EndOptions, type PairOptions, planChange, planPair } from '../../../src/pair/options.js'

/** The error that `wish` is refused with. */
function refusal(wish: () => unknown): UvethError {
  try {
    wish()
  } catch (error) {
    expect(error).toBeInstanceOf(UvethError)
    return error as UvethError
  }
  throw new Error('it was not refused')
}

/** Options as a JavaScript user may write them. */
const anything = (options: unknown) => () => planPair(options as PairOptions)
const endA = (options: unknown) => anything({ a: options })

function expectInvalid(error: UvethError, attribute: string): void {
  expect(error.code).toBe('EINVAL')
  expect(error.message).toMatch(/^EINVAL: /)
  expect(error.attribute).toBe(attribute)
  expect(error.syscall).toBeUndefined()
}

describe('refused: names', () => {
  test.each<[string, unknown, RegExp]>([
    ['empty', '', /1 to 15 bytes/],
    ['16 bytes', 'x'.repeat(16), /1 to 15 bytes/],
    ['16 bytes in 8 letters', 'é'.repeat(8), /1 to 15 bytes/],
    ['a dot', '.', /not "\."$/],
    ['two dots', '..', /not "\.\."$/],
    ['a slash', 'a/b', /"\/"/],
    ['a colon', 'a:b', /":"/],
    ['a space', 'a b', /white space/],
    ['a tab', 'a\tb', /white space/],
    ['a line end', 'ab\n', /white space/],
    ['a NUL', 'a\0b', /white space|NUL|"\/"/],
    ['a template of another kind', 'veth%s', /%/],
    ['two templates', 'v%d%d', /%/],
    ['a lone percent sign', 'veth%', /%/],
    ['a number', 7, /not 7$/],
    ['null', null, /not null$/],
  ])('%s', (_, name, why) => {
    const error = refusal(endA({ name }))
    expectInvalid(error, 'a.name')
    expect(error.message).toMatch(why)
  })
})

describe('refused: values of an end', () => {
  test.each<[keyof EndOptions, unknown]>([
    ['ifindex', 0],
    ['ifindex', 2 ** 31],
    ['ifindex', '7'],
    ['mtu', 67],
    ['mtu', 65_522],
    ['mtu', 1500.5],
    ['mtu', Number.NaN],
    ['mtu', '1500'],
    ['mtu', null],
    ['txQueueLength', 0],
    ['txQueueLength', -1],
    ['txQueueLength', 1_000_001],
    ['txQueueLength', 1.5],
    ['txQueueLength', '1000'],
    ['address', '02:00:00:00:00'],
    ['address', '01:00:5e:00:00:01'],
    ['address', 'ff:ff:ff:ff:ff:ff'],
    ['address', '00:00:00:00:00:00'],
    ['address', 2],
    ['up', 'yes'],
    ['up', 1],
    ['up', null],
    ['dad', 'no'],
    ['addresses', '10.0.0.1/24'],
    ['addresses', {}],
    ['addresses', [10]],
    ['addresses', ['10.0.0.1/33']],
    ['addresses', ['10.0.0.256/24']],
    ['addresses', ['fd00::1/129']],
    ['addresses', ['10.0.0.1/24', 'nonsense']],
    ['netns', ''],
    ['netns', '.'],
    ['netns', '..'],
    ['netns', 0],
    ['netns', -5],
    ['netns', 1.5],
    ['netns', true],
    ['netns', {}],
    ['netns', '/run/netns/a\0b'],
  ])('%s: %j', (key, value) => {
    expectInvalid(refusal(anything({ b: { [key]: value } })), `b.${key}`)
  })
})

describe('refused: options of a pair', () => {
  test.each<[string, unknown]>([
    ['queues', 0],
    ['queues', -1],
    ['queues', 1.5],
    ['queues', '1'],
    ['queues', 257], // more than a TAP has
    ['quiet', 1],
    ['quiet', 'yes'],
  ])('%s: %j', (key, value) => {
    expectInvalid(refusal(anything({ [key]: value })), key)
  })

  test.each<[string, unknown, string]>([
    ['an unknown option', { colour: 'red' }, 'colour'],
    ['a misspelt option of an end', { a: { adresses: [] } }, 'a.adresses'],
    ['an option of an end at the top', { name: 'veth0' }, 'name'],
    ['an end that is a name', { a: 'veth0' }, 'a'],
    ['options that are a name', 'veth0', ''],
    ['null for an option object', null, ''],
  ])('%s', (_, options, attribute) => {
    expectInvalid(refusal(anything(options)), attribute)
  })

  test('an unknown option comes with those that there are', () => {
    expect(refusal(endA({ color: 1 })).message).toMatch(
      /unknown attribute a\.color: there are name, addresses, up, address, mtu/,
    )
  })

  test('settings of an end that exists: no netns and no index in them', () => {
    expectInvalid(
      refusal(() => planChange({ ifindex: 7 } as object, 'a')),
      'a.ifindex',
    )
    expectInvalid(
      refusal(() => planChange({ mtu: 1 }, 'a')),
      'a.mtu',
    )
    expectInvalid(
      refusal(() => planChange({ colour: 1 } as object, 'b')),
      'b.colour',
    )
  })
})

describe('defaults', () => {
  test('no options at all make a whole plan', () => {
    const { ends, queues, quiet } = planPair({})
    expect({ queues, quiet }).toEqual({ queues: 1, quiet: false })
    for (const end of ends) {
      expect(end).toEqual({
        name: 'veth%d',
        netns: null,
        address: undefined,
        ifindex: undefined,
        mtu: 1500,
        txQueueLength: 8192,
        up: false,
        addresses: [],
        dad: false,
      })
    }
  })

  test('undefined is as good as absent', () => {
    const options = { a: { name: undefined, mtu: undefined, up: undefined }, queues: undefined } as never
    expect(planPair(options).ends[0]).toMatchObject({ name: 'veth%d', mtu: 1500, up: false })
  })

  test('a change without wishes changes nothing', () => {
    expect(Object.values(planChange({}, 'a')).every((value) => value === undefined)).toBe(true)
  })
})

describe('taken', () => {
  test('everything that can be said of an end', () => {
    const { ends } = planPair({
      a: {
        name: 'left0',
        netns: 'left',
        addresses: ['10.0.0.1/24', 'fd00::1/64'],
        up: true,
        address: '02:00:00:00:00:0A',
        mtu: 9000,
        txQueueLength: 10_000,
        dad: true,
      },
    })
    expect(ends[0]).toMatchObject({
      name: 'left0',
      netns: { path: '/run/netns/left' },
      up: true,
      address: Uint8Array.of(2, 0, 0, 0, 0, 10),
      mtu: 9000,
      txQueueLength: 10_000,
      dad: true,
    })
    expect(ends[0].addresses.map(({ prefixLength }) => prefixLength)).toEqual([24, 64])
  })

  test.each(['v', 'x'.repeat(15), 'eth%d', '%d', 'a.b', 'veth-0', 'é'.repeat(7), '...'])(
    'the name %j',
    (name) => {
      expect(planPair({ a: { name } }).ends[0].name).toBe(name)
    },
  )

  test.each([68, 1500, 65_521])('an MTU of %i', (mtu) => {
    expect(planPair({ a: { mtu } }).ends[0].mtu).toBe(mtu)
  })
})
