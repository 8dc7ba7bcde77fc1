// What is typed: impairments, rules, the grammars of link and of ip, batches, values. Refused in one sentence, or
// read; and what is read can be written and read again.

import assert from 'node:assert/strict'
import { parseFault } from '../../../src/cli/link/faults.js'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { formatImpair, IMPAIR_WORDS, parseImpairWords } from '../../../src/faults/impair-words.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { ACTION_WORDS, formatRule, MATCH_WORDS, parseRuleWords } from '../../../src/faults/rule-words.js'
import * as address from '../../../src/frame/address.js'
import { formatMac, parseMac } from '../../../src/frame/mac.js'
import { splitWords } from '../../../src/iproute/batch-lines.js'
import * as grammar from '../../../src/iproute/grammar.js'
import { ipOrder, parseVeth, readLine } from '../../../src/iproute/ip-line.js'
import * as units from '../../../src/wishes/units.js'
import { refusing } from '../allow.js'
import type { Target } from '../fuzz.js'

const wordsOf = (input: Uint8Array) => Buffer.from(input).toString().split(' ')

export const impair: Target = {
  name: 'impair-words',
  kind: 'words',
  about: /src\/(faults\/impair|wishes\/(impair|units))/,
  seeds: [
    'delay 10ms 2ms 25% distribution normal loss 1% rate 10mbit burst 32kb',
    'loss gemodel 1% 10% 70% 0.1% reorder 25% 50% gap 5 delay 1ms',
    'loss state 1% 2% 3% 4% 5% corrupt 1% duplicate 2% 3% seed 7 limit 100',
    'slot 10ms 20ms packets 3 bytes 32kb rate 1gbit 10 4 -2',
    'slot distribution pareto 1ms 2ms latency 3us drop random 1',
  ],
  words: [
    ...IMPAIR_WORDS,
    'random',
    'gemodel',
    'state',
    'uniform',
    'normal',
    'packets',
    'bytes',
    '10ms',
    '1%',
    '1kbit',
    '3s',
  ],
  run(input) {
    const plan = refusing(() => planImpair(parseImpairWords(wordsOf(input)), 'impair'), 'EINVAL')
    if (plan === undefined) return
    assert.deepEqual(planImpair(parseImpairWords(formatImpair(plan).split(' ')), 'impair'), plan)
    assert.deepEqual(planImpair(JSON.parse(JSON.stringify(plan)), 'impair'), plan)
  },
}

export const rule: Target = {
  name: 'rule-words',
  kind: 'words',
  about: /src\/(faults\/(rule|match)|wishes\/(rule|match|names))/,
  seeds: [
    'drop ip src 10.0.0.0/8 udp dport 53 nth 3',
    'delay 10ms tcp sport 1-1024 flags syn,!ack',
    'corrupt at 14 mask 0xff bits 3 seed 7 arp op reply',
    'duplicate 3 ethertype ip6 icmp type 128 code 0 every 7',
    'drop vlan any pcp 3 length -128 first 9 bytes 14:0xff00:0x4500 src 02:00:00:00:00:01',
    'corrupt inet proto tcp ttl 1-64 dscp 46 fragment',
  ],
  words: [...ACTION_WORDS, ...MATCH_WORDS, 'any', 'request', '::1/64', '0x86dd', '1-2', '12:0xff:0x00'],
  run(input) {
    const plan = refusing(() => planRule(parseRuleWords(wordsOf(input)), 'rule'), 'EINVAL')
    if (plan === undefined) return
    const { action, match } = plan
    const text = formatRule({ action, match: match.normal } as Parameters<typeof formatRule>[0])
    assert.deepEqual(planRule(parseRuleWords(text.split(' ')), 'rule'), plan)
    assert.deepEqual(planRule(JSON.parse(JSON.stringify({ action, match: match.normal })), 'rule'), plan)
  },
}

const netnsOf = (text: string) => (/^\d+$/.test(text) ? Number(text) : text)
const PARSERS = [
  (words: string[]) => grammar.parseAdd(words, netnsOf),
  (words: string[]) => grammar.parseSet(words, netnsOf),
  (words: string[]) => grammar.parseDel(words, netnsOf),
  (words: string[]) => parseVeth(words, netnsOf),
  grammar.parseShow,
  grammar.parseShort,
  ([word]: string[]) => grammar.readSubverb(word),
  parseFault,
]

export const command: Target = {
  name: 'command-words',
  kind: 'words',
  about: /src\/(iproute\/|cli\/link\/faults)/,
  seeds: [
    'v0 address 02:00:00:00:00:01 mtu 1500 type veth peer name v1 netns red',
    'dev v0 up mtu 9000 name v2 netns 1 txqueuelen 100 carrier off',
    'name v0 index 7 numtxqueues 4 numrxqueues 2 type veth queues 4 quiet id x peer v1',
    'v0 impair delay 10ms',
    'v0 rule add drop arp',
    'v0 rule del 3',
    'v0 flap 200ms 3',
    '-4 -json -netns red -batch - link add v0 type veth peer v1',
    'v0 "a b" \'c\'',
  ],
  words: [
    'dev',
    'name',
    'type',
    'veth',
    'peer',
    'netns',
    'mtu',
    'up',
    'down',
    'carrier',
    'on',
    'address',
    'index',
    'alias',
    'group',
    'master',
    'arp',
    'link',
    'add',
    'rule',
    'impair',
    'show',
    '"',
    "'",
    '\\',
  ],
  run(input) {
    const words = wordsOf(input)
    for (const parse of PARSERS) refusing(() => parse(words))
    const line = refusing(() => readLine('ip', words))
    if (line !== undefined) ipOrder(line.words)
    const text = Buffer.from(input).toString()
    const split = refusing(() => splitWords(text))
    if (split !== undefined) assert.ok(split.every((word) => text.includes(word)))
  },
}

/** Read, written, read again. */
function roundTrip<T>(
  text: string,
  parse: (text: string) => T | undefined,
  format: (value: T) => string,
): void {
  const value = parse(text)
  if (value !== undefined) assert.deepEqual(parse(format(value)), value, text)
}

export const values: Target = {
  name: 'values',
  kind: 'words',
  about: /src\/(frame\/(address|mac)|wishes\/units)/,
  seeds: [
    '10.0.0.1/24',
    '2001:db8::1/64',
    '::ffff:1.2.3.4',
    '02:00:00:00:00:01',
    '10ms',
    '1.5s',
    '0.1%',
    '10mbit',
    '3gibps',
    '32kb',
    '1e-3us',
  ],
  words: ['s', 'ms', 'us', 'ns', '%', 'kbit', 'tibps', 'gb', '::', '/', '.', 'e-9', '1e308'],
  run(input) {
    const text = Buffer.from(input).toString()
    roundTrip(text, address.parseAddress, address.formatAddress)
    roundTrip(text, address.parsePrefix, address.formatPrefix)
    roundTrip(text, address.parseCidr, address.formatCidr)
    roundTrip(text, parseMac, formatMac)
    roundTrip(text, units.parseTime, units.formatTime)
    roundTrip(text, units.parsePercent, units.formatPercent)
    roundTrip(text, units.parseRate, units.formatRate)
    roundTrip(text, units.parseSize, units.formatSize)
  },
}
