// Rules and matches in words, both ways: `drop ip src 10.0.0.0/8 udp dport 53 nth 3`. Called by the command, and
// by whoever lists rules; it loads little, so that the command stays light. What the values
// are worth and whether they go together is for planRule() to say; here is the grammar:
//
//   ACTION  drop | delay TIME | duplicate [N] | corrupt [at OFFSET] [mask M] [bits N] [seed N]
//           impair none | impair WORDS, as impair-words.ts has them
//   MATCH   ethertype X   src MAC|PREFIX   dst MAC|PREFIX   vlan ID|any [pcp N]
//           ip | ip6 | inet   proto P   ttl RANGE   dscp N   fragment | whole
//           tcp | udp [sport RANGE] [dport RANGE] [port RANGE] [flags syn,!ack]
//           icmp [type N] [code N]   arp [op request|reply|N]
//           bytes OFFSET:MASK:VALUE   length RANGE   nth N | every N | first N
//
// The action comes first, or behind the match, the words of the match in any order. `ip` is IPv4, `inet` either version. A range is
// N or N-M, for the length also N- and -M. Numbers are decimal or 0x…; in bytes, the digits behind 0x are bytes
// as they stand in the frame.

import { invalid } from '../errors.js'
import type { Span } from '../wishes/match.js'
import { ARP_OPS, ETHERTYPES, nameOf, PROTOCOLS } from '../wishes/names.js'
import type { RuleAction } from '../wishes/rule.js'
import { formatTime } from '../wishes/units.js'
import { NUMBER, type ReadText, Words, written } from '../wishes/words.js'
import type { ImpairOptions } from './impair-plan.js'
import { formatImpair, IMPAIR_WORDS, impairWord, readImpair } from './impair-words.js'
import type { Match, NormalMatch, Ports } from './match-plan.js'
import type { ActionPlan, CorruptPlan, NormalRule, RuleOptions } from './rule-plan.js'
import { lengths, MAC, pattern, range, withUnit } from './rule-values.js'

type Tree = { [key: string]: unknown }

/** The rule that the words say. `readText`: how files that an impairment's words name are read. */
export function parseRuleWords(words: readonly string[], readText?: ReadText): RuleOptions {
  const rest = new Words(words, undefined, readText)
  const match: Tree = {}
  readMatches(rest, match, (word) => Object.hasOwn(MATCHES, word))
  const action = readAction(rest, Object.keys(match).length > 0)
  return { action, match: readMatches(rest, match, () => true, action.kind) }
}

/** The match that the words say, without an action; none at all mean every frame. */
export function parseMatchWords(words: readonly string[]): Match {
  return readMatches(new Words(words), {}, () => true)
}

/** Adds to `match` the words that are `meant`. `kind`: of the action in front of them. */
function readMatches(words: Words, match: Tree, meant: (word: string) => boolean, kind?: string): Match {
  for (let word = words.take(meant); word !== undefined; word = words.take(meant)) {
    const read = Object.hasOwn(MATCHES, word) ? MATCHES[word] : undefined
    if (read === undefined) {
      if (kind !== undefined && kind !== 'impair' && IMPAIR_WORDS.includes(word))
        throw invalid(`${word} is a word of impairments: the rule begins with impair, then, not with ${kind}`)
      throw invalid(`what is "${word}"? Here may stand ${Object.keys(MATCHES).join(', ')}`)
    }
    read(match, words, word)
  }
  return match as Match
}

function readAction(words: Words, matched: boolean): RuleAction {
  const kind = words.next()
  switch (kind) {
    case 'drop':
      return { kind }
    case 'delay':
      return { kind, ms: withUnit(kind, words.value(kind, 'a time like 10ms')) as number }
    case 'duplicate': {
      const copies = words.take((word) => NUMBER.test(word))
      return copies === undefined ? { kind } : { kind, copies: Number(copies) }
    }
    case 'corrupt':
      return readCorrupt(words)
    case 'impair':
      return { kind, ...readPart(words) }
    default: {
      const actions = 'drop, delay TIME, duplicate [N], corrupt or impair WORDS'
      if (matched) throw invalid(`the rule says which frames, and then not what is done to them: ${actions}`)
      const found = kind === undefined ? 'is empty' : `begins with "${kind}"`
      throw invalid(`the rule ${found}: it begins with ${actions}`)
    }
  }
}

/** Up to the first word that is none of an impairment's. */
function readPart(words: Words): ImpairOptions {
  if (words.take((word) => word === 'none') !== undefined) return {}
  const options = readImpair(words)
  if (Object.keys(options).length > 0) return options
  throw invalid('impair takes words as tc netem has them, or "none"')
}

/** Words behind corrupt, and the options that they set. */
const CORRUPT = { at: 'offset', mask: 'mask', bits: 'bits', seed: 'seed' } as const

function readCorrupt(words: Words): RuleAction {
  const action: Tree & { kind: 'corrupt' } = { kind: 'corrupt' }
  for (;;) {
    const word = words.take((next) => Object.hasOwn(CORRUPT, next)) as keyof typeof CORRUPT | undefined
    if (word === undefined) return action
    if (action[CORRUPT[word]] !== undefined) throw invalid(`${word} is given twice`)
    action[CORRUPT[word]] = written(words.value(word, 'a number'))
  }
}

type ReadMatch = (match: Tree, words: Words, word: string) => void
type Value = (word: string) => unknown

const MATCHES: Readonly<Record<string, ReadMatch>> = {
  ethertype: own('a number or a name like arp'),
  src: readAddress,
  dst: readAddress,
  vlan: (match, words, word) => {
    const id = words.value(word, 'a VLAN id or any')
    set(match, word, id === 'any' ? {} : { id: written(id) })
  },
  pcp: part('vlan', 'a number'),
  ip: readVersion,
  ip6: readVersion,
  inet: readVersion,
  proto: ofIp('a number or a name like udp'),
  ttl: ofIp('a number or a range', range),
  dscp: ofIp('a number'),
  fragment: (match) => set(under(match, 'ip'), 'fragment', true),
  whole: (match) => set(under(match, 'ip'), 'fragment', false),
  tcp: protocol,
  udp: protocol,
  sport: readPort,
  dport: readPort,
  port: readPort,
  flags: part('tcp', 'flags like syn,!ack', (word) => word),
  icmp: protocol,
  type: part('icmp', 'a number'),
  code: part('icmp', 'a number'),
  arp: protocol,
  op: part('arp', 'request, reply or a number'),
  bytes: (match, words, word) => {
    const patterns = (match.bytes ?? []) as unknown[]
    match.bytes = [...patterns, pattern(words.value(word, 'OFFSET:MASK:VALUE like 12:0xffff:0x0806'))]
  },
  length: own('a range like 64-1500', lengths),
  nth: own('a number'),
  every: own('a number'),
  first: own('a number'),
}

/** All that may stand among the words of a match, and what a rule begins with: for the completion. */
export const MATCH_WORDS: readonly string[] = Object.keys(MATCHES)
export const ACTION_WORDS: readonly string[] = [
  ...new Set([
    'drop',
    'delay',
    'duplicate',
    'corrupt',
    'impair',
    'none',
    ...Object.keys(CORRUPT),
    ...IMPAIR_WORDS,
  ]),
]

function set(tree: Tree, key: string, value: unknown): void {
  if (tree[key] !== undefined) throw invalid(`${key} is given twice`)
  tree[key] = value
}

/** The object under `key`, made when there is none. */
function under(match: Tree, key: string): Tree {
  match[key] ??= {}
  return match[key] as Tree
}

function own(what: string, read: Value = written): ReadMatch {
  return (match, words, word) => set(match, word, read(words.value(word, what)))
}

function ofIp(what: string, read: Value = written): ReadMatch {
  return (match, words, word) => set(under(match, 'ip'), word, read(words.value(word, what)))
}

/** A word that has a meaning behind another one only. */
function part(behind: string, what: string, read: Value = written): ReadMatch {
  return (match, words, word) => {
    if (match[behind] === undefined) throw invalid(`${word} stands behind ${behind}`)
    set(under(match, behind), word, read(words.value(word, what)))
  }
}

/** A MAC address is the frame's, an IP address the packet's. */
function readAddress(match: Tree, words: Words, word: string): void {
  const address = words.value(word, 'a MAC or IP address')
  set(MAC.test(address) ? match : under(match, 'ip'), word, address)
}

const VERSIONS: Readonly<Record<string, number>> = { ip: 4, ip6: 6 }

function readVersion(match: Tree, _: Words, word: string): void {
  const ip = under(match, 'ip')
  if (VERSIONS[word] !== undefined) set(ip, 'version', VERSIONS[word])
}

function protocol(match: Tree, _: Words, word: string): void {
  set(match, word, {})
}

function readPort(match: Tree, words: Words, word: string): void {
  const ports = (match.tcp ?? match.udp) as Tree | undefined
  if (ports === undefined) throw invalid(`${word} stands behind tcp or udp`)
  set(ports, word, range(words.value(word, 'a port or a range like 1000-2000')))
}

/** How these words call an attribute of a rule: `match.udp.dport` is `dport`. */
export function ruleWord(attribute: string): string {
  const part = IMPAIRED.exec(attribute)?.[1]
  if (part !== undefined) return impairWord(part)
  const last = attribute.slice(attribute.lastIndexOf('.') + 1)
  return OTHERWISE[last] ?? last
}

/** What an impairment has, of the parts of an action. */
const IMPAIRED = /\baction\.(?!(?:kind|ms|copies|offset|mask|bits)\b)(.+)$/

const OTHERWISE: Readonly<Record<string, string>> = {
  ...{ ms: 'delay', copies: 'duplicate', offset: 'at' },
  ...{ id: 'vlan', min: 'length', max: 'length' },
}

/** The words back: parsed again, they make the same rule. */
export function formatRule({ action, match }: NormalRule): string {
  return [...actionWords(action), ...matchWords(match)].join(' ')
}

function actionWords(action: ActionPlan): string[] {
  switch (action.kind) {
    case 'drop':
      return ['drop']
    case 'delay':
      return ['delay', formatTime(action.ms)]
    case 'duplicate':
      return ['duplicate', ...(action.copies === 1 ? [] : [String(action.copies)])]
    case 'corrupt':
      return ['corrupt', ...pair('at', action.offset), ...corruptWords(action)]
    case 'impair':
      return ['impair', partWords(action)]
  }
}

/** `seed 0` alone is what one that does nothing has. */
function partWords({ kind: _, ...plan }: Extract<ActionPlan, { kind: 'impair' }>): string {
  const words = formatImpair(plan)
  return words === 'seed 0' ? 'none' : words
}

function corruptWords(action: CorruptPlan): string[] {
  if ('mask' in action) return pair('mask', action.mask, (mask) => `0x${mask.toString(16)}`)
  return [...pair('bits', action.bits === 1 ? undefined : action.bits), ...pair('seed', action.seed)]
}

function matchWords(match: NormalMatch): string[] {
  const { ethertype, src, dst, vlan, ip, arp, tcp, udp, icmp, bytes, length, nth, every, first } = match
  return [
    ...pair('ethertype', ethertype, (type) => nameOf(ETHERTYPES, type)),
    ...pair('src', src),
    ...pair('dst', dst),
    ...(vlan ? ['vlan', String(vlan.id ?? 'any'), ...pair('pcp', vlan.pcp)] : []),
    ...(ip ? ipWords(ip) : []),
    ...(arp ? ['arp', ...pair('op', arp.op, (op) => nameOf(ARP_OPS, op))] : []),
    ...(tcp ? ['tcp', ...portWords(tcp), ...pair('flags', tcp.flags)] : []),
    ...(udp ? ['udp', ...portWords(udp)] : []),
    ...(icmp ? ['icmp', ...pair('type', icmp.type), ...pair('code', icmp.code)] : []),
    ...(bytes ?? []).flatMap(([offset, mask, value]) => ['bytes', `${offset}:0x${mask}:0x${value}`]),
    ...pair('length', length, lengthWord),
    ...pair('nth', nth),
    ...pair('every', every),
    ...pair('first', first),
  ]
}

function ipWords(ip: NonNullable<NormalMatch['ip']>): string[] {
  const { version, fragment } = ip
  return [
    version === undefined ? 'inet' : version === 4 ? 'ip' : 'ip6',
    ...pair('src', ip.src),
    ...pair('dst', ip.dst),
    ...pair('proto', ip.proto, (number) => nameOf(PROTOCOLS, number)),
    ...pair('ttl', ip.ttl, rangeWord),
    ...pair('dscp', ip.dscp),
    ...(fragment === undefined ? [] : [fragment ? 'fragment' : 'whole']),
  ]
}

function portWords(ports: Ports): string[] {
  return (['sport', 'dport', 'port'] as const).flatMap((key) => pair(key, ports[key], rangeWord))
}

function lengthWord({ min, max }: { min?: number; max?: number }): string {
  return min === max ? String(min) : `${min ?? ''}-${max ?? ''}`
}

function rangeWord(span: Span): string {
  return typeof span === 'number' ? String(span) : span.join('-')
}

/** Keyword and value; nothing where there is no value. */
function pair<T>(keyword: string, value: T | undefined, format: (value: T) => string = String): string[] {
  return value === undefined ? [] : [keyword, format(value)]
}
