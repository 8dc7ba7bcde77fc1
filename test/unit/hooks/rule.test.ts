// Rules: what each does to the frames it means, their order, their counts, and what is refused.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UvethError } from '../../../src/errors.js'
import { planRule, type RuleOptions } from '../../../src/faults/rule-plan.js'
import { Burst } from '../../../src/frame/burst.js'
import { CAUSES } from '../../../src/frame/cause.js'
import { HEADROOM, SLOTS_OFFSET, Slab } from '../../../src/frame/slab.js'
import { allocateRuleCounts, RULE_COUNTS, Rules } from '../../../src/hooks/rule.js'
import { ether, ipv4, udp } from '../frame/layers.js'

const DNS = ether(0x0800, ipv4({ proto: 17 }, udp(5000, 53, Buffer.alloc(20))))
const OTHER = ether(0x0800, ipv4({ proto: 17 }, udp(5000, 54, Buffer.alloc(20))))
const dns = { udp: { dport: 53 } }

function burstOf(frames: Uint8Array[], slab = new Slab()): Burst {
  const burst = new Burst()
  burst.begin(slab, 1_000)
  let at = SLOTS_OFFSET
  for (const [number, frame] of frames.entries()) {
    slab.bytes.set(frame, at + HEADROOM)
    burst.push(at + HEADROOM, frame.length, number)
    at += Math.ceil((HEADROOM + frame.length) / 64) * 64
  }
  return burst
}

/** Rules with ids 1, 2, …, and their counts. */
function rulesOf(...all: RuleOptions[]) {
  const rules = new Rules()
  const counts = all.map((options, index) => {
    const words = new Float64Array(allocateRuleCounts())
    rules.add({ id: index + 1, ...planRule(options, 'rule') }, words)
    return words
  })
  return { rules, counts: () => counts.map((words) => [...words].slice(0, 2)) }
}

const passing = (burst: Burst) => Array.from({ length: burst.count }, (_, frame) => burst.passes(frame))

describe('actions', () => {
  test('drop: by cause and by reason, the others pass', () => {
    const { rules, counts } = rulesOf({ action: { kind: 'drop' }, match: dns })
    const burst = burstOf([DNS, OTHER, DNS])
    rules.judge(burst)
    expect(passing(burst)).toEqual([false, true, false])
    expect(CAUSES[(burst.verdicts[0] as number) - 1]).toBe('rule')
    expect(burst.reasons.slice(0, 3)).toEqual(['rule 1', undefined, 'rule 1'])
    expect(RULE_COUNTS.slice(0, 2)).toEqual(['matched', 'hits'])
    expect(counts()).toEqual([[2, 2]])
  })

  test('delay and duplicate add up', () => {
    const { rules } = rulesOf(
      { action: { kind: 'delay', ms: 2.5 }, match: dns },
      { action: { kind: 'delay', ms: 10 } },
      { action: { kind: 'duplicate' } },
      { action: { kind: 'duplicate', copies: 3 }, match: dns },
    )
    const burst = burstOf([DNS, OTHER])
    rules.judge(burst)
    expect([...burst.delays.subarray(0, 2)]).toEqual([12.5, 10])
    expect([...burst.copies.subarray(0, 2)]).toEqual([4, 1])
    expect(passing(burst)).toEqual([true, true])
  })

  test('nth: matched and hits differ, over several bursts', () => {
    const { rules, counts } = rulesOf({ action: { kind: 'drop' }, match: { ...dns, nth: 3 } })
    const verdicts = [burstOf([DNS, OTHER, DNS]), burstOf([DNS, DNS])].map((burst) => {
      rules.judge(burst)
      return passing(burst)
    })
    expect(verdicts).toEqual([
      [true, true, true],
      [false, true],
    ])
    expect(counts()).toEqual([[4, 1]])
  })
})

describe('corrupt', () => {
  /** Which bits of the frame a rule has changed, counted from its first byte. */
  function flipped(action: RuleOptions['action'], frame: Uint8Array = DNS, times = 1): number[][] {
    const { rules } = rulesOf({ action })
    const burst = burstOf(Array.from({ length: times }, () => frame))
    rules.judge(burst)
    return Array.from({ length: times }, (_, i) => {
      const seen = burst.frame(i)
      return [...frame].flatMap((byte, at) =>
        [0, 1, 2, 3, 4, 5, 6, 7]
          .filter((bit) => ((byte ^ (seen[at] as number)) >> bit) & 1)
          .map((bit) => 8 * at + bit),
      )
    })
  }

  test('one bit behind the Ethernet header, drawn from the seed and the number', () => {
    const first = flipped({ kind: 'corrupt', seed: 5 }, DNS, 50)
    expect(first.every((bits) => bits.length === 1 && bits[0]! >= 14 * 8)).toBe(true)
    expect(new Set(first.flat()).size).toBeGreaterThan(30)
    expect(flipped({ kind: 'corrupt', seed: 5 }, DNS, 50)).toEqual(first)
    expect(flipped({ kind: 'corrupt', seed: 6 }, DNS, 50)).not.toEqual(first)
  })

  test('so many different bits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.nat(),
        fc.integer({ min: 14, max: 40 }),
        (bits, seed, length) => {
          const [places = []] = flipped({ kind: 'corrupt', bits, seed }, DNS.subarray(0, length))
          expect(places.length).toBe(Math.min(bits, 8 * (length - 14)))
          expect(places.every((place) => place >= 14 * 8)).toBe(true)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('every place is drawn about as often', () => {
    const places = Array.from({ length: 100 }, (_, seed) =>
      flipped({ kind: 'corrupt', bits: 3, seed }, DNS.subarray(0, 18), 40),
    ).flat(2)
    const often = Array.from({ length: 32 }, (_, bit) => places.filter((place) => place === 112 + bit).length)
    // 12,000 draws over 32 places: 375 each, standard deviation 19.
    for (const times of often) expect(Math.abs(times - 375)).toBeLessThan(5 * 19)
  })

  test('at an offset: drawn bits of that byte, or those of a mask', () => {
    expect(flipped({ kind: 'corrupt', offset: 3, bits: 8 })).toEqual([[24, 25, 26, 27, 28, 29, 30, 31]])
    const [drawn = []] = flipped({ kind: 'corrupt', offset: 3, bits: 2 })
    expect(drawn.length).toBe(2)
    expect(drawn.every((bit) => bit >= 24 && bit < 32)).toBe(true)
    expect(flipped({ kind: 'corrupt', offset: 0, mask: 0x81 })).toEqual([[0, 7]])
    expect(flipped({ kind: 'corrupt', offset: DNS.length - 1, mask: 1 })).toEqual([[8 * (DNS.length - 1)]])
  })

  test('nothing to corrupt: matched, but no hit, and what follows is left alone', () => {
    for (const action of [
      { kind: 'corrupt' as const },
      { kind: 'corrupt' as const, offset: 14, mask: 255 },
    ]) {
      const { rules, counts } = rulesOf({ action })
      const slab = new Slab()
      slab.bytes.fill(0x77)
      const burst = burstOf([DNS.subarray(0, 14)], slab)
      const before = Buffer.from(slab.bytes)
      rules.judge(burst)
      expect(before.equals(slab.bytes)).toBe(true)
      expect(counts()).toEqual([[1, 0]])
      expect(burst.reasons[0]).toBeUndefined()
    }
  })

  test('says so', () => {
    const { rules } = rulesOf(
      { action: { kind: 'drop' }, match: { nth: 9 } },
      { action: { kind: 'corrupt' } },
    )
    const burst = burstOf([DNS])
    rules.judge(burst)
    expect(burst.reasons[0]).toBe('rule 2')
  })
})

describe('the list', () => {
  test('what one rule drops, those behind do not see', () => {
    const { rules, counts } = rulesOf(
      { action: { kind: 'delay', ms: 1 } },
      { action: { kind: 'drop' }, match: { ...dns, first: 1 } },
      { action: { kind: 'duplicate' } },
    )
    const burst = burstOf([DNS, DNS])
    rules.judge(burst)
    expect(counts()).toEqual([
      [2, 2],
      [2, 1],
      [1, 1],
    ])
    expect([...burst.copies.subarray(0, 2)]).toEqual([0, 1])
  })

  test('what another hook has dropped is not looked at', () => {
    const { rules, counts } = rulesOf({ action: { kind: 'drop' } })
    const burst = burstOf([DNS, DNS])
    burst.drop(0, 'loss')
    rules.judge(burst)
    expect(counts()).toEqual([[1, 1]])
    expect(CAUSES[(burst.verdicts[0] as number) - 1]).toBe('loss')
  })

  test('a rule sees the frame as those before have left it', () => {
    // Port 53 becomes 54.
    const { rules, counts } = rulesOf(
      { action: { kind: 'corrupt', offset: 37, mask: 53 ^ 54 }, match: dns },
      { action: { kind: 'drop' }, match: { udp: { dport: 54 } } },
    )
    const burst = burstOf([DNS, OTHER])
    rules.judge(burst)
    expect(counts()).toEqual([
      [1, 1],
      [2, 2],
    ])
  })

  test('removed, replaced in its place, handed on', () => {
    const { rules, counts } = rulesOf(
      { action: { kind: 'duplicate' } },
      { action: { kind: 'drop' }, match: { nth: 3 } },
    )
    rules.judge(burstOf([DNS]))
    rules.remove(1)
    rules.remove(77)
    expect(rules.count).toBe(1)
    rules.judge(burstOf([DNS]))
    const elsewhere = new Rules()
    // As another thread gets it: a structured clone shares the counts.
    elsewhere.resume(structuredClone(rules.state()))
    const burst = burstOf([DNS, DNS])
    elsewhere.judge(burst)
    expect(passing(burst)).toEqual([false, true])
    expect(counts()).toEqual([
      [1, 1],
      [4, 1],
    ])
    const words = new Float64Array(allocateRuleCounts())
    elsewhere.add({ id: 2, ...planRule({ action: { kind: 'delay', ms: 4 } }, 'rule') }, words)
    expect(elsewhere.count).toBe(1)
    const last = burstOf([DNS])
    elsewhere.judge(last)
    expect(last.delays[0]).toBe(4)
    expect([...words].slice(0, 2)).toEqual([1, 1])
  })

  test('an empty burst, no rules', () => {
    const burst = burstOf([DNS])
    new Rules().judge(burst)
    expect(passing(burst)).toEqual([true])
    const { rules, counts } = rulesOf({ action: { kind: 'drop' } })
    rules.judge(burstOf([]))
    expect(counts()).toEqual([[0, 0]])
  })
})

test.each<[unknown, string, RegExp]>([
  [null, 'rule', /must be an object/],
  [{}, 'rule.action', /is missing/],
  [{ action: {} }, 'rule.action.kind', /one of drop, corrupt, delay, duplicate, impair, not undefined/],
  [{ action: 'drop' }, 'rule.action', /must be an object, not "drop"/],
  [{ action: { kind: 'toString' } }, 'rule.action.kind', /one of drop/],
  [{ action: { kind: 'drop', ms: 1 } }, 'rule.action.ms', /unknown attribute [\w.]*\bms/],
  [
    { action: { kind: 'drop' }, when: {} },
    'rule.when',
    /unknown attribute [\w.]*\bwhen: there are action, match/,
  ],
  [{ action: { kind: 'drop' }, match: { tpc: {} } }, 'rule.match.tpc', /unknown attribute [\w.]*\btpc/],
  [{ action: { kind: 'delay' } }, 'rule.action.ms', /is missing/],
  [{ action: { kind: 'delay', ms: 0 } }, 'rule.action.ms', /milliseconds/],
  [{ action: { kind: 'delay', ms: Number.NaN } }, 'rule.action.ms', /milliseconds/],
  [{ action: { kind: 'duplicate', copies: 101 } }, 'rule.action.copies', /from 1 to 100/],
  [{ action: { kind: 'corrupt', bits: 65 } }, 'rule.action.bits', /from 1 to 64/],
  [{ action: { kind: 'corrupt', offset: 1, bits: 9 } }, 'rule.action.bits', /from 1 to 8/],
  [{ action: { kind: 'corrupt', mask: 1 } }, 'rule.action.mask', /needs an offset/],
  [{ action: { kind: 'corrupt', offset: 0, mask: 0 } }, 'rule.action.mask', /from 1 to 255/],
  [
    { action: { kind: 'corrupt', offset: 0, mask: 1, bits: 1 } },
    'rule.action.bits',
    /no meaning beside a mask/,
  ],
  [
    { action: { kind: 'corrupt', offset: 0, mask: 1, seed: 1 } },
    'rule.action.seed',
    /no meaning beside a mask/,
  ],
  [{ action: { kind: 'corrupt', seed: -1 } }, 'rule.action.seed', /whole number/],
])('refuses %j', (options, attribute, message) => {
  let refusal: unknown
  try {
    planRule(options, 'rule')
  } catch (error) {
    refusal = error
  }
  expect(refusal).toBeInstanceOf(UvethError)
  expect(refusal).toMatchObject({ code: 'EINVAL', attribute, message: expect.stringMatching(message) })
})

test('the normal form: every default there, a seed chosen', () => {
  const planned = (action: RuleOptions['action']) => planRule({ action }, 'rule').action
  expect(planned({ kind: 'duplicate' })).toEqual({ kind: 'duplicate', copies: 1 })
  const corrupt = planned({ kind: 'corrupt' })
  expect(corrupt).toEqual({ kind: 'corrupt', bits: 1, seed: expect.any(Number) })
  expect(planned(corrupt)).toEqual(corrupt)
  const masked = planned({ kind: 'corrupt', offset: 2, mask: 3 })
  expect(planned(masked)).toEqual(masked)
})
