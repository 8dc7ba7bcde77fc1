// The plug with a link thread that takes its time: src/pair/plug.ts. With a real one: test/unit/pair/schedule.test.ts.

import { expect, test } from 'vitest'
import type { CarrierMode } from '../../../src/link/protocol.js'
import { Plug } from '../../../src/pair/plug.js'

test('steps that come faster than carrier does: one is on its way, and the last of the others follows it', async () => {
  const asked: CarrierMode[] = []
  let answer = () => {}
  const force = (mode: CarrierMode) => {
    asked.push(mode)
    return new Promise<void>((resolve) => {
      answer = resolve
    })
  }
  const turn = () => new Promise((done) => setImmediate(done))
  const plug = new Plug(force, () => {})
  for (const mode of ['off', 'auto', 'off', 'on'] as const) plug.follow(mode)
  expect([asked, plug.mode, plug.follows]).toEqual([['off'], 'on', true])
  answer()
  await turn()
  expect(asked).toEqual(['off', 'on'])
  answer()
  await turn()
  expect([asked, plug.follows]).toEqual([['off', 'on'], false])
})

test('one that is refused, since the pair is not there yet, keeps none that comes later', async () => {
  const asked: CarrierMode[] = []
  const plug = new Plug(
    (mode) => {
      asked.push(mode)
      return asked.length === 1 ? Promise.reject(new Error('no such pair')) : Promise.resolve()
    },
    () => {},
  )
  plug.follow('off')
  await new Promise((done) => setImmediate(done))
  expect(plug.follows).toBe(false)
  plug.follow('auto')
  expect(asked).toEqual(['off', 'auto'])
})
