// What the soak does to pairs while frames pass, drawn from a seed: the same seed draws the same changes at the same
// times. `act` carries one out and resolves when it is undone or in force. What a change may do to the books of its pair
// stands with it: `interrupts` an end's carrier, `reorders` frames. No change is undone here that `settle` (soak.mjs)
// undoes at the end of each round.

import { ip } from '../bench/testbed.mjs'

/** @import { Which, DaemonLine, LibraryLine } from './lines.mjs' */
/** @typedef {DaemonLine | LibraryLine} Line */

export class Random {
  #state

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed >>> 0
  }

  /** From 0 to 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number, both included. @param {number} least @param {number} most */
  whole(least, most) {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** @template T @param {readonly T[]} of @returns {T} */
  one(of) {
    return /** @type {T} */ (of[this.whole(0, of.length - 1)])
  }
}

/** @param {Random} random @returns {{ wish: object, reorders: boolean }} */
function impairment(random) {
  /** @type {Record<string, unknown>} */
  const wish = { seed: random.whole(1, 1e9), limit: random.one([50, 1_000, 5_000]) }
  const kinds = {
    loss: () => `${random.whole(1, 20)}%`,
    duplicate: () => `${random.whole(1, 10)}%`,
    corrupt: () => `${random.whole(1, 10)}%`,
    delay: () =>
      random.next() < 0.5 ? `${random.whole(1, 60)}ms` : { time: random.whole(5, 60), jitter: 4 },
    rate: () => `${random.whole(8, 80)}mbit`,
  }
  for (const [kind, draw] of Object.entries(kinds)) if (random.next() < 0.4) wish[kind] = draw()
  if (wish.delay !== undefined && random.next() < 0.3) wish.reorder = '25%'
  return { wish, reorders: typeof wish.delay === 'object' || wish.reorder !== undefined }
}

/** @param {Random} random */
function rule(random) {
  const match = random.one([
    { udp: { dport: 9 }, nth: random.whole(1, 500) },
    { ethertype: 0x88b5, every: random.whole(2, 50) },
    { length: { min: 300, max: 700 }, first: random.whole(1, 200) },
  ])
  const action = random.one([
    { kind: 'drop' },
    { kind: 'corrupt', bits: 1, seed: random.whole(1, 1e9) },
    { kind: 'delay', ms: random.whole(1, 50) },
    { kind: 'duplicate', copies: random.whole(1, 3) },
  ])
  return { action, match }
}

const wait = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * @typedef {object} Change
 * @property {boolean} [interrupts]
 * @property {boolean} [reorders] whatever was drawn
 * @property {boolean} [library] pairs of the library only
 * @property {(random: Random) => any} [draw]
 * @property {(line: Line, end: Which, drawn: any, world: World) => Promise<void>} act
 */
/** @typedef {{ places: string[] }} World */

/** @type {Record<string, Change>} */
export const CHANGES = {
  'impairments set': {
    draw: impairment,
    act: (line, end, { wish }) => line.impair(end, wish),
  },
  'impairments taken away': { act: (line, end) => line.impair(end, null) },
  'rule added': {
    draw: (random) => ({ wish: rule(random) }),
    act: (line, end, { wish }) => line.addRule(end, wish),
  },
  'rule taken away': {
    // Not one that damages: what it has done is asked at the end.
    async act(line, end) {
      const { rules } = (await line.stats())[end === 0 ? 'a' : 'b']
      const found = rules.find((/** @type {any} */ { action }) => action.kind !== 'corrupt')
      if (found !== undefined) await line.removeRule(end, found.id)
    },
  },
  'carrier off and on': {
    interrupts: true,
    draw: (random) => random.whole(5, 200),
    async act(line, _end, ms) {
      await line.carrier('off')
      await wait(ms)
      await line.carrier('auto')
    },
  },
  flap: {
    interrupts: true,
    draw: (random) => ({ ms: random.whole(1, 50), times: random.whole(1, 4) }),
    act: (line, _end, { ms, times }) => line.flap(ms, times),
  },
  'end down and up': {
    interrupts: true,
    draw: (random) => random.whole(1, 150),
    async act(line, end, ms) {
      await line.set(end, { up: false })
      await wait(ms)
      await line.set(end, { up: true })
    },
  },
  'end down and up by ip': {
    interrupts: true,
    draw: (random) => random.whole(1, 150),
    async act(line, end, ms) {
      const { name, netns } = (await line.view())[end === 0 ? 'a' : 'b']
      await ip('-n', netns, 'link', 'set', name, 'down')
      await wait(ms)
      await ip('-n', netns, 'link', 'set', name, 'up')
    },
  },
  'mtu changed': {
    draw: (random) => random.whole(500, 1500),
    act: (line, end, mtu) => line.set(end, { mtu }),
  },
  'end renamed': {
    draw: (random) => random.whole(0, 9_999),
    act: (line, end, number) => line.set(end, { name: `${line.wish.id}${end}r${number}` }),
  },
  'end moved to another namespace': {
    interrupts: true,
    draw: (random) => random.whole(0, 7),
    act: (line, end, at, { places }) => line.set(end, { netns: places[at % places.length], up: true }),
  },
  capture: {
    draw: (random) => random.whole(100, 800),
    act: (line, _end, ms) => line.capture(ms),
  },
  "user's hook": {
    library: true,
    draw: (random) => random.whole(50, 400),
    async act(line, end, ms) {
      if ('hook' in line) await line.hook(end, ms)
    },
  },
}

/** @typedef {{ at: number, line: number, end: Which, name: string, drawn: any }} Drawn */

/**
 * The changes of one round, in the order of their times.
 * @param {Random} random
 * @param {readonly boolean[]} inLibrary of each line
 * @param {number} ms how long the round is
 * @param {number} count
 * @returns {Drawn[]}
 */
export function draw(random, inLibrary, ms, count) {
  return Array.from({ length: count }, () => {
    const line = random.whole(0, inLibrary.length - 1)
    const names = Object.keys(CHANGES).filter((name) => inLibrary[line] || !CHANGES[name]?.library)
    const name = random.one(names)
    const at = random.whole(50, ms - 50)
    const end = /** @type {Which} */ (random.whole(0, 1))
    return { at, line, end, name, drawn: CHANGES[name]?.draw?.(random) }
  }).sort((one, other) => one.at - other.at)
}
