// What a linked pair is to be, and what is done for that: src/link/reconfigure.ts as tables. Pure values, no device;
// that the actions are carried out is shown in test/unit/pair/pair.test.ts.

import { expect, test } from 'vitest'
import type { CarrierMode, EndState, Inspected } from '../../../src/link/protocol.js'
import { type Action, difference, modeAfter, type Standing, wantedOf } from '../../../src/link/reconfigure.js'

const state = (name: string, up: boolean, netns: string | null = null): EndState => ({
  ...{ name, up, netns, ifindex: 1, netnsInode: 1, address: '02:00:00:00:00:01', mtu: 1500 },
  ...{ flags: 0, txQueueLength: 1000, altnames: [], foreignQueues: 0 },
})

const STANDING: Standing = {
  gathered: false,
  carrier: true,
  whole: [true, true],
}
const REASONS = {
  mode: 'auto' as CarrierMode,
  states: [state('a', true), state('b', true)] as [EndState, EndState],
  inspected: [false, false] as Inspected,
  programs: [false, false] as [boolean, boolean],
}

test.each<[string, Partial<typeof REASONS>, Partial<Standing>]>([
  ['both up, nothing looked into', {}, {}],
  ['b down', { states: [state('a', true), state('b', false)] }, { carrier: false }],
  ['forced off', { mode: 'off' }, { carrier: false }],
  ['forced on, both down', { mode: 'on', states: [state('a', false), state('b', false)] }, {}],
  ['a looked into', { inspected: [true, false] }, { gathered: true }],
  ['a program at b: a cuts', { programs: [false, true] }, { whole: [false, true] }],
  ['a program at a: b cuts', { programs: [true, false] }, { whole: [true, false] }],
  ['both looked into', { inspected: [true, true] }, { gathered: true }],
])('%s', (_what, reasons, wanted) => {
  expect(wantedOf({ ...REASONS, ...reasons })).toEqual({ ...STANDING, ...wanted })
})

test.each<[string, Partial<Standing>, Partial<Standing>, [boolean, boolean], Action[]]>([
  ['nothing', {}, {}, [true, true], []],
  ['carrier on', { carrier: false }, {}, [false, false], [{ do: 'carrier', on: true }]],
  ['carrier off', {}, { carrier: false }, [true, true], [{ do: 'carrier', on: false }]],
  ['carrier put right on one end', {}, {}, [true, false], [{ do: 'carrier', on: true }]],
  [
    'carrier that others took, and that stays off',
    {},
    { carrier: false },
    [false, false],
    [{ do: 'carrier', on: false }],
  ],
  ['brought together', {}, { gathered: true }, [true, true], [{ do: 'gather', together: true }]],
  ['a cuts', {}, { whole: [false, true] }, [true, true], [{ do: 'whole', end: 0, whole: false }]],
  [
    'what another process may have left is put right',
    { whole: [undefined, undefined] },
    {},
    [true, true],
    [
      { do: 'whole', end: 0, whole: true },
      { do: 'whole', end: 1, whole: true },
    ],
  ],
  ['b ceases to', { whole: [true, false] }, {}, [true, true], [{ do: 'whole', end: 1, whole: true }]],
  [
    'all at once, carrier last',
    { carrier: false, gathered: true },
    {},
    [false, false],
    [
      { do: 'gather', together: false },
      { do: 'carrier', on: true },
    ],
  ],
])('actions: %s', (_what, is, wanted, shown, actions) => {
  expect(difference({ ...STANDING, ...is }, { ...STANDING, ...wanted }, shown)).toEqual(actions)
})

test.each<[CarrierMode, boolean, [boolean, boolean], CarrierMode]>([
  ['auto', true, [true, true], 'auto'],
  ['auto', true, [false, true], 'off'],
  ['auto', true, [false, false], 'off'],
  ['on', true, [true, false], 'off'],
  ['off', false, [false, false], 'off'],
  ['off', false, [true, false], 'auto'],
  ['auto', false, [true, false], 'auto'],
  ['on', false, [false, true], 'on'],
])('mode %s, carrier %j, shown %j: %s', (mode, carrier, shown, after) => {
  expect(modeAfter(mode, carrier, shown)).toBe(after)
})
