// The soak of scripts/faults: pairs of a daemon and one of this process's library carry numbered flows both ways, in
// rounds. In each round changes drawn from the seed are made while frames pass; then everything comes to rest, the books
// of each direction are read, and must balance (books.mjs). Some rounds end the daemon instead and start it again.
// It prints nothing: `tell` gets a line for each round, the answer is what report.mjs shows.

import { configure } from 'uveth'
import { ip } from '../bench/testbed.mjs'
import { balance, balanceCut, difference } from './books.mjs'
import { CHANGES, draw, Random } from './changes.mjs'
import { Daemon, Flow, namespace } from './ground.mjs'
import { DaemonLine, LibraryLine } from './lines.mjs'
import { NEIGHBOURS } from './neighbours.mjs'
import { listenerOf, readingOf, sum, sumOfPlaces } from './readings.mjs'

/** @import { Drawn, Line } from './changes.mjs' */

const PLACES = 4
/** Pairs: their queues, and whose. The last is the library's. */
const LINES = [1, 1, 2, 1, 1]
const WORKERS = 2
/** Frames a second of each flow: there are four to a pair, or two, each of raw frames and of UDP. */
const RATE = 400
const LETTERS = /** @type {const} */ (['a', 'b'])
/** In a restart: what the rings of two ends, a burst and a wire of nothing can hold, for both flows. */
const ON_THEIR_WAY = 2 * (1_000 + 64)
const NEIGHBOUR = 'nb0'

const wait = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** @typedef {{ done: Record<string, number>, refused: string[], problems: string[], rounds: number, seconds: number,
 *   totals: Record<string, number>, restarts: Record<string, number> }} Outcome */

export class Soak {
  /** @type {Line[]} */
  #lines = []
  /** @type {string[]} */
  #places = []
  /** @type {Flow[]} */
  #flows = []
  /** @type {Daemon} */
  #daemon
  #random
  /** @type {Outcome} */
  outcome = { done: {}, refused: [], problems: [], rounds: 0, seconds: 0, totals: {}, restarts: {} }

  /** @param {number} seed */
  constructor(seed) {
    this.#random = new Random(seed)
    this.#daemon = new Daemon('soak')
    const words = ['--workers', String(WORKERS), '--state', this.#daemon.state, '--log', 'info']
    this.#daemon = new Daemon('soak', words)
  }

  async begin() {
    configure({ workers: WORKERS })
    for (let n = 0; n < PLACES; n++) this.#places.push(await namespace(`p${n}`))
    await this.#daemon.start()
    for (const [n, queues] of LINES.entries()) {
      const { one, other } = { one: this.#places[n % PLACES], other: this.#places[(n + 1) % PLACES] }
      const wish = {
        id: `s${n}`,
        places: [one, other],
        addresses: [addressOf(2 * n), addressOf(2 * n + 1)],
        queues,
      }
      const typed = /** @type {import('./lines.mjs').Wish} */ (wish)
      const library = n === LINES.length - 1
      this.#lines.push(await (library ? LibraryLine.make(typed) : DaemonLine.make(this.#daemon, typed)))
    }
    const ends = [NEIGHBOUR, 'nb1'].map((name) => ({ name, netns: this.#places[0], up: true }))
    await this.#daemon.ask('POST', '/v1/pairs', { id: 'nb', quiet: true, a: ends[0], b: ends[1] })
    const addresses = LINES.flatMap((_, n) => [addressOf(2 * n), addressOf(2 * n + 1)])
    this.#flows = this.#places.map((place, n) => new Flow(place, n, addresses))
    await Promise.all(this.#flows.map(({ ready }) => ready))
  }

  async end() {
    await this.#lines.at(-1)?.close()
    await this.#daemon.end()
  }

  /**
   * One round under changes.
   * @param {number} ms
   * @param {(line: string) => void} tell
   */
  async changeRound(ms, tell) {
    const inLibrary = this.#lines.map((line) => line.inLibrary)
    const changes = draw(this.#random, inLibrary, ms, Math.ceil(ms / 200))
    const mischief = this.#random.one(Object.keys(NEIGHBOURS))
    const stopped =
      this.#random.next() < 0.5
        ? { at: this.#random.whole(0, ms / 2), ms: this.#random.whole(50, 900) }
        : undefined
    const before = await this.#readings()
    for (const flow of this.#flows) flow.go(RATE)
    await Promise.all([
      this.#carryOut(changes, ms),
      this.#act(`neighbour: ${mischief}`, async () => {
        const about = {
          daemon: this.#daemon,
          place: this.#places[0] ?? '',
          name: NEIGHBOUR,
          ms: Math.min(600, ms),
        }
        await NEIGHBOURS[mischief]?.(about)
      }),
      stopped === undefined ? undefined : this.#standStill(stopped),
    ])
    await Promise.all(this.#flows.map((flow) => flow.stop()))
    const after = await this.#atRest()
    const wrong = this.#judge(before, after, changes)
    this.#finishRound(ms, `${changes.length} changes, ${mischief}`, wrong, tell)
    await this.#settle()
  }

  /**
   * One round in which the daemon ends and starts again, with nothing else done to its frames.
   * @param {'SIGTERM' | 'SIGKILL'} signal
   * @param {number} ms
   * @param {(line: string) => void} tell
   */
  async restartRound(signal, ms, tell) {
    const before = await this.#counts()
    for (const flow of this.#flows) flow.go(RATE)
    await wait(this.#random.whole(100, ms / 2))
    await this.#act(`daemon ended by ${signal} and started again`, async () => {
      await this.#daemon.end(signal)
      await this.#daemon.start()
    })
    await wait(ms / 2)
    await Promise.all(this.#flows.map((flow) => flow.stop()))
    const after = await this.#quiet()
    /** @type {string[]} */
    const wrong = []
    for (const [n, line] of this.#lines.entries()) {
      for (const end of /** @type {const} */ ([0, 1])) {
        const counts = difference(sumOfPlaces(after, 2 * n + end), sumOfPlaces(before, 2 * n + end))
        const { problems, lost } = balanceCut(
          { program: counts, listener: listenerOf(counts, 0) },
          line.inLibrary ? 0 : ON_THEIR_WAY,
        )
        wrong.push(...problems.map((problem) => `${line.wish.id}${LETTERS[end]}: ${problem}`))
        this.#count(this.outcome.restarts, {
          sent: counts.raw + counts.udp,
          received: counts.good,
          lost,
          [signal]: lost,
        })
      }
    }
    this.#finishRound(ms, `daemon ended by ${signal} and started again`, wrong, tell)
  }

  /** @param {Drawn[]} changes @param {number} ms */
  async #carryOut(changes, ms) {
    const began = performance.now()
    // Those of one pair come one after another, as one user's would.
    const last = this.#lines.map(() => Promise.resolve())
    for (const { at, line, end, name, drawn } of changes) {
      await wait(Math.max(0, began + at - performance.now()))
      const pair = this.#lines[line]
      const act = async () => {
        if (pair !== undefined) await CHANGES[name]?.act(pair, end, drawn, { places: this.#places })
      }
      last[line] = (last[line] ?? Promise.resolve()).then(() =>
        this.#act(name, act, `${pair?.wish.id}${LETTERS[end]}`),
      )
    }
    await wait(Math.max(0, began + ms - performance.now()))
    await Promise.all(last)
  }

  /** @param {{ at: number, ms: number }} stopped */
  async #standStill({ at, ms }) {
    await wait(at)
    await this.#act('daemon stopped for a while (SIGSTOP)', async () => {
      process.kill(this.#daemon.pid, 'SIGSTOP')
      await wait(ms)
      process.kill(this.#daemon.pid, 'SIGCONT')
    })
  }

  /** @param {string} name @param {() => Promise<void>} act */
  async #act(name, act, whose = '') {
    this.#count(this.outcome.done, { [name]: 1 })
    await act().catch((error) =>
      this.outcome.refused.push(`${name} ${whose}: ${error.message}`.slice(0, 300)),
    )
  }

  /** @param {Record<string, number>} into @param {Record<string, number>} more */
  #count(into, more) {
    for (const [key, count] of Object.entries(more)) into[key] = (into[key] ?? 0) + count
  }

  async #counts() {
    return await Promise.all(this.#flows.map((flow) => flow.report()))
  }

  /** What the listeners have heard, once they hear nothing more. */
  async #quiet() {
    for (let before = ''; ; await wait(60)) {
      const counts = await this.#counts()
      const now = JSON.stringify(counts)
      if (now === before) return counts
      before = now
    }
  }

  async #readings() {
    return { stats: await Promise.all(this.#lines.map((line) => line.stats())), counts: await this.#counts() }
  }

  /** The books, once nothing is held and nothing moves. */
  async #atRest() {
    for (let before = ''; ; await wait(60)) {
      const readings = await this.#readings()
      const now = JSON.stringify(readings)
      const held = readings.stats.some(({ a, b }) => a.inspected.held + b.inspected.held > 0)
      if (!held && now === before) return readings
      before = now
    }
  }

  /**
   * @param {Awaited<ReturnType<Soak['#readings']>>} before
   * @param {Awaited<ReturnType<Soak['#readings']>>} after
   * @param {Drawn[]} changes
   */
  #judge(before, after, changes) {
    const unheard =
      sum(after.counts.map((count) => count.unheard)) - sum(before.counts.map((count) => count.unheard))
    return this.#lines.flatMap((line, n) => {
      const mine = changes.filter(({ line }) => line === n)
      const allowed = {
        interrupted: mine.some(({ name }) => CHANGES[name]?.interrupts),
      }
      return /** @type {const} */ ([0, 1]).flatMap((end) => {
        const reading = readingOf(before, after, n, end, unheard)
        const disordered = mine.some((change) => change.end === end && reorders(change.name, change.drawn))
        const { problems, above } = balance(reading, { ...allowed, disordered })
        const { program, cable, listener } = reading
        const sent = program.raw + program.udp + program.full
        this.#count(this.outcome.totals, {
          sent,
          'no device to go to': above,
        })
        this.#count(this.outcome.totals, { ...prefixed('cable: ', cable.drops), copied: cable.copied })
        this.#count(this.outcome.totals, { received: listener.good + listener.again + listener.damaged })
        this.#count(this.outcome.totals, {
          damaged: listener.damaged,
          again: listener.again,
          late: listener.late,
          unheard: 0,
        })
        return problems.map((problem) => `${line.wish.id}${LETTERS[end]}: ${problem}`)
      })
    })
  }

  /** @param {number} ms @param {string} what @param {string[]} wrong @param {(line: string) => void} tell */
  #finishRound(ms, what, wrong, tell) {
    const { outcome } = this
    outcome.rounds++
    outcome.seconds += ms / 1_000
    outcome.problems.push(...wrong.map((problem) => `round ${outcome.rounds}: ${problem}`))
    tell(`round ${outcome.rounds}: ${what}: ${wrong.length === 0 ? 'balanced' : wrong.join('; ')}`)
  }

  /** As every round begins: both ends up, carrier as they say, no faults. */
  async #settle() {
    for (const line of this.#lines) {
      await line.carrier('auto')
      for (const end of /** @type {const} */ ([0, 1])) {
        await line.clear(end)
        await line.set(end, { up: true, mtu: 1_500 })
      }
    }
    await ip('-n', this.#places[0] ?? '', 'link', 'set', NEIGHBOUR, 'mode', 'default')
  }
}

/** Any two differ in five bits at least. @param {number} end */
function addressOf(end) {
  return `02${`:${(end + 1).toString(16).padStart(2, '0')}`.repeat(5)}`
}

/** @param {string} prefix @param {Record<string, number>} counts */
function prefixed(prefix, counts) {
  return Object.fromEntries(Object.entries(counts).map(([key, count]) => [prefix + key, count]))
}

/** Nothing else does: what a set held that was replaced or taken away leaves first. @param {string} name @param {any} drawn */
function reorders(name, drawn) {
  if (name === 'rule added') return drawn.wish.action.kind === 'delay'
  return name === 'impairments set' && drawn.reorders
}
