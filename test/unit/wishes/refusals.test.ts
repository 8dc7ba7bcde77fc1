// The same wrong wish, by the library, by HTTP, by the command and by the test kit: the same sentence but for the
// attribute, which each calls as it does. Nothing native is entered: everything here is refused before. Each attribute
// of each shape is in a line.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FAULT_WORDS } from '../../../src/cli/link/faults.js'
import { parseAdd } from '../../../src/cli/link/grammar.js'
import { wordOf } from '../../../src/cli/link/link.js'
import { optionOf } from '../../../src/cli/run.js'
import { renamed, UvethError } from '../../../src/errors.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { createPair } from '../../../src/index.js'
import { Registry } from '../../../src/orders/registry.js'
import { planFlap, planWait } from '../../../src/pair/options.js'
import { type HttpServer, openHttp } from '../../../src/servers/http.js'
import { planTestbed } from '../../../src/testing/options.js'
import { CAPTURE, ROTATION } from '../../../src/wishes/capture.js'
import { PAIR, PAIR_CHANGE, PAIR_WISH } from '../../../src/wishes/end.js'
import { CARRIED, DROPPED, EXEC, OBSERVE, SPAWN, TESTBED } from '../../../src/wishes/kit.js'
import { RULE } from '../../../src/wishes/rule.js'
import { checked, type Parts, type Shape } from '../../../src/wishes/shape.js'
import { FLAP, WAIT } from '../../../src/wishes/times.js'
import { ask } from '../../support/daemon.js'
import { ACTIONS, OF_A_PAIR, wishWith } from '../../support/wrong-wishes.js'

let folder: string
let http: HttpServer
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'uvt-wishes-'))
  http = await openHttp(new Registry(), {
    ending: false,
    version: () => ({ version: '1.2.3' }),
    health: () => ({}),
    shutdown: () => {},
    forget: async () => false,
    failed: (error) => expect.unreachable(String(error)),
  })
  await http.listen(join(folder, 's'))
})
afterAll(async () => {
  await http.close()
  rmSync(folder, { recursive: true })
})

async function refusalOf(wish: () => unknown): Promise<UvethError> {
  try {
    await wish()
  } catch (error) {
    expect(error).toBeInstanceOf(UvethError)
    return error as UvethError
  }
  return expect.unreachable('it was not refused')
}

/** The sentence without the attribute: behind its first occurrence. */
function restOf({ message, attribute = '' }: { message: string; attribute?: string | undefined }): string {
  const sentence = message.replace('EINVAL: ', '')
  expect(sentence).toContain(attribute)
  return sentence.replace(attribute, '…').replace(/there are .*/, '')
}

async function byHttp(
  path: string,
  body: object,
): Promise<{ message: string; attribute: string; status: number }> {
  const { status, json } = await ask(join(folder, 's'), 'POST', path, body)
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
    const kit = await refusalOf(() => planTestbed(wish, 'x'))
    expect(kit).toMatchObject({ code: 'EINVAL', attribute: path })
    if (path !== 'a.netns') expect(restOf(kit)).toBe(restOf(library)) // it has no namespaces to choose
    for (const word of [wordOf, optionOf]) {
      const command = renamed(library, word) as UvethError
      expect(command).toMatchObject({ code: 'EINVAL', attribute: word(path) })
      expect(restOf(command)).toBe(restOf(library))
    }
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
  ['ms', { ms: 0 }, 'TIME'],
  ['times', { ms: 1, times: 0 }, 'TIMES'],
] as const)('of a flap: %s of %j', async (key, { ms, ...rest }, word) => {
  const { times = 1 } = rest as { times?: number }
  const library = await refusalOf(() => planFlap(ms, times))
  const order = await byHttp('/v1/pairs/x/flap', { ms, ...rest })
  expect([order.status, order.message, order.attribute]).toEqual([422, library.message, key])
  const command = renamed(library, FAULT_WORDS.flap) as UvethError
  expect(command.message).toBe(library.message.replace(key, word))
})

test('the command, from its words to its sentence', async () => {
  const sentence = async (line: string) => {
    const { wish } = parseAdd(line.split(' '), (text) => text)
    return renamed(await refusalOf(() => checked(PAIR_WISH, wish)), wordOf) as UvethError
  }
  expect((await sentence('x0 mtu 67 type veth')).message).toBe(
    'EINVAL: mtu must be a whole number from 68 to 65521, not 67',
  )
  expect((await sentence('x0 txqueuelen 0 type veth')).message).toMatch(/^EINVAL: txqueuelen must be/)
  expect((await sentence('x0 type veth peer x1 mtu 1')).message).toMatch(/^EINVAL: peer mtu must be/)
  expect(optionOf('b.addresses')).toBe('--addr-b')
  expect(optionOf('a.rules.0.match.udp.dport')).toBe('--rule-a dport')
  expect(optionOf('a.impair.delay.time')).toBe('--impair-a delay')
})

/** Shapes of the rest, each with lines of its own. */
const OTHERS: [name: string, shape: Shape<unknown>, [path: string, value: unknown][]][] = [
  [
    'capture',
    CAPTURE,
    [
      ['end', 'c'],
      ['match', { nth: 1 }],
      ['snaplen', 0],
      ['ringBytes', 2 ** 40],
    ],
  ],
  [
    'rotation',
    ROTATION,
    [
      ['bytes', 0],
      ['seconds', 0],
      ['files', 1.5],
    ],
  ],
  [
    'target',
    PAIR.parts.capture,
    [
      ['path', ''],
      ['rotate', {}],
      ['end', 1],
      ['match', 5],
      ['snaplen', -1],
      ['ringBytes', 0],
    ],
  ],
  [
    'here',
    PAIR,
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
    [
      ['timeout', -1],
      ['signal', 'stop'],
    ],
  ],
  [
    'flap',
    FLAP,
    [
      ['ms', 0],
      ['times', 0],
    ],
  ],
  ['change', PAIR_CHANGE, [['carrier', 'maybe']]],
  [
    'testbed',
    TESTBED,
    [
      ['seed', -1],
      ['name', 7],
      ['capture', true],
      ['artifacts', 7],
      ['signal', 5],
    ],
  ],
  [
    'spawn',
    SPAWN,
    [
      ['env', 5],
      ['cwd', 5],
    ],
  ],
  [
    'exec',
    EXEC,
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
    [
      ['match', { first: 1 }],
      ['bytes', 0],
    ],
  ],
  [
    'carried',
    CARRIED,
    [
      ['from', 'c'],
      ['times', 1.5],
      ['within', -1],
    ],
  ],
  [
    'dropped',
    DROPPED,
    [
      ['from', 'c'],
      ['times', -1],
      ['within', 'long'],
      ['cause', 'lost'],
      ['match', 5],
    ],
  ],
]

describe.each(OTHERS)('of %s', (_, shape, lines) => {
  test.each(lines)('%s: %j', async (path, value) => {
    const wish = {
      ...(shape === (FLAP as Shape<unknown>) && { ms: 1 }),
      ...(shape === PAIR.parts.capture && { path: 'x' }),
      [path]: value,
    }
    const error = await refusalOf(() => shape.read(wish, ''))
    expect(error.code).toBe('EINVAL')
    expect(error.attribute).toMatch(new RegExp(`^${path}\\b`))
    expect(error.message).toMatch(new RegExp(`^EINVAL: ${path}\\b`))
  })
})

test('how long a wait is', async () => {
  expect((await refusalOf(() => planWait({ timeout: -1 }))).message).toBe(
    'EINVAL: timeout must be milliseconds, 0 or more, not -1',
  )
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
    expect(Object.keys(action).sort()).toEqual(ACTIONS.map(([key]) => key).sort())
  })

  test.each(OTHERS)('of %s', (name, shape, lines) => {
    const mine = lines.map(([path]) => path)
    const elsewhere =
      { here: Object.keys(PAIR_WISH.parts), change: ['a', 'b'], testbed: Object.keys(PAIR.parts) }[name] ?? []
    const keys = Object.keys(shape.parts ?? {}).filter((key) => !elsewhere.includes(key))
    expect(keys.filter((key) => !mine.includes(key))).toEqual([])
  })
})
