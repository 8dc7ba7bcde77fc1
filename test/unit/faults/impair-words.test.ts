// tc's words: what they mean, what is wrong with them, and plans in words and back.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ImpairOptions, planImpair } from '../../../src/faults/impair-plan.js'
import { formatImpair, impairWord, parseImpairWords } from '../../../src/faults/impair-words.js'
import { DISTRIBUTIONS } from '../../../src/wishes/names.js'

const parse = (words: string) => parseImpairWords(words.split(' ').filter((word) => word !== ''))
const plan = (words: string) => planImpair({ seed: 1, ...parse(words) }, 'impair')

describe('words that are refused', () => {
  test.each([
    ['wobble', /what is "wobble"\? Here may stand limit, latency, delay/],
    ['delayed 10ms', /what is "delayed"/],
    ['delay', /delay is not complete: it takes a time like 10ms/],
    [
      'delay 10ms distribution',
      /distribution is not complete: it takes uniform, normal, pareto, paretonormal$/,
    ],
    ['loss', /loss is not complete: it takes a percentage like 1%, or random, gemodel or state/],
    ['loss gemodel', /loss gemodel is not complete/],
    ['loss 1% loss 2%', /loss is given twice/],
    ['reorder', /reorder is not complete/],
    ['delay 10ms gap 5', /gap specified without reorder probability/],
    ['burst 32kb', /burst specified without rate/],
    ['slot', /slot is not complete: it takes a time like 10ms, or distribution/],
    ['slot 10ms packets', /packets is not complete/],
    ['ecna', /what is "ecna"/],
  ])('%s', (words, message) => {
    expect(() => parse(words)).toThrow(
      expect.objectContaining({ code: 'EINVAL', message: expect.stringMatching(message) }),
    )
  })

  test.each([
    ['delay 10m', 'delay.time', '10m'],
    ['delay 10ms 2ms 125%', 'delay.correlation', '125%'],
    ['delay 10ms 1ms distribution flat', 'delay.distribution', 'flat'],
    ['loss some', 'loss.random', 'some'],
    ['loss -1%', 'loss.random', '-1%'],
    ['loss gemodel 1% 2% 3% 4x', 'loss.gemodel.k', '4x'],
    ['rate 10mbits', 'rate.rate', '10mbits'],
    ['rate 1mbit 5x', 'rate.overhead', '5x'],
    ['slot packets', 'slot.min', 'packets'],
    ['limit 10x', 'limit', '10x'],
    ['seed 0x10', 'seed', '0x10'],
  ])('not %s, for which its shape has the sentence', (words, attribute, value) => {
    expect(() => plan(words)).toThrow(
      expect.objectContaining({
        code: 'EINVAL',
        attribute: `impair.${attribute}`,
        message: expect.stringMatching(`must be .*, not ${JSON.stringify(value)}$`),
      }),
    )
  })

  test('an empty word', () => {
    expect(() => parseImpairWords([''])).toThrow(/what is ""/)
  })
})

describe('words and what they mean', () => {
  test.each<[string, ImpairOptions]>([
    ['', {}],
    ['delay 10ms', { delay: { time: 10 } }],
    ['delay 10', { delay: { time: 0.01 } }],
    ['latency 1s', { delay: { time: 1000 } }],
    ['delay 10ms 2ms 25%', { delay: { time: 10, jitter: 2, correlation: 25 } }],
    ['delay 10ms 2ms 25', { delay: { time: 10, jitter: 2, correlation: 25 } }],
    ['distribution normal delay 10ms 2ms', { delay: { time: 10, jitter: 2, distribution: 'normal' } }],
    ['loss 1%', { loss: { random: 1 } }],
    ['loss 1% ecn', { loss: { random: 1 }, ecn: true }],
    ['loss random 1% 25%', { loss: { random: 1, correlation: 25 } }],
    ['drop 1', { loss: { random: 1 } }],
    ['loss gemodel 1%', { loss: { gemodel: { p: 1 } } }],
    ['loss gemodel 1% 10% 70% 0.1%', { loss: { gemodel: { p: 1, r: 10, h: 30, k: 99.9 } } }],
    ['loss state 1%', { loss: { state: { p13: 1 } } }],
    ['loss state 1 2 3 4 5', { loss: { state: { p13: 1, p31: 2, p32: 3, p23: 4, p14: 5 } } }],
    ['duplicate 1% 5%', { duplicate: { probability: 1, correlation: 5 } }],
    [
      'delay 1ms reorder 25% 50% gap 5',
      { delay: { time: 1 }, reorder: { probability: 25, correlation: 50, gap: 5 } },
    ],
    ['delay 1ms gap 5 reorder 25%', { delay: { time: 1 }, reorder: { probability: 25, gap: 5 } }],
    ['corrupt 0.1%', { corrupt: { probability: 0.1 } }],
    ['rate 10mbit', { rate: { rate: 1e7 } }],
    ['rate 1kbps 14', { rate: { rate: 8000, overhead: 14 } }],
    ['rate 1gibit -4 48 -5', { rate: { rate: 2 ** 30, overhead: -4, cellSize: 48, cellOverhead: -5 } }],
    ['rate 10mbit 14 burst 32kb', { rate: { rate: 1e7, overhead: 14, burst: 32768 } }],
    ['burst 32kb rate 10Mbit', { rate: { rate: 1e7, burst: 32768 } }],
    ['limit 5k', { limit: 5120 }],
    ['slot 10ms', { slot: { min: 10 } }],
    ['slot 10ms 20ms packets 10 bytes 5kb', { slot: { min: 10, max: 20, packets: 10, bytes: 5120 } }],
    [
      'slot 1ms b 5 p 6 burst 3 rate 5',
      { slot: { min: 1, packets: 6, bytes: 5 }, rate: { rate: 5, burst: 3 } },
    ],
    ['slot distribution pareto 10ms 1ms', { slot: { distribution: 'pareto', delay: 10, jitter: 1 } }],
    ['seed 42', { seed: 42 }],
    ['seed 18446744073709551615', { seed: '18446744073709551615' }],
    // Beginnings, in tc's order.
    ['d 1ms l 5 r 5% g 2', { delay: { time: 1 }, limit: 5, reorder: { probability: 5, gap: 2 } }],
    [
      'c 1 du 2 lo 3 ra 4 s 5 se 6',
      {
        corrupt: { probability: 1 },
        duplicate: { probability: 2 },
        loss: { random: 3 },
        rate: { rate: 4 },
        slot: { min: 0.005 },
        seed: 6,
      },
    ],
  ])('%s', (words, options) => {
    expect(parse(words)).toEqual(options)
  })

  test('a keyword given again counts from then on', () => {
    expect(parse('delay 10ms delay 20ms')).toEqual({ delay: { time: 20 } })
    expect(parse('delay 10ms 2ms delay 20ms')).toEqual({ delay: { time: 20, jitter: 2 } })
  })
})

test.each([
  ['delay.time', 'delay'],
  ['delay.jitter', 'delay jitter'],
  ['delay.distribution', 'distribution'],
  ['slot.distribution', 'slot distribution'],
  ['loss.random', 'loss'],
  ['loss.gemodel.p', 'loss gemodel p'],
  ['reorder.gap', 'gap'],
  ['rate.rate', 'rate'],
  ['rate.burst', 'burst'],
  ['rate', 'rate'],
  ['seed', 'seed'],
])('%s is called %s', (attribute, word) => {
  expect(impairWord(attribute)).toBe(word)
})

describe('a plan in words', () => {
  test.each([
    ['', 'seed 1'],
    ['delay 10 1 5', 'delay 10us 1us 5% seed 1'],
    ['delay 1500ms', 'delay 1.5s seed 1'],
    ['rate 12500kbps burst 1024', 'rate 100mbit burst 1kb seed 1'],
    ['rate 1500bit 0 48', 'rate 1.5kbit 0 48 seed 1'],
    ['loss gemodel 1%', 'loss gemodel 1% 99% 100% 0% seed 1'],
    ['loss gemodel 1% 10% 70% 0.1%', 'loss gemodel 1% 10% 70% 0.1% seed 1'],
    ['reorder 5 gap 1 delay 1ms', 'delay 1ms reorder 5% seed 1'],
    ['slot 10ms', 'slot 10ms 10ms seed 1'],
  ])('%s', (words, canonical) => {
    expect(formatImpair(plan(words))).toBe(canonical)
  })

  const percent = fc.oneof(
    fc.integer({ min: 0, max: 100 }),
    fc.integer({ min: 0, max: 1e8 }).map((n) => n / 1e6),
  )
  const time = fc.oneof(fc.integer({ min: 0, max: 40_000_000 }), fc.double({ min: 0, max: 1e6, noNaN: true }))
  const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
  const whole = (min: number, max = 2 ** 31 - 1) => fc.integer({ min, max })
  const chance = fc.record(
    { probability: percent, correlation: some(percent) },
    { requiredKeys: ['probability'] },
  )
  const distribution = fc.constantFrom(...DISTRIBUTIONS)
  const most = { packets: some(whole(0)), bytes: some(whole(0)) }
  const above = time.map((ms) => ms + 1)
  const options = fc.record({
    delay: some(
      fc.oneof(
        fc.record({
          time: above,
          jitter: above,
          correlation: some(percent),
          distribution: some(distribution),
        }),
        fc.record({ time: above }),
      ),
    ),
    loss: some(
      fc.oneof(
        fc.record({ random: percent, correlation: some(percent) }),
        fc.record({
          gemodel: fc.record({ p: percent, r: some(percent), h: some(percent), k: some(percent) }),
        }),
        fc.record({
          state: fc
            .record({ p13: percent, p31: percent, p32: percent, p23: some(percent), p14: percent })
            .map((p) => ({ ...p, p13: p.p13 / 2, p14: p.p14 / 2, p31: p.p31 / 2, p32: p.p32 / 2 })),
        }),
      ),
    ),
    duplicate: some(chance),
    corrupt: some(chance),
    rate: some(
      fc.record({
        rate: fc.oneof(whole(1), fc.double({ min: 1e-3, max: 1e15, noNaN: true })),
        burst: some(whole(0)),
        overhead: some(whole(-5000)),
        cellSize: some(whole(0)),
        cellOverhead: some(whole(0)),
      }),
    ),
    limit: whole(0, 2 ** 32 - 1),
    slot: some(
      fc.oneof(
        fc.record({ min: time, ...most }).map((slot) => ({ ...slot, max: slot.min * 2 })),
        fc.record({ distribution, delay: time, jitter: above, ...most }),
      ),
    ),
    seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  })

  test('is the same plan when it is read again', () => {
    fc.assert(
      fc.property(options, some(chance), whole(1), (asked, chances, gap) => {
        const reorder = asked.delay && chances && { ...chances, gap }
        const made = planImpair(present({ ...asked, reorder }), 'impair')
        const words = formatImpair(made)
        expect(plan(words)).toEqual(made)
        expect(formatImpair(plan(words))).toBe(words)
      }),
    )
  })

  test('words of any kind are read or refused, never worse', () => {
    const word = fc.oneof(
      fc.constantFrom(
        'delay',
        'loss',
        'gemodel',
        'state',
        'rate',
        'slot',
        'gap',
        'distribution',
        'normal',
        'burst',
        'seed',
      ),
      fc.constantFrom('10ms', '1%', '1mbit', '5', '-1', '1e3us', '.5', '1e999s', '%', ''),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(word), (words) => {
        try {
          planImpair(parseImpairWords(words), 'impair')
        } catch (error) {
          expect(error).toMatchObject({ code: 'EINVAL' })
        }
      }),
    )
  })
})

/** Keys without a value are not there. */
function present(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

describe('a distribution in a file', () => {
  const files: Record<string, string> = {
    'x.dist': '# of a lab\n -8192 0\n\n 8192 # the last\n',
    '/usr/lib/tc/experimental.dist': '1 2',
    './bad': '1\n2 x',
    './none': '# nothing',
  }
  const readText = (path: string) => {
    const text = files[path]
    if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
    return text
  }
  const read = (word: string) =>
    parseImpairWords(['delay', '10ms', '1ms', 'distribution', word], readText).delay

  test('is read by who gives the words; tc finds a name where its tables are', () => {
    const table = [-8192, 0, 8192]
    expect(read('x.dist')).toEqual({ time: 10, jitter: 1, distribution: { table, name: 'x.dist' } })
    const found = { table: [1, 2], name: 'experimental' }
    expect(read('experimental')).toEqual({ time: 10, jitter: 1, distribution: found })
    expect(read('normal')).toEqual({ time: 10, jitter: 1, distribution: 'normal' })
    const words = ['slot', 'distribution', 'x.dist', '1ms', '1ms']
    const { slot } = parseImpairWords(words, readText)
    expect(slot).toEqual({ distribution: { table, name: 'x.dist' }, delay: 1, jitter: 1 })
    const shown = formatImpair(planImpair({ ...parseImpairWords(words, readText), seed: 1 }, ''))
    expect(shown).toBe('slot distribution x.dist 1ms 1ms seed 1')
  })

  test('is refused where it is none, and where nothing is read', () => {
    expect(() => read('./bad')).toThrow('EINVAL: ./bad:2: "x" is not a whole number')
    expect(() => read('./none')).toThrow('EINVAL: ./none has no numbers')
    expect(() => read('./gone')).toThrow('ENOENT: ./gone')
    expect(read('flat')).toMatchObject({ distribution: 'flat' }) // for its shape
    expect(() => plan('delay 1ms 1ms distribution x.dist')).toThrow(/must be one of uniform.*, not "x.dist"/)
  })
})
