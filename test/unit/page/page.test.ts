// The parts of the page of `uveth web` that need no browser: what it reads, rates, places in the picture, texts and knobs.
// The page itself is in integration/728-web.

import { describe, expect, expectTypeOf, test } from 'vitest'
import type { Counted, PairView as DaemonsPair } from '../../../src/contract/ops.js'
import { impairText, KNOBS, type Knob, orderedText, rateText, stopOf } from '../../../src/page/knobs.js'
import { layoutOf } from '../../../src/page/layout.js'
import { dropsOf, History, KEPT, ratesOf } from '../../../src/page/rates.js'
import { bitsText, eventText, short } from '../../../src/page/text.js'
import { type Counts, nameIn, type PairView, placeOf, refOf } from '../../../src/page/views.js'

const INODES: Record<string, number> = {}

function end(text: string): PairView['a'] {
  const [name = '', place = ''] = text.split('@')
  INODES[place] ??= Object.keys(INODES).length + 1
  const netns = place === '' ? null : place
  return { name, netns, netnsInode: INODES[place], up: true, mtu: 1500, impair: null, rules: [] }
}

/** `eth0@left eth0@right` */
function pair(text: string, id = text): PairView {
  const [a = '', b = ''] = text.split(' ')
  return { id, carrier: true, carrierMode: 'auto', a: end(a), b: end(b) }
}

test('what the page reads is what the daemon answers', () => {
  expectTypeOf<DaemonsPair>().toExtend<PairView>()
  expectTypeOf<Counted['pairs'][number]['a']['tx_bytes']>().toEqualTypeOf<Counts['a']['tx_bytes']>()
  expectTypeOf<Omit<Counted['pairs'][number], 'carrier'>>().toExtend<{ id: string } & Counts>()
})

test('an end is named exactly', () => {
  const one = pair('eth0@left eth0@right')
  expect(refOf(one.b)).toBe(`eth0@net:[${one.b.netnsInode}]`)
  expect([placeOf(end('x')), placeOf(end('x@left'))]).toEqual(['home', 'left'])
  expect([nameIn(one, 'a'), nameIn(pair('x y'), 'a')]).toEqual(['eth0 @ left', 'x'])
})

describe('rates', () => {
  const counts = (tx_bytes: number, tx_packets = 0, drops = {}): Counts => ({
    a: { tx_bytes, tx_packets, drops },
    b: { tx_bytes: 0, tx_packets: 0, drops: {} },
  })

  test('are of the time between two countings', () => {
    const before = { at: 1000, counts: counts(100, 1, { loss: 1 }) }
    const after = { at: 3000, counts: counts(1100, 5, { loss: 2, queue: 5 }) }
    expect(ratesOf(before, after)).toEqual({
      a: { bits: 4000, frames: 2, drops: 3 },
      b: { bits: 0, frames: 0, drops: 0 },
    })
    expect(dropsOf(after.counts.a)).toBe(7)
  })

  test('a counter that went back, or no time at all, is no rate', () => {
    const [one, other] = [
      { at: 1000, counts: counts(100) },
      { at: 2000, counts: counts(5) },
    ]
    expect(ratesOf(one, other).a.bits).toBe(0)
    expect(ratesOf(one, { ...one, counts: counts(900) }).a.bits).toBe(0)
  })

  test('the last minutes are kept, and no more', () => {
    const history = new History()
    expect(history.now.a.bits).toBe(0)
    for (let at = 0; at < KEPT + 20; at++) history.add({ at: at * 1000, counts: counts(at * 125) })
    expect(history.rates).toHaveLength(KEPT)
    expect(history.now.a.bits).toBe(1000)
  })
})

describe('the picture', () => {
  const overlapping = ({ boxes }: ReturnType<typeof layoutOf>) =>
    boxes.some((one, at) =>
      boxes
        .slice(at + 1)
        .some(
          (other) =>
            one.x < other.x + other.width &&
            other.x < one.x + one.width &&
            one.y < other.y + other.height &&
            other.y < one.y + one.height,
        ),
    )

  test('of nothing', () => {
    expect(layoutOf([])).toMatchObject({ boxes: [], cables: [] })
  })

  test('a box for each namespace, a plug for each end, a cable for each pair', () => {
    const layout = layoutOf([pair('eth0@left eth0@router'), pair('eth1@router eth0@right'), pair('x y')])
    expect(layout.boxes.map(({ name, plugs }) => [name, plugs.map((plug) => plug.name)])).toEqual([
      ['home', ['x', 'y']],
      ['left', ['eth0']],
      ['router', ['eth1', 'eth0']],
      ['right', ['eth0']],
    ])
    expect(layout.cables.map(({ from, to }) => [from.facing, to.facing])).toEqual([
      ['right', 'left'],
      ['right', 'left'],
      ['right', 'right'],
    ])
    expect(overlapping(layout)).toBe(false)
  })

  test('a tunnel leads to a box of its host, with one plug for each', () => {
    const to = (remote: string, id: number): PairView['b'] => ({
      ...end(`vxlan${id}:${remote}`),
      vxlan: { id, remote },
    })
    const layout = layoutOf([
      { ...pair('t0 x'), b: to('2001:db8::1', 42) },
      { ...pair('t1 x'), b: to('2001:db8::1', 43) },
      { ...pair('t2 x'), b: to('192.0.2.1', 42) },
    ])
    expect(layout.boxes.map(({ name, far, plugs }) => [name, far, plugs.map((plug) => plug.name)])).toEqual([
      ['2001:db8::1', true, ['vxlan 42', 'vxlan 43']],
      ['home', false, ['t0', 't1', 't2']],
      ['192.0.2.1', true, ['vxlan 42']],
    ])
    for (const { from, to } of layout.cables) expect(from.facing).not.toBe(to.facing)
  })

  test('the middle of a star is in the middle, a chain is a chain', () => {
    const columns = (...pairs: string[]) => {
      const { boxes } = layoutOf(pairs.map((text) => pair(text)))
      return [...new Set(boxes.map(({ x }) => x))].map((x) =>
        boxes.filter((box) => box.x === x).map(({ name }) => name),
      )
    }
    expect(columns('a@m a@1', 'b@m b@2', 'c@m c@3')).toEqual([['1'], ['m'], ['2', '3']])
    expect(columns('a@1 a@2', 'b@2 b@3', 'c@3 c@4')).toEqual([['1'], ['2'], ['3'], ['4']])
  })

  test('columns come closer where there is little room, as far as cables can be seen', () => {
    const chain = ['a@1 a@2', 'b@2 b@3', 'c@3 c@4'].map((text) => pair(text))
    expect(layoutOf(chain, 800).width).toBeLessThanOrEqual(800)
    expect(layoutOf(chain, 100)).toMatchObject({ width: layoutOf(chain, 300).width })
    expect(overlapping(layoutOf(chain, 100))).toBe(false)
    expect(layoutOf(chain, 5000)).toEqual(layoutOf(chain))
  })

  test.each([
    ['in one namespace', ''],
    ['in a hundred', 'n'],
  ])('a hundred pairs %s fit, the same each time', (_, place) => {
    const pairs = Array.from({ length: 100 }, (_, at) =>
      pair(place === '' ? `a${at} b${at}` : `a${at}@hub b${at}@${place}${at}`),
    )
    const layout = layoutOf(pairs)
    expect(overlapping(layout)).toBe(false)
    expect(layoutOf(pairs)).toEqual(layout)
    for (const { plugs, x, y, width, height } of layout.boxes)
      for (const plug of plugs) {
        expect([x, x + width]).toContain(plug.x)
        expect(plug.y > y && plug.y < y + height).toBe(true)
      }
    for (const { middle } of layout.cables) expect(middle.x > 0 && middle.x < layout.width).toBe(true)
  })
})

test.each([
  [0, '0'],
  [0.25, '0.3'],
  [999, '999'],
  [999.6, '1.00k'],
  [12_345, '12.3k'],
  [1_254_000, '1.25M'],
  [999_900_000, '1.00G'],
  [5e15, '5000T'],
])('%d is written as %s', (value, text) => {
  expect(short(value)).toBe(text)
})

test('rates have their unit', () => {
  expect([bitsText(0), bitsText(1500), bitsText(2e9)]).toEqual(['0 bit/s', '1.50 kbit/s', '2.00 Gbit/s'])
})

test.each([
  [{ event: 'added', id: 'x', a: { name: 'veth0' }, b: 'veth1' }, 'veth0 ⇄ veth1'],
  [{ event: 'carrier', id: 'x', on: false }, 'off'],
  [{ event: 'renamed', id: 'x', end: 'a', previous: 'veth0', name: 'lan0' }, 'veth0 is now lan0'],
  [{ event: 'moved', id: 'x', end: 'a', name: 'veth0', netns: null }, 'veth0 is now in home'],
  [{ event: 'removed', id: 'x', reason: 'deleted' }, 'deleted'],
  [
    {
      event: 'state',
      id: 'x',
      name: 'veth0',
      before: { up: false, mtu: 1500 },
      after: { up: true, mtu: 1400 },
    },
    'veth0: down → up, mtu 1500 → 1400',
  ],
  [
    { event: 'changed', id: 'x', change: { carrier: 'off', b: { impair: { delay: { time: 5 }, seed: 1 } } } },
    'carrier off, end b: impair delay 5ms',
  ],
  [{ event: 'lost', count: 3 }, '3 events, which were not read in time'],
  [{ event: 'news', id: 'x', of: 1 }, '{"of":1}'],
])('%o', (event, text) => {
  expect(eventText(event)).toBe(text)
})

describe('knobs', () => {
  const knob = (name: string) => KNOBS.find((one) => one.name === name) as Knob

  test.each([
    ['delay', '10', '10ms'],
    ['delay', ' 5us ', '5us'],
    ['delay', '0', null],
    ['delay', '0ms', null],
    ['delay', '', null],
    ['delay', 'soon', 'soon'],
    ['loss', '1.5', '1.5%'],
    ['rate', '5000', '5000'],
    ['rate', '10mbit', '10mbit'],
  ])('%s: %s is ordered as %s', (name, text, ordered) => {
    expect(orderedText(text, knob(name))).toBe(ordered)
  })

  test('the patch of a text removes what stands in its way', () => {
    expect(knob('delay').patch('10ms', {})).toEqual({ delay: { time: '10ms' } })
    expect(knob('jitter').patch(null, {})).toEqual({ delay: { jitter: null } })
    expect(knob('loss').patch('1%', { loss: { gemodel: {} } })).toEqual({
      loss: { gemodel: null, random: '1%' },
    })
    expect(knob('rate').patch('1mbit', { rate: { trace: {} } })).toEqual({
      rate: { trace: null, rate: '1mbit' },
    })
    expect(knob('reorder').patch(null, {})).toEqual({ reorder: null })
  })

  test('what is in force is shown, and the slider stands at its nearest place', () => {
    const impair = {
      delay: { time: 12, jitter: 3 },
      loss: { random: 1 },
      rate: { rate: 10e6 },
      corrupt: { probability: 100 },
    }
    const shown = KNOBS.map((one) => {
      const value = one.read(impair)
      return [one.name, value === undefined ? '' : one.show(value), one.stops[stopOf(value, one)]]
    })
    expect(shown).toEqual([
      ['delay', '12ms', '10ms'],
      ['jitter', '3ms', '2ms'],
      ['loss', '1%', '1%'],
      ['rate', '10mbit', '10mbit'],
      ['duplicate', '', ''],
      ['corrupt', '100%', '100%'],
      ['reorder', '', ''],
    ])
  })

  test('an event says it shortly', () => {
    expect(impairText(null)).toBe('none')
    const all = {
      delay: { time: 10, jitter: 2 },
      loss: { gemodel: {} },
      corrupt: { probability: 1 },
      slot: {},
      seed: 3,
    }
    expect(impairText(all)).toBe('delay 10ms jitter 2ms loss … corrupt 1% slot …')
  })

  test('every place of a slider is what it says', () => {
    for (const one of KNOBS)
      for (const [at, stop] of one.stops.entries()) {
        const scale = { k: 1e3, m: 1e6, g: 1e9 }[/([kmg])bit$/.exec(stop)?.[1] ?? ''] ?? 1
        if (at > 0) expect([one.name, stopOf(Number.parseFloat(stop) * scale, one)]).toEqual([one.name, at])
      }
  })

  test.each([
    [1e9, '1gbit'],
    [1.5e6, '1.5mbit'],
    [64_000, '64kbit'],
    [1_234_567, '1234.567kbit'],
    [12, '12bit'],
  ])('%d bit/s are %s', (bits, text) => {
    expect(rateText(bits)).toBe(text)
  })
})
