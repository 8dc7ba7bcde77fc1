// The books of scripts/faults: what must be found in them. A soak whose books cannot fail would show nothing.

import { describe, expect, it } from 'vitest'
import { balance, balanceCut, difference } from '../faults/books.mjs'
import { CHANGES, draw, Random } from '../faults/changes.mjs'

const drops = { carrier: 1, down: 0, mtu: 2, error: 0, loss: 5, limit: 0, rule: 0, hook: 0, queue: 4 }

/** 60 raw frames and 50 of UDP: 4 find the queue full, 8 are dropped on the way and 3 sent twice. */
function reading() {
  return {
    program: { raw: 56, udp: 50, full: 4 },
    from: { tx_packets: 106, tx_dropped: 4 },
    cable: { sent: 101, copied: 3, injected: 0, held: 0, drops: { ...drops }, corrupted: 2, duplicated: 3 },
    to: { rx_packets: 101 },
    listener: { good: 97, again: 2, damaged: 2, late: 0, unheard: 0 },
  }
}
const strict = { interrupted: false, disordered: false }

it('books that balance have no problem', () => {
  expect(balance(reading(), strict)).toEqual({ problems: [], above: 0 })
})

type Reading = ReturnType<typeof reading>
const wrong: [string, (books: Reading) => void, RegExp][] = [
  ['one never came to the interface', ({ program }) => program.udp++, /1 frames never came/],
  ['the interface counts one too many', ({ program }) => program.raw--, /counted 1 more/],
  ['the cable loses one', ({ cable }) => cable.sent--, /sent, dropped and held/],
  ['a frame that found no room has no cause', ({ cable }) => cable.drops.queue--, /sent, dropped and held/],
  ['the cable counts a drop twice', ({ cable }) => cable.drops.loss++, /sent, dropped and held/],
  [
    'one is held at rest',
    ({ cable }) => {
      cable.held++
      cable.sent--
    },
    /held at rest/,
  ],
  ['the peer receives one more than was sent', ({ to }) => to.rx_packets++, /received by the peer/],
  ['the listener misses one', ({ listener }) => listener.good--, /heard: 100, of 101/],
  ['the listener hears one more', ({ listener }) => listener.good++, /heard: 102, of 101/],
  ['more are damaged than was ordered', ({ cable }) => cable.corrupted--, /damaged: 2/],
  [
    'more come twice than were copied',
    ({ listener }) => {
      listener.again += 2
      listener.good -= 2
    },
    /twice: 4/,
  ],
  ['one is out of order', ({ listener }) => listener.late++, /out of order: 1/],
]
it.each(wrong)('found: %s', (_, change, problem) => {
  const books = reading()
  change(books)
  expect(balance(books, strict).problems.join()).toMatch(problem)
})

describe('what is allowed', () => {
  it('an end that was without carrier has frames that never came to it: they are counted', () => {
    const books = reading()
    books.program.udp += 7
    expect(balance(books, { ...strict, interrupted: true })).toEqual({ problems: [], above: 7 })
  })

  it('disorder where delays that reorder were ordered', () => {
    const books = reading()
    books.listener.late = 9
    expect(balance(books, { ...strict, disordered: true }).problems).toEqual([])
  })

  it('a listener whose own socket was full, for so many frames', () => {
    const books = reading()
    books.listener.good -= 2
    books.listener.unheard = 1
    expect(balance(books, strict).problems).toHaveLength(1)
    books.listener.unheard = 2
    expect(balance(books, strict).problems).toEqual([])
  })
})

describe('a round in which the interfaces ended', () => {
  const cut = (good: number, more = {}) =>
    balanceCut(
      {
        program: { raw: 50, udp: 50 },
        listener: { good, again: 0, damaged: 0, late: 0, unheard: 0, ...more },
      },
      20,
    )

  it('may lose what was on its way, and no more', () => {
    expect(cut(80)).toEqual({ problems: [], lost: 20 })
    expect(cut(79).problems).toHaveLength(1)
    expect(cut(101).problems).toHaveLength(1)
  })

  it.each(['again', 'damaged', 'late'])('has none that are %s', (what) => {
    expect(cut(100, { [what]: 1 }).problems).toEqual([`${what}: 1`])
  })
})

it('a difference goes into what is nested', () => {
  expect(difference({ a: 3, of: { b: 5 } }, { a: 1, of: { b: 5 } })).toEqual({ a: 2, of: { b: 0 } })
})

describe('changes', () => {
  const drawn = (seed: number) => draw(new Random(seed), [false, true], 3_000, 200)

  it('a seed draws the same ones at the same times, another seed others', () => {
    expect(drawn(1)).toEqual(drawn(1))
    expect(drawn(1)).not.toEqual(drawn(2))
  })

  it("every kind is drawn; a user's hook only for a pair of the library", () => {
    const all = drawn(1)
    expect(new Set(all.map(({ name }) => name)).size).toBe(Object.keys(CHANGES).length)
    expect(all.filter(({ name, line }) => CHANGES[name]?.library && line === 0)).toEqual([])
  })
})
