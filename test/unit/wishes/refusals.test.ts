// The same wrong wish, by the library, by HTTP and by the test kit: the same sentence but for the attribute, which
// each calls as it does (the command's words: in-words.test.ts). Nothing native is entered: everything here is refused
// before. Each attribute of each shape is in a line.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UvethError } from '../../../src/errors.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { createPair } from '../../../src/index.js'
import { planLab } from '../../../src/labs/plan.js'
import { Captures } from '../../../src/pair/captures.js'
import { planFlap, planWait } from '../../../src/pair/options.js'
import { carried, dropped } from '../../../src/testing/expectation.js'
import { observe } from '../../../src/testing/observation.js'
import { planPairTest } from '../../../src/testing/options.js'
import { Programs } from '../../../src/testing/programs.js'
import { CAPTURE, ROTATION } from '../../../src/wishes/capture.js'
import { PAIR, PAIR_CHANGE, PAIR_WISH } from '../../../src/wishes/end.js'
import { CARRIED, DROPPED, EXEC, OBSERVE, SPAWN, TESTBED } from '../../../src/wishes/kit.js'
import { LAB, type LabWish } from '../../../src/wishes/lab.js'
import { RULE } from '../../../src/wishes/rule.js'
import type { Parts, Shape } from '../../../src/wishes/shape.js'
import { FLAP, WAIT } from '../../../src/wishes/times.js'
import { ask } from '../../support/daemon.js'
import { MadeUpDaemon, refusalOf } from '../../support/made-up-daemon.js'
import { ACTIONS, OF_A_PAIR, wishWith } from '../../support/wrong-wishes.js'

let daemon: MadeUpDaemon
beforeAll(async () => {
  daemon = await MadeUpDaemon.start()
})
afterAll(() => daemon.close())

/** The sentence without the attribute: behind its first occurrence. */
function restOf({ message, attribute = '' }: { message: string; attribute?: string | undefined }): string {
  const sentence = message.replace('EINVAL: ', '')
  expect(sentence).toContain(attribute)
  return sentence.replace(attribute, '…').replace(/there are .*/, '')
}

async function byHttp(
  path: string,
  body: object,
  method = 'POST',
): Promise<{ message: string; attribute: string; status: number }> {
  const { status, json } = await ask(daemon.socket, method, path, body)
  expect(json).toMatchObject({ code: 'EINVAL', errno: -22 })
  return { status, message: json.detail as string, attribute: json.attribute as string }
}

describe('of a pair', () => {
  test.each(OF_A_PAIR)('%s: %j', async (path, value, says) => {
    const wish = wishWith(path, value)
    const library = await refusalOf(() => createPair(wish))
    expect(library).toMatchObject({ code: 'EINVAL', attribute: path, syscall: undefined })
    if (says !== '') expect(library.message).toBe(`EINVAL: ${path} ${says}`)
    const order = await byHttp('/v1/pairs', wish)
    expect(order.status).toBe(422)
    expect([order.attribute, restOf(order)]).toEqual([path, restOf(library)])
    const kit = await refusalOf(() => planPairTest(wish, 'x'))
    expect(kit).toMatchObject({ code: 'EINVAL', attribute: path })
    if (path !== 'a.netns') expect(restOf(kit)).toBe(restOf(library)) // it has no namespaces to choose
  })
})

test.each(ACTIONS)('of an action: %s of %j', async (key, action, says) => {
  const library = await refusalOf(() => planRule({ action }, 'rule'))
  expect(library).toMatchObject({ code: 'EINVAL', attribute: `rule.action.${key}` })
  expect(library.message).toBe(`EINVAL: rule.action.${key} ${says}`)
  const order = await byHttp('/v1/ends/x/rules', { action })
  expect([order.status, order.message]).toEqual([422, `EINVAL: action.${key} ${says}`])
  const created = await refusalOf(() => createPair({ a: { rules: [{ action }] } } as object))
  expect(created.message).toBe(`EINVAL: a.rules.0.action.${key} ${says}`)
})

test.each([
  ['ms', { ms: 0 }],
  ['times', { ms: 1, times: 0 }],
] as const)('of a flap: %s of %j', async (key, { ms, ...rest }) => {
  const { times = 1 } = rest as { times?: number }
  const library = await refusalOf(() => planFlap(ms, times))
  const order = await byHttp('/v1/pairs/x/flap', { ms, ...rest })
  expect([order.status, order.message, order.attribute]).toEqual([422, library.message, key])
})

/** A pair, or what belongs to one, that nothing is asked of: the wish is refused before. */
const NOBODY = {} as never

async function patch(path: string, body: object): Promise<never> {
  const { message, attribute } = await byHttp(path, body, 'PATCH')
  throw new UvethError(message, { code: 'EINVAL', attribute })
}

/** Shapes of the rest, each with who reads it and lines of its own. */
type Asked = (wish: object) => unknown
const OTHERS: [name: string, shape: Shape<unknown>, by: Asked, [path: string, value: unknown][]][] = [
  [
    'capture',
    CAPTURE,
    (wish) => new Captures(NOBODY, NOBODY).arm(wish),
    [
      ['end', 'c'],
      ['both', 1],
      ['match', { nth: 1 }],
      ['snaplen', 0],
      ['ringBytes', 2 ** 40],
    ],
  ],
  [
    'rotation',
    ROTATION,
    (rotate) => createPair({ capture: { path: 'x', rotate } }),
    [
      ['bytes', 0],
      ['seconds', 0],
      ['files', 1.5],
    ],
  ],
  [
    'target',
    PAIR.parts.capture,
    (capture) => createPair({ capture } as object),
    [
      ['path', ''],
      ['rotate', {}],
      ['end', 1],
      ['both', 'yes'],
      ['match', 5],
      ['snaplen', -1],
      ['ringBytes', 0],
    ],
  ],
  [
    'here',
    PAIR,
    (wish) => createPair(wish),
    [
      ['inline', 1],
      ['logger', 'loud'],
      ['signal', 5],
      ['capture', 5],
    ],
  ],
  [
    'wait',
    WAIT,
    (wish) => planWait(wish),
    [
      ['timeout', -1],
      ['signal', 'stop'],
    ],
  ],
  [
    'flap',
    FLAP,
    (wish) => planFlap((wish as { ms: number }).ms, (wish as { times?: number }).times ?? 1),
    [
      ['ms', 0],
      ['times', 0],
    ],
  ],
  ['change', PAIR_CHANGE, (wish) => patch('/v1/pairs/x', wish), [['carrier', 'maybe']]],
  [
    'testbed',
    TESTBED,
    (wish) => planPairTest(wish, 'x'),
    [
      ['seed', -1],
      ['name', 7],
      ['capture', true],
      ['both', 1],
      ['artifacts', 7],
      ['signal', 5],
    ],
  ],
  [
    'lab',
    LAB,
    (wish) => planLab(wish as LabWish),
    [
      ['nodes', 5],
      ['cables', {}],
      ['routes', 'none'],
      ['neighbours', 1],
    ],
  ],
  [
    'spawn',
    SPAWN,
    (wish) => new Programs([{ name: 'a', enter: ['true'] }]).spawn('a', 'true', wish),
    [
      ['env', 5],
      ['cwd', 5],
    ],
  ],
  [
    'exec',
    EXEC,
    (wish) => new Programs([{ name: 'a', enter: ['true'] }]).exec('a', 'true', wish),
    [
      ['env', 5],
      ['cwd', 5],
      ['input', 5],
      ['timeout', -1],
      ['signal', 5],
      ['allowFailure', 1],
    ],
  ],
  [
    'observe',
    OBSERVE,
    (wish) => observe(NOBODY, wish),
    [
      ['match', { first: 1 }],
      ['bytes', 0],
    ],
  ],
  [
    'carried',
    CARRIED,
    (wish) => carried(NOBODY, undefined, wish, false),
    [
      ['from', 'c'],
      ['at', 'c'],
      ['times', 1.5],
      ['within', -1],
    ],
  ],
  [
    'dropped',
    DROPPED,
    (wish) => dropped(NOBODY, wish, false),
    [
      ['from', 'c'],
      ['at', 5],
      ['times', -1],
      ['within', 'long'],
      ['cause', 'lost'],
      ['match', 5],
    ],
  ],
]

describe.each(OTHERS)('of %s', (_, shape, by, lines) => {
  test.each(lines)('%s: %j', async (path, value) => {
    const wish = {
      ...(shape === (FLAP as Shape<unknown>) && { ms: 1 }),
      ...(shape === PAIR.parts.capture && { path: 'x' }),
      [path]: value,
    }
    const error = await refusalOf(() => shape.read(wish, ''))
    expect(error.code).toBe('EINVAL')
    expect(error.attribute).toMatch(new RegExp(`^${path}\\b`))
    const asked = await refusalOf(() => by(wish))
    expect(asked.message).toContain(error.message.replace('EINVAL: ', ''))
    expect(asked.attribute).toMatch(new RegExp(`\\b${path}\\b`))
  })
})

describe('every attribute has a line', () => {
  const leaves = (parts: Parts, place: string): string[] =>
    Object.entries(parts).flatMap(([key, { parts: inner }]) =>
      inner === undefined ? [`${place}${key}`] : leaves(inner, `${place}${key}.`),
    )
  const paths = OF_A_PAIR.map(([path]) => path.replace(/^[ab]\./, 'end.').replace('rules.0.', 'rules.'))

  test('of an end and of a pair', () => {
    const { a, b: _, inline: __, capture, logger, signal, ...own } = PAIR.parts
    const rules = leaves({ match: RULE.parts.match }, 'end.rules.')
    const all = [...leaves({ end: a }, ''), ...leaves(own, ''), ...rules]
    expect(all.filter((leaf) => !paths.some((path) => path === leaf))).toEqual([])
    const { kind: ___, ...action } = RULE.parts.action.parts ?? {}
    const told = ACTIONS.map(([path]) => path.split('.')[0])
    expect(Object.keys(action).sort()).toEqual([...new Set(told)].sort())
  })

  test.each(OTHERS)('of %s', (name, shape, _, lines) => {
    const mine = lines.map(([path]) => path)
    const elsewhere =
      { here: Object.keys(PAIR_WISH.parts), change: ['a', 'b'], testbed: Object.keys(PAIR.parts) }[name] ?? []
    const keys = Object.keys(shape.parts ?? {}).filter((key) => !elsewhere.includes(key))
    expect(keys.filter((key) => !mine.includes(key))).toEqual([])
  })
})
