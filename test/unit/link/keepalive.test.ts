// When the other side of a tunnel is there, with time, sockets and threads in the hand of the test: src/link/keepalive.ts.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { allocateLife, HEARD, lifeOf, READS, READY, SAID, UNREADY } from '../../../src/frame/keepalive.js'
import { add, store } from '../../../src/frame/words.js'
import { Keepalive } from '../../../src/link/keepalive.js'
import { seeded } from '../../support/random.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const INTERVAL = 1000

function bench() {
  const life = lifeOf(allocateLife())
  const sent: boolean[] = []
  const seen: string[] = []
  const reader = { late: false }
  const keepalive: Keepalive = new Keepalive({
    interval: INTERVAL,
    life,
    send: (ready) => void sent.push(ready),
    unread: () => reader.late,
    changed: () => void seen.push(keepalive.far),
  })
  const hear = (said: number = READY) => {
    add(life, READS, 1)
    add(life, HEARD, 1)
    store(life, SAID, said)
  }
  return { keepalive, life, sent, seen, reader, hear, pass: (ms: number) => vi.advanceTimersByTime(ms) }
}

test('one is sent at once, in each interval, and at each change; none before it is known what', () => {
  const { keepalive, sent, pass } = bench()
  keepalive.begin()
  pass(2 * INTERVAL)
  expect(sent).toEqual([])
  keepalive.tell(true)
  keepalive.tell(true)
  expect(sent).toEqual([true])
  pass(2 * INTERVAL)
  keepalive.tell(false)
  expect(sent).toEqual([true, true, true, false])
  keepalive.end(true)
  keepalive.end(true)
  pass(5 * INTERVAL)
  expect(sent).toEqual([true, true, true, false, false])
})

test('who lets go of it says nothing', () => {
  const { keepalive, sent, pass } = bench()
  keepalive.tell(true)
  keepalive.begin()
  keepalive.end(false)
  pass(5 * INTERVAL)
  expect(sent).toEqual([true])
})

test('up with the first that comes, down when it says so, silent after three intervals', () => {
  const { keepalive, seen, hear, pass } = bench()
  keepalive.begin()
  pass(10 * INTERVAL)
  expect(seen).toEqual([])
  hear()
  pass(INTERVAL / 4)
  hear(UNREADY)
  pass(INTERVAL / 4)
  hear()
  pass(INTERVAL / 4)
  expect(seen).toEqual(['up', 'down', 'up'])
  pass(3 * INTERVAL - 1)
  expect(keepalive.far).toBe('up')
  pass(1)
  expect(seen).toEqual(['up', 'down', 'up', 'silent'])
})

test('who goes on for others begins with what they have seen', () => {
  const { keepalive, seen, pass } = bench()
  keepalive.begin('up')
  pass(3 * INTERVAL - 1)
  expect([keepalive.far, seen]).toEqual(['up', []])
  pass(1)
  expect(seen).toEqual(['silent'])
})

test('what is foreign keeps nothing alive, and a reader that comes late kills nothing', () => {
  const { keepalive, life, reader, hear, seen, pass } = bench()
  keepalive.begin()
  hear()
  pass(INTERVAL)
  reader.late = true
  pass(20 * INTERVAL)
  expect(seen).toEqual(['up'])
  // It reads, and there is always more of others.
  for (let looks = 0; looks < 12; looks++) {
    add(life, READS, 1)
    pass(INTERVAL / 4)
  }
  expect(seen).toEqual(['up', 'silent'])
})

test('with two of three lost in any order it stays up', () => {
  const { keepalive, hear, seen, pass } = bench()
  const random = seeded()
  keepalive.begin()
  hear()
  for (let lost = 0, intervals = 0; intervals < 1000; intervals++) {
    pass(INTERVAL)
    lost = lost < 2 && random.below(10) < 7 ? lost + 1 : 0
    if (lost === 0) hear()
  }
  expect(seen).toEqual(['up'])
})
