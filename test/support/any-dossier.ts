// Any dossier that may be written: for dossier.test.ts.

import fc from 'fast-check'
import type { DirectionCounts } from '../../src/datapath/counters.js'
import { planImpair } from '../../src/faults/impair-plan.js'
import { planMatch } from '../../src/faults/match-plan.js'
import { planRule } from '../../src/faults/rule-plan.js'
import type { SchedulePlan } from '../../src/faults/schedule-plan.js'
import { formatMac } from '../../src/frame/mac.js'
import { PART_COUNTS } from '../../src/hooks/impairment.js'
import { countedRule, type RuleMet } from '../../src/pair/chain.js'
import type { Dossier } from '../../src/pair/dossier.js'
import { NO_COUNTS } from '../../src/pair/stats.js'

const through = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

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
const anyStep = fc.oneof(
  fc.record({ impair: fc.option(anyImpair) }),
  fc.record({ carrier: fc.constantFrom('on' as const, 'off' as const, 'auto' as const) }),
)
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
  routes: fc.array(fc.uint8Array({ minLength: 12, maxLength: 80 })),
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
const anySchedule = fc.record(
  {
    id: fc.nat(),
    plan: fc
      .record({ steps: fc.array(anyStep, { minLength: 1, maxLength: 3 }), repeats: fc.option(fc.nat(9)) })
      .map(
        ({ steps, repeats }): SchedulePlan => ({
          steps: steps.map((step, number) => ({ at: 10 * number, ...step })),
          ...(repeats !== null && { repeat: repeats === 0 ? true : repeats, period: 99 }),
        }),
      ),
    began: finite,
    next: fc.nat(),
    missed: fc.nat(),
  },
  { requiredKeys: ['id', 'plan', 'next', 'missed'] },
)
export const anyDossier: fc.Arbitrary<Dossier> = fc
  .record({
    id: fc.string(),
    from: fc.option(fc.string()),
    wish: fc.dictionary(fc.string(), fc.jsonValue().map(through)),
    carrier: fc.constantFrom('on' as const, 'off' as const, 'auto' as const),
    counts: fc.tuple(anyCounts, anyCounts),
    impair: fc.tuple(fc.option(anyImpair), fc.option(anyImpair)),
    schedule: fc.tuple(fc.option(anySchedule), fc.option(anySchedule)),
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
  .map(({ id, from, wish, counts, impair, schedule, former, rules, ...rest }) => {
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
      a: {
        impair: impair[0],
        schedule: schedule[0],
        rules: counted.slice(0, 2),
        counts: counts[0],
        former: former[0],
      },
      b: {
        impair: impair[1],
        schedule: schedule[1],
        rules: counted.slice(2),
        counts: counts[1],
        former: former[1],
      },
    }
  })
