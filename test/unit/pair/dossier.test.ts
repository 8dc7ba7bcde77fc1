// A dossier goes through JSON and is the same; what is none is refused with a sentence, and so is a newer one.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DirectionCounts } from '../../../src/datapath/counters.js'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { planMatch } from '../../../src/faults/match-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { formatMac } from '../../../src/frame/mac.js'
import { PART_COUNTS } from '../../../src/hooks/impairment.js'
import { countedRule, type RuleMet } from '../../../src/pair/chain.js'
import { type Dossier, readDossier, writeDossier } from '../../../src/pair/dossier.js'
import { NO_COUNTS } from '../../../src/pair/stats.js'

const through = (dossier: unknown): unknown => JSON.parse(JSON.stringify(dossier))

/** With the counts of rules as numbers: shared memories are never equal to one another. */
function plain(dossier: Dossier): object {
  const rules = (end: Dossier['a']) =>
    end.rules.map(({ plan, counts }) => ({ plan, counts: [...new Float64Array(counts)] }))
  return {
    ...dossier,
    a: { ...dossier.a, rules: rules(dossier.a) },
    b: { ...dossier.b, rules: rules(dossier.b) },
  }
}

const count = fc.oneof(fc.constant(0), fc.maxSafeNat())
const anyCounts = fc.record({ received: count, sent_bytes: count, rule: count, held: count }).map(
  ({ received, sent_bytes, rule, held }): DirectionCounts => ({
    ...NO_COUNTS,
    received,
    sent_bytes,
    drops: { ...NO_COUNTS.drops, rule },
    inspected: { ...NO_COUNTS.inspected, held },
  }),
)
const anyImpair = fc
  .record({
    delay: fc.integer({ min: 0, max: 1000 }),
    loss: fc.integer({ min: 0, max: 100 }),
    seed: fc.maxSafeNat(),
  })
  .map((options) => planImpair(options, 'impair'))
const named = (counts: number[]) =>
  Object.fromEntries(PART_COUNTS.map((name, at) => [name, counts[at]])) as NonNullable<RuleMet['impaired']>
const anyRule = fc
  .record({
    action: fc.constantFrom(
      { kind: 'drop' },
      { kind: 'delay', ms: 1.5 },
      { kind: 'corrupt', bits: 2, seed: 9 },
      { kind: 'impair', delay: '50ms', loss: '10%', rate: '1mbit', seed: 9 },
      { kind: 'impair' },
    ),
    match: fc.constantFrom(
      {},
      { udp: { dport: 53 }, nth: 3 },
      { src: '02:00:00:00:00:01', bytes: [[14, 255, 7]] },
    ),
    matched: count,
    hits: count,
    impaired: fc.tuple(...PART_COUNTS.map(() => count)),
  })
  .map(({ action, match, matched, hits, impaired }) => ({
    planned: planRule({ action, match }, 'rule'),
    matched,
    hits,
    impaired: named(impaired),
  }))
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0) // JSON has no -0
const anyLane = {
  impairment: fc.record({
    seed: fc.maxSafeNat(),
    number: fc.maxSafeNat(),
    loss: fc.record({ model: fc.constant('gemodel'), state: fc.nat() }),
    rate: fc.oneof(
      finite,
      fc.record({ began: finite, next: fc.maxSafeNat(), left: finite, of: fc.constant('2/7/9') }),
    ),
    slot: fc.record({ slots: fc.nat(), next: finite, packets: fc.nat(), bytes: fc.nat() }),
  }),
  held: fc.array(
    fc.record({
      frame: fc.uint8Array({ minLength: 14, maxLength: 80 }),
      wait: finite,
      least: finite,
      number: fc.maxSafeNat(),
      queue: fc.nat(),
      delay: finite,
    }),
    { maxLength: 5 },
  ),
}
const anyProgress = fc.record(
  {
    origin: finite,
    number: fc.maxSafeNat(),
    ...anyLane,
    rules: fc.array(fc.record({ id: fc.nat(), ...anyLane }, { requiredKeys: ['id', 'held'] }), {
      minLength: 1,
      maxLength: 3,
    }),
  },
  { requiredKeys: ['origin', 'number', 'held'] },
)
const anyCapture = fc.record({
  id: fc.nat(),
  ends: fc.record({ a: fc.boolean(), b: fc.boolean() }),
  delivered: fc.boolean(),
  match: fc.constantFrom(null, planMatch({ arp: {} }, 'match')),
  snaplen: fc.nat(),
  ringBytes: fc.nat(),
})
const anyBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const anyFormer = fc.record({
  address: anyBytes(6).map(formatMac),
  mtu: fc.nat(),
  txQueueLength: fc.nat(),
  up: fc.boolean(),
  ifindex: fc.nat(),
  alias: fc.string(),
  altnames: fc.array(fc.string()),
  addresses: fc.array(
    fc.oneof(
      fc.record(
        {
          address: anyBytes(4),
          prefixLength: fc.integer({ min: 0, max: 32 }),
          peer: anyBytes(4),
          broadcast: anyBytes(4),
          label: fc.string(),
          scope: fc.integer({ min: 0, max: 255 }),
        },
        { requiredKeys: ['address', 'prefixLength'] },
      ),
      fc.record(
        {
          address: anyBytes(16),
          prefixLength: fc.integer({ min: 0, max: 128 }),
          noPrefixRoute: fc.boolean(),
          metric: fc.nat(),
        },
        { requiredKeys: ['address', 'prefixLength'] },
      ),
    ),
  ),
})
const anyDossier: fc.Arbitrary<Dossier> = fc
  .record({
    id: fc.string(),
    from: fc.option(fc.string()),
    wish: fc.dictionary(fc.string(), fc.jsonValue().map(through)),
    carrier: fc.constantFrom('on' as const, 'off' as const, 'auto' as const),
    counts: fc.tuple(anyCounts, anyCounts),
    impair: fc.tuple(fc.option(anyImpair), fc.option(anyImpair)),
    former: fc.tuple(fc.option(anyFormer), fc.option(anyFormer)),
    rules: fc.array(anyRule, { maxLength: 4 }),
    flaps: fc.array(
      fc.record({ ms: fc.integer({ min: 1, max: 9 }), times: fc.integer({ min: 1, max: 9 }) }),
      { maxLength: 2 },
    ),
    lastRule: fc.nat(),
    captures: fc.array(anyCapture, { maxLength: 2 }),
    progress: fc.oneof(fc.constant([] as const), fc.tuple(anyProgress, anyProgress)),
  })
  .map(({ id, from, wish, counts, impair, former, rules, ...rest }) => {
    const counted = rules.map(({ planned, matched, hits, impaired }, at) =>
      countedRule(
        { id: at + 3, ...planned },
        { matched, hits, ...(planned.action.kind === 'impair' && { impaired }) },
      ),
    )
    return {
      version: 1,
      id,
      wishes: { from, sent: wish, since: { a: wish } },
      ...rest,
      a: { impair: impair[0], rules: counted.slice(0, 2), counts: counts[0], former: former[0] },
      b: { impair: impair[1], rules: counted.slice(2), counts: counts[1], former: former[1] },
    }
  })

test('written, through JSON and read it is the same', () => {
  fc.assert(
    fc.property(anyDossier, (dossier) => {
      expect(plain(readDossier(through(writeDossier(dossier))))).toEqual(plain(dossier))
    }),
  )
})

const EMPTY = {
  version: 1,
  id: 'cable',
  wishes: { from: null, sent: { id: 'cable' }, since: {} },
  carrier: 'auto',
  a: { impair: null, rules: [], counts: {} },
  b: { impair: null, rules: [], counts: {} },
  captures: [],
  progress: [],
}
const held = { frame: 'AAAA', wait: 1, least: 1, number: 0, queue: 0, delay: 1 }
const progress = { origin: 0, number: 0, held: [held] }
const impaired = (impairment: object) => ({ ...EMPTY, progress: [progress, { ...progress, impairment }] })
const former = {
  address: '02:00:00:00:00:01',
  mtu: 1500,
  txQueueLength: 1,
  up: true,
  ifindex: 2,
  alias: '',
  altnames: [],
  addresses: [],
}
const rule = { id: 1, action: { kind: 'drop' }, match: {}, matched: 0, hits: 0 }

test('one of a pair that nothing was done to', () => {
  expect(readDossier(EMPTY)).toMatchObject({ id: 'cable', a: { counts: NO_COUNTS } })
  const full = { ...EMPTY, a: { ...EMPTY.a, rules: [rule] }, progress: [progress, progress] }
  expect(readDossier(full).progress[0]?.held[0]?.frame).toEqual(new Uint8Array(3))
})

describe('what is none is refused with a sentence', () => {
  test.each<[unknown, RegExp]>([
    [null, /^EBADMSG: a dossier must be an object, not null$/],
    [[], /a dossier must be an object, not an array$/],
    ['text', /must be an object/],
    [{ ...EMPTY, version: 2 }, /^EBADMSG: its version is 2, and 1 is the newest that is understood here$/],
    [{ ...EMPTY, version: '1' }, /its version is "1"/],
    [{ ...EMPTY, id: 7 }, /^EBADMSG: id must be a text, not 7$/],
    [{ ...EMPTY, wishes: undefined }, /wishes is missing/],
    [{ ...EMPTY, wishes: { ...EMPTY.wishes, from: 1 } }, /wishes.from must be a text/],
    [{ ...EMPTY, wishes: { ...EMPTY.wishes, since: [] } }, /wishes.since must be an object/],
    [{ ...EMPTY, carrier: 'maybe' }, /carrier must be one of on, off, auto, not "maybe"/],
    [{ ...EMPTY, a: null }, /a must be an object, not null/],
    [{ ...EMPTY, b: { ...EMPTY.b, impair: { delay: 'soon' } } }, /^EBADMSG: .*b.impair.delay/],
    [{ ...EMPTY, a: { ...EMPTY.a, rules: {} } }, /a.rules must be an array/],
    [
      { ...EMPTY, a: { ...EMPTY.a, rules: [{ ...rule, id: -1 }] } },
      /a.rules.0.id must be a whole number from 0 to \d+, not -1/,
    ],
    [{ ...EMPTY, a: { ...EMPTY.a, rules: [{ ...rule, action: {} }] } }, /^EBADMSG: a.rules.0.action/],
    [{ ...EMPTY, a: { ...EMPTY.a, rules: [{ ...rule, match: { x: 1 } }] } }, /^EBADMSG: .*a.rules.0.match/],
    [
      { ...EMPTY, a: { ...EMPTY.a, counts: { received: 'many' } } },
      /a.counts.received must be a whole number/,
    ],
    [{ ...EMPTY, a: { ...EMPTY.a, counts: { drops: null } } }, /a.counts.drops must be an object, not null/],
    [{ ...EMPTY, a: { ...EMPTY.a, counts: { eaten: 1 } } }, /unknown attribute a.counts.eaten/],
    [{ ...EMPTY, a: { ...EMPTY.a, former: {} } }, /a.former.address is missing/],
    [{ ...EMPTY, a: { ...EMPTY.a, former: { ...former, mtu: -1 } } }, /a.former.mtu must be a whole number/],
    [
      { ...EMPTY, a: { ...EMPTY.a, former: { ...former, addresses: [{ address: '10.0.0.1/33' }] } } },
      /a.former.addresses.0.address must be an IP address with prefix length, not "10.0.0.1\/33"/,
    ],
    [{ ...EMPTY, captures: [{}] }, /captures.0.id is missing/],
    [{ ...EMPTY, progress: [progress] }, /progress is of both directions, or of none/],
    [{ ...EMPTY, progress: [progress, { ...progress, origin: null }] }, /progress.1.origin must be a number/],
    [impaired({ loss: null }), /impairment.loss must be an object/],
    [impaired({ rate: true }), /impairment.rate must be a number/],
    [impaired({ rate: { began: 1 } }), /impairment.rate.next is missing/],
    [
      { ...EMPTY, progress: [{ ...progress, held: [{ ...held, frame: '?' }] }, progress] },
      /progress.0.held.0.frame must be base64, not "\?"/,
    ],
  ])('%j', (value, sentence) => {
    expect(() => readDossier(value)).toThrow(sentence)
  })

  test('any field that is taken away, or is null', () => {
    for (const key of Object.keys(EMPTY)) {
      expect(() => readDossier({ ...EMPTY, [key]: null })).toThrow(/^EBADMSG: /)
      if (key !== 'version') expect(() => readDossier({ ...EMPTY, [key]: undefined })).toThrow(/^EBADMSG: /)
    }
  })
})

describe('one of before there were dossiers', () => {
  const wish = { quiet: true, a: { name: 'x0', impair: { loss: 1 } }, b: { name: 'x1', impair: { loss: 2 } } }
  const old = {
    id: 'cable',
    from: 'blue',
    wish,
    since: {
      a: { name: 'x9', impair: { loss: { random: 3 }, limit: 9, seed: 5 } },
      b: { impair: null },
      carrier: 'off',
    },
    rules: { b: [{ action: { kind: 'drop' }, match: { arp: {} } }] },
  }

  test('is understood: impairments as they were last, rules, carrier', () => {
    const dossier = readDossier(old)
    expect(dossier).toMatchObject({
      version: 1,
      id: 'cable',
      wishes: { from: 'blue', sent: wish, since: { a: { name: 'x9' }, b: { name: 'x1' } } },
      carrier: 'off',
      a: { impair: { loss: { random: 3 }, limit: 9, seed: 5 }, rules: [], counts: NO_COUNTS },
      b: {
        impair: null,
        rules: [{ plan: { id: 1, action: { kind: 'drop' }, match: { normal: { arp: {} } } } }],
      },
    })
    expect(readDossier(through(writeDossier(dossier)))).toMatchObject({
      carrier: 'off',
      wishes: { sent: wish },
    })
  })

  test.each([
    [{ ...old, id: undefined }, /id is missing/],
    [{ ...old, wish: null }, /wish must be an object/],
    [{ ...old, since: undefined }, /since is missing/],
    [{ ...old, since: { a: { impair: { loss: 'lots' } } } }, /^EBADMSG: .*a.impair/],
    [{ ...old, rules: { a: [{}] } }, /^EBADMSG: a.rules.0.action/],
  ])('or refused: %j', (value, sentence) => {
    expect(() => readDossier(value)).toThrow(sentence)
  })
})
