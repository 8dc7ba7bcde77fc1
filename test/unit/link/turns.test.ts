// Whose turn it is: the order in which the link thread does what is wanted of it, with a clock of the test's.

import { expect, test } from 'vitest'
import { NO_PAIR, Turns } from '../../../src/link/turns.js'

function bench() {
  let now = 0
  const next: (() => void)[] = []
  const done: string[] = []
  const turns = new Turns({
    errand: (key) => {
      done.push(`errand ${key}`)
      now += 10
    },
    later: (turn) => next.push(turn),
    clock: () => now,
  })
  const order = (key: number, name: string, urgent = true) =>
    turns.order(
      key,
      () => {
        done.push(name)
        now += 1
      },
      urgent,
    )
  /** Takes so many turns, or all. */
  const run = (count = 1000) => {
    for (let turn = 0; turn < count; turn++) next.shift()?.()
    return done.splice(0)
  }
  return { turns, order, run, pass: (ms: number) => (now += ms), next }
}

test('the orders of a pair have their order, and one turn each', () => {
  const { order, run, next } = bench()
  order(1, 'up')
  order(1, 'flap', false)
  order(1, 'down')
  expect(next.length).toBe(1)
  expect(run(1)).toEqual(['up'])
  expect(run()).toEqual(['flap', 'down'])
  expect(next.length).toBe(0)
})

test('errands of a pair that are wanted again and again are one', () => {
  const { turns, run } = bench()
  for (let time = 0; time < 1000; time++) turns.errand(1)
  expect(run()).toEqual(['errand 1'])
})

test('an order waits for one errand, however many pairs have some', () => {
  const { turns, order, run } = bench()
  for (let key = 1; key <= 100; key++) turns.errand(key)
  run(50)
  order(200, 'mine')
  expect(run(2)).toContain('mine')
})

test('an order waits for one flap, however many there are', () => {
  const { order, run } = bench()
  for (let key = 1; key <= 100; key++) order(key, `flap ${key}`, false)
  run(50)
  order(200, 'mine')
  expect(run(2)).toContain('mine')
})

test('who has taken much waits for who has not; what is long ago does not count', () => {
  const { turns, order, run, pass } = bench()
  for (let time = 0; time < 50; time++) order(1, 'flood')
  run(50)
  order(1, 'flood')
  order(1, 'flood')
  order(2, 'mine')
  expect(run()).toEqual(['mine', 'flood', 'flood'])
  pass(100_000)
  turns.errand(2)
  run()
  order(2, 'flood')
  order(1, 'mine')
  expect(run()).toEqual(['mine', 'flood'])
})

test('an end that flaps delays the carrier of no other', () => {
  const { turns, run } = bench()
  for (let key = 1; key <= 100; key++) turns.errand(key)
  run()
  for (let key = 1; key <= 101; key++) turns.errand(key)
  expect(run(1)).toEqual(['errand 101'])
})

test('flaps and errands go on under a flood of orders', () => {
  const { turns, order, run } = bench()
  for (let time = 0; time < 100; time++) order(time % 10, 'flood')
  turns.errand(50)
  order(51, 'flap', false)
  const done = run(4)
  expect(done).toContain('errand 50')
  expect(done).toContain('flap')
})

test('what was heard of a pair is looked at before its order', () => {
  const { turns, order, run } = bench()
  order(1, 'close')
  turns.errand(1)
  expect(run()).toEqual(['errand 1', 'close'])
})

test('creations wait for each other, and no pair for all of them', () => {
  const { order, run } = bench()
  for (let time = 0; time < 100; time++) order(NO_PAIR, 'create')
  run(10)
  order(7, 'mine')
  expect(run(1)).toEqual(['mine'])
})

test('a pair that is gone has no errand; what was ordered is answered', () => {
  const { turns, order, run } = bench()
  order(1, 'close')
  turns.errand(1)
  turns.forget(1)
  turns.errand(2)
  turns.forget(2)
  expect(run()).toEqual(['close'])
})
