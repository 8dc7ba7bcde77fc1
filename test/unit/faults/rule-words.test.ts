// Rules in words: every word of the grammar, what is refused and how, and that words and plans say the same.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UvethError } from '../../../src/errors.js'
import { IMPAIR_WORDS } from '../../../src/faults/impair-words.js'
import type { Match } from '../../../src/faults/match-plan.js'
import { type NormalRule, planRule, type RuleOptions } from '../../../src/faults/rule-plan.js'
import {
  formatRule,
  MATCH_WORDS,
  parseMatchWords,
  parseRuleWords,
  ruleWord,
} from '../../../src/faults/rule-words.js'
import { ARP_OPS, ETHERTYPES, PROTOCOLS, TCP_FLAGS } from '../../../src/wishes/names.js'
import type { RuleAction } from '../../../src/wishes/rule.js'

const parse = (text: string) => parseRuleWords(text.split(' ').filter((word) => word !== ''))

/** The rule in its normal form. */
function normal(options: RuleOptions): NormalRule {
  const { action, match } = planRule(options, 'rule')
  return { action, match: match.normal }
}

test.each<[string, RuleAction]>([
  ['drop', { kind: 'drop' }],
  ['delay 10ms', { kind: 'delay', ms: 10 }],
  ['delay 1.5s', { kind: 'delay', ms: 1500 }],
  ['duplicate', { kind: 'duplicate' }],
  ['duplicate 3', { kind: 'duplicate', copies: 3 }],
  ['corrupt', { kind: 'corrupt' }],
  ['corrupt at 14', { kind: 'corrupt', offset: 14 }],
  ['corrupt bits 3 seed 42', { kind: 'corrupt', bits: 3, seed: 42 }],
  ['corrupt at 0x0e mask 0xff', { kind: 'corrupt', offset: 14, mask: 255 }],
])('%s', (text, action) => {
  expect(parse(text)).toEqual({ action, match: {} })
  expect(parse(`${text} udp first 2`)).toEqual({ action, match: { udp: {}, first: 2 } })
})

test.each<[string, Match]>([
  ['', {}],
  ['udp dport 53 nth 3', { udp: { dport: 53 }, nth: 3 }],
  ['ethertype arp', { ethertype: 'arp' }],
  ['ethertype 0x88b5', { ethertype: 0x88b5 }],
  ['src 02:00:5e:00:53:01 dst FF:ff:ff:ff:ff:ff', { src: '02:00:5e:00:53:01', dst: 'FF:ff:ff:ff:ff:ff' }],
  ['vlan 100 pcp 5', { vlan: { id: 100, pcp: 5 } }],
  ['vlan any', { vlan: {} }],
  ['ip', { ip: { version: 4 } }],
  ['ip6 proto udp', { ip: { version: 6, proto: 'udp' } }],
  ['inet proto 17', { ip: { proto: 17 } }],
  ['ip src 10.0.0.0/8 dst 10.0.0.1', { ip: { version: 4, src: '10.0.0.0/8', dst: '10.0.0.1' } }],
  ['src fd00::/8', { ip: { src: 'fd00::/8' } }],
  ['dst 02:00:5e:00:53:01 dst 10.0.0.1', { dst: '02:00:5e:00:53:01', ip: { dst: '10.0.0.1' } }],
  ['inet ttl 1-5 dscp 46 fragment', { ip: { ttl: [1, 5], dscp: 46, fragment: true } }],
  ['whole', { ip: { fragment: false } }],
  ['tcp sport 1-2 port 80 flags syn,!ack', { tcp: { sport: [1, 2], port: 80, flags: 'syn,!ack' } }],
  [
    'tcp dport 80 ip src 10.0.0.1 flags rst',
    { tcp: { dport: 80, flags: 'rst' }, ip: { version: 4, src: '10.0.0.1' } },
  ],
  ['icmp type 8 code 0', { icmp: { type: 8, code: 0 } }],
  ['icmp', { icmp: {} }],
  ['arp op request', { arp: { op: 'request' } }],
  ['arp op 3', { arp: { op: 3 } }],
  [
    'bytes 12:0xffff:0x0806 bytes 0:1:0',
    {
      bytes: [
        [12, '0xffff', '0x0806'],
        [0, 1, 0],
      ],
    },
  ],
  ['length 64-1500', { length: { min: 64, max: 1500 } }],
  ['length 64', { length: { min: 64, max: 64 } }],
  ['length 64-', { length: { min: 64 } }],
  ['length -64', { length: { max: 64 } }],
  ['every 5', { every: 5 }],
])('drop %s', (text, match) => {
  expect(parse(`drop ${text}`)).toEqual({ action: { kind: 'drop' }, match })
  expect(parseMatchWords(text.split(' ').filter((word) => word !== ''))).toEqual(match)
})

test.each<[string, RegExp]>([
  ['', /the rule is empty: it begins with drop, delay TIME/],
  [
    'eat udp',
    /begins with "eat": it begins with drop, delay TIME, duplicate \[N\], corrupt or impair WORDS$/,
  ],
  ['loss 10% udp', /begins with "loss": it begins with drop, .* or impair WORDS$/],
  ['udp dport 53', /says which frames, and then not what is done to them: drop, delay TIME/],
  ['udp dport 53 eat', /says which frames, and then not what is done to them: drop, delay TIME/],
  ['delay 50ms loss 10% udp', /^EINVAL: loss is a word of impairments: the rule begins with impair, then/],
  ['impair', /^EINVAL: impair takes words as tc netem has them, or "none"$/],
  ['impair udp dport 53', /^EINVAL: impair takes words as tc netem has them, or "none"$/],
  ['impair none loss 1%', /what is "loss"/],
  ['impair loss 10% udp dport 53 delay 5ms', /what is "delay"\? Here may stand ethertype/],
  ['impair loss udp', /^EINVAL: rule\.action\.loss\.random must be .*, not "udp"$/],
  ['impair reorder 5% udp', /reordering not possible without specifying some delay/],
  ['udp impair loss 1% udp', /udp is given twice/],
  ['drop udp dprot 53', /what is "dprot"\? Here may stand ethertype, src/],
  ['drop toString', /what is "toString"/],
  ['delay', /delay is not complete: it takes a time like 10ms/],
  ['delay udp', /^EINVAL: rule\.action\.ms must be milliseconds, .*, not "udp"$/],
  ['delay 10', /delay takes a time with its unit, like 10ms$/],
  ['delay 1.5', /delay takes a time with its unit, like 1.5ms$/],
  ['delay 1e3', /delay takes a time with its unit/],
  ['corrupt at', /at is not complete: it takes a number/],
  ['corrupt bits x', /action\.bits must be a whole number from 1 to 64, not "x"/],
  ['corrupt bits 1 bits 2', /bits is given twice/],
  ['drop udp dport', /dport is not complete: it takes a port or a range like 1000-2000/],
  ['drop udp dport dns', /match\.udp\.dport must be a whole number from 0 to 65535, .*, not "dns"/],
  ['drop udp dport 1-2-3', /dport must be .*, not "1-2-3"/],
  ['drop udp dport 1-', /dport must be .*, not "1-"/],
  ['drop dport 53', /dport stands behind tcp or udp/],
  ['drop udp flags syn', /flags stands behind tcp/],
  ['drop pcp 3', /pcp stands behind vlan/],
  ['drop type 8', /type stands behind icmp/],
  ['drop arp type 8', /type stands behind icmp/],
  ['drop op request', /op stands behind arp/],
  ['drop vlan all', /match\.vlan\.id must be a whole number from 0 to 4095, not "all"/],
  ['drop udp udp', /udp is given twice/],
  ['drop nth 1 nth 2', /nth is given twice/],
  ['drop ip ip6', /version is given twice/],
  ['drop udp port 1 port 2', /port is given twice/],
  ['drop length 64-63-62', /match\.length\.min must be a whole number from 0 to 65535, not "64-63-62"/],
  ['drop length -', /length\.min must be .*, not "-"/],
  ['drop length 1-x', /length\.max must be .*, not "x"/],
  ['drop length x-1', /length\.min must be .*, not "x"/],
  ['drop bytes 12', /match\.bytes\[0\] must be \[offset, mask, value\], not "12"/],
  ['drop bytes 12:ff:00', /must be \[offset, mask, value\], not "12:ff:00"/],
  ['drop bytes 12:0xff:0x00:1', /must be \[offset, mask, value\], not/],
  ['drop first -1', /match\.first must be a whole number from 1 to .*, not "-1"/],
])('refuses: %s', (text, message) => {
  let refusal: unknown
  try {
    planRule(parse(text), 'rule')
  } catch (error) {
    refusal = error
  }
  expect(refusal).toBeInstanceOf(UvethError)
  expect(refusal).toMatchObject({ code: 'EINVAL', message: expect.stringMatching(message) })
})

test.each([
  'drop',
  'drop ip src 10.0.0.0/8 udp dport 53 nth 3',
  'delay 10ms ethertype arp',
  'duplicate vlan any pcp 5 inet proto ospf',
  'duplicate 2 vlan 7 ip6 dst fd00::/8 ttl 1-3 whole',
  'corrupt at 14 mask 0x40 arp op request',
  'corrupt bits 2 seed 9 tcp port 80-90 flags syn,!ack',
  'drop icmp type 8 code 0 length 64-',
  'impair delay 50ms loss 10% rate 1mbit seed 7 udp dport 53',
  'impair none tcp port 22',
  'impair seed 7 arp',
  'drop src 02:00:5e:00:53:01 bytes 12:0xffff:0x0806 length -100 every 2',
])('comes back: %s', (text) => {
  expect(formatRule(normal(parse(text)))).toBe(text)
})

test.each([
  ['action.ms', 'delay'],
  ['action.copies', 'duplicate'],
  ['action.offset', 'at'],
  ['action.mask', 'mask'],
  ['rule.action.loss.random', 'loss'],
  ['a.rules.0.action.delay.distribution', 'distribution'],
  ['action.seed', 'seed'],
  ['match.vlan.id', 'vlan'],
  ['match.length.min', 'length'],
  ['match.udp.dport', 'dport'],
  ['match.bytes[0][1]', 'bytes[0][1]'],
])('%s is called %s', (attribute, word) => {
  expect(ruleWord(attribute)).toBe(word)
})

const option = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const spans = (max: number) =>
  fc.oneof(
    fc.nat(max),
    fc
      .tuple(fc.nat(max), fc.nat(max))
      .map(([one, other]) => [Math.min(one, other), Math.max(one, other)] as const),
  )
const ports = { sport: option(spans(65_535)), dport: option(spans(65_535)), port: option(spans(65_535)) }
const numberOr = (table: object, max: number) => fc.oneof(fc.nat(max), fc.constantFrom(...Object.keys(table)))
const macs = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((b) => Buffer.from(b).toString('hex').match(/../g)!.join(':'))
const flags = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...Object.keys(TCP_FLAGS)), fc.boolean()), {
    minLength: 1,
    selector: ([name]) => name,
  })
  .map((words) => words.map(([name, set]) => (set ? name : `!${name}`)).join(','))
const ip = fc
  .record({
    v6: fc.boolean(),
    bits: fc.nat(32),
    one: fc.ipV4(),
    other: fc.ipV4(),
    six: fc.ipV6(),
    version: fc.boolean(),
  })
  .chain(({ v6, bits, one, other, six, version }) =>
    fc.record({
      version: fc.constant(version ? (v6 ? 6 : 4) : undefined),
      src: fc.constantFrom(undefined, v6 ? `${six}/${bits}` : `${one}/${bits}`),
      dst: fc.constantFrom(undefined, v6 ? six : other),
      ttl: option(spans(255)),
      dscp: option(fc.nat(63)),
      fragment: option(fc.boolean()),
    }),
  )
const kinds = fc.oneof(
  fc.record({ ip, tcp: fc.record({ ...ports, flags: option(flags) }) }),
  fc.record({ ip: option(ip), udp: fc.record(ports) }),
  fc.record({ icmp: fc.record({ type: option(fc.nat(255)), code: option(fc.nat(255)) }) }),
  fc.record({ arp: fc.record({ op: option(numberOr(ARP_OPS, 255)) }) }),
  fc.record({ ip: fc.record({ proto: numberOr(PROTOCOLS, 255) }) }),
  fc.record({ ethertype: numberOr(ETHERTYPES, 65_535) }),
)
const patterns = fc.array(
  fc
    .tuple(fc.nat(65_535), fc.uint8Array({ minLength: 1, maxLength: 9 }))
    .map(([at, bytes]) => [at, bytes, bytes] as const),
  { minLength: 1, maxLength: 3 },
)
const counting = fc.tuple(fc.constantFrom('nth', 'every', 'first'), fc.integer({ min: 1, max: 2 ** 53 - 1 }))
const matches = fc
  .tuple(
    kinds,
    fc.record({
      src: option(macs),
      dst: option(macs),
      vlan: option(
        fc.oneof(fc.constant(true), fc.nat(4095), fc.record({ id: option(fc.nat(4095)), pcp: fc.nat(7) })),
      ),
      bytes: option(patterns),
      length: option(
        fc.oneof(
          fc.record({ min: fc.nat(99), max: fc.integer({ min: 99, max: 65_535 }) }),
          fc.record({ max: fc.nat(99) }),
        ),
      ),
    }),
    option(counting),
  )
  .map(([kind, rest, count]) => ({ ...kind, ...rest, ...(count && { [count[0]]: count[1] }) }))
const seed = fc.nat(2 ** 31)
const actions = fc.oneof(
  fc.constant({ kind: 'drop' }),
  fc.record({ kind: fc.constant('delay'), ms: fc.double({ min: 1e-9, max: 3_600_000, noNaN: true }) }),
  fc.record({ kind: fc.constant('duplicate'), copies: option(fc.integer({ min: 1, max: 100 })) }),
  fc.record({ kind: fc.constant('corrupt'), bits: option(fc.integer({ min: 1, max: 64 })), seed }),
  fc.record({
    kind: fc.constant('corrupt'),
    offset: fc.nat(65_535),
    bits: option(fc.integer({ min: 1, max: 8 })),
    seed,
  }),
  fc.record({ kind: fc.constant('corrupt'), offset: fc.nat(65_535), mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({
    kind: fc.constant('impair'),
    loss: option(fc.integer({ min: 0, max: 100 })),
    delay: option(fc.integer({ min: 0, max: 9_000 })),
    duplicate: option(fc.integer({ min: 0, max: 100 })),
    limit: option(fc.nat(1_000)),
    seed: option(fc.nat()),
  }),
)

test('any rule, in words and back', () => {
  fc.assert(
    fc.property(actions, matches, (action, match) => {
      const rule = normal({ action, match } as RuleOptions)
      expect(normal(JSON.parse(JSON.stringify(rule)))).toEqual(rule)
      const words = formatRule(rule)
      expect(normal(parse(words))).toEqual(rule)
      expect(formatRule(normal(parse(words)))).toBe(words)
    }),
    { numRuns: 1_000 },
  )
})

test('the action stands in front of the match or behind it, and means the same', () => {
  const behind = parse('udp dport 53 impair loss 10% delay 50ms rate 1mbit')
  expect(behind).toEqual(parse('impair loss 10% delay 50ms rate 1mbit udp dport 53'))
  expect(behind.match).toEqual({ udp: { dport: 53 } })
  expect(parse('ip udp drop dport 53')).toEqual(parse('drop ip udp dport 53'))
})

test('no word of a match stands for one of an impairment', () => {
  for (const word of MATCH_WORDS) expect(IMPAIR_WORDS.filter((name) => name.startsWith(word))).toEqual([])
})
