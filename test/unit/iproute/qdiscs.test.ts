// What `tc` lines mean on one of our ends: src/iproute/tc-line.ts, qdiscs.ts and qdisc-text.ts. The lines are those that
// Mininet's TCLink, Chaos Mesh, Pumba and lab scripts give (containerlab sets netem by netlink, without tc); what the
// real tc prints of tbf and htb is compared with it by the integration test.

import { describe, expect, test } from 'vitest'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { qdiscObjects } from '../../../src/iproute/qdisc-json.js'
import { classLine, qdiscLines } from '../../../src/iproute/qdisc-text.js'
import { type Chain, type Followed, follow, impairmentOf } from '../../../src/iproute/qdiscs.js'
import { readTcLine } from '../../../src/iproute/tc-line.js'

function followed(chain: Chain, text: string): Followed {
  const line = readTcLine(text.split(' '))
  return line === undefined ? { real: 'alone' } : follow(chain, line)
}

/** One after the other, each of which ours has to take. */
function chainOf(...lines: string[]): Chain {
  return lines.reduce<Chain>((chain, text) => {
    const now = followed(chain, text)
    if (!('chain' in now)) throw new Error(`${text}: ${JSON.stringify(now)}`)
    return now.chain
  }, [])
}

const add = (rest: string) => `qdisc add dev x ${rest}`
const htb = [
  'qdisc add dev x root handle 5:0 htb default 1',
  'class add dev x parent 5:0 classid 5:1 htb rate 10.000000Mbit burst 15k',
]
const netem = add('root netem delay 10ms')

describe('what scripts give means one impairment', () => {
  const bw = { rate: { rate: 1e7, burst: 15 * 1024 } }
  test.each<[by: string, lines: string[], object]>([
    ['Mininet, bw', htb, bw],
    [
      'Mininet, bw, delay, loss, max_queue_size',
      [...htb, add('parent 5:1 handle 10: netem delay 5ms 1ms loss 2.00000 limit 100')],
      { ...bw, delay: { time: 5, jitter: 1 }, loss: { random: 2 }, limit: 100 },
    ],
    ['Mininet, delay', [add('root handle 10: netem delay 5ms')], { delay: { time: 5 } }],
    [
      'Mininet, use_tbf',
      [add('root handle 5: tbf rate 10.000000Mbit burst 15000 latency 12.000000ms')],
      { rate: { rate: 1e7, burst: 15000 }, limit: 19 },
    ],
    [
      'Mininet, use_tbf and delay',
      [
        add('root handle 5: tbf rate 10.000000Mbit burst 15000 latency 1.000000ms'),
        add('parent 5:1 handle 10: netem delay 5ms limit 50'),
      ],
      { rate: { rate: 1e7, burst: 15000 }, delay: { time: 5 }, limit: 60 },
    ],
    [
      'Chaos Mesh, delay with everything',
      [
        add(
          'root handle 1: netem delay 90000 10000 25.000000 reorder 50.000000 50.000000 gap 5 limit 2000 loss 1.000000 2.000000 duplicate 3.000000 corrupt 4.000000 5.000000',
        ),
      ],
      {
        delay: { time: 90, jitter: 10, correlation: 25 },
        reorder: { probability: 50, correlation: 50, gap: 5 },
        limit: 2000,
        loss: { random: 1, correlation: 2 },
        duplicate: { probability: 3 },
        corrupt: { probability: 4, correlation: 5 },
      },
    ],
    [
      'Chaos Mesh, two in a row',
      [add('root handle 1: netem delay 50000'), add('parent 1: handle 2: netem loss 10.000000')],
      { delay: { time: 50 }, loss: { random: 10 } },
    ],
    [
      'Chaos Mesh, bandwidth',
      [add('root handle 1: tbf rate 1000000 burst 10000 limit 20000')],
      { rate: { rate: 1e6, burst: 10000 }, limit: 13 },
    ],
    [
      'Pumba',
      [add('root netem delay 100ms 10ms 20.00')],
      { delay: { time: 100, jitter: 10, correlation: 20 } },
    ],
    [
      'Pumba, rate',
      [add('root netem rate 100kbit 10 20 30')],
      { rate: { rate: 1e5, overhead: 10, cellSize: 20, cellOverhead: 30 } },
    ],
    [
      'labs, netem above tbf',
      [
        add('root handle 1:0 netem delay 20ms loss 1%'),
        add('parent 1:1 handle 10: tbf rate 20Mbit burst 10mb latency 1ms'),
      ],
      { delay: { time: 20 }, loss: { random: 1 }, rate: { rate: 2e7, burst: 10 * 2 ** 20 } },
    ],
    [
      'a class that may borrow',
      [
        'qdisc replace dev x root handle 1: htb default 12',
        'class replace dev x parent 1: classid 1:12 htb rate 1mbit ceil 2mbit',
      ],
      { rate: { rate: 2e6 } },
    ],
  ])('%s', (_, lines, wish) => {
    const impairment = impairmentOf(chainOf(...lines)) ?? {}
    expect(impairment).toEqual(wish)
    planImpair(impairment, 'impair')
  })

  test('htb alone does nothing yet', () => {
    expect(impairmentOf(chainOf(htb[0] ?? ''))).toBeNull()
  })
})

describe('what is more than one impairment is the kernel’s, with what led there', () => {
  test.each<[by: string, lines: string[], last: string]>([
    ['Pumba and Chaos Mesh, below netem', [netem], add('parent 8001: handle 2: prio bands 5')],
    ['a second delay', [netem], add('parent 8001:1 netem delay 1ms')],
    ['a second class', htb, 'class add dev x parent 5: classid 5:2 htb rate 1mbit'],
    [
      'a class that frames do not go to',
      [htb[0] ?? ''],
      'class add dev x parent 5: classid 5:10 htb rate 1mbit',
    ],
    ['RED below htb', htb, add('parent 5:1 handle 6: red limit 1000000 min 30000 max 35000 avpkt 1500')],
    [
      'a peak rate below netem',
      [netem],
      add('parent 8001:1 tbf rate 1mbit burst 10k limit 10k peakrate 2mbit mtu 1540'),
    ],
  ])('%s', (_, lines, last) => {
    expect(followed(chainOf(...lines), last)).toEqual({ real: 'hand over' })
  })

  test('the lines are kept as they were given, to add', () => {
    const chain = chainOf('qdisc replace dev x root handle 5: htb default 1', htb[1] ?? '')
    expect(chain.flatMap(({ lines }) => lines.map((words) => words.join(' ')))).toEqual([
      'qdisc add dev x root handle 5: htb default 1',
      htb[1],
    ])
  })
})

describe('what is not ours is the real tc’s', () => {
  test.each([
    add('root handle 1: prio'),
    add('root handle 5:0 hfsc default 1'),
    add('root fq_codel'),
    add('root netem'.concat(' what')),
    add('parent 1:3 handle 30: netem delay 1ms'),
    add('ingress'),
    add('clsact'),
    'qdisc del dev x root',
    'qdisc change dev x root netem delay 1ms',
    'filter add dev x parent 1: protocol ip prio 3 u32 match ip dst 10.0.0.1/32 flowid 1:3',
    'class add dev x parent 1: classid 1:1 htb rate 1mbit',
    'qdisc help',
  ])('tc %s', (line) => {
    expect(followed([], line)).toEqual({ real: 'alone' })
  })

  test('what replaces ours ends it first', () => {
    expect(followed(chainOf(netem), 'qdisc replace dev x root pfifo')).toEqual({ real: 'instead' })
  })
})

describe('later lines', () => {
  test.each<[string, string, object | null]>([
    ['qdisc change dev x root netem loss 5%', netem, { loss: { random: 5 } }],
    ['qdisc replace dev x root handle 3: netem rate 1mbit', netem, { rate: { rate: 1e6 } }],
    ['q d dev x root', netem, null],
    ['qdisc del dev x root netem', netem, null],
    ['qdisc delete dev x root handle 8001: netem', netem, null],
  ])('tc %s', (line, before, wish) => {
    expect(impairmentOf(chainOf(before, line))).toEqual(wish)
  })

  test('below others', () => {
    const delayed = [...htb, add('parent 5:1 handle 10: netem delay 5ms')]
    expect(
      impairmentOf(chainOf(...delayed, 'qdisc change dev x parent 5:1 handle 10: netem loss 1%')),
    ).toMatchObject({
      loss: { random: 1 },
      rate: { rate: 1e7 },
    })
    expect(
      impairmentOf(chainOf(...delayed, 'class change dev x parent 5: classid 5:1 htb rate 1mbit')),
    ).toEqual({
      delay: { time: 5 },
      rate: { rate: 1e6 },
    })
    expect(impairmentOf(chainOf(...delayed, 'qdisc del dev x parent 5:1 handle 10:'))).toEqual({
      rate: { rate: 1e7, burst: 15360 },
    })
    expect(chainOf(...delayed, 'qdisc del dev x root')).toEqual([])
  })

  test.each([
    [add('root netem loss 1%'), 'Exclusivity flag on, cannot modify'],
    [add('root handle 7: netem loss 1%'), 'NLM_F_REPLACE needed to override'],
    ['qdisc del dev x root handle 7:', 'Invalid handle'],
    [
      'qdisc change dev x root tbf rate 1mbit burst 10k latency 1ms',
      'Invalid qdisc name: must match existing qdisc',
    ],
  ])('tc %s is refused as by the kernel', (line, refused) => {
    expect(followed(chainOf(netem), line)).toEqual({ refused })
  })
})

describe('show', () => {
  test.each<[string, string]>([
    ['delay 10ms', 'limit 1000 delay 10ms'],
    ['delay 1.5s 2ms 25% loss 1%', 'limit 1000 delay 1.5s  2ms 25% loss 1%'],
    [
      'limit 50 loss 1% 25% duplicate 2% corrupt 0.1% 5%',
      'limit 50 loss 1% 25% duplicate 2% corrupt 0.1% 5%',
    ],
    ['delay 20us reorder 25% 50% gap 5', 'limit 1000 delay 20us reorder 25% 50% gap 5'],
    ['loss gemodel 1% 10% 70% 0.1%', 'limit 1000 loss gemodel p 1% r 10% 1-h 70% 1-k 0.1%'],
    ['loss state 1% 2% 3% 4% 5%', 'limit 1000 loss state p13 1% p31 2% p32 3% p23 4% p14 5%'],
    ['rate 10mbit 5', 'limit 1000 rate 10Mbit packetoverhead 5'],
    ['slot 10ms 20ms packets 3 bytes 32kb', 'limit 1000 slot 10ms 20ms packets 3 bytes 32768'],
  ])('netem %s', (words, shown) => {
    const chain = chainOf(add(`root netem ${words}`))
    const plan = planImpair(impairmentOf(chain), 'impair')
    expect(qdiscLines(chain, plan)).toEqual([`qdisc netem 8001: root refcnt 2 ${shown}`])
  })

  test('a chain, each as it was given', () => {
    const chain = chainOf(...htb, add('parent 5:1 handle 10: netem delay 5ms limit 100'))
    const plan = planImpair(impairmentOf(chain), 'impair')
    expect(qdiscLines(chain, plan, 'x')).toEqual([
      'qdisc htb 5: dev x root refcnt 2 r2q 10 default 0x1 direct_packets_stat 0 direct_qlen 1000',
      'qdisc netem 10: dev x parent 5:1 limit 100 delay 5ms',
    ])
    expect(classLine(chain)).toBe(
      'class htb 5:1 root leaf 10: prio 0 rate 10Mbit ceil 10Mbit burst 15Kb cburst 1600b ',
    )
  })
})

test('as JSON: seconds, bytes and parts of 1', () => {
  const of = (line: string) => {
    const chain = chainOf(line)
    return qdiscObjects(chain, planImpair(impairmentOf(chain) ?? {}, 'impair'))
  }
  const netem = { kind: 'netem', handle: '7:', root: true, refcnt: 2 }
  const none = { ecn: false, gap: 0 }
  const rest = 'duplicate 2% reorder 5% 50% gap 3 corrupt 0.1% rate 1mbit 5'
  expect(of(add(`root handle 7: netem delay 1.5ms limit 500 ${rest}`))).toEqual([
    {
      ...netem,
      options: {
        ...{ limit: 500, delay: { delay: 0.0015, jitter: 0, correlation: 0 } },
        ...{ duplicate: { duplicate: 0.02, correlation: 0 }, reorder: { reorder: 0.05, correlation: 0.5 } },
        ...{ corrupt: { corrupt: 0.001, correlation: 0 }, ecn: false, gap: 3 },
        rate: { rate: 125_000, packetoverhead: 5, cellsize: 0, celloverhead: 0 },
      },
    },
  ])
  const gemodel = { p: 0.01, r: 0.1, '1-h': 0.7, '1-k': 0 }
  expect(of(add('root handle 7: netem loss gemodel 1% 10% 70%'))).toEqual([
    { ...netem, options: { limit: 1000, 'loss-gemodel': gemodel, ...none } },
  ])
  const state = { p13: 0.01, p31: 0.99, p32: 0, p23: 1, p14: 0 }
  expect(of(add('root handle 7: netem loss state 1%'))).toEqual([
    { ...netem, options: { limit: 1000, 'loss-state': state, ...none } },
  ])
  const slot = { 'min-delay': 0.01, 'max-delay': 0.02, packets: 3, bytes: 0 }
  expect(of(add('root handle 7: netem slot 10ms 20ms packets 3'))).toMatchObject([{ options: { slot } }])
  const drawn = { distribution: 0.01, jitter: 0.002, packets: 0, bytes: 2048 }
  expect(of(add('root handle 7: netem slot distribution normal 10ms 2ms bytes 2kb'))).toMatchObject([
    { options: { slot: drawn } },
  ])
  const random = { loss: 0.01, correlation: 0 }
  expect(of(add('root handle 7: netem loss 1% ecn'))).toEqual([
    { ...netem, options: { limit: 1000, 'loss-random': random, ...none, ecn: true } },
  ])
})
