// The pages of `uveth top`, and its tables, of made-up pairs: which stand there and in which order, as wide as the
// terminal is.

import { describe, expect, test } from 'vitest'
import { orderedText, rateText, withUnit } from '../../../../src/cli/top/cells.js'
import { ordered } from '../../../../src/cli/top/order.js'
import { type Look, pageOf } from '../../../../src/cli/top/page.js'
import { jsonOf, tableOf } from '../../../../src/cli/top/plain.js'
import { FIRST, type View } from '../../../../src/cli/top/view.js'
import type { Row } from '../../../../src/cli/top/watch.js'
import { BLOCKS, widthOf } from '../../../../src/cli/top/width.js'

const rates = (bits: number, drops = {}) => ({
  bits,
  packets: bits / 1000,
  dropped: Object.values<number>(drops).reduce((sum, count) => sum + count, 0),
  drops,
})

function rowOf(id: string, a: number, drops = {}): Row {
  const end = (name: string, netns: string | null) => ({
    ...{
      name,
      netns,
      ifindex: 1,
      netnsInode: 1,
      address: '02:00:00:00:00:01',
      mtu: 1500,
      up: true,
      flags: 0,
    },
    ...{ txQueueLength: 1000, altnames: [], foreignQueues: 0, impair: null, schedule: null, rules: [] },
  })
  return {
    id,
    pair: {
      id,
      carrier: true,
      carrierMode: 'auto',
      queues: 1,
      quiet: false,
      a: end(`${id}0`, 'left'),
      b: end(`${id}1`, null),
    },
    carrier: true,
    rates: { a: rates(a, drops), b: rates(0) },
    past: { a: [a], b: [] },
  }
}

const LOOK: Look = { columns: 100, rows: 24, paint: (_, text) => text, levels: BLOCKS, plain: false }
const ROWS = [rowOf('a', 1000), rowOf('b', 9e6, { loss: 3, rule: 20 }), rowOf('c', 5e6)]
const seen = (rows: Row[], gone = false) => ({ rows, gone, detail: undefined })
const page = (rows: Row[], view: Partial<View> = {}, look: Partial<Look> = {}) =>
  pageOf(seen(rows), { ...FIRST, ...view }, { ...LOOK, ...look }).lines

const ids = (view: Partial<View>) => ordered(ROWS, { ...FIRST, ...view }).map(({ id }) => id)

describe('order', () => {
  test.each([
    [{}, 'bca'],
    [{ reverse: true }, 'acb'],
    [{ sort: 'drops' }, 'bac'],
    [{ sort: 'name' }, 'abc'],
    [{ sort: 'name', reverse: true }, 'cba'],
    [{ filter: 'B1' }, 'b'],
    [{ filter: 'LEFT' }, 'bca'],
    [{ filter: 'nowhere' }, ''],
  ] as [Partial<View>, string][])('%j: %s', (view, expected) => {
    expect(ids(view).join('')).toBe(expected)
  })
})

describe('the list', () => {
  test('two lines for each pair, one for each direction', () => {
    const lines = page(ROWS)
    expect(lines[0]).toMatch(/^3 pairs, 3 with carrier {2}14\.0 Mbit\/s {2}14\.0k frames\/s {2}23 drops\/s/)
    expect(lines[1]).toMatch(/^ PAIR +SENT BY +\*BIT\/S +FRAMES\/S +DROPS\/S BY CAUSE +ORDERED/)
    expect(lines[2]).toMatch(/^ b +b0@left +9\.00M +9\.00k +23 rule 20 loss 3 .*█$/)
    expect(lines[3]).toMatch(/^ +b1 +0 +0 +0/)
    expect(lines).toHaveLength(24)
    expect(lines[23]).toMatch(/^q quit .* by rate, every 1s$/)
  })

  test.each([1, 5, 12, 20, 33, 40, 60, 80, 97, 132, 300])('never wider than the terminal: %i', (columns) => {
    const wide = rowOf('線路'.repeat(8), 1e6, { loss: 1, limit: 2, queue: 3, carrier: 4 })
    for (const view of [{}, { page: 'help' }, { prompt: { for: 'filter', text: 'x' } }] as Partial<View>[])
      for (const line of page([wide, ...ROWS], view, { columns }))
        expect(widthOf(line)).toBeLessThanOrEqual(columns)
  })

  test.each([1, 2, 3, 4, 9])('never longer: %i', (rows) => {
    expect(page(ROWS, {}, { rows })).toHaveLength(rows)
  })

  test('the screen with the pair that is chosen, which has a mark', () => {
    const lines = page(ROWS, { chosen: 'a' }, { rows: 5 })
    expect(lines[0]).toContain('3 to 3')
    expect(lines[2]).toMatch(/^>a /)
  })

  test('a daemon that is gone is told', () => {
    expect(pageOf(seen([], true), FIRST, LOOK).lines[0]).toMatch(/^daemon gone, waiting/)
  })
})

describe('one pair', () => {
  test('one that has gone meanwhile', () => {
    const view = { ...FIRST, page: 'detail', chosen: 'x' } as const
    const [line] = pageOf({ ...seen(ROWS), detail: { id: 'x', stats: undefined } }, view, LOOK).lines
    expect(line).toMatch(/^this pair is gone/)
  })
  test('one that was not yet looked at is not called gone, nor shown with what another has', () => {
    const view = { ...FIRST, page: 'detail', chosen: 'b' } as const
    for (const detail of [undefined, { id: 'a', stats: {} as never }])
      expect(pageOf({ ...seen(ROWS), detail }, view, LOOK).lines[0]).toBe('')
  })
})

describe('a tunnel to another host', () => {
  const row = rowOf('far', 2e6)
  row.pair.b = {
    ...row.pair.b,
    ...{ name: 'vxlan42:192.0.2.7', ifindex: 0, address: '00:00:00:00:00:00', mtu: 65_443 },
    vxlan: { id: 42, remote: '192.0.2.7', local: null, port: 4789, keepalive: null, far: null },
    impair: { delay: { time: 20 }, seed: 1 } as never,
    schedule: { steps: [{ at: 0, carrier: 'off' }], done: 1, missed: 0, over: false },
  }
  row.rates = { a: rates(2e6), b: rates(1e6, { vni: 2, foreign: 1 }) }

  test('in the list by its name, with what it drops by cause', () => {
    expect(page([row])[3]).toMatch(
      /^ +vxlan42:192\.0\.2\.7 +1\.00M +1\.00k +3 vni 2 foreign 1 +schedule delay 20ms/,
    )
  })

  test('in detail by whom it reaches, not by what only an interface has', () => {
    const end = { tx_bytes: 1e6, tx_packets: 1000, drops: {}, inspected: {}, rules: [] }
    const stats = { a: end, b: { ...end, drops: { malformed: 4, vni: 9 } } } as never
    const view = { ...FIRST, page: 'detail', chosen: 'far' } as const
    const text = pageOf({ ...seen([row]), detail: { id: 'far', stats } }, view, LOOK).lines.map((line) =>
      line.trimEnd(),
    )
    expect(text[0]).toBe('far: carrier on, 1 queue')
    const [head, place, now, all, dropped, faults] = text.slice(
      text.indexOf('far0 sends to vxlan42:192.0.2.7'),
    )
    expect([head, place]).toEqual([
      'far0 sends to vxlan42:192.0.2.7',
      '  netns left, up, mtu 1500, 02:00:00:00:00:01',
    ])
    expect([now, all, dropped, faults]).toEqual([
      '  now      2.00 Mbit/s, 2.00k frames/s, 0 drops/s',
      '  in all   1.00 MB, 1.00k frames',
      '  dropped  none',
      expect.stringMatching(/^ {2}bit\/s /),
    ])
    expect(text.slice(text.indexOf('vxlan42:192.0.2.7 sends to far0'))).toEqual(
      expect.arrayContaining([
        '  vxlan id 42 remote 192.0.2.7 dstport 4789',
        '  now      1.00 Mbit/s, 1.00k frames/s, 3 drops/s',
        '  dropped  vni 9 malformed 4',
        '  impair delay 20ms seed 1',
        '  schedule 1 step, done 1',
      ]),
    )
    expect(text.join()).not.toContain('00:00:00:00:00:00')
  })
})

describe('no terminal', () => {
  test('fields with tabs between them, whole numbers', () => {
    const [names, , b0] = tableOf(ordered(ROWS, FIRST), false).split('\n')
    expect(names?.split('\t').slice(0, 3)).toEqual(['pair', 'sent_by', 'bit/s'])
    expect(tableOf(ROWS, false).split('\n')[3]?.split('\t')).toEqual([
      'b',
      'b0@left',
      '9000000',
      '9000',
      '23',
      'on',
      'b1',
      'rule 20 loss 3',
      '-',
    ])
    expect(b0).toBeDefined()
  })
  test('of the first look no rates are known', () => {
    const row = { ...rowOf('a', 1), rates: undefined }
    expect(tableOf([row], false)).toContain('\t-\t-\t-\t')
    expect(jsonOf(row)).toMatchObject({ a: { bits_per_second: null, drops: {} } })
  })
  test('JSON: numbers as they are', () => {
    expect(jsonOf(ROWS[1] as Row)).toMatchObject({
      id: 'b',
      carrier: true,
      a: {
        ifname: 'b0',
        netns: 'left',
        bits_per_second: 9e6,
        drops_per_second: 23,
        drops: { loss: 3, rule: 20 },
      },
    })
  })
})

test('numbers: three digits and a suffix', () => {
  expect([undefined, 0, 0.04, 3.26, 12.4, 999.6, 1250, 9.96].map(rateText)).toEqual([
    '-',
    '0',
    '0',
    '3.3',
    '12',
    '1.00k',
    '1.25k',
    '10',
  ])
  expect(withUnit(1_250_000, 'bit/s')).toBe('1.25 Mbit/s')
  expect(withUnit(0, 'bit/s')).toBe('0 bit/s')
})

test('what is ordered, without the seed', () => {
  const { a } = rowOf('a', 1).pair
  const impair = { delay: { time: 10, jitter: 0 }, loss: { random: 1 }, seed: 42 } as never
  expect(orderedText({ ...a, impair, rules: [{}, {}] as never })).toBe('delay 10ms loss 1% 2 rules')
  expect(orderedText(a)).toBe('')
  const schedule = { steps: [], done: 3, missed: 0, over: false } as never
  expect(orderedText({ ...a, impair, schedule })).toBe('schedule delay 10ms loss 1%')
  expect(orderedText({ ...a, schedule: { steps: [], done: 3, missed: 0, over: true } as never })).toBe('')
})
