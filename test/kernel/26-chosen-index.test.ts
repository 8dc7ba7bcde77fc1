// An interface's index can be chosen: before TUNSETIFF at home, and (from Linux 5.13) in the request that moves
// it. A taken one is EBUSY either way.
// Relied on by src/link/create.ts (createTap) and src/link/tap-queue.ts (openQueue).

import { expect } from 'vitest'
import { homeLink, Netns } from '../support/netns.js'
import { EBUSY, FLAGS, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const itMoves = needs('root', 'tun', 'netns', 'ip', 'kernel 5.13')

/** High, and another one for each process: nothing else counts up to there. */
const INDEX = 1_000_000_000 + process.pid

it('by TUNSETIFINDEX, before the device is made', () => {
  using tap = RawTap.open(undefined, FLAGS, INDEX)
  expect(homeLink(tap.name).ifindex).toBe(INDEX)
  expect(() => RawTap.open(undefined, FLAGS, INDEX)).toThrow(`answered ${-EBUSY}`)
})

itMoves('by IFLA_NEW_IFINDEX, in a move', () => {
  using target = Netns.create()
  using first = RawTap.open()
  using second = RawTap.open()
  first.moveTo(target, 'first', INDEX)
  expect(target.link('first').ifindex).toBe(INDEX)
  expect(() => second.moveTo(target, 'second', INDEX)).toThrow(/EBUSY/)
  expect(second.atHome).toBe(true)
})
