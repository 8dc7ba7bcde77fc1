// Which worker serves which queue of a pair, and what is done for that: src/link/placement.ts as tables. Workers are
// letters with a load; no thread is started.

import { expect, test } from 'vitest'
import { type Action, actionsOf, decide, type Wanted } from '../../../src/link/placement.js'

type Letter = 'x' | 'y' | 'z' | 'o'
type Lettered = { name: Letter; load: number }
const workers = (x: number, y: number, z: number): Lettered[] => [
  { name: 'x', load: x },
  { name: 'y', load: y },
  { name: 'z', load: z },
]

const IDLE = workers(0, 0, 0)

test.each<[string, number, Letter[], Wanted<Letter>['to'], Lettered[], Letter[]]>([
  ['a new pair goes to the first of equals', 1, [], 'spread', IDLE, ['x']],
  ['a new pair goes where the load is least', 1, [], 'spread', workers(2, 1, 3), ['y']],
  ['queues are spread, least load first', 2, [], 'spread', workers(5, 4, 1), ['z', 'y']],
  ['more queues than workers go round', 4, [], 'spread', workers(0, 1, 2), ['x', 'y', 'z', 'x']],
  ['a new pair together', 3, [], 'together', workers(2, 0, 1), ['y', 'y', 'y']],
  ['gathered where its first queue is', 2, ['z', 'x'], 'together', IDLE, ['z', 'z']],
  ['gathered already', 2, ['y', 'y'], 'together', IDLE, ['y', 'y']],
  ['spread already, whatever the loads are', 2, ['z', 'x'], 'spread', workers(9, 0, 9), ['z', 'x']],
  ['one queue is spread where it is', 1, ['z'], 'spread', workers(0, 0, 9), ['z']],
  ['spread again', 2, ['y', 'y'], 'spread', workers(0, 2, 1), ['x', 'z']],
  ['to its own worker', 2, ['y', 'x'], 'own', IDLE, ['o', 'o']],
])('%s', (_what, queues, now, to, given, next) => {
  const o: Lettered = { name: 'o', load: 0 }
  const named = (name: Letter) => [...given, o].find((worker) => worker.name === name) as Lettered
  const wanted: Wanted<Lettered> = to === 'own' ? { to, worker: o } : { to }
  const decided = decide(queues, now.map(named), wanted, given)
  expect(decided.map(({ name }) => name)).toEqual(next)
})

test.each<[Letter[], Letter[], Action<Letter>[]]>([
  [['x'], ['x'], []],
  [['x', 'y'], ['x', 'y'], []],
  [[], ['x'], [{ do: 'take', worker: 'x', queues: [0] }]],
  [
    [],
    ['x', 'y', 'x'],
    [
      { do: 'take', worker: 'x', queues: [0, 2] },
      { do: 'take', worker: 'y', queues: [1] },
    ],
  ],
  [
    ['x', 'y'],
    ['x', 'x'],
    [
      { do: 'leave', worker: 'x' },
      { do: 'leave', worker: 'y' },
      { do: 'take', worker: 'x', queues: [0, 1] },
    ],
  ],
  [
    ['y', 'y'],
    ['o', 'o'],
    [
      { do: 'leave', worker: 'y' },
      { do: 'take', worker: 'o', queues: [0, 1] },
    ],
  ],
])('from %j to %j', (now, next, actions) => {
  expect(actionsOf(now, next)).toEqual(actions)
})
