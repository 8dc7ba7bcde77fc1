// Who is heard in one turn of the netlink port: src/servers/hearing.ts. Who may order is authority.test.ts's; floods of
// real processes are integration/605's.

import { expect, test } from 'vitest'
import type { Standing } from '../../../src/servers/authority.js'
import { Hearing } from '../../../src/servers/hearing.js'

const NOBODY = 65534
const MOST = 16
const DATAGRAM = { bytes: new Uint8Array(20), port: 1, uid: NOBODY, pid: 7, cut: false }

function hearing(standing: Standing = 'unable') {
  const one = new Hearing(({ uid }) => (uid === 0 ? 'admin' : standing))
  /** One datagram with so many messages, of which as many are read as are heard. */
  const say = (messages: number, of: Partial<typeof DATAGRAM> = {}) => {
    const datagram = { ...DATAGRAM, ...of }
    const { may, most } = one.hear(datagram)
    const read = Math.min(messages, most)
    if (!may && most > 0) one.answered(datagram, read)
    return read
  }
  return { one, say, heardNoMore: () => [...one.past.processes] }
}

test('of who may not, a few messages are answered, in however many datagrams they come', () => {
  const { say } = hearing()
  expect([say(10), say(10), say(10)]).toEqual([10, MOST - 10, 0])
})

test('a datagram without a message counts as one', () => {
  const { say } = hearing()
  for (let n = 0; n < MOST; n++) say(0)
  expect(say(1)).toBe(0)
})

test('then the process is heard no more', () => {
  const { say, heardNoMore } = hearing()
  say(MOST)
  expect(heardNoMore()).toEqual([])
  say(1)
  say(1, { pid: 8 })
  expect(heardNoMore()).toEqual([NOBODY, 7, NOBODY, 8])
})

test('one that could not be told is asked for by each of its sockets: another one of its number may', () => {
  const { say, heardNoMore } = hearing('unknown')
  say(MOST)
  expect([say(1), heardNoMore()]).toEqual([0, []])
})

test('a flood of one user takes nothing from another, nor from who may', () => {
  const { say } = hearing()
  say(100)
  expect([say(5, { uid: 1000 }), say(1000, { uid: 0 })]).toEqual([5, 1000])
})

test('what is refused is counted, thrown away or not; what is carried out is not', () => {
  const { one, say } = hearing()
  say(1000, { uid: 0 })
  expect(one.refused).toBe(0)
  for (let n = 0; n < 20; n++) say(1)
  one.past.thrown += 1000
  expect(one.refused).toBe(1020)
})
