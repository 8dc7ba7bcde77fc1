// What the calls that look into a pair's frames refuse: with EINVAL and the attribute at fault, without a
// trace in the pair. What may be asked for is in the next files.

import { createPair, type Pair, UvethError } from 'uveth'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { marked } from '../support/hooks.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')

let pair: Pair
beforeAll(async () => {
  pair = await createPair({ quiet: true })
})
afterAll(() => pair.close())

/** A call that may throw at once or reject. */
type Call = (pair: Pair) => unknown
type Refusal = [what: string, call: Call, attribute: string]

const bad = (value: unknown) => value as never

const IMPAIRMENTS: Refusal[] = [
  ['no options', ({ a }) => a.impair(bad(undefined)), 'impair'],
  ['a word for options', ({ a }) => a.impair(bad('loss 1%')), 'impair'],
  ['an impairment that there is not', ({ a }) => a.impair(bad({ lost: 1 })), 'impair.lost'],
  ['a loss above 100 %', ({ a }) => a.impair({ loss: 101 }), 'impair.loss.random'],
  ['a negative delay', ({ a }) => a.impair({ delay: -1 }), 'impair.delay.time'],
  ['a seed with a fraction', ({ a }) => a.impair({ loss: 1, seed: 0.5 }), 'impair.seed'],
  ['reordering without a delay', ({ a }) => a.impair({ reorder: 10 }), 'impair.reorder'],
  ['a patch that is a number', ({ a }) => a.patchImpairment(7), 'impair'],
  ['a patch with a bad rate', ({ a }) => a.patchImpairment({ rate: 'fast' }), 'impair.rate.rate'],
]

const RULES: Refusal[] = [
  ['no match', ({ a }) => a.drop(bad(null)), 'rule.match'],
  ['a field that there is not', ({ a }) => a.drop(bad({ port: 53 })), 'rule.match.port'],
  ['a port above 65,535', ({ a }) => a.drop({ udp: { dport: 65_536 } }), 'rule.match.udp.dport'],
  ['what no frame can be', ({ a }) => a.drop({ tcp: {}, udp: {} }), 'rule.match'],
  ['the 0th frame', ({ a }) => a.drop({ nth: 0 }), 'rule.match.nth'],
  ['a delay of no time', ({ a }) => a.delay({}, bad('soon')), 'rule.action.ms'],
  ['a delay into the past', ({ a }) => a.delay({}, -1), 'rule.action.ms'],
  ['no copies', ({ a }) => a.duplicate({}, 0), 'rule.action.copies'],
  ['a mask without its place', ({ a }) => a.corrupt({}, { mask: 1 }), 'rule.action.mask'],
  ['an action that there is not', ({ a }) => a.addRule(bad({ kind: 'reject' })), 'rule.action.kind'],
]

const WATCHES: Refusal[] = [
  ['waiting for what no frame can be', ({ a }) => a.waitFor({ arp: {}, ip: {} }), 'match'],
  ['waiting for a negative time', ({ a }) => a.waitFor({}, { timeout: -1 }), 'timeout'],
  ['waiting for no time', ({ a }) => a.waitFor({}, { timeout: Number.NaN }), 'timeout'],
  ['an unknown option of waitFor', ({ a }) => a.waitFor({}, bad({ wait: 1 })), 'wait'],
  ['frames of a bad match', ({ a }) => a.frames(bad({ tcp: { dport: 'http' } })), 'match.tcp.dport'],
  ['room for no frame', ({ a }) => a.frames({}, { bytes: 0 }), 'bytes'],
  ['room that is no number', ({ a }) => a.frames({}, { bytes: bad('1MB') }), 'bytes'],
  ['more room than there is', ({ a }) => a.frames({}, { bytes: 2 ** 31 }), 'bytes'],
  ['injecting half a header', ({ a }) => a.inject(new Uint8Array(13)), 'frame'],
  ['injecting more than a frame', ({ a }) => a.inject(new Uint8Array(70_000)), 'frame'],
  ['injecting a text', ({ a }) => a.inject(bad('frame')), 'frame'],
]

const HOOKS: Refusal[] = [
  ['a relative path for a hook', ({ a }) => a.use('./hook.mjs'), 'hook'],
  ['a bare name for a hook', ({ a }) => a.use('hook'), 'hook'],
  ['nothing for a hook', ({ a }) => a.use(bad(undefined)), 'hook'],
  ['a function where the loop is elsewhere', ({ a }) => a.use(() => {}), 'hook'],
]

const CAPTURES: Refusal[] = [
  ['a capture into nothing', (pair) => pair.capture(''), 'path'],
  ['a capture without a target', (pair) => pair.capture(bad({})), 'path'],
  ['a capture of end c', (pair) => pair.capture({ path: '/dev/null', end: bad('c') }), 'end'],
  ['a capture of no bytes', (pair) => pair.capture({ path: '/dev/null', snaplen: 0 }), 'snaplen'],
  ['a ring beyond memory', (pair) => pair.capture({ path: '/dev/null', ringBytes: 2 ** 40 }), 'ringBytes'],
  ['a match that counts', (pair) => pair.capture({ path: '/dev/null', match: { nth: 1 } }), 'match.nth'],
  ['an option that there is not', (pair) => pair.captureTo(1, bad({ filter: 'udp' })), 'filter'],
  ['a stream of half a snaplen', (pair) => pair.captureStream({ snaplen: 0.5 }).next(), 'snaplen'],
  ['sightings of a bad match', (pair) => pair.sightings({ match: bad({ x: 1 }) }), 'match.x'],
]

const FLAPS: Refusal[] = [
  ['a flap of no time', (pair) => pair.flap(0), 'ms'],
  ['a flap for ever', (pair) => pair.flap(Number.POSITIVE_INFINITY), 'ms'],
  ['no flaps', (pair) => pair.flap(10, 0), 'times'],
  ['one and a half flaps', (pair) => pair.flap(10, 1.5), 'times'],
]

async function refusalOf(call: Call): Promise<unknown> {
  try {
    const answer = await call(pair)
    return `answered ${answer}`
  } catch (error) {
    return error
  }
}

describe.each([
  ['impairments', IMPAIRMENTS],
  ['rules', RULES],
  ['watches', WATCHES],
  ['hooks', HOOKS],
  ['captures', CAPTURES],
  ['flaps', FLAPS],
])('%s', (_, refusals) => {
  it.each(refusals)('%s', async (_, call, attribute) => {
    const refusal = await refusalOf(call)
    expect(refusal).toBeInstanceOf(UvethError)
    expect(refusal).toMatchObject({ code: 'EINVAL', attribute })
  })
})

it('what answers a promise rejects: it never throws at once', async () => {
  const calls: (() => Promise<unknown>)[] = [
    () => pair.a.impair(bad({ x: 1 })),
    () => pair.a.patchImpairment(7),
    () => pair.a.waitFor(bad({ x: 1 })),
    () => pair.a.inject(bad(1)),
    () => pair.a.use('hook'),
    () => pair.capture(''),
    () => pair.flap(0),
  ]
  const promises = calls.map((call) => call())
  for (const promise of promises) await expect(promise).rejects.toMatchObject({ code: 'EINVAL' })
})

it('nothing of that has left a trace', async () => {
  await pair.a.settled()
  expect(pair.a.rules()).toEqual([])
  expect(pair.a.impairment).toBeNull()
  const { a, b } = await pair.stats()
  for (const end of [a, b]) expect(end).toMatchObject({ tx_packets: 0, tx_dropped: 0, rules: [] })
})

it.each<[what: string, options: object, attribute: string]>([
  ['an impairment', { a: { impair: { loss: -1 } } }, 'a.impair.loss.random'],
  ['one of end b', { b: { impair: { delay: 'x' } } }, 'b.impair.delay.time'],
  ['a capture', { capture: { path: '' } }, 'capture.path'],
  ['a match of a capture', { capture: { path: '/tmp/x', match: { first: 3 } } }, 'capture.match.first'],
  ['an "inline" that is no boolean', { inline: 1 }, 'inline'],
])('createPair refuses a bad wish, and makes nothing: %s', async (_, options, attribute) => {
  await expect(createPair(options)).rejects.toMatchObject({ code: 'EINVAL', attribute })
})

it('createPair with a capture into a folder that is not there makes no pair', async () => {
  const name = 'uvt21cap'
  const refused = createPair({ a: { name }, capture: '/nowhere/x.pcapng' })
  await expect(refused).rejects.toMatchObject({ code: 'ENOENT' })
  await using again = await createPair({ a: { name } })
  expect(again.a.name).toBe(name)
})

it('after its end a pair answers ENODEV', async () => {
  const ended = await createPair({ quiet: true })
  const rule = ended.a.drop({})
  await ended.close()
  const calls: Call[] = [
    () => ended.a.impair({ loss: 1 }),
    () => ended.a.drop({}),
    () => ended.a.waitFor({}),
    () => ended.a.frames(),
    () => ended.a.inject(marked(1)),
    () => ended.a.use(new URL('data:text/javascript,export default () => () => {}')),
    () => ended.flap(1),
    () => ended.capture('/dev/null'),
    () => ended.sightings(),
  ]
  for (const call of calls) expect(await refusalOf(call)).toMatchObject({ code: 'ENODEV' })
  rule.remove()
  await ended.a.settled()
  expect(ended.a.rules()).toEqual([])
})
