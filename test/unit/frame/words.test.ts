// A place of one array is refused in another, by the compiler: each line under @ts-expect-error is an error, or
// `tsc -p test/tsconfig.json` (scripts/test, "tsc test") fails here. What they do when they run is of no interest.
// src/frame/words.ts and the arrays whose places have names.

import { expect, test } from 'vitest'
import {
  allocateCounters,
  blockOf,
  CARRIER,
  type Counters,
  HELD,
  RECEIVED,
  stateOf,
} from '../../../src/datapath/counters.js'
import { UNTIL } from '../../../src/datapath/held.js'
import { GENERATION } from '../../../src/datapath/orders.js'
import { SEEN, type Told, WAITED } from '../../../src/datapath/probe.js'
import { FIELD, type Fields } from '../../../src/frame/packet.js'
import { behind, load, type Words } from '../../../src/frame/words.js'
import { type Clock, NOW } from '../../../src/hooks/slot.js'
import { CAPTURED, type RecordFloats, type RecordWords, TIME } from '../../../src/ring/record.js'

const memory = allocateCounters(1)
const counters = blockOf(memory, 0, 0)
const state = stateOf(memory)
const clock: Clock = new Float64Array(2)
const told: Told = new Float64Array(3)
const floats: RecordFloats = new Float64Array(7)
const words: RecordWords = new Int32Array(12)
const fields: Fields = new Int32Array(16)
const control: Words<'control'> = new Int32Array(3)

test('the right places', () => {
  counters[RECEIVED] = 2
  counters[HELD] = 1
  clock[NOW] = told[SEEN] = 1.5
  told[WAITED] = 3
  floats[TIME] = floats[behind(1, TIME)] = 4
  fields[FIELD.length] = 60
  expect([counters[RECEIVED], counters[HELD], clock[NOW], load(state, CARRIER)]).toEqual([2, 1, 1.5, 0])
  expect([floats[TIME], (floats as Float64Array)[1], load(control, GENERATION)]).toEqual([4, 4, 0])
})

test('the wrong ones do not compile', () => {
  const wrong = [
    // @ts-expect-error the slot's clock has another "now"
    told[NOW],
    // @ts-expect-error
    clock[SEEN],
    // @ts-expect-error how long it was held is no count of what is held
    counters[WAITED],
    // @ts-expect-error
    told[HELD],
    // @ts-expect-error counters and state stand in one memory, but not in one array
    counters[CARRIER],
    // @ts-expect-error
    load(state, RECEIVED),
    // @ts-expect-error
    load(state, GENERATION),
    // @ts-expect-error
    load(control, CARRIER),
    // @ts-expect-error an offset in Int32s
    floats[CAPTURED],
    // @ts-expect-error
    floats[behind(2, CAPTURED)],
    // @ts-expect-error
    words[behind(2, TIME)],
    // @ts-expect-error
    fields[UNTIL],
    // @ts-expect-error a number without a name
    counters[1],
    // @ts-expect-error
    counters[RECEIVED + 1],
  ]
  // @ts-expect-error an array of other places
  const other: Counters = told
  expect([wrong.length, other]).toEqual([14, told])
})
