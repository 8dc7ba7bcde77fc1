// A lab as a file: what is refused, what a plan has, and the actions by which what there is becomes it.

import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { parseRuleWords } from '../../../src/faults/rule-words.js'
import { planSchedule } from '../../../src/faults/schedule-plan.js'
import {
  applyActions,
  destroyActions,
  type Present,
  type PresentEnd,
} from '../../../src/labs/file-actions.js'
import { planFile } from '../../../src/labs/file-plan.js'
import { LAB_FILE } from '../../../src/wishes/lab-file.js'

type Link = Record<string, unknown>
const BRIEF: Link = { endpoints: ['left:eth1', 'right:eth1'] }

function file(link: Link = BRIEF, nodes: object = { left: null, right: null }): object {
  return { name: 'lab', topology: { nodes, links: [link] } }
}

function extended(of: Link): Link {
  return { type: 'veth', endpoints: [{ node: 'left', interface: 'eth1', ...of }, 'right:eth1'] }
}

const PULLED = [{ at: '5s', carrier: 'off' }]
const TRAIN = {
  steps: [{ at: 0, impair: 'loss 1%' }, ...PULLED],
  repeat: true,
  period: '9s',
}
const train = (seed: number) =>
  planSchedule({ ...TRAIN, steps: [{ at: 0, impair: { loss: 1, seed } }, ...PULLED] }, '')

describe('refused', () => {
  test.each([
    [{}, 'name is missing'],
    [
      { ...file(), name: 'a lab' },
      'name must be 1 to 16 letters, digits, "_" and "-", the first one a letter',
    ],
    [
      file(BRIEF, { left: { kind: 'linux' } }),
      'unknown attribute topology.nodes.left.kind: there are netns, container',
    ],
    [file(BRIEF, { left: { netns: 'x', container: 'y' } }), 'topology.nodes.left takes netns or container'],
    [
      file(BRIEF, { host: null }),
      'topology.nodes.host: host is where the order is given, and is not described',
    ],
    [
      file({ endpoints: ['left:eth1', 'far:eth1'] }),
      'topology.links.0.endpoints.1: there is no node far, only left, right, host',
    ],
    [
      file({ endpoints: ['left:eth1', 'left:eth1'] }),
      'topology.links.0.endpoints.1: left:eth1 is an end of link 0 already',
    ],
    [file({ endpoints: ['left'] }), 'topology.links.0.endpoints must be two endpoints, not an array'],
    [
      file({ endpoints: ['left', 'right:eth1'] }),
      'topology.links.0.endpoints.0 must be "NODE:INTERFACE" or an object with node and interface, not "left"',
    ],
    [
      file({ endpoints: ['left:eth%d', 'right:eth1'] }),
      'topology.links.0.endpoints.0: an interface of a file has its whole name, not eth%d',
    ],
    [file({ ...BRIEF, type: 'macvlan' }), 'topology.links.0.type must be one of veth, not "macvlan"'],
    [file({ ...BRIEF, mtu: 13 }), 'topology.links.0.mtu must be a whole number from 68 to 65521, not 13'],
    [
      file({ ...BRIEF, impair: 'delai 5ms' }),
      'topology.links.0.impair: what is "delai"? Here may stand limit,',
    ],
    [
      file({ ...BRIEF, impair: 'loss 200%' }),
      'topology.links.0.impair.loss.random must be a number of percent',
    ],
    [file({ ...BRIEF, impair: { delay: '5' } }), 'topology.links.0.impair.delay.time must be a time'],
    [
      file({ ...BRIEF, rules: ['drop', 'drop udp dport 70000'] }),
      'topology.links.0.rules.1.match.udp.dport must be',
    ],
    [file(extended({ mac: '01:00:00:00:00:01' })), 'topology.links.0.endpoints.0.mac must be a MAC address'],
    [
      file(extended({ ipv4: '10.0.0.1' })),
      'topology.links.0.endpoints.0.ipv4 must be an address like 10.0.0.1/24',
    ],
    [
      file(extended({ schedule: [{ at: '5s', impair: 'delai 5ms' }] })),
      'topology.links.0.endpoints.0.schedule.steps.0.impair: what is "delai"?',
    ],
    [
      file({ endpoints: ['left', 'right'].map((node) => ({ node, interface: 'x', schedule: PULLED })) }),
      'topology.links.0.endpoints.1.schedule: carrier is of both ends, and the schedule of the other one sets it',
    ],
    [file(extended({ rules: ['drop nth'] })), 'topology.links.0.endpoints.0.rules.0: nth is not complete'],
  ])('%j: %s', (wish, sentence) => {
    expect(() => planFile(wish)).toThrow(sentence)
  })
})

test('what an endpoint says of faults goes over what its link says, in words or as objects', () => {
  const own = {
    ...extended({ impair: 'loss 5% seed 3', up: false }),
    impair: { delay: 5 },
    rules: ['drop arp'],
  }
  const [link] = planFile(file(own)).links
  expect(link).toMatchObject({
    id: 'lab:left:eth1',
    a: { node: 'left', name: 'eth1', up: false, mtu: 1500, impair: { loss: { random: 5 }, seed: 3 } },
    b: { node: 'right', up: true, impair: { delay: 5 }, rules: [{ action: { kind: 'drop' } }] },
  })
})

test('the JSON Schema takes what is taken', () => {
  const validate = new Ajv2020({ strict: false, formats: { ipv4: true, ipv6: true } }).compile(
    LAB_FILE.schema,
  )
  const brief = { ...BRIEF, mtu: 1400, impair: { delay: '10ms' }, rules: ['drop arp'], labels: { a: 1 } }
  for (const link of [BRIEF, brief, extended({ ipv6: 'fd00::1/64', impair: 'delay 1ms' })])
    expect(validate(file(link)), JSON.stringify(validate.errors)).toBe(true)
  for (const link of [{}, { endpoints: ['left'] }, { ...BRIEF, mtu: 1 }, { ...BRIEF, color: 'red' }])
    expect(validate(file(link))).toBe(false)
})

const PLACES = new Map([
  ['left', 1],
  ['right', 2],
  ['host', 9],
])

/** As `planFile(file())` makes it. */
function there(a: Partial<PresentEnd> = {}, more: Partial<Present> = {}): Present {
  const end = (inode: number): PresentEnd => ({
    ...{ name: 'eth1', inode, address: '02:00:00:00:00:01', mtu: 1500, up: true, txQueueLength: 8192 },
    ...{ addresses: ['fe80::1/64'], impair: null, rules: [], schedule: null },
  })
  const pair = { id: 'lab:left:eth1', queues: 1, a: { ...end(1), ...a }, b: end(2) }
  return { namespaces: ['lab-left', 'lab-right'], places: PLACES, pairs: [pair], ...more }
}

const traced = (times: number[]) => ({ rate: { trace: { times, name: 'x' } }, seed: 1 })
const LOSS = planImpair({ loss: 1, seed: 7 }, '')
const normalOf = (words: string) => {
  const { action, match } = planRule(parseRuleWords(words.split(' ')), '')
  return { action, match: match.normal }
}
const CORRUPT = () => normalOf('corrupt seed 5')

describe('actions', () => {
  const lines = (link: Link, present: Present) =>
    applyActions(planFile(file(link)), present).map(({ line }) => line)

  test('nothing is there: all is made; all is there: nothing', () => {
    const none = { namespaces: [], places: new Map(), pairs: [] }
    expect(lines(BRIEF, none)).toEqual([
      '+ netns lab-left',
      '+ netns lab-right',
      '+ link left:eth1 right:eth1',
    ])
    expect(lines(BRIEF, there())).toEqual([])
    expect(destroyActions(there()).map(({ line }) => line)).toEqual([
      '- link lab:left:eth1',
      '- netns lab-left',
      '- netns lab-right',
    ])
  })

  test.each<[string, Link, Partial<PresentEnd>, string[]]>([
    ['mtu', { ...BRIEF, mtu: 1500 }, { mtu: 1400 }, ['~ left:eth1 mtu 1400 -> 1500']],
    ['a name', BRIEF, { name: 'eth7' }, ['~ left:eth1 name eth7 -> eth1']],
    ['down', BRIEF, { up: false }, ['~ left:eth1 up']],
    [
      'elsewhere',
      extended({ ipv4: '10.0.0.1/8' }),
      { inode: 5, addresses: ['10.0.0.1/8'] },
      ['~ left:eth1 moved to left, address 10.0.0.1/8'],
    ],
    ['an address', extended({ ipv4: '10.0.0.1/8' }), {}, ['~ left:eth1 address 10.0.0.1/8']],
    [
      'an address that is there',
      extended({ ipv4: '10.0.0.1/8' }),
      { addresses: ['10.0.0.1/8', '10.0.0.2/8'] },
      [],
    ],
    [
      'a MAC address',
      extended({ mac: '02:00:00:00:00:0A' }),
      {},
      ['~ left:eth1 mac 02:00:00:00:00:01 -> 02:00:00:00:00:0A'],
    ],
    ['the same MAC address', extended({ mac: '02:00:00:00:00:01' }), {}, []],
    ['a queue length that is not said', BRIEF, { txQueueLength: 5 }, []],
    ['no impairment', extended({ impair: 'loss 1%' }), {}, ['~ left:eth1 impair none -> loss 1%']],
    ['the same one, drawn', extended({ impair: 'loss 1%' }), { impair: LOSS }, []],
    [
      'another seed',
      extended({ impair: 'loss 1% seed 8' }),
      { impair: LOSS },
      ['~ left:eth1 impair loss 1% seed 7 -> loss 1% seed 8'],
    ],
    ['the same trace', extended({ impair: traced([1, 2]) }), { impair: planImpair(traced([1, 2]), '') }, []],
    [
      'another trace of the same name',
      extended({ impair: traced([1, 3]) }),
      { impair: planImpair(traced([1, 2]), '') },
      ['~ left:eth1 impair rate trace x seed 1 -> rate trace x seed 1'],
    ],
    ['one too many', BRIEF, { impair: LOSS }, ['~ left:eth1 impair loss 1% seed 7 -> none']],
    [
      'rules',
      extended({ rules: ['corrupt', 'drop arp'] }),
      { rules: [CORRUPT()] },
      ['~ left:eth1 rules corrupt seed 5 -> corrupt seed 5; drop arp'],
    ],
    [
      'a rule that impairs, with the seed that there is',
      extended({ rules: ['impair loss 1% udp', 'arp impair none'] }),
      { rules: [normalOf('impair loss 1% seed 5 udp')] },
      ['~ left:eth1 rules impair loss 1% seed 5 udp -> impair loss 1% seed 5 udp; impair none arp'],
    ],
    [
      'the same rules',
      extended({ rules: ['impair loss 1% udp', 'impair none arp'] }),
      { rules: [normalOf('impair loss 1% seed 5 udp'), normalOf('impair none arp')] },
      [],
    ],
    ['a schedule', extended({ schedule: TRAIN }), {}, ['~ left:eth1 schedule none -> 2 steps, period 9s']],
    [
      'the same schedule, drawn; the impairment is what its step has set',
      extended({ schedule: TRAIN }),
      { schedule: train(7), impair: LOSS },
      [],
    ],
    [
      'a schedule too many, and what it has set',
      BRIEF,
      { schedule: train(7), impair: LOSS },
      ['~ left:eth1 schedule 2 steps, period 9s -> none', '~ left:eth1 impair loss 1% seed 7 -> none'],
    ],
    [
      'a schedule of carrier alone leaves the impairment',
      extended({ schedule: PULLED, impair: 'loss 1%' }),
      { schedule: train(7), impair: LOSS },
      ['~ left:eth1 schedule 2 steps, period 9s -> 1 step'],
    ],
    ['the same rule', extended({ rules: ['corrupt'] }), { rules: [CORRUPT()] }, []],
  ])('%s', (_, link, a, expected) => {
    expect(lines(link, there(a))).toEqual(expected)
  })

  test('queues are chosen when a pair is made: it is made anew', () => {
    expect(lines({ ...BRIEF, queues: 2 }, there())).toEqual([
      '- link lab:left:eth1',
      '+ link left:eth1 right:eth1',
    ])
  })

  test('what the file no longer has goes: pairs first, namespaces last', () => {
    const present = there({}, { namespaces: ['lab-left', 'lab-old', 'lab-right'] })
    const gone = {
      ...present,
      pairs: [...present.pairs, { ...present.pairs[0], id: 'lab:old:eth1' }],
    } as Present
    expect(lines(BRIEF, gone)).toEqual(['- link lab:old:eth1', '- netns lab-old'])
  })
})
